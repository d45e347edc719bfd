"""Priority as the city file declares it: ``[priority]`` and ``[approaches.<id>]``. Pure, but for
one look whether the timetable is there.

docs/guides/priority.md tells the same to people.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Final, Protocol

from jacquemart.actors.priority.approach.declared import Approach, Halt, Misdeclared
from jacquemart.actors.priority.policy.rules import Policy, Wrong, policy_of
from jacquemart.runtime.city.problems import shown, suggestion
from jacquemart.runtime.model.city import TemplateSpec

#: The most approaches that a city may have.
MOST_APPROACHES: Final = 20_000
#: Points of an approach's way.
MOST_POINTS: Final = 500
#: What the names of a signal's slots begin with.
SLOT: Final = "priority_"
#: Numbers of signal groups, as RSMP has them.
MOST_GROUP: Final = 255
_KEYS: Final = (
    "signal", "group", "path", "lines", "stops", "width_m", "speed_mps", "queue_m", "broker",
)  # fmt: skip
_STOP: Final = ("before_m", "dwell_s", "spread_s")


class City(Protocol):
    """What is asked of the city around the tables."""

    @property
    def tables(self) -> Mapping[str, Mapping[str, Any]]:
        """Return all tables of kinds."""

    @property
    def templates(self) -> Mapping[str, TemplateSpec]:
        """Return all templates."""

    def template_of(self, device: str) -> TemplateSpec | None:
        """Return the template of a device, if there is one of that id."""

    def beside(self, file: str) -> str:
        """Return where a file lies."""


def check_priority(table: Mapping[str, Any], brokers: Collection[str], city: City) -> list[Wrong]:
    """Return what is wrong with ``[priority]``, and with who shall tell these brokers."""
    wrong = policy_of({key: value for key, value in table.items() if key != "gtfs"})[1]
    gtfs = table.get("gtfs", "")
    if not isinstance(gtfs, str) or not gtfs:
        if "gtfs" in table:
            wrong.append((("gtfs",), shown(gtfs), "the name of a GTFS feed (a zip)"))
    elif not os.path.isfile(city.beside(gtfs)):
        wrong.append((("gtfs",), shown(gtfs), "a file that is there"))
    return wrong


def check_approaches(table: Mapping[str, Any], brokers: Collection[str], city: City) -> list[Wrong]:
    """Return what is wrong with all ``[approaches.*]``."""
    wrong: list[Wrong] = []
    if len(table) > MOST_APPROACHES:
        wrong.append(((next(iter(table)),), f"{len(table):,} approaches", f"{MOST_APPROACHES:,}"))
        return wrong
    for name, values in table.items():
        found = read_approach(name, values, city.tables.get("signals", {}))[1]
        wrong += [((name, *keys), what, allowed) for keys, what, allowed in found]
        if not found:
            wrong += [((name, *keys), *rest) for keys, *rest in _around(values, brokers, city)]  # type: ignore[misc]
    return wrong


def _around(values: Mapping[str, Any], brokers: Collection[str], city: City) -> Iterator[Wrong]:
    """Find what does not fit the rest of the city."""
    signal = values["signal"]
    template = city.template_of(signal)
    if template is None:
        yield ("signal",), shown(signal), "the id of a signal controller of this city"
    elif not any(point.name.startswith(SLOT) for point in template.points):
        found = f"{signal}, whose template {template.name} has no point {SLOT}1"
        yield ("signal",), found, f"a signal whose template has points {SLOT}1 …"
    broker = values.get("broker", "")
    if broker and broker not in brokers:
        yield ("broker",), shown(broker), "one of " + ", ".join(sorted(brokers)[:20])
    if not broker and len(brokers) > 1:
        some = ", ".join(sorted(brokers)[:20])
        yield ("broker",), "nothing", f"one of {some}: this city has several brokers"


def carried(tables: Mapping[str, Any], beside: Callable[[str], str]) -> dict[str, Any]:
    """Return what brokers need of a city's tables where they run: groups are numbers there."""
    policy = dict(tables.get("priority", {}))
    if "gtfs" in policy:
        policy["gtfs"] = beside(policy["gtfs"])
    signals = tables.get("signals", {})
    approaches = {
        name: {**values, "group": _group(values.get("group"), values.get("signal"), signals, [])}
        for name, values in tables.get("approaches", {}).items()
    }
    return {"priority": policy, "approaches": approaches}


def approaches_for(broker: str, tables: Mapping[str, Any]) -> tuple[list[Approach], Policy]:
    """Return the approaches of a broker, and the policy.

    Args:
        tables: as ``carried`` gave them; checked before, so what is wrong is left out.
    """
    found: list[Approach] = []
    for name, values in tables.get("approaches", {}).items():
        if values.get("broker", broker) == broker:
            approach, _ = read_approach(name, values, {})
            if approach is not None:
                found.append(approach)
    table = {key: value for key, value in tables.get("priority", {}).items() if key != "gtfs"}
    return found, policy_of(table)[0]


