"""What became of a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Status(IntEnum):
    """The ends of a command. Exactly one is reported for each accepted command.

    REJECTED, EXPIRED: never sent to the field. FAILED: definite, the point does not hold the
    value. INDETERMINATE: sent, effect unknown; never retried by itself. APPLIED: read back.
    SUPERSEDED: something newer took its place, sent or not (``stages.dispatched`` tells).
    """

    APPLIED = 0
    REJECTED = 1
    EXPIRED = 2
    FAILED = 3
    INDETERMINATE = 4
    SUPERSEDED = 5
    CANCELLED = 6


class Reason:
    """Stable reason words of outcomes (docs/protocol.md lists them)."""

    OK = "ok"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_POINT = "unknown_point"
    UNKNOWN_COMMAND = "unknown_command"
    NOT_WRITABLE = "not_writable"
    BAD_VALUE = "bad_value"
    OUT_OF_RANGE = "out_of_range"
    WRONG_UNIT = "wrong_unit"
    UNREACHABLE = "unreachable"
    """The link or the device does not answer; nothing was sent."""
    UNREACHABLE_BY = "unreachable_by"
    """What feeds the device is dead (detail names it); nothing was sent."""
    DEVICE_FAULT = "device_fault"
    """Sent and read back: the device reports a fault of its own and does not follow."""
    NOT_FOLLOWING = "not_following"
    """Sent and acknowledged, but the feedback does not show the value."""
    REFUSED = "refused"
    """The device refused the write."""
    BUSY = "busy"
    """A lane is full or the device is busy; retry later."""
    DEADLINE = "deadline"
    NO_ANSWER = "no_answer"
    """Sent, no valid answer, and read-back could not tell."""
    NO_READBACK = "no_readback"
    """Acknowledged, but no read-back arrived."""
    DUPLICATE_ID = "duplicate_id"
    """The same id came before with another content."""
    MOVED = "moved"
    """The sender's directory is old; refresh and send again."""
    CELL_LOST = "cell_lost"
    """The cell was lost or did not answer while the command was in its hands."""
    RULE = "rule"
    """A rule of the device's kind forbids it now (detail says which)."""
    INTERLOCK = "interlock"
    """Asked right before the field: its guards could not be read, or its kind forbids it; nothing
    was sent."""
    STOPPING = "stopping"
    INTERNAL = "internal"


class Stages(NamedTuple):
    """Boot-time clock in ns at which a command passed; 0 where it did not get so far."""

    received: int = 0
    dispatched: int = 0
    """Handed to the link, right before the field."""
    acknowledged: int = 0
    finished: int = 0


class Outcome(NamedTuple):
    """What became of one command, with the value that was read back."""

    id: bytes
    device: str
    point: str
    status: Status
    reason: str = Reason.OK
    detail: str = ""
    value: float | None = None
    stages: Stages = Stages()

    @property
    def applied(self) -> bool:
        """Return whether the read-back showed the value."""
        return self.status is Status.APPLIED


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """One outcome for each device of a bulk command."""

    id: bytes
    outcomes: Sequence[Outcome]
    seconds: float

    def counts(self) -> Mapping[str, int]:
        """Return how many ended how, e.g. ``{"APPLIED": 33_120, "FAILED": 340, …}``."""
        found: dict[str, int] = {}
        for outcome in self.outcomes:
            found[outcome.status.name] = found.get(outcome.status.name, 0) + 1
        return found

    def exceptions(self) -> Sequence[Outcome]:
        """Return the outcomes that are not APPLIED."""
        return [outcome for outcome in self.outcomes if not outcome.applied]
