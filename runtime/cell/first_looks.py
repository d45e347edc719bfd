"""The start of many links: a few at a time, so that the loop has turns for everything else.

A link begins with a connection and a read of all it has. Thousands that begin in one turn of the
loop hold it for as long as all of that takes together, and nobody hears of the cell meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from jacquemart.runtime.cell.link import LinkShell

#: Links that look around for the first time at once.
AT_ONCE = 128
#: A link that has not settled after this long no longer keeps others waiting.
PATIENCE_S = 1.0
#: How often to see who has settled.
TURN_S = 0.005


class FirstLooks:
    """Gives each link its turn to begin, in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, links: Iterable[LinkShell]) -> None:
        """Begin with the first links in the loop's next turn."""
        self._loop = loop
        self._waiting = deque((link, loop.create_future()) for link in links)
        self._looking: list[tuple[LinkShell, float]] = []
        self.turns: dict[str, asyncio.Future[None]] = {
            link.spec.id: turn for link, turn in self._waiting
        }
        """The turn of each link, by its id: done when it may begin."""
        self._timer: asyncio.Handle = loop.call_soon(self._next)

    def stop(self) -> None:
        """Give no more turns."""
        self._timer.cancel()

    def _next(self) -> None:
        now = self._loop.time()
        self._looking = [
            (link, began)
            for link, began in self._looking
            if not link.settled and now - began < PATIENCE_S
        ]
        while self._waiting and len(self._looking) < AT_ONCE:
            link, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._looking.append((link, now))
        if self._waiting:
            self._timer = self._loop.call_later(TURN_S, self._next)
