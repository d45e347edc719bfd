"""A city's own policy of priority: who asks, under which condition, and at which level.

*Theory.* Priority for everybody is priority for nobody: whoever is on time takes green from those
that wait and gains nothing by it. So a city says who may ask: those that are late (TriMet,
Portland), late or full (Copenhagen), or far behind the one before; always, or never. Who is close
behind the one before is better not sped up. Emergency vehicles go before trams, trams before buses:
a table in which that does not hold is refused.

*Rules.* Pure. The table is one of the city file (TOML); all that is wrong with it is said at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from jacquemart.actors.priority.request import HIGHEST_LEVEL, VehicleType
from jacquemart.runtime.city.problems import shown, suggestion
from jacquemart.runtime.model.errors import ConfigError


class Condition(StrEnum):
    """When a vehicle may ask."""

    ALWAYS = "always"
    NEED = "need"
    """If it is late, full, or far behind the one before."""
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Rule:
    """The policy for one kind of vehicle, or one line."""

    ask: Condition = Condition.NEED
    level: int = 6
    """0 lowest … 14 highest."""
    late_s: float = 60.0
    """From so many seconds behind its timetable on it is late."""
    full_pct: float = 80.0
    """From that load on it is full."""
    gap: float = 1.5
    """From so many planned headways behind the one before on it is far behind."""
    bunched: float = 0.5
    """Below so many planned headways it is too near to the one before to be sped up; 0: never."""
    unknown: bool = False
    """Whether one of which nothing is known may ask."""


_KINDS: Final[Mapping[VehicleType, Rule]] = {
    VehicleType.EMERGENCY: Rule(Condition.ALWAYS, HIGHEST_LEVEL),
    VehicleType.TRAM: Rule(Condition.ALWAYS, 10),
    VehicleType.BUS: Rule(),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy of a city or a zone."""

    kinds: Mapping[VehicleType, Rule] = field(default_factory=lambda: dict(_KINDS))
    lines: Mapping[str, Rule] = field(default_factory=dict)
    ahead_s: float = 45.0
    """So long before its arrival a request is sent."""
    doubt_s: float = 30.0
    """Not before earliest and latest arrival are nearer to each other than that."""
    refresh_s: float = 5.0
    """A request is updated so often, at least."""
    step_s: float = 2.0
    """And when its arrival differs by so much from what was said."""
    again_s: float = 15.0
    """After a site has ended a request, the same vehicle asks again so much later …"""
    most_asks: int = 3
    """… and so often at most on one approach."""

    def rule(self, kind: VehicleType, line: str) -> Rule | None:
        """Return the rule for a vehicle; None: its kind asks for nothing here."""
        found = self.lines.get(line) if kind in _OF_LINES else None
        return found or self.kinds.get(kind)


_OF_LINES: Final = (VehicleType.BUS, VehicleType.TRAM)
_NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "level": (0, HIGHEST_LEVEL),
    "late_s": (-600, 3_600),
    "full_pct": (0, 150),
    "gap": (1, 10),
    "bunched": (0, 1),
    "ahead_s": (5, 120),
    "doubt_s": (2, 120),
    "refresh_s": (1, 30),
    "step_s": (1, 30),
    "again_s": (1, 300),
    "most_asks": (1, 10),
}
_WHOLE: Final = ("level", "most_asks")
_TOP: Final = ("ahead_s", "doubt_s", "refresh_s", "step_s", "again_s", "most_asks")


#: The keys that lead to something, what was found there, and what is allowed.
Wrong = tuple[tuple[str | int, ...], str, str]


def read_policy(table: Mapping[str, Any], where: str) -> Policy:
    """Read the table ``priority`` of a city file.

    Keys: ``emergency``, ``tram``, ``bus`` (tables of a ``Rule``), ``lines`` (a table of them by
    line, on top of the bus's), and the numbers of ``Policy``.

    Args:
        table: as TOML gave it. where: the file and key that it stands at, for errors.

    Raises:
        ConfigError: with every place, what was found and what is allowed; the operator's fault.
    """
    policy, wrong = policy_of(table)
    if wrong:
        lines = [
            f"{'.'.join([where, *map(str, keys)])}: found {found}; allowed: {allowed}"
            for keys, found, allowed in wrong
        ]
        raise ConfigError("\n".join(lines), where=where)
    return policy


def policy_of(table: Mapping[str, Any]) -> tuple[Policy, list[Wrong]]:
    """Return the policy that a table declares, and all that is wrong with it."""
    wrong: list[Wrong] = []
    kinds = dict(_KINDS)
    for kind in _KINDS:
        kinds[kind] = _rule(table.get(kind.value, {}), (kind.value,), kinds[kind], wrong)
    found = table.get("lines", {})
    lines = {}
    if not isinstance(found, Mapping):
        wrong.append((("lines",), shown(found), "a table by line"))
        found = {}
    for line, inner in found.items():
        keys = ("lines", str(line))
        lines[str(line)] = _rule(inner, keys, kinds[VehicleType.BUS], wrong)
    numbers = {}
    allowed = [*(kind.value for kind in _KINDS), "lines", *_TOP]
    for key, value in table.items():
        if key in _TOP:
            if _is_number(key, value, (key,), wrong):
                numbers[key] = value
        elif key not in allowed:
            wrong.append(_unknown((), key, allowed))
    wrong += _out_of_order(kinds, lines)
    return replace(Policy(kinds, lines), **numbers), wrong


def _rule(table: Any, keys: tuple[str, ...], base: Rule, wrong: list[Wrong]) -> Rule:
    if not isinstance(table, Mapping):
        wrong.append((keys, shown(table), "a table"))
        return base
    names = [one.name for one in fields(Rule)]
    values: dict[str, Any] = {}
    for key, value in table.items():
        at = (*keys, key)
        if key == "ask":
            words = [one.value for one in Condition]
            if value in words:
                values[key] = Condition(value)
            else:
                wrong.append((at, shown(value), ", ".join(words)))
        elif key == "unknown":
            if isinstance(value, bool):
                values[key] = value
            else:
                wrong.append((at, shown(value), "true, false"))
        elif key not in names:
            wrong.append(_unknown(keys, key, names))
        elif _is_number(key, value, at, wrong):
            values[key] = value
    return replace(base, **values)


def _is_number(key: str, value: Any, at: tuple[str, ...], wrong: list[Wrong]) -> bool:
    low, high = _NUMBERS[key]
    whole = key in _WHOLE
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if number and low <= value <= high:  # NaN is not
        return True
    what = "a whole number" if whole else "a number"
    wrong.append((at, shown(value), f"{what} from {low:g} to {high:g}"))
    return False


def _unknown(keys: tuple[str, ...], key: str, allowed: list[str]) -> Wrong:
    meant = suggestion(key, allowed)
    text = ", ".join(allowed)
    return (*keys, key), "an unknown key", f"{text} ({meant})" if meant else text


def _out_of_order(kinds: Mapping[VehicleType, Rule], lines: Mapping[str, Rule]) -> Iterator[Wrong]:
    tram, emergency = kinds[VehicleType.TRAM].level, kinds[VehicleType.EMERGENCY].level
    if tram >= emergency:
        yield ("tram", "level"), f"{tram}", f"below that of emergency, {emergency}"
    if kinds[VehicleType.BUS].level >= tram:
        found = kinds[VehicleType.BUS].level
        yield ("bus", "level"), f"{found}", f"below that of tram, {tram}"
    for line, rule in lines.items():
        if rule.level >= emergency:
            keys = ("lines", line, "level")
            yield keys, f"{rule.level}", f"below that of emergency, {emergency}"
