"""The rest of the city, on a bench: it takes what the device under test commands, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status

if TYPE_CHECKING:
    from jacquemart.runtime.actor.ticket import Ticket, Value
    from jacquemart.runtime.model.clock import Clock


class Commanded(NamedTuple):
    """What the device under test has commanded another to do."""

    device: str
    verb: str
    value: Value
    point: str
    unit: str
    priority: int


class Others:
    """All other devices; ``KindBench.others``.

    Attributes:
        commands: what they were commanded, in order.
        answer: how each command ends from now on; None: nobody hears of it any more, so that it
            ends INDETERMINATE when its time is over.
        value: what an APPLIED outcome says.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock) -> None:
        """Apply everything."""
        self.commands: list[Commanded] = []
        self.answer: Status | None = Status.APPLIED
        self.value: float | None = None
        self._loop = loop
        self._clock = clock
        self._open: dict[int, tuple[asyncio.Handle, Callable[[Status, str], None]]] = {}
        self._number = 0

    direct: None = None
    """Nothing goes another way."""

    # As a cell carries it --------------------------------------------------------------------

    def command(
        self, actor: Any, principal: str, device: str, verb: str, value: Value, point: str,
        unit: str, priority: int, deadline_ns: int, told: Callable[[Outcome], object],
        cause: Ticket | None,
    ) -> None:  # fmt: skip
        """Take a command; its end comes in the next turn of the loop, or never in its time."""
        now, self._number = self._clock.boot_ns(), self._number + 1
        number, identity = self._number, new_command_id()

        def end(status: Status, reason: str) -> None:
            self._open.pop(number, None)
            applied = status is Status.APPLIED
            told(
                Outcome(
                    identity, device, point, status, Reason.OK if applied else reason, "",
                    self.value if applied else None,
                    Stages(now, finished=self._clock.boot_ns()),
                )
            )  # fmt: skip

        if cause is not None:
            cause.acted = True
        handle: asyncio.Handle
        if actor.halted:
            handle = self._loop.call_soon(end, Status.REJECTED, Reason.STOPPING)
        else:
            self.commands.append(Commanded(device, verb, value, point, unit, priority))
            if self.answer is None:
                left_s = max(0, deadline_ns + END_AFTER_DEADLINE_NS - now) / 1e9
                unknown = Status.INDETERMINATE, Reason.CELL_LOST
                handle = self._loop.call_later(left_s, end, *unknown)
            else:
                handle = self._loop.call_soon(end, self.answer, _REASONS[self.answer])
        self._open[number] = handle, end

    def stopped(self, actor: Any) -> None:
        """End what it has under way."""
        for handle, end in list(self._open.values()):
            handle.cancel()
            end(Status.INDETERMINATE, Reason.STOPPING)


#: One reason that goes with each end.
_REASONS = {
    Status.APPLIED: Reason.OK,
    Status.REJECTED: Reason.UNREACHABLE,
    Status.EXPIRED: Reason.DEADLINE,
    Status.FAILED: Reason.NOT_FOLLOWING,
    Status.INDETERMINATE: Reason.CELL_LOST,
    Status.SUPERSEDED: Reason.NEWER,
    Status.CANCELLED: Reason.WITHDRAWN,
}
