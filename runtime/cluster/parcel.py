"""Shards, packed so that a city of a hundred thousand devices travels through Ray in a moment.

Devices travel as columns: a few blocks of bytes for each shard, which pickle copies whole. A cell
makes of them what its role needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jacquemart.runtime.model.devices import DeviceColumns
from jacquemart.runtime.model.directory import Role, ShardSpec

#: id, zone, links, devices, bases, capacity.
Parcel = list[tuple[str, str, tuple[Any, ...], DeviceColumns, tuple[int, ...], int]]


def pack(shards: Iterable[ShardSpec]) -> Parcel:
    """Return the shards with their devices as columns."""
    return [(s.id, s.zone, s.links, DeviceColumns(s.devices), s.bases, s.capacity) for s in shards]


def unpack(parcel: Parcel, role: Role = "device") -> tuple[ShardSpec, ...]:
    """Return the shards that were packed, as a cell of a role wants them.

    A device cell gets a record for each device; a zone cell gets columns, which look the same;
    centre and gateway get lean columns, which know ids, templates and zones, and no links.
    """
    return tuple(
        ShardSpec(id, zone, links, tuple(devices), bases, capacity)
        if role == "device"
        else ShardSpec(id, zone, links, devices, bases, capacity)
        if role == "zone"
        else ShardSpec(id, zone, (), devices.lean(), bases, capacity)
        for id, zone, links, devices, bases, capacity in parcel
    )
