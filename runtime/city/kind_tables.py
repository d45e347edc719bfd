"""Tables of the city file that belong to a kind: ``[signals.*]``. The kind checks them.

A kind has ``city_tables``: by the name of a table, what checks it. That gets the whole table and
the ids of the kind's devices, and returns ``(keys, found, allowed)`` for all that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jacquemart.runtime.city.include import Documents
from jacquemart.runtime.city.problems import Report, Words
from jacquemart.runtime.city.registry import KindInfo, Offer
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec

TABLES: Final = ("signals",)


def check_kind_tables(
    documents: Documents,
    devices: Sequence[DeviceSpec],
    templates: Mapping[str, TemplateSpec],
    kinds: Offer[KindInfo],
    report: Report,
) -> dict[str, Any]:
    """Have each kind check its tables; return them as they were read."""
    read: dict[str, Any] = {}
    for name in TABLES:
        table = documents.table(name)
        if not table.values:
            continue
        read[name] = dict(table.values)
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
        for keys, wrong, allowed in check(table.values, ids):
            report.add(table.place(*keys), Words(wrong), allowed)
    return read
