"""The shell around ``kernel.client_share``: questions run, wait, or are refused with a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jacquemart.runtime.kernel.client_share import ClientShares
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import TooManyQuestions
from jacquemart.runtime.wire.calls import Request

#: Questions that only wait for something, and cost whoever answers next to nothing.
LIGHT = frozenset({"outcome", "cancel"})
FORGET_S = 5.0

Run = Callable[[], object]


class Shares:
    """Gives each client its share of a gateway, and of what is behind it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        """Know of no client yet."""
        self._loop = loop
        self._clock = clock
        self.kernel: ClientShares[Run] = ClientShares()
        self._timer = loop.call_later(FORGET_S, self._forget)

    def stop(self) -> None:
        """Forget nobody any more."""
        self._timer.cancel()

    def begin(self, request: Request, verb: str, run: Run) -> None:
        """Have a question run now, or when its client's others leave room; ``end`` follows.

        Raises:
            TooManyQuestions: its client has too much under way. Nothing is done.
        """
        heavy, now = verb not in LIGHT, self._clock.boot_ns()
        found = self.kernel.ask(request.peer, len(request.frame), run, now, heavy=heavy)
        if found.retry_ms:
            raise TooManyQuestions(found.why, advice=f"retry in {found.retry_ms} ms")
        if found.runs:
            run()

    def end(self, request: Request, verb: str, answered: int) -> None:
        """Take that a question has its answer of so many bytes."""
        heavy, now = verb not in LIGHT, self._clock.boot_ns()
        following = self.kernel.done(request.peer, len(request.frame), answered, now, heavy=heavy)
        if following is not None:
            following()

    def charge(self, request: Request, answered: int) -> None:
        """Take that a bulk command had an answer of so many bytes."""
        self.kernel.charge(request.peer, answered, self._clock.boot_ns())

    def _forget(self) -> None:
        self.kernel.forget_idle(self._clock.boot_ns())
        self._timer = self._loop.call_later(FORGET_S, self._forget)
