"""The start of many links: a few at a time, so that the loop has turns for everything else.

A link begins with a connection and a read of all it has. Thousands that begin in one turn of the
loop hold it for as long as all of that takes together, and nobody hears of the cell meanwhile. How
many begin at once follows from how much work those before were: some take a hundred times as much
as others, and most of the time of all is waiting for the field.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable

from jacquemart.runtime.cell.link import LinkShell

#: Links that look around for the first time at once: at first, at least and at most.
AT_ONCE = 32
FEWEST = 8
MOST = 128
#: So much work between two looks of ours is too much for one turn of the loop, which serves nobody
#: else meanwhile: then half as many look at once.
HELD_S = 0.03
#: So many more may in each turn with less than half of that.
MORE = 4
#: A link that has not settled after this long no longer keeps others waiting.
PATIENCE_S = 1.0
#: How often to see who has settled.
TURN_S = 0.005


class FirstLooks:
    """Gives each link its turn to begin, in order."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        links: Iterable[LinkShell],
        worked_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """Begin with the first links in the loop's next turn.

        ``worked_s`` returns how long the loop's thread has worked so far. Its processor time, by
        default, and not the clock's: on a processor that has other work too, turns are long
        whatever they do, and with fewer links in each the start would only take longer.
        """
        self._loop = loop
        self._worked = worked_s
        self.at_once = AT_ONCE
        """How many may look now."""
        self._before = worked_s()
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
        worked = self._worked()
        took, self._before = worked - self._before, worked
        if took > HELD_S:
            self.at_once = max(FEWEST, self.at_once // 2)
        elif took < HELD_S / 2:
            self.at_once = min(MOST, self.at_once + MORE)
        self._looking = [
            (link, began)
            for link, began in self._looking
            if not link.settled and now - began < PATIENCE_S
        ]
        while self._waiting and len(self._looking) < self.at_once:
            link, turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                self._looking.append((link, now))
        if self._waiting:
            self._timer = self._loop.call_later(TURN_S, self._next)
