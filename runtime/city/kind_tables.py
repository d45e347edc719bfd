"""Tables of the city file that belong to a kind: ``[signals.*]``. The kind checks them.

A kind has ``city_tables``: by the name of a table, what checks it. That gets the whole table, the
ids of the kind's devices, and the city around them (:class:`Around`), and returns ``(keys, found,
allowed)`` for all that is wrong. A kind with ``carry_tables(tables, beside)`` gets what that
returns where it runs: its templates have it as the option ``city_tables``, so that it travels with
them, and a change of a table is a change of its devices. ``beside`` finds files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from jacquemart.runtime.city.files import Document
from jacquemart.runtime.city.include import Documents
from jacquemart.runtime.city.problems import Report, Words
from jacquemart.runtime.city.registry import KindInfo, Offer
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec

TABLES: Final = ("signals", "priority", "approaches")
#: The option in which a template carries the tables of its kind.
CARRIED: Final = "city_tables"


@dataclass(frozen=True)
class Around:
    """What a kind that checks its tables may ask of the city.

    Attributes:
        templates: all of them, by name.
        tables: all tables of kinds, by name, as they were read.
        document: the city file; ``beside`` finds files that it names.
    """

    devices: Sequence[DeviceSpec]
    templates: Mapping[str, TemplateSpec]
    tables: Mapping[str, Mapping[str, Any]]
    document: Document

    @cached_property
    def _by_id(self) -> Mapping[str, str]:
        return {device.id: device.template for device in self.devices}

    def template_of(self, device: str) -> TemplateSpec | None:
        """Return the template of a device; None: there is none of that id."""
        return self.templates.get(self._by_id.get(device, ""))

    def beside(self, file: str) -> str:
        """Return where a file lies that the city file names."""
        return self.document.beside(file)


def check_kind_tables(
    documents: Documents,
    devices: Sequence[DeviceSpec],
    templates: Mapping[str, TemplateSpec],
    kinds: Offer[KindInfo],
    report: Report,
) -> dict[str, Any]:
    """Have each kind check its tables; return them as they were read."""
    tables = {name: documents.table(name) for name in TABLES}
    read: dict[str, Any] = {name: dict(table.values) for name, table in tables.items()}
    around = Around(devices, templates, read, documents.root.document)
    for name, table in tables.items():
        if not table.values:
            continue
        mine = set()
        check = None
        for template in templates.values():
            checks = getattr(kinds.get(template.kind), "city_tables", {})
            if name in checks:
                check = checks[name]
                mine.add(template.name)
        if check is None:
            found = Words(f"[{name}] without a device that it is for")
            report.add(table.place(next(iter(table.values))), found, "a template of its kind")
            continue
        ids = {device.id for device in devices if device.template in mine}
        for keys, wrong, allowed in check(table.values, ids, around):
            report.add(table.place(*keys), Words(wrong), allowed)
    return {name: values for name, values in read.items() if values}


def with_tables(
    templates: dict[str, TemplateSpec],
    kinds: Offer[KindInfo],
    tables: Mapping[str, Any],
    document: Document,
) -> dict[str, TemplateSpec]:
    """Return the templates; those of kinds that carry their tables have them as an option."""
    found = dict(templates)
    for name, template in templates.items():
        kind = kinds.get(template.kind)
        carry: Callable[..., Mapping[str, Any]] | None = getattr(kind, "carry_tables", None)
        if carry is not None:
            mine = carry(tables, lambda file: os.path.abspath(document.beside(file)))
            found[name] = replace(template, options={**template.options, CARRIED: dict(mine)})
    return found
