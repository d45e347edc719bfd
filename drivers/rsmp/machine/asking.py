"""Questions to a site and their answers. Pure.

*Theory.* A StatusResponse and a CommandResponse name a component and codes, but not the request
that they answer (RSMP core 3.2.2, "Status messages", "Command messages"). What remains is order:
a site answers the requests for a component in the order in which it got them.

*Rules.*

1. An answer goes to the oldest open question of its kind and component whose names it has.
2. A question that was given up stays in line until its answer comes, which is dropped: a late
   answer is never taken for the next one's.
3. An answer with other names than any question asked for counts as the (wrong) answer to the
   oldest.
4. A site that leaves ``MOST_UNANSWERED`` questions in a row unanswered is no longer understood:
   nobody knows which answer belongs to what, and the connection must be closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal

#: Questions in a row without their answer after which a connection is given up.
MOST_UNANSWERED: Final = 3
Kind = Literal["status", "command"]


@dataclass(slots=True)
class Question:
    """One request under way."""

    token: int
    kind: Kind
    component: str
    names: frozenset[tuple[str, str]]
    deadline: float
    message: str = ""
    """Id of the message, once sent."""
    given_up: bool = False
    sent: dict[str, str] = field(default_factory=dict)
    """Of a command: what its arguments were."""


class Questions:
    """All open questions of one connection."""

    __slots__ = ("_lines", "in_a_row")

    def __init__(self) -> None:
        """Start with none."""
        self._lines: dict[tuple[Kind, str], deque[Question]] = {}
        self.in_a_row = 0
        """Questions in a row that were given up."""

    def ask(self, question: Question) -> None:
        """Take note of a question that is sent now."""
        self._lines.setdefault((question.kind, question.component), deque()).append(question)

    def answered(
        self, kind: Kind, component: str, names: Collection[tuple[str, str]]
    ) -> tuple[Question | None, bool]:
        """Return the question that an answer belongs to, if any, and whether it fits.

        A question that was given up, or an answer that nobody asked for, gives None.
        """
        line = self._lines.get((kind, component))
        if not line:
            return None, False
        got = frozenset(names)
        found = next((one for one in line if self._fits(one, got)), None)
        fits = found is not None
        if found is None:
            found = line[0]
        while line and line[0] is not found:
            earlier = line[0]
            if not earlier.given_up:
                break  # it may still be answered: sites need not keep to the order
            line.popleft()
        line.remove(found)
        if found.given_up:
            return None, fits
        self.in_a_row = 0
        return found, fits

    @staticmethod
    def _fits(question: Question, got: frozenset[tuple[str, str]]) -> bool:
        if question.kind == "command":  # a site may leave out what it keeps secret
            return {code for code, _ in question.names} == {code for code, _ in got}
        return question.names == got

    def refused(self, message: str) -> Question | None:
        """Return the question whose message was refused; it waits no longer."""
        for line in self._lines.values():
            for question in line:
                if question.message == message:
                    line.remove(question)
                    if not question.given_up:
                        self.in_a_row = 0
                    return None if question.given_up else question
        return None

    def give_up(self, token: int) -> None:
        """Wait for a question no longer."""
        for line in self._lines.values():
            for question in line:
                if question.token == token:
                    question.given_up = True

    def overdue(self, now: float) -> list[Question]:
        """Return the questions whose time is over, and give them up."""
        late = [
            question for line in self._lines.values() for question in line
            if not question.given_up and now >= question.deadline
        ]  # fmt: skip
        for question in late:
            question.given_up = True
            self.in_a_row += 1
        return late

    def all(self) -> list[Question]:
        """Return the questions that somebody waits for."""
        return [one for line in self._lines.values() for one in line if not one.given_up]

    def due(self) -> float:
        """Return when the next question is overdue; infinity if none waits."""
        return min((one.deadline for one in self.all()), default=float("inf"))
