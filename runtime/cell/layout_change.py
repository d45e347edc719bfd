"""What differs between two layouts of one shard: who stays in place, who leaves, who comes.

Used alike by the cell that owns the shard and by its zone's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from jacquemart.native.table import PointTable
from jacquemart.runtime.kernel.change import goes_on
from jacquemart.runtime.model.city import DeviceSpec
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.layout import ShardLayout


@dataclass(slots=True)
class LayoutChange:
    """The way from one layout of a shard to the next."""

    old: ShardLayout
    new: ShardLayout
    removed: list[tuple[DeviceSpec, int]] = field(default_factory=list)
    """With the base that each has had."""
    added: list[tuple[DeviceSpec, int]] = field(default_factory=list)
    kept: dict[str, DeviceSpec] = field(default_factory=dict)
    """Device id -> what is said of it from now on (its name may be another)."""


def layout_change(old: ShardLayout, new: ShardLayout) -> LayoutChange:
    """Compare two layouts of one shard; a device stays if it keeps its base.

    Raises:
        UsageError: the new layout gives a device that changed its old base, moves one that did
            not, or gives a new one slots below the old capacity: whoever planned it is wrong.
    """
    change = LayoutChange(old, new)
    where = f"shard {new.spec.id}"
    before = {
        device.id: (device, base) for device, base in zip(old.spec.devices, old.bases, strict=True)
    }
    alike = {name: old.templates.get(name) == template for name, template in new.templates.items()}
    for device, base in zip(new.spec.devices, new.bases, strict=True):
        known = before.get(device.id)
        if known is None or known[1] != base:
            if base < old.capacity and new.size(device):
                raise UsageError(
                    f"{device.id} is to begin at slot {base}, which was somebody's before",
                    where=where,
                    advice=f"new and changed devices begin at {old.capacity} or above",
                )
            change.added.append((device, base))
            continue
        if not alike[device.template] or not (known[0] is device or goes_on(known[0], device)):
            raise UsageError(f"{device.id} has changed and keeps its slots", where=where)
        change.kept[device.id] = device
        del before[device.id]
    change.removed = list(before.values())
    return change


def grow(change: LayoutChange, table: PointTable) -> None:
    """Make room for who comes; nothing else changes.

    Raises:
        MemoryError: there is none; the table is as it was.
    """
    table.grow(max(table.capacity, change.new.capacity), max(table.groups, len(change.new.groups)))


def retire(change: LayoutChange, table: PointTable) -> None:
    """Take the slots of who leaves out of the table, in as few ranges as they make."""
    ranges: list[list[int]] = []
    for base, size in sorted((base, change.old.size(device)) for device, base in change.removed):
        if ranges and sum(ranges[-1]) == base:
            ranges[-1][1] += size
        else:
            ranges.append([base, size])
    for start, count in ranges:
        table.retire(start, count)
