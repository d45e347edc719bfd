"""The standbys of a city: made after everything else, renewed when they are used or lost.

One may become any cell: it has the shards of all device cells built, and the code of all others
imported. Others are made for one cell only, while cells are handed to fresh processes.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from jacquemart.runtime.cluster import processes
from jacquemart.runtime.cluster.cells import ANY
from jacquemart.runtime.cluster.ray_cell import Warm
from jacquemart.runtime.model.errors import CellUnreachable, JacquemartError, StartError

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.keeper import Keeper

log = logging.getLogger("jacquemart.warden")

#: A standby is begun so long after the city, or the cell that used the last one, was ready: they
#: come first.
AFTER_S = 0.5
#: How long one may take to be warm.
WARM_S = 120.0
_LONGEST_PAUSE_S = 60.0
PREFIX = "standby:"


class Standbys:
    """Keeps what ``Cells.spares`` holds. For the warden's main thread."""

    def __init__(
        self,
        keeper: Keeper,
        wanted: bool,
        warm: Callable[[str], None],
        failed: Callable[[str, str], None],
    ) -> None:
        """Have none yet.

        Args:
            keeper: whose cells these are.
            wanted: whether there shall always be one that may become any cell.
            warm: is told the key of each that is warm.
            failed: is told the key of each that was lost, and why.
        """
        self._keeper = keeper
        self._wanted = wanted
        self._warm = warm
        self._failed = failed
        self._due_s = 0.0
        self._pause_s = 1.0
        self._began_s: dict[str, float] = {}

    @property
    def making(self) -> bool:
        """Return whether one is being made, so that answers are awaited."""
        return any(spare.warm is None for spare in self._keeper.cells.spares.values())

    def stamps(self) -> dict[str, int]:
        """Return the stamps of those that are warm, by the name that they are watched by."""
        spares = self._keeper.cells.spares.items()
        return {PREFIX + key: spare.pulse.process() for key, spare in spares if spare.warm}

    def want(self, key: str) -> bool:
        """Begin one, if there is none; return whether it is warm already."""
        spare = self._keeper.cells.spares.get(key)
        if spare is None:
            self._began_s[key] = time.monotonic()
            self._keeper.cells.begin_spare(key, self._keeper.next_epoch())
            return False
        return spare.warm is not None

    def used(self) -> None:
        """Note that the common standby is a cell now."""
        self._due_s = time.monotonic() + AFTER_S

    def renew(self) -> None:
        """Note that the city has changed: what was built is of no use."""
        self.lose(ANY, "the city has changed")
        self._due_s = time.monotonic() + AFTER_S

    def lose(self, key: str, reason: str) -> None:
        """End one, because it has ended, is frozen, or is of no use."""
        if key not in self._keeper.cells.spares:
            return
        log.warning("standby %s: %s", key, reason)
        self._keeper.lifeline.forget(PREFIX + key)
        self._keeper.cells.end_spare(key)
        self._due_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._failed(key, reason)

    def turn(self, *, settled: bool) -> None:
        """Take the answers of those that are being made; make one if it is time.

        Args:
            settled: whether every cell runs: a standby waits for that.
        """
        now = time.monotonic()
        for key, answer in self._keeper.cells.answers("prepare").items():
            try:
                self._take(key, answer)
            except (JacquemartError, OSError) as error:
                self.lose(key, str(error))
        for key, spare in list(self._keeper.cells.spares.items()):
            if spare.warm is None and now - self._began_s.get(key, now) > WARM_S:
                self.lose(key, f"not warm within {WARM_S:.0f} s")
        if not settled:
            self._due_s = max(self._due_s, now + AFTER_S)
        elif self._wanted and now >= self._due_s and ANY not in self._keeper.cells.spares:
            self.want(ANY)

    def _take(self, key: str, answer: Warm | Exception) -> None:
        if isinstance(answer, Exception):
            if isinstance(answer, JacquemartError):
                raise answer
            raise StartError(str(answer), where=f"standby {key}") from answer
        cell = self._keeper.cells.spares[key]
        cell.warm = answer
        if answer.host_id != processes.host_id():
            self._wanted = False  # and so would be the next one
            raise StartError("Ray placed it on another host", where=f"standby {key}")
        if answer.niceness > os.nice(0) and self._keeper.embedded:
            raise StartError(f"Ray gave it niceness {answer.niceness}", where=f"standby {key}")
        cell.connect_line()
        if not self._keeper.lifeline.watch(PREFIX + key, answer.pid):
            raise CellUnreachable("it ended right after its start", where=f"standby {key}")
        self._pause_s = 1.0
        self._keeper.report.tell("standby_ready", standby=key, pid=answer.pid)
        self._warm(key)
