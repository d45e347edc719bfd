"""Where a point lives in RSMP: which status shows it, and which command sets it.

*Forms of* ``status``: ``S0014/status`` (a value of the SXL; ``@component`` may follow),
``aggregated`` (the eight bits, the first the lowest), ``mode``, ``state`` and ``local`` (what the
kind ``signal_controller`` asks for, put together of several statuses), ``alarm/A0008`` (1 while
it is active; ``/acknowledged`` and ``/suspended`` for the other flags), ``priority`` (what is
asked for by M0022 and not ended yet), ``request`` (the state of that in S0033).

*Forms of* ``command``: ``M0002/timeplan`` (the value becomes that argument), ``M0004`` (sent with
what ``with`` says), ``M0022`` (see ``encode``), ``alarm/A0301/acknowledge`` and ``…/suspend``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jacquemart.drivers.rsmp.options import Wrong
from jacquemart.drivers.rsmp.wire.sxl import ALARMS, COMMANDS, STATUSES
from jacquemart.runtime.model.city import DeviceSpec, PointSpec

_KEYS: Final = ("status", "command", "site", "item", "with")
#: Statuses that the put-together forms are made of, on the main component.
PARTS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "mode": (("S0007", "status"), ("S0011", "status")),
    "state": (
        ("S0005", "status"), ("S0007", "status"), ("S0011", "status"), ("S0020", "controlmode"),
    ),
    "local": (("S0008", "status"),),
    "aggregated": (),
    "priority": (("S0033", "status"),),
    "request": (("S0033", "status"),),
}  # fmt: skip
_ALARM: Final = re.compile(r"alarm/(A\d{4})(?:/(acknowledged|suspended|acknowledge|suspend))?")


@dataclass(frozen=True, slots=True)
class RsmpAddress:
    """One value of one site; hashable, and equal if it is the same value.

    An empty ``site`` or ``component`` is filled in by the link's options.
    """

    site: str
    device: str
    component: str
    status: str
    command: str = ""
    item: int = 0
    """Of a list, the part from 1; of S0001 the signal group. 0: the whole, or the first. Of M0022
    the slot: of several, each has a request of its own, for whatever group is asked for."""
    fixed: tuple[tuple[str, str], ...] = field(default=(), compare=True)
    """Arguments of the command that do not change."""

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the statuses that are needed to know the value."""
        if self.status in PARTS:
            return PARTS[self.status]
        code, _, name = self.status.partition("/")
        return ((code, name),) if code in STATUSES else ()


def _split(text: str) -> tuple[str, str]:
    form, _, component = text.partition("@")
    return form.strip(), component.strip()


def check_point(point: PointSpec, address: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
    wrong: list[Wrong] = [
        (key, address[key], "one of " + ", ".join(_KEYS)) for key in address if key not in _KEYS
    ]
    for key in ("status", "command", "site"):
        if not isinstance(address.get(key, ""), str):
            wrong.append((key, address[key], "text"))
            return wrong
    status, command = address.get("status", ""), address.get("command", "")
    if not status and not command:
        wrong.append(("status", status, "a status, as S0014/status@component, or a command"))
    if status and not _status_fine(_split(status)[0]):
        allowed = f"a code and name of the SXL, alarm/A0001, or one of {', '.join(PARTS)}"
        wrong.append(("status", status, allowed))
    if command and not _command_fine(_split(command)[0]):
        wrong.append(("command", command, "as M0002/timeplan, M0004 or alarm/A0301/suspend"))
    if point.writable and not command:
        wrong.append(("command", command, "a command, since the point is writable"))
    item = address.get("item", 0)
    if not item and _split(status)[0] == "request":
        wrong.append(("item", item, "the number of the slot whose request it is, from 1"))
    if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item <= 255:
        wrong.append(("item", item, "a whole number from 0 to 255"))
    fixed = address.get("with", {})
    if not isinstance(fixed, Mapping):
        wrong.append(("with", fixed, "a table of arguments"))
    elif command:
        code = _split(command)[0].partition("/")[0]
        for name, value in fixed.items():
            argument = COMMANDS[code].arguments.get(name) if code in COMMANDS else None
            if argument is None or argument.wrong(str(value)):
                why = argument.wrong(str(value)) if argument else f"no argument of {code}"
                wrong.append((f"with.{name}", value, f"an argument of {code}: {why}"))
    return wrong


def _status_fine(form: str) -> bool:
    if form in PARTS:
        return True
    found = _ALARM.fullmatch(form)
    if found is not None:
        return found[1] in ALARMS and found[2] in (None, "acknowledged", "suspended")
    code, _, name = form.partition("/")
    return code in STATUSES and name in STATUSES[code].arguments


def _command_fine(form: str) -> bool:
    found = _ALARM.fullmatch(form)
    if found is not None:
        return found[1] in ALARMS and found[2] in ("acknowledge", "suspend")
    code, _, name = form.partition("/")
    return code in COMMANDS and (not name or name in COMMANDS[code].arguments)


def address_of(point: PointSpec, device: DeviceSpec) -> RsmpAddress:
    """Return the address of one device's point; the template must have passed ``check_point``."""
    address = point.address
    status, component = _split(str(address.get("status", "")))
    command, other = _split(str(address.get("command", "")))
    fixed = tuple((str(n), str(v)) for n, v in dict(address.get("with", {})).items())
    return RsmpAddress(
        str(address.get("site", "")), device.id, component or other, status, command,
        int(address.get("item", 0)), fixed,
    )  # fmt: skip
