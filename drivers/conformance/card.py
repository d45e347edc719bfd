"""Cards: numbered trials, each with what it needs, what it does, and when it is passed."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from jacquemart.drivers.conformance.rig import Rig

Trial = Callable[[Rig], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Card:
    """One trial. Numbers are spaced, and never given twice: a card keeps its number for good."""

    id: str
    title: str
    needs: str
    action: str
    passes: str
    run: Trial


@dataclass(frozen=True, slots=True)
class CardResult:
    """How a driver did on a card; ``detail`` says why it failed or was skipped."""

    card: Card
    verdict: Literal["pass", "fail", "skip"]
    detail: str
    seconds: float


CARDS: dict[str, Card] = {}
"""All cards by id, in the order of their numbers once ``deck`` is imported."""


def card(number: int, *, action: str, passes: str, needs: str = "") -> Callable[[Trial], Trial]:
    """Make a card of a trial; its docstring's first line is the title."""

    def add(trial: Trial) -> Trial:
        name = f"DC-{number:03}"
        if name in CARDS:
            raise ValueError(f"{name} is given twice")
        title = (inspect.getdoc(trial) or "").splitlines()[0].rstrip(".")
        CARDS[name] = Card(name, title, needs or "nothing special", action, passes, trial)
        return trial

    return add
