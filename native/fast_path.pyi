"""Typed stub of the fast path."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol

from jacquemart.native.frames import Command
from jacquemart.native.line import Taker
from jacquemart.native.marks import Marks
from jacquemart.native.window import Window

LONG_WAY: Final[object]
"""What ``take`` returns for what is not plain; nothing has happened to it."""

def content_of(command: Command) -> tuple[Any, ...]:
    """Return what must be the same when a command comes again, device, verb and point first."""

class Shell(Protocol):
    """What a fast path asks of its cell."""

    def stands_in_the_way(self, principal: str, id: bytes) -> bool:
        """Return whether a new command has to go the long way for what a cell before has done."""

    def ended(
        self, key: tuple[str, bytes], ticket: Any, server: Any, peer: bytes, token: bytes,
        frame: bytes,
    ) -> None:  # fmt: skip
        """Answer a command whose end did not come at once."""

    def failed(
        self, error: Exception, server: Any, peer: bytes, token: bytes, frame: bytes
    ) -> None:
        """Answer a command that failed for a fault of ours."""

class Plan:
    """How a kind does one of its commands with a plain value."""

    def __init__(
        self, method: str, *, checked: bool, takes: bool, optional: bool, whole: bool,
        persists: bool, low: float | None, high: float | None, unit: str,
    ) -> None:  # fmt: skip
        """Describe it.

        Args:
            method: of the actor; gets the ticket.
            checked: its value is checked by what follows; else it gets what came.
            takes: a number, and with ``optional`` also none; else there must be no value.
            whole: no fractions.
            persists: the kind keeps state, which is looked at after each command.
            low, high: inclusive; None: no limit.
            unit: that a sender may name.
        """

class FastPath(Taker):
    """Takes the commands of a device cell that nothing stands in the way of.

    A command is plain if its device is here, free and well, nobody claims it, nothing waits for
    it, the cell has its lease, its kind declares it, its value is a number in range, its deadline
    lies ahead, and it is new (or has its end). Such a one is done at once, as the long way would
    do it: window, marks, handler, end. Everything else is left untouched for the long way.
    """

    def __init__(
        self, *, epoch: int, devices: dict[str, Any], window: Window[bytes], marks: Marks,
        clock: Any, shell: Shell, ticket_type: type[Any],
        plan_for: Callable[[type[Any]], Mapping[str, Plan]], empty: Collection[Any], inherits: bool,
        applied: int, raised: Collection[type[BaseException]],
    ) -> None:  # fmt: skip
        """Work for a cell.

        Args:
            epoch: the cell's.
            devices: id -> actor; the cell's own, which it may change.
            window: of the commands it has seen.
            marks: of the messages in hand.
            clock: with ``boot_ns``; None: the machine's.
            shell: see there.
            ticket_type: of the tickets that handlers get; a subclass of ``native.ticket.Ticket``.
            plan_for: returns the commands of a type of actors that are plain, by verb.
            empty: containers; while there is anything in one, all commands go the long way.
            inherits: a cell before has left something: ``shell`` is asked of each.
            applied: the status of what was done.
            raised: what a handler may raise.
        """
    def serve(self, server: Any) -> None:
        """Have ``server`` answer what comes later, of the messages that a line offers."""
    def take(self, frame: bytes, server: Any, peer: bytes, token: bytes) -> Any:
        """Do a command; return its OUTCOME, None if that comes later, or ``LONG_WAY``.

        What comes later goes to ``shell.ended`` with server, peer and token.
        """
    open: bool
    """Whether anything is taken; a cell that hands over takes nothing."""
    epoch: int
    @property
    def taken(self) -> int:
        """Commands that came this way."""
