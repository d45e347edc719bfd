"""Taking a command back, from a client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jacquemart.runtime.model.errors import RemoteProtocolError, UsageError
from jacquemart.runtime.model.outcome import Outcome, Stages, status_of


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What came of taking a command back; of a bulk command, numbers of devices.

    Whatever it says, the command itself has exactly one end, as without it.
    """

    id: bytes
    cancelled: int
    """They end CANCELLED: nothing was sent, and nothing will be."""
    too_late: int
    """Their writes may have left, or they had ended before: they go on to their true ends."""
    asked: int
    """Commands (of a bulk command, cells) whose cell has not answered yet. The request is on
    disk: nothing that is not sent yet will be. Ask ``outcome_of`` later."""
    outcome: Outcome | None = None
    """The end of a single command, if it has one by now."""

    @property
    def in_time(self) -> bool:
        """Whether nothing of it was sent, for certain."""
        return self.cancelled > 0 and not self.too_late and not self.asked


def question(principal: str, id: bytes) -> dict[str, Any]:
    """Return the arguments of the query ``cancel``.

    Raises:
        UsageError: no identity.
    """
    if len(id) != 16:
        raise UsageError(f"a command id has 16 bytes, not {len(id)}")
    return {"principal": principal, "id": id}


def cancellation(id: bytes, answer: Any) -> Cancellation:
    """Read the answer to the query ``cancel``.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        outcome = None
        if answer["outcome"] is not None:
            device, point, status, reason, detail, value, stages = answer["outcome"]
            outcome = Outcome(
                id, device, point, status_of(status), reason, detail, value, Stages(*stages)
            )
        return Cancellation(
            id, int(answer["cancelled"]), int(answer["too_late"]), int(answer["asked"]), outcome
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteProtocolError(f"not the answer to cancel: {error!r}") from error


class Cancelling:
    """What :class:`jacquemart.Client` can do to take a command back. Mixed into it."""

    principal: str

    def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    def cancel(self, id: bytes) -> Cancellation:
        """Take a command, claim or bulk command of this principal back, by its identity.

        What waits in its zone or its cell is never sent and ends CANCELLED; at what has left for
        the field it is too late, and the answer says so. Safe to repeat; answers within five
        seconds. What an older command was superseded by this one for, does not come back.

        Raises:
            UnknownIdentity: no such command of this principal; it may be on its way still, or have
                been lost before it was accepted. NotYours: it is somebody else's. JournalError:
                its zone's journal takes nothing now, and nothing was done: retry.
                CellUnreachable, GatewayUnreachable: who has it does not answer: retry.
        """
        return cancellation(id, self.query("cancel", **question(self.principal, id)))


class AsyncCancelling:
    """What :class:`jacquemart.AsyncClient` can do; see :class:`Cancelling`. Mixed into it."""

    principal: str

    async def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    async def cancel(self, id: bytes) -> Cancellation:
        """Take a command back; see :meth:`Cancelling.cancel`."""
        return cancellation(id, await self.query("cancel", **question(self.principal, id)))
