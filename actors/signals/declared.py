"""A signal model as the city file declares it: ``[signals.<id>]``. Pure; from values of TOML.

Times are seconds, to a tenth. docs/guides/signals.md tells the same to people.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from jacquemart.actors.signals.checking import Problem, problems
from jacquemart.actors.signals.model import (
    MOST_GROUPS,
    Aspect,
    Detector,
    Group,
    Intersection,
    Plan,
    Stage,
    Step,
    Use,
)

_Path = tuple[str | int, ...]


class _Reader:
    """Reads values by their keys, and collects what is wrong with them."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def wrong(self, path: _Path, found: Any, allowed: str) -> None:
        self.found.append(Problem(path, repr(found)[:80], allowed))

    def table(self, values: Any, path: _Path, known: Collection[str] = ()) -> Mapping[str, Any]:
        if not isinstance(values, Mapping):
            self.wrong(path, values, "a table")
            return {}
        for key in values:
            if known and key not in known:
                self.wrong((*path, key), key, "one of " + ", ".join(known))
        return values

    def ms(
        self,
        values: Mapping[str, Any],
        key: str,
        path: _Path,
        default: float,
        most: float = 600,
    ) -> int:
        found = values.get(key, default)
        number = isinstance(found, (int, float)) and not isinstance(found, bool)
        if not number or not 0 <= found <= most or abs(found * 10 - round(found * 10)) > 1e-6:
            self.wrong((*path, key), found, f"0 to {most:g} seconds, to a tenth")
            return round(default * 1_000)
        return int(round(found * 10) * 100)

    def names(self, found: Any, path: _Path, index: Mapping[str, int], what: str) -> list[int]:
        if not isinstance(found, list):
            self.wrong(path, found, f"a list of {what}s")
            return []
        return [at for name in found if (at := self.name(name, path, index, what)) >= 0]

    def name(self, found: Any, path: _Path, index: Mapping[str, int], what: str) -> int:
        if not isinstance(found, str) or found not in index:
            self.wrong(path, found, f"a {what}: " + ", ".join(index))
            return -1
        return index[found]

    def one_of(self, values: Mapping[str, Any], key: str, path: _Path, words: list[str]) -> str:
        found = values.get(key, words[0])
        if found not in words:
            self.wrong((*path, key), found, "one of " + ", ".join(words))
            return words[0]
        return str(found)

    def flag(self, values: Mapping[str, Any], key: str, path: _Path, default: bool) -> bool:
        found = values.get(key, default)
        if not isinstance(found, bool):
            self.wrong((*path, key), found, "true or false")
            return default
        return found


_KEYS = ("groups", "intergreens", "yields", "stages", "plans", "detectors", "start_stage",
         "start_yellow_s", "start_red_s")  # fmt: skip
_GROUP = ("use", "min_green_s", "max_green_s", "yellow_s", "red_yellow_s", "clearance_s",
          "in_flash", "links")  # fmt: skip


def read_intersection(name: str, values: Any) -> tuple[Intersection | None, list[Problem]]:
    """Return the model that a table declares, or None and all that is wrong with it.

    Args:
        name: the id of the intersection.
        values: of the table, as TOML has them; anything else is told as a problem.
    """
    read = _Reader()
    table = read.table(values, (), _KEYS)
    groups = tuple(
        _group(read, key, read.table(one, ("groups", key), _GROUP))
        for key, one in read.table(table.get("groups", {}), ("groups",)).items()
    )
    if not 1 <= len(groups) <= MOST_GROUPS:
        read.wrong(("groups",), f"{len(groups)} groups", f"1 to {MOST_GROUPS}")
        return None, read.found
    index = {group.name: at for at, group in enumerate(groups)}
    intergreens = {}
    for one, row in read.table(table.get("intergreens", {}), ("intergreens",)).items():
        row_path = ("intergreens", one)
        ending = read.name(one, row_path, index, "group")
        for other in read.table(row, row_path):
            starting = read.name(other, (*row_path, other), index, "group")
            if ending >= 0 and starting >= 0:
                intergreens[ending, starting] = read.ms(row, other, row_path, 0, 60)
    yields = set()
    for one, others in read.table(table.get("yields", {}), ("yields",)).items():
        who = read.name(one, ("yields", one), index, "group")
        yields |= {(who, whom) for whom in read.names(others, ("yields", one), index, "group")}
    stages = tuple(
        _stage(read, key, one, index)
        for key, one in read.table(table.get("stages", {}), ("stages",)).items()
    )
    by_name = {stage.name: at for at, stage in enumerate(stages)}
    plans = tuple(
        _plan(read, key, one, by_name)
        for key, one in read.table(table.get("plans", {}), ("plans",)).items()
    )
    for what, some in (("stages", stages), ("plans", plans)):
        if not some:
            read.wrong((what,), "none", "at least one")
    numbers = [plan.number for plan in plans]
    for plan in plans:
        if numbers.count(plan.number) > 1:
            read.wrong(("plans", plan.name, "number"), plan.number, "a number of its own")
    detectors = tuple(
        _detector(read, key, one, index)
        for key, one in read.table(table.get("detectors", {}), ("detectors",)).items()
    )
    start = table.get("start_stage", next(iter(by_name), ""))
    start_stage = read.name(start, ("start_stage",), by_name, "stage") if by_name else 0
    model = Intersection(
        name, groups, intergreens, stages, plans, frozenset(yields), detectors,
        read.ms(table, "start_yellow_s", (), 3), read.ms(table, "start_red_s", (), 3), start_stage,
    )  # fmt: skip
    if not read.found:
        read.found += problems(model)
    return (None if read.found else model), read.found


