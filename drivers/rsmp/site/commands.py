"""What the emulated controller does for each command of the SXL. Pure.

The form of a command was checked before (codes, words, ranges); here it is said whether it can be
carried out. Security codes: level 2 for what changes the traffic, level 1 for the rest (SXL,
"Security codes"); a wrong one is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from jacquemart.drivers.rsmp.machine.station import Refused
from jacquemart.drivers.rsmp.site.controller import Mode, PriorityRequest
from jacquemart.drivers.rsmp.wire.values import to_bool, to_int

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.site.tlc import Tlc

#: Commands for which the code of level 1 is enough.
_LEVEL_1: Final = ("M0104",)
_MOVEMENTS: Final = (
    "signalGroupId", "inputId", "connectionId", "approachId", "laneInId", "laneOutId",
)  # fmt: skip
_PAIRS: Final = re.compile(r"\d{1,3}-\d{1,3}(,\d{1,3}-\d{1,3})*", re.ASCII)
_TABLE: Final = re.compile(r"\d{1,3}(-\d{1,3}){1,3}(,\d{1,3}(-\d{1,3}){1,3})*", re.ASCII)

Arguments = Mapping[str, Any]


class Commands:
    """Carries commands out."""

    def __init__(self, tlc: Tlc) -> None:
        """Act on a controller."""
        self._tlc = tlc
        self._doers: dict[str, Callable[[str, Arguments], str]] = {
            "M0001": self._mode, "M0002": self._plan, "M0003": self._situation,
            "M0004": self._restart, "M0005": self._emergency, "M0006": self._activate_input,
            "M0007": self._fixed_time, "M0008": self._force_detector, "M0010": self._start_group,
            "M0011": self._start_group, "M0012": self._start_groups, "M0013": self._inputs,
            "M0014": self._bands, "M0015": self._offset, "M0016": self._week_table,
            "M0017": self._time_table, "M0018": self._cycle, "M0019": self._force_input,
            "M0020": self._force_output, "M0021": self._trigger_levels, "M0022": self._priority,
            "M0023": self._band_timeout, "M0103": self._security_code, "M0104": self._clock,
        }  # fmt: skip

    def carry_out(
        self, component: str, code: str, arguments: Arguments
    ) -> Mapping[str, Any] | Refused:
        """Carry a command out; return its values as they are now, or why not."""
        if "securityCode" in arguments:
            level = 1 if code in _LEVEL_1 else 2
            if str(arguments["securityCode"]) != self._tlc.codes[level - 1]:
                return Refused(f"wrong security code {level} for {code}")
        why = self._doers[code](component, arguments)
        return Refused(why) if why else dict(arguments)

    # Signals -------------------------------------------------------------------------------

    def _mode(self, _: str, arguments: Arguments) -> str:
        tlc = self._tlc
        if (to_int(arguments["intersection"]) or 0) > 1:
            return f"there is no intersection {arguments['intersection']}"
        before, mode = tlc.controller.mode, Mode(arguments["status"])
        if why := self._local() or tlc.controller.set_mode(mode):
            return why
        tlc.mode_source = "forced"
        minutes = to_int(arguments["timeout"]) or 0
        tlc.revert = (tlc.now.mono + 60.0 * minutes, before) if minutes else None
        return ""

    def _plan(self, _: str, arguments: Arguments) -> str:
        commanded = to_bool(arguments["status"])
        plan = to_int(arguments["timeplan"]) if commanded else None
        why = self._local() or self._tlc.controller.set_plan(plan)
        if not why:
            self._tlc.plan_source = "forced" if commanded else "calendar_clock"
        return why

    def _local(self) -> str:
        return "in local mode: the centre has no control" if self._tlc.local else ""

    def _situation(self, _: str, arguments: Arguments) -> str:
        commanded = to_bool(arguments["status"])
        number = to_int(arguments["traficsituation"]) or 0
        if commanded and not number:
            return "there is no traffic situation 0"
        self._tlc.situation = number if commanded else 1
        return ""

    def _restart(self, _: str, arguments: Arguments) -> str:
        if to_bool(arguments["status"]):
            self._tlc.controller.restart()
        return ""

    def _emergency(self, _: str, arguments: Arguments) -> str:
        route = to_int(arguments["emergencyroute"]) or 0
        if to_bool(arguments["status"]):
            self._tlc.emergency.add(route)
        else:
            self._tlc.emergency.discard(route)
        return ""

    def _fixed_time(self, _: str, arguments: Arguments) -> str:
        self._tlc.fixed_time = bool(to_bool(arguments["status"]))
        return ""

    def _start_group(self, component: str, arguments: Arguments) -> str:
        return "" if component in self._tlc.options.groups else "that is no signal group"

    def _start_groups(self, _: str, arguments: Arguments) -> str:
        """A fixed-time controller takes the order, and goes on by its plan."""
        return "" if re.fullmatch(r"[\d,;-]*", str(arguments["status"])) else "no list of groups"

    # Detectors, inputs, outputs ------------------------------------------------------------

    def _force_detector(self, component: str, arguments: Arguments) -> str:
        tlc = self._tlc
        index = tlc.options.detectors.index(component)
        forced = to_bool(arguments["status"])
        tlc.controller.force_detector(index, to_bool(arguments["mode"]) if forced else None)
        (tlc.detectors_forced.add if forced else tlc.detectors_forced.discard)(component)
        return ""

    def _number(self, arguments: Arguments, name: str, most: int) -> tuple[int, str]:
        number = to_int(arguments[name]) or 0
        return (
            number,
            "" if 1 <= number <= most else f"there is no {name} {number}, but 1 to {most}",
        )

    def _activate_input(self, _: str, arguments: Arguments) -> str:
        number, why = self._number(arguments, "input", len(self._tlc.inputs))
        if not why:
            self._tlc.activated[number - 1] = bool(to_bool(arguments["status"]))
        return why

    def _inputs(self, _: str, arguments: Arguments) -> str:
        """``5,4134,65;511`` is offset, bits to set, bits to clear; several behind ``;``."""
        tlc = self._tlc
        changes: list[tuple[int, bool]] = []
        for part in str(arguments["status"]).split(";"):
            numbers = [to_int(one) for one in part.split(",")]
            if len(numbers) != 3 or any(one is None or one < 0 for one in numbers):
                return "no list of offset, bits to set and bits to clear"
            offset, on, off = (one or 0 for one in numbers)
            changes.extend(
                (offset + bit, bool(on >> bit & 1)) for bit in range(16) if (on | off) >> bit & 1
            )
        if any(not 1 <= number <= len(tlc.inputs) for number, _ in changes):
            return f"there are inputs 1 to {len(tlc.inputs)}"
        for number, value in changes:
            tlc.activated[number - 1] = value
        return ""

    def _force_input(self, _: str, arguments: Arguments) -> str:
        number, why = self._number(arguments, "input", len(self._tlc.inputs))
        if not why:
            self._force(self._tlc.forced_inputs, number, arguments, "inputValue")
        return why

    def _force_output(self, _: str, arguments: Arguments) -> str:
        number, why = self._number(arguments, "output", len(self._tlc.outputs))
        if not why:
            self._force(self._tlc.forced_outputs, number, arguments, "outputValue")
        return why

    @staticmethod
    def _force(forced: dict[int, bool], number: int, arguments: Arguments, value: str) -> None:
        if to_bool(arguments["status"]):
            forced[number] = bool(to_bool(arguments[value]))
        else:
            forced.pop(number, None)

    # Tables --------------------------------------------------------------------------------

    def _plan_number(self, arguments: Arguments) -> tuple[list[int], str]:
        """Return the plans that a table command is for: 0 means the one that runs."""
        controller = self._tlc.controller
        number = to_int(arguments["plan"]) or controller.plan
        known = number in controller.plans
        return [number], "" if known else f"there is no plan {number}"

    def _bands(self, _: str, arguments: Arguments) -> str:
        numbers, why = self._plan_number(arguments)
        text = str(arguments["status"])
        if why or not _PAIRS.fullmatch(text):
            return why or "no list of band-extension"
        for pair in text.split(","):
            band, value = map(int, pair.split("-"))
            self._tlc.bands[numbers[0], band] = value
        return ""

    def _offset(self, _: str, arguments: Arguments) -> str:
        numbers, why = self._plan_number(arguments)
        if not why:
            self._tlc.offsets[numbers[0]] = to_int(arguments["status"]) or 0
        return why

    def _cycle(self, _: str, arguments: Arguments) -> str:
        """Keep a cycle time; a fixed-time controller says it and goes on by its plan."""
        numbers, why = self._plan_number(arguments)
        if not why:
            self._tlc.cycles[numbers[0]] = to_int(arguments["status"]) or 0
        return why

    def _week_table(self, _: str, arguments: Arguments) -> str:
        text = str(arguments["status"])
        if not _PAIRS.fullmatch(text):
            return "no list of day-table"
        self._tlc.week_table = text
        return ""

    def _time_table(self, _: str, arguments: Arguments) -> str:
        text = str(arguments["status"])
        if text and not _TABLE.fullmatch(text):
            return "no list of table-function-hour-minute"
        self._tlc.time_table = text
        return ""

    def _trigger_levels(self, _: str, arguments: Arguments) -> str:
        self._tlc.trigger_levels = str(arguments["status"])[:1_000]
        return ""

    def _band_timeout(self, _: str, arguments: Arguments) -> str:
        self._tlc.band_timeout = to_int(arguments["status"]) or 0
        return ""

    # The rest ------------------------------------------------------------------------------

    def _priority(self, _: str, arguments: Arguments) -> str:
        movement = {name: str(arguments[name]) for name in _MOVEMENTS if name in arguments}
        what = arguments["type"]
        if what == "new" and not movement:
            return "M0022 new without what it is for"
        if what != "new" and movement:
            return f"M0022 {what} names a movement, which is only for new"
        return self._tlc.controller.request_priority(
            PriorityRequest(
                str(arguments["requestId"]), what, to_int(arguments["level"]) or 0,
                to_int(arguments.get("eta")), movement, str(arguments.get("vehicleType", "")),
            )
        )  # fmt: skip

    def _security_code(self, _: str, arguments: Arguments) -> str:
        index = int(arguments["status"][-1]) - 1
        if str(arguments["oldSecurityCode"]) != self._tlc.codes[index]:
            return f"wrong old security code {index + 1}"
        self._tlc.codes[index] = str(arguments["newSecurityCode"])
        return ""

    def _clock(self, _: str, arguments: Arguments) -> str:
        parts = ("year", "month", "day", "hour", "minute", "second")
        year, month, day, hour, minute, second = (to_int(arguments[part]) or 0 for part in parts)
        try:
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as error:
            return str(error)
        self._tlc.clock_offset_ms = int(moment.timestamp() * 1000) - self._tlc.now.wall_ms
        return ""
