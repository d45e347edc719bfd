"""Places that have sent something back: each is asked with one at a time until it takes one. Pure.

A cell that hands over takes nothing new for a while. If all that waits for it were tried again at
each look, it would be flooded with what it sends back, the more so the slower it is to say so.

It says so at once, while the end of what it takes may come much later: so whoever has said nothing
for ``PATIENCE_NS`` counts as willing again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

What = TypeVar("What")

#: A refusal is waited for so long.
PATIENCE_NS = 500_000_000


@dataclass(slots=True)
class _Question(Generic[What]):
    what: What | None = None
    """With what it is being asked; None: with nothing now."""
    asked_ns: int = 0


class Unwilling(Generic[What]):
    """Who takes nothing, as far as is known."""

    def __init__(self) -> None:
        """Take all to be willing."""
        self.places: dict[str, _Question[What]] = {}
        """By name; the same container as long as this lives."""

    def __bool__(self) -> bool:
        return bool(self.places)

    def __contains__(self, place: str) -> bool:
        return place in self.places

    def refused(self, place: str, what: What) -> None:
        """Take note that a place has sent something back: it was asked with it, or is from now."""
        question = self.places.setdefault(place, _Question())
        if question.what is what:
            question.what = None

    def answered(self, place: str, what: What) -> None:
        """Take note of any other end of ``what``: if the place was asked with it, it is willing."""
        question = self.places.get(place)
        if question is not None and question.what is what:
            del self.places[place]

    def asked(self, place: str, what: What, now_ns: int) -> None:
        """Take note that something goes to a place; of an unwilling one, it is the question."""
        question = self.places.get(place)
        if question is not None:
            question.what, question.asked_ns = what, now_ns

    def most(self, place: str, most: int, now_ns: int) -> int:
        """Return how many may be sent to a place now, of ``most``: all, one, or none."""
        question = self.places.get(place)
        if question is None:
            return most
        if question.what is None:
            return min(most, 1)
        if now_ns - question.asked_ns < PATIENCE_NS:
            return 0
        del self.places[place]
        return most

    def clear(self) -> None:
        """Take all to be willing again: others may be in their places."""
        self.places.clear()
