"""The signal exchange list of traffic-light controllers: which codes there are, and their values.

*Notation* of the three lists: a code, the kind of component it belongs to (``tlc``, ``group``,
``detector``), for commands the word of ``cO``, for alarms priority and category, ``>=1.2`` or
``<1.2`` where a version has it not; then ``name:type``, where ``integer=0..999`` has bounds,
``string=red/green`` allowed words (``source`` and ``vehicle`` stand for lists of them), and ``?``
means that it may be left out. The tests hold the lists against the published JSON schemas. In
M0002 and M0003 a 0 is allowed too: it is what sites get together with the status False.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jacquemart.drivers.rsmp.wire.sxl_alarms import ALARMS as _ALARMS
from jacquemart.drivers.rsmp.wire.sxl_commands import COMMANDS as _COMMANDS
from jacquemart.drivers.rsmp.wire.sxl_statuses import STATUSES as _STATUSES
from jacquemart.drivers.rsmp.wire.values import items, to_bool, to_int
from jacquemart.drivers.rsmp.wire.versions import parse

SOURCES: Final = (
    "operator_panel", "calendar_clock", "control_block", "forced", "startup", "other",
)  # fmt: skip
VEHICLES: Final = (
    "pedestrian", "bicycle", "motorcycle", "car", "bus", "lightTruck", "heavyTruck", "tram",
    "emergency", "safetyCar", "specialTransport", "other",
)  # fmt: skip
#: Lists of words that come again.
_NAMED: Final = {"source": SOURCES, "vehicle": VEHICLES}
_MARKS: Final = (">=1.2", "<1.2")


@dataclass(frozen=True, slots=True)
class Argument:
    """One named value of a code."""

    kind: str
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()
    optional: bool = False
    versions: str = ""
    """``>=1.2`` or ``<1.2`` if not every version has it."""

    def wrong(self, value: Any) -> str:
        """Return why a value cannot be this argument's; empty if it can."""
        if self.kind == "array":
            return "" if isinstance(value, list) else "no array"
        if self.kind in ("boolean_list", "integer_list", "string_list"):
            one = Argument(self.kind[:-5], self.low, self.high, self.words)
            return next((why for part in items(value) if (why := one.wrong(part))), "")
        if self.kind == "boolean":
            return "" if to_bool(value) is not None else "neither True nor False"
        if self.kind == "integer" and not self.words:
            number = to_int(value)
            if number is None:
                return "no whole number"
            low, high = self.low, self.high
            inside = low is None or high is None or low <= number <= high
            return "" if inside else f"not in {low}..{high}"
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            return "no text"
        found = str(value)
        return (
            f"not one of {', '.join(self.words)}" if self.words and found not in self.words else ""
        )


@dataclass(frozen=True, slots=True)
class Code:
    """A status, a command or an alarm."""

    component: str
    arguments: Mapping[str, Argument]
    command: str = ""
    """The word of ``cO``."""
    priority: str = ""
    category: str = ""
    versions: str = ""


def _argument(text: str) -> tuple[str, Argument]:
    versions = next((mark for mark in _MARKS if text.endswith(mark)), "")
    text = text.removesuffix(versions)
    optional = text.endswith("?")
    name, _, kind = text.removesuffix("?").partition(":")
    kind, _, allowed = kind.partition("=")
    low = high = None
    words: tuple[str, ...] = ()
    if ".." in allowed:
        low, high = map(int, allowed.split(".."))
    elif allowed:
        words = _NAMED.get(allowed) or tuple(allowed.split("/"))
    return name, Argument(kind, low, high, words, optional, versions)


def _read(table: str) -> Iterator[tuple[str, Code]]:
    for line in table.replace("\n    ", " ").splitlines():
        code, component, *rest = line.split(" ")
        head = [word for word in rest if ":" not in word]
        arguments = dict(_argument(word) for word in rest if ":" in word)
        versions = next((word for word in head if word in _MARKS), "")
        head = [word for word in head if word not in _MARKS]
        is_command, is_alarm = code[0] == "M", code[0] == "A"
        yield (
            code,
            Code(
                component,
                arguments,
                command=head[0] if is_command else "",
                priority=head[0] if is_alarm else "",
                category=head[1] if is_alarm else "",
                versions=versions,
            ),
        )


STATUSES: Final[Mapping[str, Code]] = dict(_read(_STATUSES))
COMMANDS: Final[Mapping[str, Code]] = dict(_read(_COMMANDS))
ALARMS: Final[Mapping[str, Code]] = dict(_read(_ALARMS))


def has(versions: str, sxl: str) -> bool:
    """Return whether something with a version mark is in a version of the SXL."""
    if not versions:
        return True
    later = (parse(sxl) or (0, 0, 0)) >= (1, 2, 0)
    return later if versions == ">=1.2" else not later


def status_wrong(code: str, name: str, sxl: str) -> str:
    """Return why a status cannot be asked for in a version of the SXL; empty if it can."""
    found = STATUSES.get(code)
    if found is None or not has(found.versions, sxl):
        return f"unknown status {code[:20]}"
    argument = found.arguments.get(name)
    if argument is None or not has(argument.versions, sxl):
        return f"status {code} has no {name[:40]}"
    return ""


def command_wrong(code: str, word: Any, arguments: Mapping[str, Any], sxl: str) -> str:
    """Return why a command cannot be carried out as it is; empty if it can.

    Args:
        code: ``M0002``. word: its ``cO``. arguments: its values by name, as they came.
        sxl: the version of the SXL.
    """
    found = COMMANDS.get(code)
    if found is None or not has(found.versions, sxl):
        return f"unknown command {code[:20]}"
    if word != found.command:
        return f"the command of {code} is {found.command}, not {str(word)[:40]}"
    for name, value in arguments.items():
        argument = found.arguments.get(name)
        if argument is None or not has(argument.versions, sxl):
            return f"{code} has no {name[:40]}"
        if why := argument.wrong(value):
            return f"{code} {name}: {str(value)[:40]!r} is {why}"
    for name, argument in found.arguments.items():
        if not argument.optional and name not in arguments and has(argument.versions, sxl):
            return f"{code} without {name}"
    return ""