def _group(read: _Reader, name: str, values: Mapping[str, Any]) -> Group:
    path = ("groups", name)
    use = Use(read.one_of(values, "use", path, list(Use)))
    walks = use is Use.PEDESTRIAN
    resting = read.one_of(
        values, "in_flash", path, ["dark", "flash"] if walks else ["flash", "dark"]
    )
    links = values.get("links", [])
    if not isinstance(links, list) or not all(type(one) is int and one >= 0 for one in links):
        read.wrong((*path, "links"), links, "a list of link indexes")
        links = []
    return Group(
        name, use,
        read.ms(values, "min_green_s", path, 5), read.ms(values, "max_green_s", path, 120),
        read.ms(values, "yellow_s", path, 0 if walks else 3, 10),
        read.ms(values, "red_yellow_s", path, 0, 10), read.ms(values, "clearance_s", path, 0, 60),
        Aspect.DARK if resting == "dark" else Aspect.FLASH, tuple(links),
    )  # fmt: skip


def _stage(read: _Reader, name: str, values: Any, index: Mapping[str, int]) -> Stage:
    path = ("stages", name)
    table = read.table(values, path, ("green", "yield"))
    aspects = [Aspect.RED] * len(index)
    for key, aspect in (("green", Aspect.GREEN), ("yield", Aspect.YIELD)):
        for group in read.names(table.get(key, []), (*path, key), index, "group"):
            if aspects[group] is not Aspect.RED:
                read.wrong((*path, key), list(index)[group], "each group once")
            aspects[group] = aspect
    return Stage(name, tuple(aspects))


def _plan(read: _Reader, name: str, values: Any, stages: Mapping[str, int]) -> Plan:
    path = ("plans", name)
    table = read.table(values, path, ("number", "cycle_s", "offset_s", "coordinated", "steps"))
    number = table.get("number", 1)
    if type(number) is not int or not 1 <= number <= 255:
        read.wrong((*path, "number"), number, "1 to 255")
        number = 1
    cycle = read.ms(table, "cycle_s", path, 0, 600)
    if cycle < 1_000:
        read.wrong((*path, "cycle_s"), table.get("cycle_s"), "1 to 600 seconds, to a tenth")
        cycle = 600_000
    steps = []
    listed = table.get("steps", [])
    if not isinstance(listed, list):
        read.wrong((*path, "steps"), listed, "a list of steps")
        listed = []
    for at, one in enumerate(listed):
        here: _Path = (*path, "steps", at)
        step = read.table(one, here, ("stage", "start_s", "on_demand", "extend_s"))
        stage = read.name(step.get("stage"), (*here, "stage"), stages, "stage")
        steps.append(Step(
            max(stage, 0), read.ms(step, "start_s", here, 0),
            read.flag(step, "on_demand", here, False), read.ms(step, "extend_s", here, 0, 120),
        ))  # fmt: skip
    return Plan(name, number, cycle, tuple(steps), read.ms(table, "offset_s", path, 0),
                read.flag(table, "coordinated", path, True))  # fmt: skip


def _detector(read: _Reader, name: str, values: Any, index: Mapping[str, int]) -> Detector:
    path = ("detectors", name)
    table = read.table(values, path, ("groups", "gap_s", "stale_after_s"))
    groups = read.names(table.get("groups", []), (*path, "groups"), index, "group")
    if not groups:
        read.wrong((*path, "groups"), table.get("groups"), "at least one group")
    return Detector(name, tuple(groups), read.ms(table, "gap_s", path, 2, 60),
                    read.ms(table, "stale_after_s", path, 10))  # fmt: skip


def check_tables(
    tables: Mapping[str, Any], devices: Collection[str], _: object = None
) -> list[tuple[tuple[str | int, ...], str, str]]:
    """Return what is wrong with all ``[signals.*]`` of a city, with the keys that lead there.

    Args:
        tables: each by the device that runs it.
        devices: the signal controllers of the city.
    """
    found: list[tuple[tuple[str | int, ...], str, str]] = []
    for name, values in tables.items():
        if name not in devices:
            found.append(((name,), name, "the id of a signal controller of this city"))
        _, wrong = read_intersection(name, values)
        found += [((name, *one.path), one.found, one.allowed) for one in wrong]
    return found
