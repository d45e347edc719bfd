"""A prepared read of a group of points, and what becomes of its answer."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Sequence
from typing import Any

from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.model.quality import Quality


class ReadingPlan:
    """The points of one poll group, their slots, and the actors that watch some of them."""

    __slots__ = ("_fed", "_watches", "compiled", "points", "slots")

    def __init__(
        self,
        points: Sequence[BoundPoint],
        compiled: Any,
        watches: Sequence[tuple[int, DeviceActor, str]],
    ) -> None:
        """Remember the plan; ``watches`` are (position, actor, point name)."""
        self.points = points
        self.compiled = compiled
        self.slots = array("I", [point.slot for point in points])
        self._watches = [(at, points[at].slot, actor, name) for at, actor, name in watches]
        self._fed = [(at, point.device.fed_by) for at, point in enumerate(points)]

    def store(
        self,
        table: PointTable,
        answer: Sequence[float | Bad],
        receive_ns: int,
        dead_feeders: Collection[str],
        failed: Callable[[DeviceActor, BaseException], None],
    ) -> None:
        """Put an answer into the table and tell those who watch what changed."""
        if len(answer) != len(self.points):
            raise ValueError(f"{len(answer)} values for {len(self.points)} points")
        before = [(table.value(slot), table.quality(slot)) for _, slot, _, _ in self._watches]
        if Bad in map(type, answer):
            values = array("d", bytes(8 * len(answer)))
            qualities = bytearray(len(answer))
            for at, value in enumerate(answer):
                if isinstance(value, Bad):
                    quality: int = value.quality
                    if quality == Quality.BAD_UNIT and self._fed[at][1] in dead_feeders:
                        quality = Quality.BAD_FED_BY
                    values[at] = math.nan
                    qualities[at] = quality
                else:
                    values[at] = value
            self._store_mixed(table, values, qualities, receive_ns)
        else:
            table.update_columns(self.slots, array("d", answer), None, None, receive_ns)
        for (value, quality), (_, slot, actor, name) in zip(before, self._watches, strict=True):
            new_value, new_quality = table.value(slot), table.quality(slot)
            if new_quality != quality or (new_value != value and not math.isnan(new_value)):
                try:
                    actor.reading(name, new_value, new_quality)
                except Exception as error:  # noqa: BLE001 - one actor's bug stops nobody else
                    failed(actor, error)

    def mark(
        self, table: PointTable, quality: Quality, receive_ns: int, dead_feeders: Collection[str]
    ) -> None:
        """Give all points of the plan a quality, keeping their values."""
        if quality == Quality.BAD_UNIT and dead_feeders:
            fed = [self.slots[at] for at, feeder in self._fed if feeder in dead_feeders]
            own = [self.slots[at] for at, feeder in self._fed if feeder not in dead_feeders]
            table.mark_slots(fed, Quality.BAD_FED_BY, receive_ns)
            table.mark_slots(own, quality, receive_ns)
        else:
            table.mark_slots(self.slots, quality, receive_ns)

    def _store_mixed(
        self, table: PointTable, values: array[float], qualities: bytearray, receive_ns: int
    ) -> None:
        """Store good values, and mark the bad ones without touching what was last known."""
        good = [at for at, quality in enumerate(qualities) if quality < Quality.STALE_AGE]
        if good:
            table.update_columns(
                array("I", [self.slots[at] for at in good]),
                array("d", [values[at] for at in good]),
                bytes(qualities[at] for at in good),
                None,
                receive_ns,
            )
        by_quality: dict[int, list[int]] = {}
        for at, quality in enumerate(qualities):
            if quality >= Quality.STALE_AGE:
                by_quality.setdefault(quality, []).append(self.slots[at])
        for quality, slots in by_quality.items():
            table.mark_slots(slots, quality, receive_ns)
