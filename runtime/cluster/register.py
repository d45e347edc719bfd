"""Who owns what, as the warden keeps it: epochs and versions of the directory. Pure.

Rules: an epoch is never given twice and always grows, over restarts of the city too, since it
starts from wall-clock milliseconds; an address of an older epoch never replaces a newer one; a
directory with any change in it has a higher version.
"""

from __future__ import annotations

from collections.abc import Mapping

from jacquemart.runtime.cluster.blueprint import ZONE_CELL
from jacquemart.runtime.model.directory import CellAddress, Directory, Placement


class Register:
    """Allocates epochs and builds directories."""

    def __init__(self, placement: Placement, wall_ms: int, *, version: int = 0) -> None:
        """Begin with the homes of a placement and no cell.

        Args:
            placement: where shards live.
            wall_ms: POSIX time in milliseconds; the first epoch.
            version: version of the last directory that was sent.
        """
        self.city = placement.city
        """The city that runs; while it changes, the one that it shall be."""
        self._epoch = wall_ms - 1
        self._version = version
        self._cells: dict[str, CellAddress] = {}
        self._gone: set[str] = set()
        self._homes: dict[str, str] = {}
        self._zones: dict[str, str] = {}
        self._settle(placement)

    def settle(self, placement: Placement) -> None:
        """Let everything live where another placement says; cells keep their addresses."""
        self._settle(placement)
        self._version += 1

    def _settle(self, placement: Placement) -> None:
        self._homes = {shard.id: plan.name for plan in placement.cells for shard in plan.shards}
        self._zones = {zone.id: ZONE_CELL for zone in placement.city.zones}

    def gone(self, cell: str) -> None:
        """Let nobody wait for an incarnation that has ended, until another one arrives."""
        if cell in self._cells and cell not in self._gone:
            self._gone.add(cell)
            self._version += 1

    def forget(self, cell: str) -> None:
        """Forget a cell that was ended for good."""
        if self._cells.pop(cell, None) is not None:
            self._version += 1

    @property
    def cells(self) -> Mapping[str, CellAddress]:
        """Return the last known address of every cell."""
        return self._cells

    def next_epoch(self, wall_ms: int) -> int:
        """Return a new epoch: the wall clock's milliseconds, or more if it went back."""
        self._epoch = max(self._epoch + 1, wall_ms)
        return self._epoch

    def at_least(self, epoch: int) -> None:
        """Give only epochs from this one on: a journal knows of a cell with the one before.

        The wall clock went back since then, or the journal is of a host whose clock was ahead.
        """
        self._epoch = max(self._epoch, epoch - 1)

    def arrived(self, address: CellAddress) -> bool:
        """Take a cell's address; return False, and change nothing, if a newer one is known."""
        known = self._cells.get(address.name)
        if known is not None and known.epoch >= address.epoch:
            return False
        self._cells[address.name] = address
        self._gone.discard(address.name)
        self._version += 1
        return True

    def directory(self) -> Directory:
        """Return the directory as of now."""
        cells = {name: cell for name, cell in self._cells.items() if name not in self._gone}
        return Directory(self._version, cells, dict(self._homes), dict(self._zones))
