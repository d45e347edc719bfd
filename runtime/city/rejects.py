"""What is wrong with single rows of an inventory: errors, or rows that are left out.

A published file may have a few bad rows. With ``bad_rows = "drop"`` they are left out, each with
its reason, and the rest of the city loads; without it the same words are errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from jacquemart.runtime.city.problems import KEPT, CityProblem, Place, Report, problem_of

Problem = tuple[Place, Any, str, str, Collection[str]]
"""A place, what was found there, what is allowed, a message, and the names that may be meant."""


class RowProblems:
    """The problems of the rows of one inventory.

    Attributes:
        rows: the rows that are left out, from 0; always empty where problems are errors.
        lost: how many rows were left out before they became rows.
        reasons: how many rows were left out for which reason; each row counts once.
        kept: the first of them, whole.
    """

    def __init__(self, report: Report, *, drop: bool) -> None:
        """Start without problems."""
        self.rows: set[int] = set()
        self.lost = 0
        self.reasons: Counter[str] = Counter()
        self.kept: list[CityProblem] = []
        self.drop = drop
        self._report = report

    @property
    def rejected(self) -> int:
        """Return how many rows were left out."""
        return len(self.rows) + self.lost

    def of(self, rows: set[int]) -> RowProblems:
        """Return the same for some rows only: what is told of others means nothing."""
        return _Some(self, self._report, rows)

    def full(self, *, always_dropped: bool = False) -> bool:
        """Return whether further problems are only counted, so need no explanation."""
        dropped = self.drop or always_dropped
        return len(self.kept) >= KEPT if dropped else self._report.full

    def add(
        self,
        row: int,
        place: Place,
        found: Any,
        allowed: str,
        message: str = "",
        among: Collection[str] = (),
    ) -> None:
        """Add what is wrong with a row: an error, or why it is left out."""
        if self.drop:
            self.leave_out(row, place, found, allowed, message, among)
        else:
            self._report.add(place, found, allowed, message, among=among)

    def leave_out(
        self,
        row: int,
        place: Place,
        found: Any,
        allowed: str,
        message: str = "",
        among: Collection[str] = (),
    ) -> None:
        """Leave a row out, with the reason; a second reason adds nothing."""
        if row not in self.rows:
            self.rows.add(row)
            self._count(place, found, allowed, message, among)

    def add_each(
        self, rows: Sequence[int], tell: Callable[[int], Problem], *, always_drop: bool = False
    ) -> None:
        """Add what is wrong with each of these rows; from some hundred on they are counted only.

        Args:
            rows: the rows, in order.
            tell: returns what is wrong with one: its place, what was found, what is allowed, a
                message, and the names that may have been meant. File, key and what is allowed are
                the same for all of them.
            always_drop: leave them out, whatever becomes of other bad rows.
        """
        add = self.leave_out if always_drop else self.add
        for number, row in enumerate(rows):
            if self.full(always_dropped=always_drop):
                place, _, allowed, *_ = tell(row)
                self._add_rest(rows[number:], place, allowed, drop=self.drop or always_drop)
                return
            add(row, *tell(row))

    def _add_rest(self, rows: Sequence[int], place: Place, allowed: str, *, drop: bool) -> None:
        if drop:
            fresh = set(rows) - self.rows
            self.rows |= fresh
            self.reasons[_reason(place, allowed)] += len(fresh)
        else:
            self._report.count_only(place.file, place.key, len(rows))

    def lose(self, place: Place, found: Any, allowed: str) -> bool:
        """Tell of what never became a row; return whether it may be left out."""
        if self.drop:
            self.lost += 1
            self._count(place, found, allowed, "", ())
        else:
            self._report.add(place, found, allowed)
        return self.drop

    def _count(
        self, place: Place, found: Any, allowed: str, message: str, among: Collection[str]
    ) -> None:
        self.reasons[_reason(place, allowed)] += 1
        if len(self.kept) < KEPT:
            self.kept.append(problem_of(place, found, allowed, message, among))


def _reason(place: Place, allowed: str) -> str:
    return f"{place.key}: {allowed}" if place.key else allowed


class _Some(RowProblems):
    def __init__(self, whole: RowProblems, report: Report, rows: set[int]) -> None:
        super().__init__(report, drop=whole.drop)
        self._whole = whole
        self._some = rows

    def add(
        self,
        row: int,
        place: Place,
        found: Any,
        allowed: str,
        message: str = "",
        among: Collection[str] = (),
    ) -> None:
        if row in self._some:
            self._whole.add(row, place, found, allowed, message, among)

    def add_each(
        self, rows: Sequence[int], tell: Callable[[int], Problem], *, always_drop: bool = False
    ) -> None:
        some = [row for row in rows if row in self._some]
        self._whole.add_each(some, tell, always_drop=always_drop)
