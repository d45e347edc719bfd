"""A prepared read of a group of points, and what becomes of its answer."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from jacquemart.native.table import PointTable, column_of
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.model.field import Bad, BoundPoint, Taken, slots_of
from jacquemart.runtime.model.quality import Quality


class Watch:
    """A point that an actor wants to be told about, and what it was told last."""

    __slots__ = ("_actor", "_name", "_quality", "_value", "slot")

    def __init__(self, slot: int, actor: DeviceActor, name: str) -> None:
        """Watch a slot for an actor that calls it ``name``."""
        self.slot = slot
        self._actor = actor
        self._name = name
        self._value = math.nan
        self._quality: int = Quality.BAD_NEVER_READ

    def tell(self, table: PointTable, failed: Callable[[DeviceActor, BaseException], None]) -> None:
        """Tell the actor if the slot shows something else than it was told, whoever read it."""
        value, quality = table.value(self.slot), table.quality(self.slot)
        if quality == Quality.BAD_REMOVED:
            return  # its actor has stopped
        if self._actor.parked:
            return  # it is told what there is then when it works again
        if quality == self._quality and (value == self._value or math.isnan(value)):
            return
        self._value, self._quality = value, quality
        try:
            self._actor.reading(self._name, value, quality)
        except RAISED as error:  # one actor's bug stops nobody else
            failed(self._actor, error)


class ReadingPlan:
    """The points of one poll group, their slots, and the actors that watch some of them."""

    __slots__ = ("_watches", "compiled", "points", "slots")

    def __init__(
        self,
        points: Sequence[BoundPoint],
        compiled: Any,
        watchers: Mapping[int, Watch],
        slots: array[int] | None = None,
    ) -> None:
        """Remember the plan.

        ``watchers`` are those of all slots of the link; ``slots``: of the points, if known.
        """
        self.points = points
        self.compiled = compiled
        self.slots = slots_of(points) if slots is None else slots
        self._watches: Sequence[Watch] = ()
        if watchers:
            self._watches = [watchers[slot] for slot in self.slots if slot in watchers]

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
        column = column_of(answer) if type(answer) is list else None
        if column is not None:
            table.update_columns(self.slots, column, None, None, receive_ns)
            self.tell(table, failed)
            return
        types = set(map(type, answer))
        taken: array[int] | None = None
        if Taken in types:
            taken = array("q", [getattr(value, "source_ns", 0) for value in answer])
        if Bad in types:
            values = array("d", bytes(8 * len(answer)))
            qualities = bytearray(len(answer))
            for at, value in enumerate(answer):
                if isinstance(value, Bad):
                    quality: int = value.quality
                    if (
                        quality == Quality.BAD_UNIT
                        and dead_feeders
                        and self.points[at].device.fed_by in dead_feeders
                    ):
                        quality = Quality.BAD_FED_BY
                    values[at] = math.nan
                    qualities[at] = quality
                else:
                    values[at] = value
                    qualities[at] = getattr(value, "quality", Quality.GOOD)
            self._store_mixed(table, values, qualities, taken, receive_ns)
        else:
            known = None
            if taken is not None:
                known = bytes([getattr(value, "quality", Quality.GOOD) for value in answer])
            table.update_columns(self.slots, array("d", answer), known, taken, receive_ns)
        self.tell(table, failed)

    def tell(self, table: PointTable, failed: Callable[[DeviceActor, BaseException], None]) -> None:
        """Tell those who watch points of the plan what changed."""
        for watch in self._watches:
            watch.tell(table, failed)

    def mark(
        self, table: PointTable, quality: Quality, receive_ns: int, dead_feeders: Collection[str]
    ) -> None:
        """Give all points of the plan a quality, keeping their values."""
        if quality == Quality.BAD_UNIT and dead_feeders:
            fed, own = array("I"), array("I")
            for slot, point in zip(self.slots, self.points, strict=True):
                (fed if point.device.fed_by in dead_feeders else own).append(slot)
            table.mark_slots(fed, Quality.BAD_FED_BY, receive_ns)
            table.mark_slots(own, quality, receive_ns)
        else:
            table.mark_slots(self.slots, quality, receive_ns)

    def _store_mixed(
        self,
        table: PointTable,
        values: array[float],
        qualities: bytearray,
        taken: array[int] | None,
        receive_ns: int,
    ) -> None:
        """Store good values, and mark the bad ones without touching what was last known."""
        good = [at for at, quality in enumerate(qualities) if quality < Quality.STALE_AGE]
        if good:
            table.update_columns(
                array("I", [self.slots[at] for at in good]),
                array("d", [values[at] for at in good]),
                bytes(qualities[at] for at in good),
                array("q", [taken[at] for at in good]) if taken is not None else None,
                receive_ns,
            )
        by_quality: dict[int, list[int]] = {}
        for at, quality in enumerate(qualities):
            if quality >= Quality.STALE_AGE:
                by_quality.setdefault(quality, []).append(self.slots[at])
        for quality, slots in by_quality.items():
            table.mark_slots(slots, quality, receive_ns)
