"""A change of a zone cell's copies of shards: the tables grow while their streams go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from jacquemart.native.batch import Batch
from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.supervisor import ShardView
from jacquemart.runtime.cell.layout_change import LayoutChange, grow, layout_change, retire
from jacquemart.runtime.model.directory import CellConfig
from jacquemart.runtime.model.layout import ShardLayout
from jacquemart.runtime.model.withholding import WithholdingTable

Row = tuple[float, int, int, int]


class ViewsChange:
    """The way of a zone cell's views to another config."""

    def __init__(self, views: dict[str, ShardView], config: CellConfig) -> None:
        """Remember what to do; ``prepare`` and ``do`` follow."""
        self._views = views
        self._config = config
        self._changes: list[tuple[ShardView, LayoutChange]] = []
        self._made: dict[str, ShardView] = {}
        stay = {spec.id for spec in config.shards}
        self.gone = [name for name in views if name not in stay]
        self.growing: set[str] = set()
        """Zones that devices come to."""

    async def prepare(self) -> None:
        """Compare, and make room; the loop has a turn after each shard.

        Raises:
            UsageError: see :func:`layout_change`. MemoryError: no room. All is as it was.
        """
        templates = self._config.templates
        for spec in self._config.shards:
            view = self._views.get(spec.id)
            if view is None:
                layout = ShardLayout(spec, templates)
                table = WithholdingTable(layout.capacity, len(layout.groups))
                layout.define(table)
                self._made[spec.id] = ShardView(layout, table)
                self.growing.add(spec.zone)
            elif view.layout.spec != spec or view.layout.templates != templates:
                layout = ShardLayout(spec, templates, view.layout)
                change = layout_change(view.layout, layout)
                grow(change, view.table)
                self._changes.append((view, change))
                if change.added:
                    self.growing.add(spec.zone)
            await asyncio.sleep(0)

    async def do(self) -> None:
        """Retire who leaves, define who comes, and take the new views."""
        for view, change in self._changes:
            retire(change, view.table)
            change.new.define(view.table, change.added)
            view.layout = change.new
            await asyncio.sleep(0)
        self._views.update(self._made)


class Ahead:
    """What a stream says of slots that its follower has not been told of yet.

    Kept until it has: then nothing was missed, and nobody had to be shown as STALE for it.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._rows: dict[int, Row] = {}

    def apply(self, table: PointTable, columns: Sequence[Any]) -> None:
        """Apply the columns of a batch as far as the table goes, and keep the rest."""
        known = [at for at, slot in enumerate(columns[0]) if slot < table.capacity]
        table.apply_batch(*([column[at] for at in known] for column in columns))
        for slot, *row in zip(*columns, strict=True):
            if slot >= table.capacity:
                self._rows[slot] = (row[0], row[1], row[2], row[3])

    def catch_up(self, table: PointTable) -> bool:
        """Apply what the table has grown for; return whether nothing is left.

        What came since it grew is in it already, and is newer.
        """
        found = [slot for slot in self._rows if slot < table.capacity]
        kept = [(slot, *self._rows.pop(slot)) for slot in found]
        rows = [row for row in kept if table.read(row[0])[3] <= row[4]]
        if rows:
            table.apply_batch(*(list(column) for column in zip(*rows, strict=True)))
        return not self._rows


def store_batch(table: PointTable, batch: Batch, ahead: dict[str, Ahead], topic: str) -> None:
    """Store a batch; keep what is of somebody whom this cell has not been told of yet."""
    columns = (batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns)
    try:
        table.apply_batch(*columns)
    except IndexError:
        ahead.setdefault(topic, Ahead()).apply(table, columns)


def columns_of(columns: list[bytes]) -> tuple[Any, ...]:
    """Return the columns of a snapshot; their lengths are checked when they are applied.

    Raises:
        ValueError: not five columns, or a broken length.
    """
    slots, values, qualities, source, receive = (memoryview(column) for column in columns)
    return (
        slots.cast("I"), values.cast("d"), qualities.cast("B"), source.cast("q"),
        receive.cast("q"),
    )  # fmt: skip
