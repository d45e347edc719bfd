"""Marks that an actor leaves of the message in its hand; its cell's ledger keeps them."""

from __future__ import annotations

from typing import Protocol

from jacquemart.runtime.actor.ticket import Ticket


class Marks(Protocol):
    """Where messages in hand are noted; see ``cell.ledger``."""

    def handling(self, message: Ticket) -> int:
        """Note that a handler begins; return a token."""
        ...

    def returned(self, token: int, *, later: bool) -> int:
        """Note that it is off the stack; return the token that is still good."""
        ...

    def handled(self, token: int) -> None:
        """Note that the message is not in hand any more."""
        ...


class NoMarks:
    """Keeps nothing: for actors that no cell's end need outlive."""

    def handling(self, message: Ticket) -> int:
        """Keep nothing."""
        return -1

    def returned(self, token: int, *, later: bool) -> int:
        """Keep nothing."""
        return -1

    def handled(self, token: int) -> None:
        """Keep nothing."""


NO_MARKS = NoMarks()
