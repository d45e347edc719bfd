"""Commands that wait while their cell is handed over: tried again, in their order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from jacquemart.runtime.kernel.unwilling import Unwilling
from jacquemart.runtime.kernel.waiting_room import WaitingRoom
from jacquemart.runtime.model.clock import Clock

#: Pause before those who wait are tried again.
LOOK_S = 0.02
#: A hand-over is waited for so long at most, however far away the deadline of a command is.
LONGEST_NS = 10_000_000_000
#: Commands that may wait at a time, and bytes of all of them; more are refused.
MOST = 10_000
MOST_BYTES = 16 * 2**20
#: So many are sent before the loop gets a turn.
MOST_A_TURN = 256


class Waiter(Protocol):
    """A command that waits."""

    def send(self) -> bool:
        """Go to who has to have it now; False: there is still nobody."""
        ...

    def give_up(self) -> None:
        """Take note that the time for waiting is over."""
        ...


class Waiting:
    """The commands of one sender that wait, by the zone or shard that they are for."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        on_error: Callable[[BaseException], object],
    ) -> None:
        """Let nobody wait yet; ``on_error`` gets what sending one raises, which ends that one."""
        self._loop = loop
        self._on_error = on_error
        self._clock = clock
        self._room: WaitingRoom[Waiter] = WaitingRoom(MOST, MOST_BYTES)
        self._unwilling: Unwilling[Waiter] = Unwilling()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._room)

    @property
    def rows(self) -> dict[str, list[int]]:
        """By place, who waits for it; to be read: it stays the same dictionary."""
        return self._room.rows

    def holds(self, place: str) -> bool:
        """Return whether somebody waits for a place: who comes later goes behind them."""
        return self._room.holds(place)

    def add(
        self, waiter: Waiter, place: str, came_ns: int, until_ns: int, size: int, *, must: bool
    ) -> bool:
        """Let a command wait; False: too many do. See ``WaitingRoom.add``."""
        if not self._room.add(place, waiter, came_ns, until_ns, size, must=must):
            return False
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_S, self._look)
        return True

    def refused(self, waiter: Waiter, place: str) -> None:
        """Take note that a place has sent a command back, since it is about to move."""
        self._unwilling.refused(place, waiter)

    def answered(self, waiter: Waiter, place: str) -> None:
        """Take note of any other end of a command."""
        self._unwilling.answered(place, waiter)

    def settle(self) -> None:
        """Take note that others may be in the places of those that took nothing."""
        self._unwilling.clear()

    def stop(self) -> None:
        """Try nothing any more: clients ask a gateway's successor."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        for waiter in self._room.overdue(self._clock.boot_ns()):
            waiter.give_up()
        left, now = MOST_A_TURN, self._clock.boot_ns()
        for place in self._room.places:
            most = self._unwilling.most(place, left, now)
            while most and (first := self._room.first(place)) is not None and self._send(first):
                self._unwilling.asked(place, first, now)
                self._room.leave(place)
                most -= 1
                left -= 1
        if len(self._room):
            self._timer = self._loop.call_later(LOOK_S if left else 0.0, self._look)

    def _send(self, waiter: Waiter) -> bool:
        """Return whether a waiter need not wait any more: one that cannot be sent never will be."""
        try:
            return waiter.send()
        except Exception as error:  # noqa: BLE001 - one stands in the way of no other
            self._on_error(error)
            waiter.give_up()
            return True
