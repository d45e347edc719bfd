"""The part of an actor that commands other devices, wherever they are, by their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from jacquemart.runtime.actor.supervised import Supervised
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Outcome

if TYPE_CHECKING:
    from jacquemart.native.sending import Sending
    from jacquemart.runtime.actor.ticket import Ticket, Value

#: The furthest deadline of a command: nobody means a later one.
LONGEST_S = 24 * 3_600.0


class Commanding(Protocol):
    """What carries the commands of a cell's actors; see ``cell.commanding``."""

    @property
    def direct(self) -> Sending | None:
        """The native way, for what nothing stands in the way of; None: there is none."""
        ...

    def command(
        self, actor: Any, principal: str, device: str, verb: str, value: Value, point: str,
        unit: str, priority: int, deadline_ns: int, told: Callable[[Outcome], object],
        cause: Ticket | None,
    ) -> None:  # fmt: skip
        """Send a command; ``told`` gets its end, once, after this has returned."""
        ...

    def stopped(self, actor: Any) -> None:
        """Send nothing of an actor any more; what it has under way ends for it now."""
        ...


class Nobody:
    """Carries nothing: for actors outside a cell."""

    direct: None = None

    def command(self, *_: object) -> None:
        """Refuse.

        Raises:
            UsageError: whoever hosts the actor carries no commands.
        """
        raise UsageError("nobody here carries commands to other devices")

    def stopped(self, actor: Any) -> None:
        """Do nothing."""


NOBODY = Nobody()


class Commander(Supervised):
    """Base of all actors: what they may ask of other devices."""

    __slots__ = ()

    @property
    def principal(self) -> str:
        """In whose name it commands others."""
        return self.id

    def command(
        self,
        device: str,
        verb: str,
        value: Value = None,
        *,
        point: str = "",
        unit: str = "",
        within_s: float = 10.0,
        priority: int = 8,
        then: Callable[[Outcome], None] | None = None,
    ) -> None:
        """Command another device, wherever in the city it is, from any plain method.

        It goes the way of every command: through the journal of the device's zone, or straight to
        its cell if its kind has declared it volatile; the device's claims, rules and interlocks
        judge it like a person's. Nothing waits for it: the actor goes on meanwhile.

        Args:
            device: its id. One in the same cell is reached without a socket.
            verb: "set", or one that its kind declares.
            value: in the point's unit, or as the verb takes it.
            point: of the device; for ``set``.
            unit: what the value is in; empty: the point's own.
            within_s: nothing is sent to the field later than that, in seconds; above 0, at most a
                day. The end comes some six seconds after it at the latest.
            priority: 1 (highest) to 16, as for any command.
            then: gets the outcome, exactly once, and never before this has returned; a plain
                method. REJECTED and EXPIRED: it was not done, and may be tried again with a new
                command where the reason says so. INDETERMINATE: nobody knows; read first. An
                actor that stops is told ``stopping`` for all that it has under way, and nothing
                of it is sent after that.

        Raises:
            UsageError: an argument of a wrong form; the caller's fault, and nothing was sent.
        """
        if not 0.0 < within_s <= LONGEST_S:
            raise UsageError(f"within_s is {within_s}, allowed: above 0, at most {LONGEST_S:g}")
        carried: Commanding = getattr(self.host, "commanding", NOBODY)
        direct = carried.direct
        if direct is not None and direct.command(
            self, device, verb, value, point, unit, within_s, priority, then
        ):
            return
        deadline_ns = self.host.clock.boot_ns() + int(within_s * 1e9)
        carried.command(
            self, self.principal, device, verb, value, point, unit, priority, deadline_ns,
            self.telling(then), self._cause(),
        )  # fmt: skip

    async def commanded(
        self, device: str, verb: str, value: Value, ticket: Ticket, *, point: str = "",
        unit: str = "",
    ) -> Outcome:  # fmt: skip
        """Command another device on the way of a command, and return what became of it.

        For async handlers: as ``command``, with the deadline and priority of ``ticket``, which
        itself goes on. Once something was done so, a command that ends REJECTED or EXPIRED ends
        FAILED (or INDETERMINATE) with what was done.

        Raises:
            UsageError: an argument of a wrong form; the caller's fault, and nothing was sent.
        """
        done: asyncio.Future[Outcome] = self.host.loop.create_future()

        def told(outcome: Outcome) -> None:
            ticket.other_did(outcome)
            if not done.done():
                done.set_result(outcome)

        carried = self._carried
        direct = carried.direct
        if direct is None or not direct.command_by(
            self, device, verb, value, point, unit, ticket.deadline_ns, ticket.priority, told
        ):
            carried.command(
                self, self.principal, device, verb, value, point, unit, ticket.priority,
                ticket.deadline_ns, told, self._cause(),
            )  # fmt: skip
        return await done

    # For its cell ------------------------------------------------------------------------

    def telling(self, then: Callable[[Outcome], None] | None) -> Callable[[Outcome], object]:
        """Return what tells an author's ``then`` of an end: its failure is the actor's."""

        def told(outcome: Outcome) -> None:
            if then is not None:
                self._guard(lambda: then(outcome))

        return told

    def guarded(self, action: Callable[[], Any]) -> None:
        """Call an author's plain code: its failure is the actor's."""
        self._guard(action)

    # Inside ------------------------------------------------------------------------------

    @property
    def _carried(self) -> Commanding:
        return getattr(self.host, "commanding", NOBODY)

    def _cause(self) -> Ticket | None:
        """Return the command on whose way the actor acts now: that one is more than one write."""
        return None
