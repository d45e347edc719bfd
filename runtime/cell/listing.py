"""``ls``: devices and points by pattern, from a zone cell's own tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.cell.bulk import pattern
from jacquemart.runtime.cell.membership import Roamers
from jacquemart.runtime.cell.service import number_arg, text_arg

#: Rows of one answer at most; ``offset`` goes on from there.
PAGE = 10_000


def list_devices(
    views: Mapping[str, ShardView], args: Mapping[str, Any], roamers: Roamers
) -> dict[str, Any]:
    """Answer ``ls``.

    ``pattern`` is ``device`` or ``device/point`` with wildcards; ``zone`` and ``kind`` are
    patterns too. Returns ``total`` and at most ``limit`` rows: of devices ``[id, kind, zone,
    name, link, fed_by, worst]``, or of points ``[id, value, quality, source_ns, receive_ns,
    unit, writable]``, with the words of an enumeration behind them if ``words`` is true. A roaming
    device is in the zone where it is.

    Raises:
        UsageError: an argument of a wrong type.
    """
    device_text, slash, point_text = text_arg(args, "pattern", "*").partition("/")
    device, point = pattern(device_text), pattern(point_text)
    zone, kind = pattern(text_arg(args, "zone", "*")), pattern(text_arg(args, "kind", "*"))
    offset = int(number_arg(args, "offset", 0))
    limit = min(int(number_arg(args, "limit", 1_000)), PAGE)
    words = args.get("words") is True
    total = 0
    rows: list[list[Any]] = []
    roamers.settle()
    roaming = set(roamers.shards)
    for view in views.values():
        spec = view.layout.spec
        if spec.id not in roaming and not zone.match(spec.zone):
            continue
        table = view.table
        for member, base in zip(spec.devices, view.layout.bases, strict=True):
            template = view.layout.templates[member.template]
            if not kind.match(template.kind) or not device.match(member.id):
                continue
            where = member.zone
            if spec.id in roaming:
                where = roamers.zone_of(member.id) or where
                if not zone.match(where):
                    continue
            if not slash:
                if offset <= total < offset + limit:
                    worst = max(
                        (table.quality(base + at) for at in range(len(template.points))), default=0
                    )
                    rows.append(
                        [member.id, template.kind, where, member.name, member.link,
                         member.fed_by, worst]
                    )  # fmt: skip
                total += 1
                continue
            for at, found in enumerate(template.points):
                if point.match(found.name):
                    if offset <= total < offset + limit:
                        rows.append(
                            [f"{member.id}/{found.name}", *table.read(base + at), found.unit,
                             found.writable, *([list(found.words)] if words else [])]
                        )  # fmt: skip
                    total += 1
    return {"total": total, "rows": rows, "of": "points" if slash else "devices"}
