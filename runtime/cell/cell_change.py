"""A change of a device cell: which shards stay, begin and end, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell.closing import last_words
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.cell.shard_change import LEFT, ShardChange
from jacquemart.runtime.cell.succession import Succession
from jacquemart.runtime.cell.topics import layout_topic, topics_of
from jacquemart.runtime.model.directory import CellConfig

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell

#: How long links that end may take for it; then they are left to themselves.
END_S = 3.0


class CellChange:
    """The way of a device cell to another config.

    All that leaves ends before anything begins, over all shards: a device that moves from one to
    the other is never there twice. The loop has a turn after each shard, so that no tick and no
    poll waits for more than one of them.
    """

    def __init__(
        self,
        cell: DeviceCell,
        config: CellConfig,
        kinds: Mapping[str, type[Any]],
        drivers: Mapping[str, type[Any]],
    ) -> None:
        """Remember what to do; ``prepare`` and ``do`` follow."""
        self._cell = cell
        self._config = config
        self._kinds = kinds
        self._drivers = drivers
        self._changes: list[ShardChange] = []
        self._made: list[Shard] = []
        self._ended: list[Shard] = []

    async def prepare(self) -> None:
        """Make all that is new, beside what runs.

        Raises:
            JacquemartError, MemoryError: the cell cannot take this config, and is as it was.
        """
        cell, config = self._cell, self._config
        for spec in config.shards:
            known = cell.shards.get(spec.id)
            if known is None:
                shard = Shard(spec, config.templates, self._kinds, self._drivers, cell)
                self._made.append(shard)
            elif known.spec != spec or known.layout.templates != config.templates:
                change = ShardChange(known, spec, config.templates, self._kinds, cell)
                await change.prepare(self._drivers)
                self._changes.append(change)
            await asyncio.sleep(0)
        stay = {spec.id for spec in config.shards}
        self._ended = [shard for id, shard in cell.shards.items() if id not in stay]

    async def do(self) -> None:
        """Do it; nothing here fails. Returns when the links that ended have let go."""
        cell = self._cell
        cut: dict[str, asyncio.Task[None]] = {}
        succession = Succession(cell.failed, cell.care.succeeded)
        await self._hear_last_words()
        for shard in self._ended:
            self._end(shard, succession)
            cut.update(cell.cut_links(shard.links.values()))
            await asyncio.sleep(0)
        for change in self._changes:
            change.leave(succession)
            cell.know(change.leaving, ())
            cut.update(cell.cut_links(change.closed.values()))
            await asyncio.sleep(0)
        for change in self._changes:
            cell.leases.came(change.shard, change.coming)
            change.come(succession)
            cell.know((), change.coming)
            cell.memory.came(actor.id for actor in change.coming)
            for link in change.opened.values():
                cell.run_link(link, cut.get(link.spec.id))
            if change.difference.removed or change.difference.added:
                cell.publisher.renumber(layout_topic(change.spec.id))
            await asyncio.sleep(0)
        cell.memory.came(shard.spec.id for shard in self._made)
        for shard in self._made:
            cell.enter(shard)
            for actor in shard.actors:
                succession.comes(actor)
                cell.begin(actor)
            for link in shard.links.values():
                cell.run_link(link, cut.get(link.spec.id))
            await asyncio.sleep(0)
        cell.regroup()
        if cut:
            await asyncio.wait(cut.values(), timeout=END_S)
        await cell.leases.leave([shard.spec.id for shard in self._ended])

    async def _hear_last_words(self) -> None:
        leaving = [actor for change in self._changes for actor in change.leaving]
        links = [actor.shard.links[actor.spec.link] for actor in leaving]  # type: ignore[attr-defined]
        for shard in self._ended:
            leaving.extend(shard.actors)
            links.extend(shard.links.values())
        await last_words(leaving, list(dict.fromkeys(links)), END_S)

    def _end(self, shard: Shard, succession: Succession) -> None:
        cell = self._cell
        for actor in shard.actors:
            succession.leaves(actor)
            actor.stop(LEFT)
        for link in shard.links.values():
            link.ending = LEFT
        del cell.shards[shard.spec.id]
        cell.know(shard.actors, ())
        for topic in topics_of(shard.spec.id):
            cell.publisher.close_topic(topic)
