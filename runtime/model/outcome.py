"""What became of a command."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, overload


class Status(IntEnum):
    """The ends of a command. Exactly one is reported for each accepted command.

    REJECTED, EXPIRED: never sent to the field. FAILED: definite, the point does not hold the
    value. INDETERMINATE: sent, effect unknown; never retried by itself. APPLIED: read back.
    SUPERSEDED: something newer took its place, sent or not (``stages.dispatched`` tells).
    CANCELLED: who gave it took it back in time; never sent.
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
    JOURNAL = "journal"
    """The zone's journal cannot take it now; nothing was accepted. Retry later."""
    TOO_OLD = "too_old"
    """The id is older than what is remembered, so nobody can tell whether it was executed."""
    CLOCK = "clock"
    """The cell is on another host whose clock is not known now, so that the deadline cannot be told
    there; nothing was sent. Retry."""
    NO_LEASE = "no_lease"
    """The cell holds no lease of the zone now, and may not write; nothing was sent."""
    HELD = "held"
    """Somebody holds, reserves or locks it out (detail: who, why, until when); nothing was sent."""
    OUTRANKED = "outranked"
    """SUPERSEDED: the hold stands, and takes effect when the stronger one (detail) is gone."""
    NEWER = "newer"
    """SUPERSEDED: a newer setpoint for the same point came while this one waited."""
    WITHDRAWN = "withdrawn"
    """CANCELLED: who gave it took it back before it was sent."""
    POISON = "poison"
    """It was given up after it had failed several times; see the dead letters."""
    PARKED = "parked"
    """The device is parked SAFE after too many failures; nothing was sent."""
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


_STATUSES = {int(status): status for status in Status}


def status_of(code: int) -> Status:
    """Return the status of a code; one that a later version knows is unknown to us."""
    return _STATUSES.get(code, Status.INDETERMINATE)


class OutcomeColumns(Sequence[Outcome]):
    """The outcomes of a bulk command as they came: columns, of which each look makes an outcome."""

    __slots__ = ("_dispatched", "_exceptions", "_finished", "_id", "_point", "_values", "devices",
                 "statuses")  # fmt: skip

    def __init__(
        self,
        id: bytes,
        point: str,
        devices: Sequence[str],
        statuses: bytes,
        values: bytes,
        dispatched_ns: bytes,
        finished_ns: bytes,
        exceptions: Mapping[int, tuple[str, str]],
    ) -> None:
        """Take columns of equal length: u8 statuses, f64 values (NaN: none), u64 times.

        ``exceptions``: index -> reason and detail; of all others the reason is ``ok``.
        """
        self._id = id
        self._point = point
        self.devices = devices
        self.statuses = statuses
        self._values = memoryview(values).cast("d")
        self._dispatched = memoryview(dispatched_ns).cast("Q")
        self._finished = memoryview(finished_ns).cast("Q")
        self._exceptions = exceptions

    def __len__(self) -> int:
        return len(self.devices)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        """Return one outcome, or some."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        reason, detail = self._exceptions.get(at, (Reason.OK, ""))
        value = self._values[at]
        return Outcome(
            self._id, self.devices[at], self._point, status_of(self.statuses[at]), reason, detail,
            value if value == value else None,
            Stages(0, self._dispatched[at], 0, self._finished[at]),
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, (str, bytes)):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} outcomes>"


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """One outcome for each device of a bulk command."""

    id: bytes
    outcomes: Sequence[Outcome]
    seconds: float

    def counts(self) -> Mapping[str, int]:
        """Return how many ended how, e.g. ``{"APPLIED": 33_120, "FAILED": 340, …}``."""
        found: Counter[str] = Counter()
        if isinstance(self.outcomes, OutcomeColumns):
            for code, count in Counter(self.outcomes.statuses).items():
                found[status_of(code).name] += count
        else:
            found.update(outcome.status.name for outcome in self.outcomes)
        return dict(found)

    def exceptions(self) -> Sequence[Outcome]:
        """Return the outcomes that are not APPLIED."""
        outcomes = self.outcomes
        if isinstance(outcomes, OutcomeColumns):
            codes = enumerate(outcomes.statuses)
            return [outcomes[at] for at, code in codes if code != Status.APPLIED]
        return [outcome for outcome in outcomes if not outcome.applied]
