"""A traffic-light controller as RSMP sees it: components, statuses, commands, alarms. Pure.

The signals themselves are a ``Controller``; everything around them (inputs, outputs, tables,
security codes, the clock) is kept here, so that a supervisor finds all of the SXL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jacquemart.drivers.rsmp.machine.alarms import Alarms
from jacquemart.drivers.rsmp.machine.session import Moment
from jacquemart.drivers.rsmp.machine.station import Refused
from jacquemart.drivers.rsmp.site.commands import Commands
from jacquemart.drivers.rsmp.site.controller import Controller, Mode
from jacquemart.drivers.rsmp.site.statuses import Statuses
from jacquemart.drivers.rsmp.wire.sxl import ALARMS

#: Codes of the alarms that the emulator can have.
ALARM_CODES: Final = tuple(ALARMS)


@dataclass(frozen=True, slots=True)
class TlcOptions:
    """What the emulated controller is.

    Attributes:
        site: site id. main: id of the controller's own component.
        groups: component ids of the signal groups, in the order of S0001.
        detectors: component ids of the detector logics, in the order of S0002.
        inputs, outputs: how many there are, 0 to 255.
        codes: the security codes of level 1 and 2 (SXL: "Security codes").
        alarm_inputs: inputs (from 1) that raise an alarm of a code while they are on.
    """

    site: str
    main: str
    groups: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()
    inputs: int = 8
    outputs: int = 8
    codes: tuple[str, str] = ("1111", "2222")
    alarm_inputs: Mapping[int, str] = field(default_factory=dict)


class Tlc:
    """The controller's RSMP side; a ``Station`` for the site's machine."""

    def __init__(self, options: TlcOptions, controller: Controller, now: Moment) -> None:
        """Stand before a controller."""
        self.options, self.controller, self.now = options, controller, now
        self.site, self.main = options.site, options.main
        self.components: dict[str, str] = {options.main: "tlc"}
        self.components |= dict.fromkeys(options.groups, "group")
        self.components |= dict.fromkeys(options.detectors, "detector")
        self.alarms = Alarms(self.components, ALARM_CODES, now.wall_ms)
        self.clock_offset_ms = 0
        self.codes = list(options.codes)
        self.inputs = [False] * options.inputs
        """As the cabinet has them; forced and activated ones lie over them."""
        self.activated = [False] * options.inputs
        self.forced_inputs: dict[int, bool] = {}
        self.outputs = [False] * options.outputs
        self.forced_outputs: dict[int, bool] = {}
        self.situation = 1
        self.fixed_time = True
        self.emergency: set[int] = set()
        self.bands: dict[tuple[int, int], int] = {}
        self.band_timeout = 0
        self.offsets = dict.fromkeys(controller.plans, 0)
        self.cycles: dict[int, int] = {}
        self.week_table = "0-1,1-1,2-1,3-1,4-1,5-1,6-1"
        self.time_table = ""
        self.trigger_levels = ""
        self.mode_source = self.plan_source = "startup"
        self.local = False
        """A switch at the site has taken control."""
        self.revert: tuple[float, Mode] | None = None
        """When M0001 returns by itself, and to what."""
        self.issued: list[tuple[str, str, bool]] = []
        """Alarms that became active or inactive, for whoever tells them: (component, code, on)."""
        self.detectors_forced: set[str] = set()
        self._raised: set[tuple[str, str]] = set()
        """Alarms that the controller has, as (component, code)."""
        self._statuses, self._commands = Statuses(self), Commands(self)

    def step(self, now: Moment) -> None:
        """Come to a time."""
        self.now = now
        if self.revert is not None and now.mono >= self.revert[0]:
            _, mode = self.revert
            self.revert = None
            self.controller.set_mode(mode)
            self.mode_source = "calendar_clock"
        self.controller.step(now.mono)
        self._alarms_of_controller()
        for number, code in self.options.alarm_inputs.items():
            if 1 <= number <= len(self.inputs):
                self.raise_alarm(self.of_kind(ALARMS[code].component), code, self.input(number))

    def _alarms_of_controller(self) -> None:
        active = {(self._nth(code, index), code) for code, index in self.controller.alarms}
        for component, code in sorted(self._raised ^ active):
            self.raise_alarm(component, code, (component, code) in active)
        self._raised = active

    def _nth(self, code: str, index: int) -> str:
        """Return the component that an alarm of the controller is of."""
        kind = ALARMS[code].component
        names = {"group": self.options.groups, "detector": self.options.detectors}.get(kind, ())
        return names[index] if 0 <= index < len(names) else self.of_kind(kind)

    @property
    def clock_ms(self) -> int:
        """Return the time by the controller's own clock, ms since 1970."""
        return self.now.wall_ms + self.clock_offset_ms

    def of_kind(self, kind: str) -> str:
        """Return the first component of a kind; the main one if there is none."""
        return next((one for one, its in self.components.items() if its == kind), self.main)

    def input(self, number: int) -> bool:
        """Return an input (from 1) as the controller takes it."""
        own = self.inputs[number - 1] or self.activated[number - 1]
        return self.forced_inputs.get(number, own)

    def output(self, number: int) -> bool:
        """Return an output (from 1) as it is."""
        return self.forced_outputs.get(number, self.outputs[number - 1])

    def raise_alarm(self, component: str, code: str, active: bool) -> None:
        """Let an alarm become active or inactive; nothing happens if it is so already."""
        alarm = self.alarms.get(component, code)
        if alarm is not None and alarm.active != active:
            values = self._alarm_values(component, code)
            self.alarms.issue(component, code, active, self.clock_ms, values)
            self.issued.append((component, code, active))

    def _alarm_values(self, component: str, code: str) -> dict[str, str]:
        known = {
            "protocol": "rsmp", "timeplan": str(self.controller.plan), "color": "red",
            "detector": component, "type": "loop", "errormode": "on", "manual": "False",
            "logicerror": "always_on",
        }  # fmt: skip
        return {name: known[name] for name in ALARMS[code].arguments}

    # The machine's station -----------------------------------------------------------------

    def read(self, component: str, code: str, name: str) -> Any:
        """Return a status, or None if it is not known."""
        return self._statuses.read(component, code, name)

    def command(
        self, component: str, code: str, arguments: Mapping[str, Any]
    ) -> Mapping[str, Any] | Refused:
        """Carry out a command."""
        return self._commands.carry_out(component, code, arguments)

    def aggregated(self) -> Sequence[bool]:
        """Return the eight bits of the aggregated status (SXL: "Aggregated status")."""
        active = [alarm for alarm in self.alarms.all() if alarm.active]
        fault = bool(self.controller.fault)
        medium = any(ALARMS[alarm.code].priority == "2" for alarm in active)
        low = any(ALARMS[alarm.code].priority == "3" for alarm in active)
        dark = self.controller.mode is Mode.DARK
        return [self.local, False, fault, medium, low, not dark, dark, False]
