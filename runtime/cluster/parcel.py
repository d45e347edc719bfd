"""Shards, packed so that a city of a hundred thousand devices travels through Ray in a moment.

Pickle calls Python code for every field of a frozen record; rows of plain values take a third of
that, and there are tens of thousands of devices and several cells that want them all.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from jacquemart.runtime.model.city import DeviceSpec
from jacquemart.runtime.model.directory import ShardSpec

_row = operator.attrgetter(*(one.name for one in fields(DeviceSpec)))

#: id, zone, links, rows of devices.
Parcel = list[tuple[str, str, tuple[Any, ...], list[tuple[Any, ...]]]]


def pack(shards: Iterable[ShardSpec]) -> Parcel:
    """Return the shards as plain rows."""
    return [(s.id, s.zone, s.links, [_row(device) for device in s.devices]) for s in shards]


def unpack(parcel: Parcel) -> tuple[ShardSpec, ...]:
    """Return the shards that were packed."""
    return tuple(
        ShardSpec(id, zone, links, tuple(DeviceSpec(*row) for row in rows))
        for id, zone, links, rows in parcel
    )
