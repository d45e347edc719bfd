"""The leash of one call that writes: it goes no step further than its deadline and its lease.

*Theory.* A process may be frozen anywhere, also in the middle of a driver's call. When it goes on,
its loop may run the driver before any timer. So the clock is asked before each step of the call,
and not only at its begin. What was sent before is unknown then, and is read back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from typing import Any

from jacquemart.native.lease import NO_LEASE, TOO_LATE, Gate
from jacquemart.runtime.cell.permit import Permit
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import NeverSent
from jacquemart.runtime.model.last_look import LastLook

NEVER_NS = 2**63 - 1


class Cut(Exception):
    """A call was cut while it was under way: what it has sent until then is unknown."""


class Leash(LastLook):
    """Until when a call may go on, and the last look of what it sends."""

    __slots__ = ("_clock", "_deadline_ns", "_permit")

    def __init__(self, clock: Clock, deadline_ns: int, permit: Permit | None) -> None:
        """Hold a call to a deadline and, if there is one, to a permit."""
        self._clock = clock
        self._deadline_ns = deadline_ns
        self._permit = permit

    @property
    def over(self) -> bool:
        """Whether nothing may be sent any more."""
        permit = self._permit
        if permit is not None and not permit.gate.open():
            return True
        return self._clock.boot_ns() >= self._deadline_ns

    def left_s(self) -> float:
        """Return how long the call may go on, as things stand."""
        left = self._deadline_ns - self._clock.boot_ns()
        if self._permit is not None:
            left = min(left, self._permit.gate.left_ns())
        return max(0, left) / 1e9

    def check(self) -> None:
        """Ask right before the call begins.

        Raises:
            NeverSent: it must not.
        """
        if self._permit is not None and not self._permit.gate.open():
            raise self._unleased()
        if self._clock.boot_ns() >= self._deadline_ns:
            raise _too_late()

    def send(self, fd: int, data: bytes) -> int:
        """Send on a socket, if it may leave at this moment; see ``LastLook``."""
        gate = self._permit.gate if self._permit is not None else None
        if not isinstance(gate, Gate):  # nobody grants leases, or time is virtual
            self.check()
            return super().send(fd, data)
        sent = gate.send(fd, data, self._deadline_ns)
        if sent == NO_LEASE:
            raise self._unleased()
        if sent == TOO_LATE:
            raise _too_late()
        return sent

    def _unleased(self) -> NeverSent:
        assert self._permit is not None
        self._permit.refused += 1
        return NeverSent("the lease ran out before it was sent", lease=True)

    def lead(self, call: Awaitable[Any]) -> Awaitable[Any]:
        """Return the call, which is cut at the first step after its time.

        Raises:
            Cut: from the awaitable, if the call was cut, and did not end well all the same.
        """
        return _Led(call, self)


def _too_late() -> NeverSent:
    return NeverSent("the deadline came before it was sent", lease=False)


class _Led:
    """Steps an awaitable inside its own task, as ``await`` does, and looks before each step."""

    __slots__ = ("_call", "_leash")

    def __init__(self, call: Awaitable[Any], leash: Leash) -> None:
        self._call = call
        self._leash = leash

    def __await__(self) -> Generator[Any, None, Any]:
        steps = self._call.__await__()
        throw = getattr(steps, "throw", None)
        error: BaseException | None = None
        cut = False
        while True:
            try:
                waited = next(steps) if error is None or throw is None else throw(error)
            except StopIteration as stopped:
                return stopped.value
            except asyncio.CancelledError as cancelled:
                if cut:
                    raise Cut("the call went on for longer than its lease or deadline") from None
                raise cancelled
            error = None
            try:
                yield waited
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as raised:  # noqa: BLE001 - what was thrown in is the call's
                error = raised
            if error is None and not cut and self._leash.over:
                cut = True
                error = asyncio.CancelledError("too late")


class Watch:
    """Ends a call that waits for an answer when its leash is over; a renewed lease ends later."""

    def __init__(self, leash: Leash, patience: asyncio.Timeout) -> None:
        """Watch from now on, until ``cancel``."""
        self.ended = False
        """It was this that ended the call."""
        self._leash = leash
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(leash.left_s(), self._look)

    def cancel(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        left = self._leash.left_s()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        elif not self._patience.expired():
            self.ended = True
            self._patience.reschedule(self._loop.time())
