"""Where in a shard's table each device begins, over changes of the running city. Pure.

Rules: a device that goes on keeps its base; whatever comes begins at or above the capacity of
before; capacity never shrinks. So no slot ever means another device to somebody who has missed
the change, and the table of whoever has not been told yet stays true.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from jacquemart.runtime.model.city import DeviceSpec, LinkSpec
from jacquemart.runtime.model.directory import ShardSpec


def layout(shard: ShardSpec, size: Mapping[str, int]) -> tuple[Sequence[int], int]:
    """Return the base of each device, and the capacity.

    Args:
        shard: a shard.
        size: slots of a device, by template.
    """
    if shard.bases:
        ends = (
            base + size[device.template]
            for base, device in zip(shard.bases, shard.devices, strict=True)
        )
        return shard.bases, max(shard.capacity, *ends)
    bases: list[int] = []
    at = 0
    for device in shard.devices:
        bases.append(at)
        at += size[device.template]
    return bases, max(shard.capacity, at)


def successor(
    shard: ShardSpec,
    size_before: Mapping[str, int],
    links: Sequence[LinkSpec],
    going_on: Mapping[str, DeviceSpec],
    coming: Iterable[DeviceSpec],
    size: Mapping[str, int],
) -> ShardSpec:
    """Return a shard as it is after a change; the very same object where nothing differs.

    Args:
        shard: as it was.
        size_before: slots of a device of then, by template.
        links: its links from now on.
        going_on: the devices that keep their slots, by id, with what is said of them now.
        coming: the devices that get new slots, in the order of those.
        size: slots of a device, by template.
    """
    bases_before, capacity = layout(shard, size_before)
    devices: list[DeviceSpec] = []
    bases: list[int] = []
    differs = False
    for device, base in zip(shard.devices, bases_before, strict=True):
        kept = going_on.get(device.id)
        if kept is None:
            differs = True
            continue
        differs = differs or kept is not device
        devices.append(kept)
        bases.append(base)
    at = capacity
    for device in coming:
        devices.append(device)
        bases.append(at)
        at += size[device.template]
        differs = True
    if not differs and tuple(links) == shard.links:
        return shard
    made = replace(shard, links=tuple(links), devices=tuple(devices), bases=(), capacity=0)
    dense, end = layout(made, size)
    if list(dense) == bases and end == at:
        return made
    return replace(made, bases=tuple(bases), capacity=at)


def without(
    shard: ShardSpec, devices: Collection[str], links: Collection[str], size: Mapping[str, int]
) -> ShardSpec:
    """Return a shard before these devices, the last of it, and these links have come.

    Its capacity ends where theirs begins, so that they may come later.
    """
    bases, capacity = layout(shard, size)
    coming = [
        base for device, base in zip(shard.devices, bases, strict=True) if device.id in devices
    ]
    kept = [at for at, device in enumerate(shard.devices) if device.id not in devices]
    return replace(
        shard,
        links=tuple(link for link in shard.links if link.id not in links),
        devices=tuple(shard.devices[at] for at in kept),
        bases=tuple(bases[at] for at in kept),
        capacity=min(capacity, *coming) if coming else capacity,
    )


def waste(shard: ShardSpec, size: Mapping[str, int]) -> tuple[int, int]:
    """Return how many slots a shard has, and how many of them are somebody's."""
    _, capacity = layout(shard, size)
    return capacity, sum(size[device.template] for device in shard.devices)
