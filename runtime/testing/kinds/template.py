"""A template made from nothing but the declaration of its kind, as a city file would."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.city.files import Document, Table
from jacquemart.runtime.city.problems import Report
from jacquemart.runtime.city.registry import (
    DriverInfo,
    KindInfo,
    Offer,
    driver_registry,
    kind_registry,
)
from jacquemart.runtime.city.templates import read_templates
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.testing.kinds.field import BenchDriver

#: Points of a kind that declares none (an open one).
_ANY = {"value": {"writable": True}}


def template_of(
    kind: type[DeviceActor],
    *,
    members: Sequence[str] | Mapping[str, Sequence[str]] = ("1",),
    points: Mapping[str, Mapping[str, Any]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> TemplateSpec:
    """Return a template with every point that a kind declares, and nothing said beyond that.

    Args:
        kind: the kind.
        members: what stands for the ``*`` of a family, one member each; or that for each family
            by its name, where ``"*"`` means the others.
        points: keys that some points shall have as in a city file (``{"jet": {"range": [0, 2]}}``),
            or points that an open kind shall have.
        options: options of the template.

    Raises:
        CityErrors: the kind refuses it, or its declaration is no sound template.
    """
    tables: dict[str, dict[str, Any]] = {}
    by_family = members if isinstance(members, Mapping) else {"*": members}
    for point in kind.points:
        if point.family:
            own = by_family.get(point.name, by_family.get("*", ("1",)))
            tables.update({point.name.replace("*", member): {} for member in own})
        elif not point.derived:
            tables[point.name] = {}
    for name, said in (points or {}).items():
        tables.setdefault(name, {}).update(said)
    text = '[templates.bench]\nkind = "kind"\n'
    text += f'driver = "bench"\noptions = {_toml(options or {})}\n[templates.bench.points]\n'
    text += "".join(f"{_toml(n)} = {_toml(t)}\n" for n, t in (tables or _ANY).items())
    report = Report()
    document = Document(kind.__name__, text, tomllib.loads(text))
    tables_of = Table(document, (), document.values).inside("templates")
    kinds: Offer[KindInfo] = Offer(kind_registry(()), {"kind": kind})
    drivers: Offer[DriverInfo] = Offer(
        driver_registry(()), {"bench": cast("DriverInfo", BenchDriver)}
    )
    templates, _ = read_templates(tables_of, report, kinds, drivers)
    if report.count:
        raise report.errors()
    return replace(templates["bench"], kind=kind.kind)


def _toml(value: Any) -> str:
    """Write a plain value as TOML does."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_toml(str(key))} = {_toml(item)}" for key, item in value.items())
        return "{" + inner + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
