"""What a device cell does when it hears that somebody else has its shards: it writes no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell

#: So long the links may take to let go of the field; then the cell ends all the same.
END_S = 3.0


class Fencing:
    """Ends the links of a cell for good, and then the cell."""

    def __init__(self, cell: DeviceCell) -> None:
        """Do nothing yet."""
        self._cell = cell
        self._task: asyncio.Task[None] | None = None

    def begin(self, why: str) -> None:
        """Close the links; whatever waits to be sent ends REJECTED ``no_lease``."""
        cell = self._cell
        cell.draining = True
        links = [link for shard in cell.shards.values() for link in shard.links.values()]
        for link in links:
            link.ending = why
        self._task = cell.loop.create_task(self._end(why))

    async def _end(self, why: str) -> None:
        cell = self._cell
        tasks = cell.cut_links(list(cell.running_links)).values()
        if tasks:
            await asyncio.wait(tasks, timeout=END_S)
        if cell.on_fenced is not None:
            cell.on_fenced(why, cell.leases.least_epoch)
