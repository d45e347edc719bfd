"""What a template's points take from the declarations of their kind, and may not say otherwise.

*Theory.* A kind's rules hold for the points as they were declared: its bollard may rely on the
guards of ``raise``, its lamp on ``%``. So a template may say where a point is and how often it is
read, and may be stricter; it may not be laxer. A kind without ``points`` declares nothing, and
its templates say everything themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jacquemart.runtime.actor.declare import DERIVED, Point, declaration_of
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.problems import Report, Words, shown, suggestion
from jacquemart.runtime.model.city import PointSpec

#: Keys that a template may give as it likes, and has from the declaration otherwise.
FREE = (
    "tolerance", "settle_ms", "poll_ms", "stale_after_ms", "keep", "urgent", "min_on_s",
    "min_off_s", "default",
)  # fmt: skip


class Declared:
    """The declarations of one kind, asked point by point while a template is read."""

    def __init__(self, name: str, kind: object | None, report: Report) -> None:
        """Take the declarations of ``kind``; None: it is not known, so nothing is asked."""
        self._kind = shown(name)
        self.points: Sequence[Point] = getattr(kind, "points", ())
        self._open = bool(getattr(kind, "open_points", False)) or not self.points
        self._report = report

    def point(self, table: Table, template: Table, values: Mapping[str, Any]) -> PointSpec:
        """Return a point out of its table, completed by what declares it.

        Args:
            table: the point's own table; what it does not say is taken from the declaration.
            template: the table of all points.
            values: what was read of it, with the defaults of the city file.
        """
        name = str(table.path[-1])
        low, high = values["range"] or (None, None)
        rest = {key: value for key, value in values.items() if key != "range"}
        if rest["words"]:
            rest["whole"] = True
            if values["range"] is None:
                low, high = 0.0, float(len(rest["words"]) - 1)
        said = PointSpec(name, low=low, high=high, **rest)
        declared = declaration_of(self.points, name)
        if declared is not None:
            return self._completed(table, said, declared, list(template.values))
        if not self._open:
            names = [point.name for point in self.points if point.family or not point.derived]
            found = Words(f"a point that kind {self._kind} does not have")
            allowed = ", ".join(names)
            self._report.add(table.place(), found, allowed, suggestion(name, names))
        return said

    def missing(self, points: Table) -> None:
        """Report families that must have a member and have none."""
        for declared in self.points:
            if not declared.family or not declared.required or declared.derived:
                continue
            if not any(declared.matches(name) for name in points.values):
                unit = f" in {shown(declared.unit)}" if declared.unit else ""
                allowed = f"a point {shown(declared.name)}{unit} or more, which kind {self._kind} "
                found = Words("points " + ", ".join(points.values))
                self._report.add(points.place(), found, f"{allowed}needs")

    def _completed(
        self, table: Table, said: PointSpec, declared: Point, names: Sequence[str]
    ) -> PointSpec:
        spec = declared.spec(said.name)
        guards = [guard for name in spec.guards for guard in _members(name, self.points, names)]
        spec = replace(spec, guards=tuple(guards))
        given = table.values
        before = self._report.count
        self._check(table, said, declared, spec)
        merged = replace(
            spec,
            address=DERIVED if declared.derived else said.address,
            guards=tuple(dict.fromkeys((*guards, *said.guards))),
            pulse=spec.pulse or said.pulse,
            volatile=spec.volatile and given.get("volatile") is not False,
            feedback=spec.feedback or said.feedback,
            **{key: getattr(said, key) for key in FREE if key in given},
        )
        if self._report.count != before:
            return merged
        if "range" in given:
            merged = replace(merged, low=said.low, high=said.high)
        if not spec.words:
            merged = replace(merged, words=said.words, whole=spec.whole or said.whole)
            if said.words and "range" not in given:
                merged = replace(merged, low=said.low, high=said.high)
        if given.get("writable") is False:  # read only, which is stricter
            merged = replace(
                merged, writable=False, feedback="", pulse=False, guards=(), volatile=False,
                min_on_s=0.0,
                min_off_s=0.0, default=None,
            )  # fmt: skip
        return merged

    def _check(self, table: Table, said: PointSpec, declared: Point, spec: PointSpec) -> None:
        given = table.values
        as_kind = f", as kind {self._kind} declares it"

        def wrong(key: str, allowed: str) -> None:
            self._report.add(table.place(key), given[key], f"{allowed}{as_kind}")

        if declared.derived:
            for key in given:
                found = Words("a key of a point that the kind computes itself")
                self._report.add(table.place(key), found, "none")
            return
        if "unit" in given and said.unit != spec.unit:
            wrong("unit", shown(spec.unit))
        if said.writable and not spec.writable:
            wrong("writable", "false")
        if "range" in given and _wider(said, spec):
            low = "" if spec.low is None else f">= {spec.low:g}"
            high = "" if spec.high is None else f"<= {spec.high:g}"
            bounds = " and ".join(part for part in (low, high) if part)
            wrong("range", f"{bounds}, or narrower")
        if said.words and spec.words not in ((), said.words):
            wrong("words", shown(list(spec.words)))
        elif said.words and not spec.words and _wider(said, spec):
            wrong("words", f"as many as the range from {spec.low} to {spec.high} has values")
        if "feedback" in given and spec.feedback and said.feedback != spec.feedback:
            wrong("feedback", shown(spec.feedback))
        if given.get("pulse") is False and spec.pulse:
            wrong("pulse", "true")
        if said.volatile and not spec.volatile:
            wrong("volatile", "false")
        shows = declaration_of(self.points, declared.feedback or declared.name) or declared
        if "tolerance" in given and shows.type != "number" and said.tolerance > spec.tolerance:
            # Otherwise "lowered" would prove that it was raised.
            wrong("tolerance", f"{spec.tolerance:g}, since {shows.name} has whole values")
        limit = spec.stale_after_ms
        longer = limit and not 0 < said.stale_after_ms <= limit
        if "stale_after_ms" in given and longer and self._is_private(spec):
            wrong("stale_after_ms", f"1 to {limit:,}")
        for key in ("min_on_s", "min_off_s"):
            least: float = getattr(spec, key)
            if key in given and getattr(said, key) < least:
                wrong(key, f"{least:g} or longer")
        lost = [guard for guard in spec.guards if guard not in said.guards]
        if "guards" in given and lost:
            wrong("guards", "at least " + ", ".join(map(shown, lost)))

    def _is_private(self, spec: PointSpec) -> bool:
        """Return whether it depends on this point what may be known of where somebody is."""
        return bool(spec.withheld_unless) or any(
            point.withheld_unless == spec.name for point in self.points
        )


def _wider(said: PointSpec, spec: PointSpec) -> bool:
    low_lost = spec.low is not None and (said.low is None or said.low < spec.low)
    high_lost = spec.high is not None and (said.high is None or said.high > spec.high)
    return low_lost or high_lost


def _members(guard: str, declared: Sequence[Point], names: Sequence[str]) -> list[str]:
    """Return the points of the template that a guard means: those of equipment that it has."""
    meant = declaration_of(declared, guard)
    if meant is None:
        return [guard]
    found = [name for name in names if meant.matches(name)] if "*" in guard else [guard]
    return found if meant.required else [name for name in found if name in names]