def read_approach(
    name: str, values: Any, signals: Mapping[str, Any]
) -> tuple[Approach | None, list[Wrong]]:
    """Return the approach that a table declares, or None and what is wrong with it.

    Its site is the signal's id, its group the group's number as a text.

    Args:
        name: its id. values: of the table, as TOML has them.
        signals: the tables ``[signals.*]``, whose groups may be named instead of numbered.
    """
    wrong: list[Wrong] = []
    if not isinstance(values, Mapping):
        return None, [((), shown(values), "a table")]
    for key in values:
        if key not in _KEYS:
            meant = suggestion(str(key), _KEYS)
            allowed = ", ".join(_KEYS)
            wrong.append(((key,), "an unknown key", f"{allowed} ({meant})" if meant else allowed))
    for key in ("signal", *(["broker"] if "broker" in values else [])):
        found = values.get(key)
        if not isinstance(found, str) or not found:
            what = "nothing" if found is None else shown(found)
            wrong.append(((key,), what, "the id of a device"))
    group = _group(values.get("group"), values.get("signal"), signals, wrong)
    path = _path(values.get("path"), wrong)
    lines = _lines(values.get("lines", []), wrong)
    halts = _stops(values.get("stops", []), wrong)
    numbers: dict[str, float] = {}
    for key in ("width_m", "speed_mps", "queue_m"):
        if key in values and _is_number(values[key], (key,), wrong):
            numbers[key] = float(values[key])
    if wrong:
        return None, wrong
    try:
        made = Approach(name, values["signal"], str(group), path, lines, halts, **numbers)
    except Misdeclared as error:
        what, _, rest = error.what.replace("halts", "stops").partition("[")
        keys: tuple[str | int, ...] = (what,)
        if rest:
            number, _, inner = rest.partition("].")
            keys = (what, int(number.rstrip("]")), *([inner] if inner else []))
        return None, [(keys, error.found, error.allowed)]
    return made, []


def _group(found: Any, signal: Any, signals: Mapping[str, Any], wrong: list[Wrong]) -> int:
    """Return the number of a group: as it is, or its place among those of its signal."""
    allowed = f"the number of a signal group, 1 to {MOST_GROUP}"
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MOST_GROUP:
        return found
    model = signals.get(signal, {}) if isinstance(signal, str) else {}
    groups = model.get("groups", {}) if isinstance(model, Mapping) else {}
    names = list(groups) if isinstance(groups, Mapping) else []
    if isinstance(found, str) and found in names:
        return names.index(found) + 1
    if names:
        allowed += ", or one of " + ", ".join(map(str, names))
    wrong.append((("group",), "nothing" if found is None else shown(found), allowed))
    return 0


def _path(found: Any, wrong: list[Wrong]) -> list[tuple[float, float]]:
    allowed = f"2 to {MOST_POINTS} places [latitude, longitude], the last one the stop line"
    if not isinstance(found, list) or not 2 <= len(found) <= MOST_POINTS:
        what = f"{len(found)} places" if isinstance(found, list) else shown(found)
        wrong.append((("path",), "nothing" if found is None else what, allowed))
        return []
    path = []
    for at, place in enumerate(found):
        if not isinstance(place, list) or len(place) != 2 or not all(map(_number, place)):
            wrong.append((("path", at), shown(place), "[latitude, longitude]"))
        else:
            path.append((float(place[0]), float(place[1])))
    return path


def _lines(found: Any, wrong: list[Wrong]) -> frozenset[str]:
    if not isinstance(found, list):
        wrong.append((("lines",), shown(found), "a list of lines"))
        return frozenset()
    lines = set()
    for at, line in enumerate(found):
        if (isinstance(line, str) and line) or (isinstance(line, int) and line is not True):
            lines.add(str(line))
        else:
            wrong.append((("lines", at), shown(line), "a line, as its vehicles say it"))
    return frozenset(lines)


def _stops(found: Any, wrong: list[Wrong]) -> list[Halt]:
    if not isinstance(found, list):
        wrong.append((("stops",), shown(found), "a list of stops"))
        return []
    halts = []
    for at, stop in enumerate(found):
        keys = ("stops", at)
        if not isinstance(stop, Mapping) or "before_m" not in stop:
            wrong.append((keys, shown(stop), "{ before_m = …, dwell_s = …, spread_s = … }"))
            continue
        before = len(wrong)
        for key, value in stop.items():
            if key not in _STOP:
                wrong.append(((*keys, key), "an unknown key", ", ".join(_STOP)))
            else:
                _is_number(value, (*keys, key), wrong)
        if len(wrong) == before:
            halts.append(Halt(**{key: float(value) for key, value in stop.items()}))
    return halts


def _is_number(found: Any, keys: tuple[str | int, ...], wrong: list[Wrong]) -> bool:
    if _number(found):
        return True
    wrong.append((keys, shown(found), "a number"))
    return False


def _number(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool) and found == found
