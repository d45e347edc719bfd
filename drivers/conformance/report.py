"""What came of a driver's trial, for people and for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from jacquemart.drivers.conformance.card import Card, CardResult

_WIDTH = 96
_INDENT = " " * 14


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all cards that were played."""

    driver: str
    peer: str
    results: Sequence[CardResult]

    @property
    def passed(self) -> bool:
        """Return whether at least one card was passed, and none failed."""
        return self.count("pass") > 0 and self.count("fail") == 0

    def count(self, verdict: str) -> int:
        """Return how many cards ended ``pass``, ``fail`` or ``skip``."""
        return sum(result.verdict == verdict for result in self.results)

    def result(self, card_id: str) -> CardResult:
        """Return the result of a card; KeyError if it was not played."""
        for result in self.results:
            if result.card.id == card_id:
                return result
        raise KeyError(card_id)

    def text(self) -> str:
        """Return the report as people read it; failures say what would have passed."""
        lines = [f"driver  {self.driver}", f"peer    {self.peer}", ""]
        for result in self.results:
            shown = result.verdict.upper() if result.verdict == "fail" else result.verdict
            lines.append(f"{result.card.id}  {shown:4}  {result.card.title}")
            if result.verdict == "fail":
                lines += _folded("did: ", result.card.action)
                lines += _folded("passes if: ", result.card.passes)
            if result.verdict != "pass":
                lines += _folded("but: " if result.verdict == "fail" else "", result.detail)
        seconds = sum(result.seconds for result in self.results)
        counts = (self.count("pass"), self.count("fail"), self.count("skip"))
        lines += ["", "{} passed, {} failed, {} skipped, {:.1f} s".format(*counts, seconds)]
        return "\n".join(lines)

    def json(self) -> str:
        """Return the report as JSON."""
        cards = [
            {
                "id": result.card.id,
                "title": result.card.title,
                "verdict": result.verdict,
                "detail": result.detail,
                "seconds": round(result.seconds, 3),
            }
            for result in self.results
        ]
        counts = {verdict: self.count(verdict) for verdict in ("pass", "fail", "skip")}
        whole = {
            "driver": self.driver,
            "peer": self.peer,
            "passed": self.passed,
            "counts": counts,
            "cards": cards,
        }
        return json.dumps(whole, indent=2, ensure_ascii=False)


def card_table(cards: Sequence[Card]) -> str:
    """Return all cards as people read them: what each needs, does, and wants."""
    lines = []
    for card in cards:
        lines.append(f"{card.id}  {card.title}")
        for label, words in (
            ("needs: ", card.needs),
            ("does: ", card.action),
            ("passes if: ", card.passes),
        ):
            lines += _folded(label, words)
    return "\n".join(lines)


def _folded(label: str, words: str) -> list[str]:
    return textwrap.wrap(
        label + words,
        _WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT + " " * len(label),
        break_long_words=False,
    )
