"""From the model to its interlock, and what the interlock says in words."""

from __future__ import annotations

from typing import Final, Protocol

from jacquemart.actors.signals.model import LONGEST_STEP_MS, Intersection
from jacquemart.native.interlock import Cleared, Interlock

#: Sentences for what the interlock finds, by its number.
_WHY: Final = (
    "allowed",
    "not understood",
    "it is not known what is shown",
    "flashing is for the whole intersection",
    "the start-up sequence is not over",
    "no such step",
    "two that conflict would go at once",
    "what ended has not cleared",
    "green would be shorter than its minimum",
    "yellow would be too short",
    "red-yellow would be too short",
)


class Output(Protocol):
    """What lights the lamps. It takes only what an interlock let out: nothing else can be made."""

    def show(self, cleared: Cleared) -> None:
        """Show these aspects now."""


def interlock_of(model: Intersection, longest_step_ms: int = LONGEST_STEP_MS) -> Interlock:
    """Return the interlock of an intersection; it knows nothing yet of what is shown.

    Raises:
        ValueError: matrices that contradict themselves, which ``checking`` would have found.
    """
    groups = range(len(model.groups))
    return Interlock(
        intergreen=[[model.intergreens.get((row, to)) for to in groups] for row in groups],
        yields=[[to for to in groups if (row, to) in model.yields] for row in groups],
        min_green=[group.min_green_ms for group in model.groups],
        yellow=[group.yellow_ms for group in model.groups],
        red_yellow=[group.red_yellow_ms for group in model.groups],
        in_flash=[int(group.in_flash) for group in model.groups],
        start_red=model.start_red_ms,
        longest_step=longest_step_ms,
    )


def sentence(model: Intersection, finding: tuple[int, int, int, int, int]) -> str:
    """Return in words why the interlock refused: what, which groups, how long, how long needed."""
    why, group, other, needed, found = finding
    text = _WHY[why] if 0 <= why < len(_WHY) else _WHY[1]
    if group >= 0:
        text += f": {model.groups[group].name}"
    if other >= 0:
        text += f" after {model.groups[other].name}" if needed >= 0 else (
            f" and {model.groups[other].name}"
        )  # fmt: skip
    if needed >= 0:
        text += f"; {found / 1e3:g} s of {needed / 1e3:g} s"
    return text
