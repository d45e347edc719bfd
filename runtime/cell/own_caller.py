"""Calls of a cell to itself: a direct call instead of a socket, with the same ends as any other."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from jacquemart.runtime.wire.calls import Answer, Request

if TYPE_CHECKING:
    from jacquemart.runtime.cell.service import Service

#: Requests that are handed over before the loop has a turn.
MOST_A_TURN = 256
SWEEP_S = 0.5


class OwnRequest:
    """A request that came by no socket; who answers it is called directly."""

    __slots__ = ("_answer", "expires_ns", "frame")

    def __init__(self, frame: bytes, expires_ns: int, answer: Answer) -> None:
        """Have no answer yet."""
        self.frame = frame
        self.expires_ns = expires_ns
        self._answer: Answer | None = answer

    @property
    def over(self) -> bool:
        """Whether it has its end."""
        return self._answer is None

    def reply(self, frame: bytes) -> bool:
        """Answer it; False: it has its end already."""
        return self.end(frame)

    def end(self, frame: bytes | None) -> bool:
        """End it, once."""
        answer, self._answer = self._answer, None
        if answer is not None:
            answer(frame)
        return answer is not None


class OwnCaller:
    """As ``wire.calls.Caller``, from a service to itself.

    A request is handed over in the next turn of the loop: whoever calls has come to its end, and
    a row of actors that command one another grows no stack.
    """

    def __init__(self, service: Service) -> None:
        """Have nothing under way."""
        self._service = service
        self._new: deque[OwnRequest] = deque()
        self._open: deque[OwnRequest] = deque()
        """In the order of their coming; those that have ended leave at the next sweep."""
        self._due = False
        """A turn for handing over is planned."""
        self._sweeper: asyncio.TimerHandle | None = None

    def call(self, frame: bytes, expires_ns: int, answer: Answer) -> bool:
        """Send a request; ``answer`` gets the reply, or None at ``expires_ns``, a bit late."""
        request = OwnRequest(frame, expires_ns, answer)
        self._new.append(request)
        self._open.append(request)
        self._plan()
        if self._sweeper is None:
            self._sweeper = self._service.loop.call_later(SWEEP_S, self._sweep)
        return True

    def close(self) -> None:
        """Hand nothing over any more; every open request ends with None."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._new.clear()
        waiting, self._open = self._open, deque()
        for request in waiting:
            self._end(request)

    def _plan(self) -> None:
        if self._new and not self._due:
            self._due = True
            self._service.loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._due = False
        for _ in range(min(MOST_A_TURN, len(self._new))):
            # A server sees of a request what this one has, too.
            self._service.request(cast("Request", self._new.popleft()))
        self._plan()

    def _sweep(self) -> None:
        self._sweeper = None
        now = self._service.clock.boot_ns()
        late = [one for one in self._open if not one.over and one.expires_ns <= now]
        self._open = deque(one for one in self._open if not one.over and one.expires_ns > now)
        if self._open:
            self._sweeper = self._service.loop.call_later(SWEEP_S, self._sweep)
        for request in late:
            self._end(request)

    def _end(self, request: OwnRequest) -> None:
        try:
            request.end(None)
        except Exception as error:  # noqa: BLE001 - the others get their ends all the same
            self._service.broken(error)
