"""Read ``[templates.*]``: device types with their points, each asked of its kind and driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jacquemart.runtime.actor.declare import DERIVED, CommandSpec
from jacquemart.runtime.city import schema
from jacquemart.runtime.city.checks import IDENTIFIER, read_table
from jacquemart.runtime.city.files import Table
from jacquemart.runtime.city.inherit import Declared
from jacquemart.runtime.city.problems import NOTHING, Report, Words, shown, suggestion
from jacquemart.runtime.city.registry import DriverInfo, KindInfo, Offer, ask
from jacquemart.runtime.model.city import PointSpec, TemplateSpec
from jacquemart.runtime.model.ids import valid_id
from jacquemart.runtime.model.parameters import expressions

_POINT_KEYS = frozenset(key.name for key in schema.POINT) - {"address"}


def named_tables(parent: Table, report: Report) -> list[tuple[str, Table]]:
    """Return the tables in a table whose keys are ids, e.g. ``[zones.*]``.

    A wrong id is reported and its table read all the same, so that what refers to it is not
    wrong too.
    """
    found = []
    for name, value in parent.values.items():
        if not valid_id(name):
            report.add(parent.place(name), name, IDENTIFIER.allowed)
        if isinstance(value, dict):
            found.append((name, parent.inside(name)))
        else:
            report.add(parent.place(name), value, "a table")
    return found


def read_templates(
    parent: Table, report: Report, kinds: Offer[KindInfo], drivers: Offer[DriverInfo]
) -> tuple[dict[str, TemplateSpec], set[str]]:
    """Return the templates by name, and the names of those without any problem."""
    templates: dict[str, TemplateSpec] = {}
    sound: set[str] = set()
    keys = schema.template_keys(kinds, drivers)
    for name, table in named_tables(parent, report):
        before = report.count
        values = read_table(table, keys, report)
        declared = Declared(values["kind"] or "", kinds.get(values["kind"] or ""), report)
        points, clear = _read_points(table, values["points"], report, declared)
        template = TemplateSpec(
            name, values["kind"] or "", values["driver"] or "", points, values["options"],
            on_zone_lost=values["on_zone_lost"] or "keep",
            fail_safe_after_s=values["fail_safe_after_s"] or 60.0,
        )  # fmt: skip
        _ask_driver(table, template, clear, report, drivers.get(template.driver))
        kind = kinds.get(template.kind)
        if kind is not None:
            _ask_kind(table, template, clear, report, kind)
            template = _with_derived(table, template, report, kind)
            template = replace(template, volatile=_volatile_commands(kind))
        templates[name] = template
        if report.count == before:
            sound.add(name)
    return templates, sound


def _read_points(
    template: Table, found: dict[str, Any] | None, report: Report, declared: Declared
) -> tuple[tuple[PointSpec, ...], set[str]]:
    """Return the points, and the names of those of which no key was refused.

    Only the latter are checked further: a default in the place of a refused value would be
    wrong in its own way.
    """
    if found is None:
        return (), set()
    if not found:
        report.add(template.place("points"), NOTHING, "at least one point")
    points = []
    clear: set[str] = set()
    tables = template.inside("points")
    for name, table in named_tables(tables, report):
        before = report.count
        values = read_table(table, schema.POINT, report)
        point = declared.point(table, tables, values)
        if point.writable and point.address.get("pulse") is True:
            point = replace(point, pulse=True)  # said of the place, it holds for each write there
        points.append(point)
        if report.count == before:
            clear.add(name)
    if found:
        declared.missing(tables)
    by_name = {point.name: point for point in points}
    for point in points:
        if point.name in clear:
            _check_point(template.inside("points"), point, by_name, clear, report)
    return tuple(points), clear


def _check_point(
    points: Table,
    point: PointSpec,
    by_name: dict[str, PointSpec],
    clear: set[str],
    report: Report,
) -> None:
    feedback = by_name.get(point.feedback or point.name)
    place = points.place(point.name, "feedback")
    if feedback is None:
        allowed = "a point of the same template: " + ", ".join(by_name)
        report.add(place, point.feedback, allowed, among=by_name)
    elif point.feedback and not point.writable:
        report.add(place, point.feedback, "feedback for a point with writable = true")
    elif feedback.unit != point.unit and feedback.name in clear:
        found = Words(f"{point.feedback}, whose unit is {shown(feedback.unit)}")
        report.add(place, found, f"a point in the same unit, {shown(point.unit)}")
    for guard in point.guards:
        if guard not in by_name or guard == point.name:
            allowed = "other points of the same template: " + ", ".join(by_name)
            report.add(points.place(point.name, "guards"), guard, allowed, among=by_name)
    if (point.guards or point.pulse) and not point.writable:
        key = "guards" if point.guards else "pulse"
        allowed = f"{key} for a point with writable = true"
        report.add(points.place(point.name, key), list(point.guards) or True, allowed)
    _check_rest(points, point, report)
    if 0 < point.stale_after_ms < point.poll_ms:
        allowed = f"0, or at least poll_ms ({point.poll_ms:,})"
        place = points.place(point.name, "stale_after_ms")
        report.add(place, point.stale_after_ms, allowed, "it would be stale between two polls")


def _check_rest(points: Table, point: PointSpec, report: Report) -> None:
    """Look at what holds of a point when nobody commands it: minimum times and default."""
    kept = point.writable and not point.pulse
    for key in ("min_on_s", "min_off_s", "default"):
        found = getattr(point, key)
        said = found is not None if key == "default" else found > 0
        if said and not kept:
            allowed = f"{key} for a point with writable = true that is no pulse"
            report.add(points.place(point.name, key), found, allowed)
    default, low, high = point.default, point.low, point.high
    if default is not None and not (
        (low is None or low <= default) and (high is None or default <= high)
    ):
        allowed = f"in the range from {low} to {high}"
        report.add(points.place(point.name, "default"), default, allowed)


def _ask_driver(
    table: Table,
    template: TemplateSpec,
    clear: set[str],
    report: Report,
    driver: DriverInfo | None,
) -> None:
    for point in template.points:
        if driver is None or point.name not in clear or point.address is DERIVED:
            continue
        if table.values.get("parameters") and any(expressions(point.address)):
            continue  # asked for each device, whose parameters make the address
        for key, found, allowed in ask(driver.check_point, point, point.address):
            own = key in _POINT_KEYS and key not in point.address
            path = ("points", point.name, *([] if own else ["address"]), *([key] if key else []))
            report.add(table.place(*path), found, allowed)


def _with_derived(
    table: Table, template: TemplateSpec, report: Report, kind: KindInfo
) -> TemplateSpec:
    """Add the points that the kind computes itself; they have no address in the field."""
    derived: tuple[PointSpec, ...] = getattr(kind, "derived_points", ())
    names = {point.name for point in template.points}
    for point in derived:
        if point.name in names:
            found = Words("a point that the kind computes itself")
            report.add(table.place("points", point.name), found, "another name")
    return replace(template, points=(*template.points, *derived))


def _volatile_commands(kind: KindInfo) -> tuple[str, ...]:
    """Return the commands of a kind that are never journalled."""
    commands: Mapping[str, CommandSpec] = getattr(kind, "command_specs", {})
    return tuple(sorted(name for name, spec in commands.items() if spec.volatile))


def _ask_kind(
    table: Table, template: TemplateSpec, clear: set[str], report: Report, kind: KindInfo
) -> None:
    check: Callable[..., Any] | None = getattr(kind, "check_options", None)
    for key, found, allowed in ask(check, template.options) if check else ():
        report.add(table.place("options", *key.split(".") if key else ()), found, allowed)
    together: Callable[..., Any] | None = getattr(kind, "check_points", None)
    for name, found, allowed in ask(together, template.points) if together else ():
        report.add(table.place("points", *([name] if name else [])), found, allowed)
    whole: Callable[..., Any] | None = getattr(kind, "check_template", None)
    if whole is not None and len(clear) == len(template.points):
        for key, found, allowed in ask(whole, template):
            report.add(table.place(*key.split(".")), found, allowed)
    if template.on_zone_lost == "fail_safe" and not getattr(kind, "has_safe_values", False):
        allowed = f'"keep": kind {shown(template.kind)} says of no value that it is safe'
        report.add(table.place("on_zone_lost"), "fail_safe", allowed)
    by_name = {point.name: point for point in template.points}
    for name, (unit, writable) in kind.required_points.items():
        point = by_name.get(name)
        if point is None:
            unit_words = f" in {shown(unit)}" if unit else ""
            words = f"a point {shown(name)}{unit_words}{' (writable)' * writable}"
            found = Words("points " + ", ".join(by_name)) if by_name else NOTHING
            place = table.place("points", name)
            allowed = f"{words}, which kind {shown(template.kind)} needs"
            report.add(place, found, allowed, suggestion(name, by_name))
            continue
        if name not in clear:
            continue
        needed = f"as kind {shown(template.kind)} needs it"
        if unit and point.unit != unit:
            report.add(table.place("points", name, "unit"), point.unit, f'"{unit}", {needed}')
        if writable and not point.writable:
            report.add(table.place("points", name, "writable"), False, f"true, {needed}")
