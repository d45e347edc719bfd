"""Shards, packed so that a city of a hundred thousand devices travels through Ray in a moment.

Pickle calls Python code for every field of a frozen record; rows of plain values take a third of
that, and there are tens of thousands of devices and several cells that want them all.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from jacquemart.runtime.model.city import NO_PARAMETERS, DeviceSpec
from jacquemart.runtime.model.directory import ShardSpec

_NAMES = tuple(one.name for one in fields(DeviceSpec))
_row = operator.attrgetter(*_NAMES)
_PARAMETERS = _NAMES.index("parameters")

#: id, zone, links, rows of devices, bases, capacity.
Parcel = list[tuple[str, str, tuple[Any, ...], list[tuple[Any, ...]], tuple[int, ...], int]]


def pack(shards: Iterable[ShardSpec]) -> Parcel:
    """Return the shards as plain rows."""
    return [
        (s.id, s.zone, s.links, [_row(device) for device in s.devices], s.bases, s.capacity)
        for s in shards
    ]


def unpack(parcel: Parcel) -> tuple[ShardSpec, ...]:
    """Return the shards that were packed."""
    return tuple(
        ShardSpec(id, zone, links, tuple(_device(row) for row in rows), bases, capacity)
        for id, zone, links, rows, bases, capacity in parcel
    )


def _device(row: tuple[Any, ...]) -> DeviceSpec:
    if not row[_PARAMETERS]:  # one for all that have none
        row = (*row[:_PARAMETERS], NO_PARAMETERS, *row[_PARAMETERS + 1 :])
    return DeviceSpec(*row)
