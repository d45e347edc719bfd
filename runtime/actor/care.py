"""What an actor tells those who care for it: its cell, which keeps, tells and escalates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from jacquemart.runtime.actor.base import Actor
    from jacquemart.runtime.actor.ticket import Ticket


class DeadLetter(NamedTuple):
    """A message that was given up."""

    ticket: Ticket
    attempts: int
    reason: str
    """One line: what it raised."""
    stack: str
    """Where, trimmed."""


class Care(Protocol):
    """Who takes care of a cell's actors."""

    def changed(self, actor: Actor) -> None:
        """Have what the actor would save looked at soon."""
        ...

    def parked(self, actor: Actor, why: str) -> None:
        """Take note that an actor was parked."""
        ...

    def unparked(self, actor: Actor) -> None:
        """Take note that it was unparked."""
        ...

    def restarted(self, actor: Actor) -> Sequence[Actor]:
        """Return those that start again with it."""
        ...

    def restored(self, actor: Actor, content: Mapping[str, Any]) -> bool:
        """Take note of what the journal has of it; return whether it shall have it too."""
        ...

    def dead(self, actor: Actor, letter: DeadLetter) -> None:
        """Take a message that was given up."""
        ...


class Nobody:
    """Cares for actors outside a device cell: nothing is kept."""

    def changed(self, actor: Any) -> None:
        """Do nothing."""

    def parked(self, actor: Any, why: str) -> None:
        """Do nothing."""

    def unparked(self, actor: Any) -> None:
        """Do nothing."""

    def restarted(self, actor: Any) -> Sequence[Actor]:
        """Nobody starts again with it."""
        return ()

    def restored(self, actor: Any, content: Mapping[str, Any]) -> bool:
        """Let it have it."""
        return True

    def dead(self, actor: Any, letter: DeadLetter) -> None:
        """Do nothing."""


NOBODY = Nobody()
