"""The troubles of one actor: its failures, the messages it failed with, and its parking."""

from __future__ import annotations

import random
import traceback
from typing import TYPE_CHECKING

from jacquemart.runtime.actor.care import DeadLetter
from jacquemart.runtime.kernel.poison import FAILURES, Contents
from jacquemart.runtime.kernel.supervision import Intensity, Restarts, Step
from jacquemart.runtime.model.text import describe

if TYPE_CHECKING:
    from jacquemart.runtime.actor.ticket import Ticket

#: Lines and characters of a stack that a dead letter has.
_FRAMES = 6
_STACK = 2_000


class Troubles:
    """Made at an actor's first failure; healthy actors have none."""

    __slots__ = ("_contents", "_restarts", "_rng", "failures")

    def __init__(self, actor: str, intensity: Intensity) -> None:
        """Begin for the actor of that id."""
        self.failures = 0
        """Since its cell has it."""
        self._restarts = Restarts(intensity)
        self._contents = Contents()
        self._rng = random.Random(f"restarts of {actor}")

    def failed(self, now_ns: int) -> Step:
        """Take a failure of the actor; return what to do."""
        self.failures += 1
        return self._restarts.failed(now_ns, self._rng.random())

    def dead_letter(self, ticket: Ticket, error: BaseException, now_ns: int) -> DeadLetter | None:
        """Take the message that it failed with; return it as a dead letter if it is one now."""
        attempts = self._contents.failed(_content(ticket), now_ns)
        if attempts < FAILURES:
            return None
        frames = traceback.format_exception(type(error), error, error.__traceback__, -_FRAMES)
        return DeadLetter(ticket, attempts, describe(error), "".join(frames)[-_STACK:])

    def handled(self, ticket: Ticket) -> None:
        """Take that a message was handled."""
        self._contents.succeeded(_content(ticket))

    def refusal(self, ticket: Ticket, now_ns: int) -> str:
        """Return why a message is not handled now; empty if it may be."""
        left_s = self._contents.refused_s(_content(ticket), now_ns)
        if not left_s:
            return ""
        return (
            f"its handler failed {FAILURES} times in a row with this very command; "
            f"it may be tried again in {left_s:.0f} s"
        )


def _content(ticket: Ticket) -> tuple[str, str, str, str]:
    return ticket.verb, ticket.point, repr(ticket.said), ticket.unit
