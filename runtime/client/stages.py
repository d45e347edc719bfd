"""How far a command has come, asked later by its identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jacquemart.runtime.model.errors import RemoteProtocolError
from jacquemart.runtime.model.outcome import Outcome, Stages, Status, status_of

Stage = Literal["unknown", "accepted", "ended", "too_old"]
_STAGES: Mapping[str, Stage] = {
    "unknown": "unknown", "accepted": "accepted", "ended": "ended", "too_old": "too_old",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CommandState:
    """What a zone knows of a command.

    ``unknown``: it never came, was refused before it was accepted, or is volatile.
    ``accepted``: the zone's journal has it, and it has no end yet. ``ended``: see ``outcome``.
    ``too_old``: it may have been executed; nobody remembers.
    """

    id: bytes
    device: str
    stage: Stage
    outcome: Outcome | None = None
    resolved: tuple[Status, float | None] | None = None
    """What a read-back found after the end was INDETERMINATE; None: nothing yet."""


def question(device: str, principal: str, id: bytes, stage: str, wait_s: float) -> dict[str, Any]:
    """Return the arguments of the query ``outcome``."""
    return {
        "device": device, "principal": principal, "id": id, "stage": stage,
        "wait_ms": int(wait_s * 1e3),
    }  # fmt: skip


def state(device: str, point: str, id: bytes, answer: Any) -> CommandState:
    """Read the answer to the query ``outcome``.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        stage = _STAGES[answer["stage"]]
        ended, resolved = answer["outcome"], answer["resolved"]
        outcome = None
        if ended is not None:
            status, reason, detail, value, stages = ended
            outcome = Outcome(
                id, device, point, status_of(status), reason, detail, value, Stages(*stages)
            )
        found = (status_of(resolved[0]), resolved[1]) if resolved is not None else None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RemoteProtocolError(f"not the state of a command: {error!r}") from error
    return CommandState(id, device, stage, outcome, found)
