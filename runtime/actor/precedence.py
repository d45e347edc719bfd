"""Life safety first: what a device does not finish before it takes a command of priority 1 or 2.

- A ``set`` goes beside whatever is in hand.
- A command of the kind takes the place of a write that waits for its proof; that goes on beside
  it, and what waits in the mailbox waits for both.
- A handler that is a task is broken off where it awaits (its ``finally`` runs): two handlers of one
  device at a time could make anything of its fields. Its command ends INDETERMINATE, since it may
  have acted. One that does not let itself be broken off is waited for.

And what is declared ``beside`` waits for nothing at all, whatever its priority.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from jacquemart.native.mailbox import SAFETY
from jacquemart.native.parts import Parts
from jacquemart.runtime.actor.base import RAISED, Host
from jacquemart.runtime.actor.claim_ticket import ClaimTicket
from jacquemart.runtime.actor.claimable import Claimable
from jacquemart.runtime.actor.ticket import Ticket, Value
from jacquemart.runtime.actor.values import check_argument
from jacquemart.runtime.model.claim import LIFE_SAFETY
from jacquemart.runtime.model.outcome import Reason
from jacquemart.runtime.model.text import describe

#: Sets of life safety that are under way beside a command in hand; more wait for it.
MOST_BESIDE = 64

BROKEN_OFF = "broken off for a command of life safety; what it had done by then stands"


class Precedence(Claimable):
    """Base of device actors: who need not wait for whom."""

    __slots__ = ("_aside", "_beside", "_left", "_owner", "_rank", "_sent")

    def __init__(self, id: str, host: Host) -> None:
        """Begin with nothing in hand."""
        super().__init__(id, host)
        self._owner: Ticket | Parts | None = None
        """The command in hand: with its end the next one is begun. In the columns of a bulk
        command it is so as long as nothing else concerns this device."""
        self._sent: Ticket | None = None
        """The command that ends with a write that ``write`` has submitted."""
        self._left: Ticket | None = None
        """That command, when its handler has returned."""
        self._rank = 0
        """Priority of the last command that was begun."""
        self._aside: list[tuple[Ticket, bool]] | None = None
        """Commands that were in hand, whose writes are not proven yet, and whether a handler has
        left them to ``write``; None: never any."""
        self._beside: list[Ticket] | None = None
        """Sets of life safety under way beside the command in hand; None: never any."""

    def post(self, ticket: Ticket) -> None:
        """Hand the actor a command; one of life safety waits for nothing weaker in hand."""
        self.leave_columns()
        if self.has_beside and self._goes_beside(ticket):
            return
        if not (
            ticket.priority <= LIFE_SAFETY < self._rank
            and self._busy
            and not self._stopped
            and not (self._mailbox is not None and self._mailbox.depth(SAFETY))
        ):
            super().post(ticket)
        elif (now := self.host.clock.boot_ns()) >= ticket.deadline_ns:
            self._expire(ticket, now)  # nothing makes way for it
        elif ticket.verb == "set":
            if self._beside is not None and len(self._beside) >= MOST_BESIDE:
                super().post(ticket)
            else:
                self._pass_by(ticket)
        elif isinstance(ticket, ClaimTicket) or self._down or self._parked:
            super().post(ticket)
        elif self._task is not None:
            super().post(ticket)
            self._break_off()
        else:
            self._take_over(ticket)

    def _goes_beside(self, ticket: Ticket) -> bool:
        """Do a command that waits for nobody; return whether it is one, and has been begun."""
        spec = self.command_specs.get(ticket.verb)
        if spec is None or not spec.beside or self._stopped or self._parked or self._down:
            return False
        if (now := self.host.clock.boot_ns()) >= ticket.deadline_ns:
            self._expire(ticket, now)
            return True
        value, refusal = check_argument(self.command_spec(spec), ticket.value, ticket.unit)
        if refusal is None and self.claims is not None:
            held = self.claims.command_refusal(ticket)
            refusal = None if held is None else (Reason.HELD, held)
        if refusal is not None:
            self._refuse(ticket, *refusal)
            return True
        ticket.value = cast("Value", value)
        self._last = ticket
        owner, sent, self._owner, self._sent = self._owner, self._sent, ticket, None
        try:
            result = getattr(self, spec.method)(ticket)
            if not ticket.ended and self._sent is not ticket:  # else its write will end it
                self._succeed(ticket, result)
        except RAISED as error:
            self.host.failed(self, error)
            if not ticket.ended:
                self._end_unknown(ticket, Reason.INTERNAL, describe(error))
        finally:
            self._owner, self._sent = owner, sent
        return True

    def leave_columns(self) -> None:
        """Have a command that is in the columns of a bulk command be one as any other.

        Asked before anything else concerns the device.
        """
        if isinstance(self._owner, Parts):
            self._owner.leave(self)

    def next_message(self) -> None:
        """Go on with what was put aside, if it has no end, else with the mailbox."""
        while self._aside:
            before, left = self._aside.pop()
            if not before.ended:
                self._owner, self._rank = before, before.priority
                self._left = before if left else None
                self._task = self._in_hand = None
                self._busy = True
                return
        super().next_message()

    def ended(self, ticket: Ticket) -> None:
        """Take that a command has its end: if it was in hand, go on."""
        if self._owner is ticket:
            self._owner = None
            self.next_message()

    def _pass_by(self, ticket: Ticket) -> None:
        """Write for life safety now: a command in hand may wait a minute for its proof."""
        if self._troubles is not None and self._poisoned(ticket):
            return
        if self._mailbox:
            self._supersede(ticket)
        self._last = ticket
        if self._beside is None:
            self._beside = []
        self._beside.append(ticket)
        self._guard(lambda: self._send(ticket))
        if ticket.ended and ticket in self._beside:
            self._beside.remove(ticket)

    def _take_over(self, ticket: Ticket) -> None:
        """Do a command of the kind while a write waits for its proof."""
        before = self._owner
        if isinstance(before, Ticket):
            self._aside = [*(self._aside or ()), (before, self._left is before)]
        self._left, self._busy = None, False
        self._begin(ticket)
        if not self._busy:
            self.next_message()

    def _cause(self) -> Ticket | None:
        owner = self._owner
        if not isinstance(owner, Ticket) or owner.outcome is not None or owner.verb == "set":
            return None
        return owner

    def _begin(self, ticket: Ticket) -> None:
        self._owner = ticket
        super()._begin(ticket)

    def _break_off(self) -> None:
        """End the handler in hand where it awaits; its command ends when it has."""
        task, ticket = self._task, self._in_hand
        if task is None or ticket is None or self._mailbox is None:
            return
        if not self._mailbox.depth(SAFETY):
            return  # the one that it should make way for was refused

        def broken(_: asyncio.Task[Any]) -> None:
            if self._task is task and not self._stopped:
                self._task = self._in_hand = None
                self._unmark()
                self.next_message()

        if not task.cancelling():
            task.add_done_callback(broken)
        if not ticket.ended:
            self._end_unknown(ticket, Reason.NEWER, BROKEN_OFF)
        task.cancel(BROKEN_OFF)
