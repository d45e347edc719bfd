"""Values of RSMP as numbers, and numbers as arguments of commands. Pure.

Of text with allowed words the number is its position among them; of booleans 0 or 1; of a list
the part that ``item`` names. A signal group is shown as :data:`LIGHTS` has it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from jacquemart.drivers.rsmp.address import RsmpAddress
from jacquemart.drivers.rsmp.machine.supervisor import AlarmSeen, Value
from jacquemart.drivers.rsmp.wire import stamp
from jacquemart.drivers.rsmp.wire.sxl import COMMANDS, STATUSES
from jacquemart.drivers.rsmp.wire.values import bool_text, items, to_bool, to_int
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.quality import Quality

Look = Callable[[str, str], Value | None]
#: Lights of a signal group, by number: the letters of S0001 (SXL, "Signal group status").
LIGHTS: Final = ("dark", "red", "red_yellow", "green", "yellow", "yellow_flash", "red_flash")
_LETTERS: Final[Mapping[str, int]] = {
    letter: number
    for number, letters in enumerate(("abe", "ghABCDEFGP", "0", "123456789", "fNO", "c", "d"))
    for letter in letters
}
#: An ETA that is not known, in the value of a priority request.
NO_ETA: Final = 999


def decode(
    address: RsmpAddress, look: Look, bits: int | None, alarm: AlarmSeen | None,
    priority: str = "", asked: float = 0.0, state: float = 0.0,
) -> float | Bad:  # fmt: skip
    """Return a point's value.

    Args:
        look: gives the value of a code and name on the point's component.
        bits: the aggregated status, if it is known.
        alarm: the state of the alarm that the address names.
        priority: id of the request of M0022 under way. asked: what was written for it.
        state: of the request in a slot, by its number.
    """
    form = address.status
    if form == "aggregated":
        return float(bits) if bits is not None else Bad(Quality.BAD_NEVER_READ, "never told")
    if form.startswith("alarm/"):
        return _alarm(form, alarm)
    for code, name in address.pairs:
        value = look(code, name)
        if value is None:
            return Bad(Quality.BAD_UNIT, f"{code}/{name} was not answered")
        if value.quality == "undefined":
            return Bad(Quality.BAD_CONFIG, f"{code}/{name}: no such component")
        if value.quality not in ("recent", "old"):
            return Bad(Quality.BAD_DEVICE, f"{code}/{name} is unknown to the site")
        if why := STATUSES[code].arguments[name].wrong(value.value):
            return Bad(Quality.BAD_VALUE, f"{code}/{name}: {str(value.value)[:40]!r}: {why}")

    def got(code: str, name: str) -> Any:
        value = look(code, name)
        return value.value if value is not None else None

    if form == "mode":
        dark = not _every(got("S0007", "status"))
        return 2.0 if dark else float(_some(got("S0011", "status")))
    if form == "state":
        return _state(got)
    if form == "local":
        return float(_some(got("S0008", "status")) or bool((bits or 0) & 1))
    if form == "priority":
        open_ = [row for row in got("S0033", "status") if _is_open(row, priority)]
        return asked if open_ else 0.0
    if form == "request":
        return state
    code, _, name = form.partition("/")
    return _one(code, name, got(code, name), address.item)


def _one(code: str, name: str, value: Any, item: int) -> float | Bad:
    if code == "S0001" and name == "signalgroupstatus":
        letter = value[max(item, 1) - 1 : max(item, 1)]
        found = _LETTERS.get(letter)
        return float(found) if found is not None else Bad(Quality.BAD_VALUE, f"state {letter!r}")
    argument = STATUSES[code].arguments[name]
    if argument.kind == "array":
        return float(len(value))
    if code in ("S0002", "S0003", "S0004", "S0021", "S0029", "S0030"):
        bit = value[max(item, 1) - 1 : max(item, 1)]
        return float(bit == "1") if bit in ("0", "1") else Bad(Quality.BAD_VALUE, f"bit {bit!r}")
    if argument.kind.endswith("_list"):
        parts = items(value)
        if item > len(parts):
            return Bad(Quality.BAD_CONFIG, f"a list of {len(parts)} has no part {item}")
        value = parts[max(item, 1) - 1]
    if argument.kind.startswith("boolean"):
        return float(bool(to_bool(value)))
    if argument.words and not argument.kind.startswith("integer"):
        return float(argument.words.index(value))
    if argument.kind == "timestamp":
        ms = stamp.to_ms(value)
        return ms / 1000.0 if ms is not None else Bad(Quality.BAD_VALUE, "no time")
    number = to_int(value)
    return float(number) if number is not None else Bad(Quality.BAD_VALUE, "no number")


def _alarm(form: str, alarm: AlarmSeen | None) -> float | Bad:
    if alarm is None:
        return Bad(Quality.BAD_NEVER_READ, f"{form} was never told")
    if form.endswith("/acknowledged"):
        return float(alarm.acknowledged)
    return float(alarm.suspended if form.endswith("/suspended") else alarm.active)


def _state(got: Callable[[str, str], Any]) -> float:
    """Return starting 0, normal 1, flash 2, dark 3, fault 4."""
    if "failure" in items(got("S0020", "controlmode")):
        return 4.0
    if not _every(got("S0007", "status")):
        return 3.0
    if _some(got("S0005", "status")):
        return 0.0
    return 2.0 if _some(got("S0011", "status")) else 1.0


def _every(value: Any) -> bool:
    return all(to_bool(one) for one in items(value))


def _some(value: Any) -> bool:
    return any(to_bool(one) for one in items(value))


def _is_open(row: Any, priority: str) -> bool:
    return (
        isinstance(row, dict)
        and row.get("r") == priority
        and row.get("s") in ("received", "queued", "activated")
    )


def encode(address: RsmpAddress, value: float, codes: tuple[str, str]) -> dict[str, str] | str:
    """Return the arguments of a command that sets a value, or why there are none.

    M0022 takes ``1000 * (level + 1) + eta``: 8012 is level 7 in 12 s, 8999 level 7 with an ETA
    that nobody knows, 0 no request. In front of that three digits may name the signal group (it
    goes where ``with`` has ``#``) and two the vehicle type, by its place among those of the SXL:
    500208012 is a bus for group 2. Its ``requestId`` and ``type`` are the caller's to add.

    Args:
        codes: the security codes of level 1 and 2.
    """
    if not math.isfinite(value) or value != int(value):
        return f"{value} is no whole number"
    number = int(value)
    code, _, name = address.command.partition("/")
    known = COMMANDS[code]
    arguments = dict(address.fixed)
    if code == "M0022":
        rest, eta = divmod(number, 1000)
        rest, level = divmod(rest, 100)
        kind, group = divmod(rest, 1000)
        if number and not (1 <= level <= 15 and (eta <= 255 or eta == NO_ETA)):
            return f"{number} is not 1000 * (level + 1) + eta, with levels 0 to 14"
        if (why := _say_group(arguments, group)) and number:
            return why
        types = known.arguments["vehicleType"].words
        if kind > len(types):
            return f"{number} has vehicle type {kind}; there are {len(types)}"
        if kind:
            arguments["vehicleType"] = types[kind - 1]
        arguments["level"] = str(max(level - 1, 0))
        if eta != NO_ETA and number:
            arguments["eta"] = str(eta)
        return arguments
    if name:
        argument = known.arguments[name]
        if argument.words:
            if not 0 <= number < len(argument.words):
                return f"{number} is none of 0 to {len(argument.words) - 1}"
            arguments[name] = argument.words[number]
        elif argument.kind == "boolean":
            if number not in (0, 1):
                return f"{number} is neither 0 nor 1"
            arguments[name] = bool_text(bool(number))
        else:
            arguments[name] = str(number)
    elif number != 1:
        return f"{address.command} takes 1: send it"
    defaults = {"M0001": {"timeout": "0", "intersection": "0"}}.get(code, {})
    arguments = {**defaults, **arguments}
    status = known.arguments.get("status")
    if status is not None and status.kind == "boolean" and "status" not in arguments:
        arguments["status"] = bool_text(number != 0)  # 0: no longer by command
    if "securityCode" in known.arguments:
        arguments.setdefault("securityCode", codes[0] if code == "M0104" else codes[1])
    for argument_name, one in known.arguments.items():
        if argument_name not in arguments and not one.optional:
            return f"{code} needs {argument_name}: say it in ``with``"
        if argument_name in arguments and (why := one.wrong(arguments[argument_name])):
            return f"{code} {argument_name}: {why}"
    return arguments


def _say_group(arguments: dict[str, str], group: int) -> str:
    """Put the number of a signal group where ``#`` stands; return why that cannot be."""
    places = [name for name, text in arguments.items() if "#" in text]
    if group > 255 or bool(group) != bool(places):
        what = "in `with` no # says where that goes" if group else "# in `with` wants one"
        return f"signal group {group}: {what if group <= 255 else 'the highest is 255'}"
    for name in places:
        arguments[name] = _HASHES.sub(
            lambda found: str(group).zfill(len(found[0])), arguments[name]
        )
    return ""


_HASHES: Final = re.compile("#+")
