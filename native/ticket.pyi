"""Typed stub of the ticket."""

from collections.abc import Callable
from typing import Any, TypeAlias

Value: TypeAlias = float | int | bool | str | None

class Ticket:
    """One command to one actor, on its way through a cell; its end is set once. One thread.

    Times are boot-time ns, 0 where it did not get so far. ``value`` is what a handler sees,
    ``said`` what came: ``value`` may be what a word of it means.
    """

    id: bytes
    principal: str
    device: str
    verb: str
    point: str
    value: Value
    said: Value
    unit: str
    priority: int
    deadline_ns: int
    received_ns: int
    dispatched_ns: int
    acknowledged_ns: int
    end: Callable[[Any], object]
    cause: Any
    acted: bool
    steps: Any
    outcome_kept: Any
    """A place for whoever makes an object of the end."""

    def __init__(
        self, id: bytes, principal: str, device: str, verb: str, point: str, value: Value,
        unit: str, priority: int, deadline_ns: int, received_ns: int, end: Callable[[Any], object],
    ) -> None:  # fmt: skip
        """Describe the command; ``end`` is called with the ticket when it has its end.

        Raises TypeError: an argument of another type; the caller's bug.
        """
    def conclude(
        self, status: int, reason: str, detail: str, result: float | None, now_ns: int
    ) -> None:
        """Set the end and tell it. Whoever calls sees to it that this happens once."""
    def end_frame(self) -> bytes:
        """Return the end as an OUTCOME frame; a detail of more than 1,024 bytes is shortened.

        Raises ValueError: it has no end yet, or a text in it is too long.
        """
    @property
    def ended(self) -> bool:
        """Whether it has its end, of which the following speak."""
    @property
    def status(self) -> Any:
        """How it ended; None before."""
    @property
    def reason(self) -> str | None:
        """A word of ``Reason``."""
    @property
    def detail(self) -> str | None:
        """A sentence for people."""
    @property
    def result(self) -> float | None:
        """The value of the end."""
    @property
    def finished_ns(self) -> int:
        """When it ended."""
