"""What became of every command, by its client's word and by the field's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Ends that a command has without ever having been accepted.
REFUSED = frozenset({"REJECTED"})
#: In the detail of an EXPIRED command that came too late even to be accepted.
NEVER_ACCEPTED = "never accepted"
#: An accepted command has its end no later than this after its deadline.
END_AFTER_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One command, as its client knows it. Times are of the boot-time clock."""

    device: int
    value: int
    """No other command to this device has it."""
    sent_ns: int
    deadline_ns: int
    end_ns: int
    status: str
    """Of its outcome; empty: the client was told nothing."""
    detail: str = ""
    accepted: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """One write that reached the field."""

    at_ns: int
    device: int
    value: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The counts of `bench/faults.py`."""

    accepted: int
    applied: int
    failed: int
    expired: int
    indeterminate: int
    rejected: int
    lost: int
    applied_twice: int
    refused_but_applied: int
    late: int
    unfinished: int


def judge(commands: Sequence[Sent], writes: Iterable[Written]) -> Verdict:
    """Count.

    A value that the field sees again later, after another one, is counted as applied twice; the
    same value twice in a row is too: the city has no reason to write what stands already.
    """
    seen: dict[tuple[int, int], list[int]] = {}
    for write in writes:
        seen.setdefault((write.device, write.value), []).append(write.at_ns)
    known = {(one.device, one.value): one for one in commands}
    status = [one.status for one in commands]
    accepted = [one for one in commands if one.accepted]
    return Verdict(
        accepted=len(accepted),
        applied=status.count("APPLIED"),
        failed=status.count("FAILED"),
        expired=status.count("EXPIRED"),
        indeterminate=status.count("INDETERMINATE"),
        rejected=status.count("REJECTED"),
        lost=sum(
            not one.status or (one.status == "APPLIED" and (one.device, one.value) not in seen)
            for one in commands
        ),
        applied_twice=sum(len(times) > 1 for key, times in seen.items() if key in known),
        refused_but_applied=sum(
            one.status in {"REJECTED", "EXPIRED"} and (one.device, one.value) in seen
            for one in commands
        ),
        late=sum(
            any(at > known[key].deadline_ns for at in times)
            for key, times in seen.items()
            if key in known
        ),
        unfinished=sum(
            not one.status or one.end_ns > one.deadline_ns + END_AFTER_NS for one in accepted
        ),
    )


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the value that a share of all do not exceed; None: there are none."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)
