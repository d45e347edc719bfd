"""The judge of a history: nothing lost, nothing twice, nothing late, nothing by an old epoch.

It knows only what was seen from outside: what clients sent and heard, what the devices took, what
is durable on the disks, and which incarnations of cells there were. Each command of a trial has a
value of its own, so the field's log tells which command a write was for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.simulation.client import AGAIN_S, PASSING
from jacquemart.runtime.testing.simulation.field import Arrival
from jacquemart.runtime.testing.simulation.history import Entry, History

#: Every command has its end so long after its deadline (I6), and then it is on its way.
END_NS = 5_000_000_000
#: The point whose commands no journal has.
VOLATILE = "/jog"
#: Ends that say that nothing was sent.
UNSENT = frozenset({"REJECTED", "EXPIRED", "CANCELLED", "SUPERSEDED"})


@dataclass(slots=True)
class Story:
    """All that is known of one command."""

    client: str
    id: str
    subject: str
    verb: str
    priority: int
    value: float
    deadline_ns: int
    issued_ns: list[int] = field(default_factory=list)
    answers: list[Entry] = field(default_factory=list)
    contested: bool = False
    """Another command came with the same id."""
    unanswered: int = 0
    refused: list[str] = field(default_factory=list)
    """Errors instead of outcomes."""
    bulk: bool = False


def judge(history: History, log: Sequence[Arrival], devices: Collection[str]) -> list[str]:
    """Return what is wrong with a history, a sentence for each violation.

    Args:
        history: of the clients and cells.
        log: of the field.
        devices: all that there are; a bulk command of a trial means every one.
    """
    stories = stories_of(history)
    by_value = {story.value: story for story in stories.values()}
    writes: dict[float, list[Arrival]] = {}
    for arrival in log:
        writes.setdefault(arrival.value, []).append(arrival)
    # What stands on a device with claims is written again when one of them ends.
    claimed = {entry.facts[2] for entry in history.of("claim_issued")}
    held = {entry.facts[4] for entry in history.of("claim_issued")}
    # A copy that the network made is another sending, which may be taken where one was refused.
    doubled = any("duplicates" in entry.facts for entry in history.of("fault"))
    found = [f"I3 {text}" for text in _old_epochs(log)]
    others = {entry.facts[1]: (entry.who, entry.facts[0]) for entry in history.of("conflict")}
    for value, key in others.items():
        stories[key].contested = True
        if value in writes and stories[key].value in writes:
            found.append(f"I2 two commands with the id of {_name(stories[key])} were executed")
    found += [
        f"lie: {entry.who} is told that its {value:g} is APPLIED, and it was never written"
        for entry in history.of("conflict_answered")
        if entry.facts[2] == "APPLIED" and (value := entry.facts[1]) not in writes
    ]
    for value, arrivals in writes.items():
        story = by_value.get(value)
        if value in others or value in held:
            continue
        if story is None:
            found.append(f"ghost: nobody asked for {value:g} on {arrivals[0].device}")
            continue
        found.extend(_writes(story, arrivals, claimed))
    for story in stories.values():
        arrivals = writes.get(story.value, [])
        first = {arrival.device: arrival for arrival in reversed(arrivals)}
        again = [a for a in arrivals if a.device not in claimed or a is first[a.device]]
        found.extend(_ends(story, again, devices, doubled=doubled))
    return found


def stories_of(history: History) -> dict[tuple[str, str], Story]:
    """Return the commands of a history, by client and id."""
    stories: dict[tuple[str, str], Story] = {}
    for entry in history.entries:
        what = entry.what.removesuffix("_bulk")
        if what == "issued":
            bulk = entry.what != what
            identity, subject = entry.facts[0], entry.facts[1]
            verb, priority = ("set", 8) if bulk else entry.facts[2:4]
            value, deadline = entry.facts[-2], entry.facts[-1]
            story = stories.setdefault(
                (entry.who, identity),
                Story(entry.who, identity, subject, verb, priority, value, deadline, bulk=bulk),
            )
            story.issued_ns.append(entry.at_ns)
        elif what in ("answered", "unanswered", "refused", "mistaken"):
            story = stories[entry.who, entry.facts[0]]
            if what == "answered":
                story.answers.append(entry)
            elif what == "unanswered":
                story.unanswered += 1
            else:
                story.refused.append(f"{entry.facts[1:]}")
    return stories


def _name(story: Story) -> str:
    return f"{story.client} {story.id[:8]} ({story.subject} = {story.value:g})"


def _writes(story: Story, arrivals: list[Arrival], claimed: Collection[str]) -> Iterator[str]:
    """Judge what reached the field for one command."""
    seen: set[str] = set()
    for arrival in arrivals:
        if arrival.device in claimed and (arrival.device in seen or _may_stand(story)):
            continue
        if arrival.device in seen:
            yield f"I2 {_name(story)} was applied twice on {arrival.device}"
        seen.add(arrival.device)
        if arrival.sent_ns > story.deadline_ns:
            late = (arrival.sent_ns - story.deadline_ns) / 1e6
            yield f"I4 {_name(story)} was sent {late:.1f} ms after its deadline"


def _may_stand(story: Story) -> bool:
    """Whether some end is unknown: then it counts as set, and shows again when a hold ends."""
    unknown = int(Status.INDETERMINATE)
    return any(
        unknown in entry.facts[2] if story.bulk else entry.facts[1] == "INDETERMINATE"
        for entry in story.answers
    )


def _old_epochs(log: Sequence[Arrival]) -> Iterator[str]:
    """Judge who wrote: nobody after a successor of its has written, nor two of one epoch."""
    newest: dict[str, tuple[int, str]] = {}
    for arrival in sorted(log, key=lambda arrival: arrival.sent_ns):
        epoch, cell = newest.get(arrival.device, (0, ""))
        if arrival.epoch < epoch:
            yield (
                f"{arrival.cell} of epoch {arrival.epoch} wrote {arrival.value:g} to "
                f"{arrival.device} after epoch {epoch} had"
            )
            continue
        if arrival.epoch == epoch and arrival.cell != cell:
            yield (
                f"{arrival.cell} wrote {arrival.value:g} to {arrival.device} at epoch {epoch}, "
                f"which {cell} has"
            )
        newest[arrival.device] = (arrival.epoch, arrival.cell)


def _ends(
    story: Story, arrivals: list[Arrival], devices: Collection[str], *, doubled: bool
) -> Iterator[str]:
    """Judge what a client was told."""
    name = _name(story)
    if story.unanswered:
        yield f"I1 {name} has no end"
    for error in story.refused:
        yield f"I6 {name} got {error} in the place of an outcome"
    if story.bulk:
        yield from _bulk_ends(story, arrivals, devices, doubled=doubled)
        return
    final: set[str] = set()
    unknown = False
    for entry in story.answers:
        status, reason = entry.facts[1], entry.facts[2]
        end_ns = entry.facts[-1]
        # A command that came too late was never accepted, whenever that is told.
        # The same of a volatile one that is asked for again when nobody knows it any more.
        nobody_knows = (status, reason) == ("INDETERMINATE", Reason.CELL_LOST)
        told_late = end_ns > story.deadline_ns + END_NS and (arrivals or status not in UNSENT)
        if told_late and not (nobody_knows and story.subject.endswith(VOLATILE)):
            late = (end_ns - story.deadline_ns) / 1e9
            yield f"I6 {name} ended {late:.2f} s after its deadline"
        if status == "REJECTED" and reason in PASSING:
            continue
        if nobody_knows:
            unknown = True  # nobody knows: the same id may be asked for again
            continue
        final.add(status)
        if status == "EXPIRED" and entry.at_ns < story.deadline_ns:
            yield f"lie: {name} is told to be EXPIRED before its deadline"
        if reason == Reason.DUPLICATE_ID and story.contested:
            continue
        if reason == Reason.DUPLICATE_ID:
            yield f"lie: {name} is refused as a duplicate, and has one content only"
        if status == "APPLIED" and not arrivals:
            yield f"lie: {name} is told to be APPLIED, and nothing was written"
        if status in UNSENT and arrivals:
            yield f"lie: {name} is told to be {status} ({reason}), and it was written"
        if status != "INDETERMINATE" and any(a.sent_ns > entry.at_ns for a in arrivals):
            yield f"lie: {name} was written after its end ({status}) had been told"
    # Nobody remembers a volatile command over the loss of its cell: that it was not sent may then
    # be told in two ways.
    if len(final) > 1 and not (story.subject.endswith(VOLATILE) and final <= UNSENT):
        yield f"I6 {name} has several ends: {', '.join(sorted(final))}"
    if story.answers and not final and not unknown and arrivals:
        yield f"lie: {name} was only ever refused, and it was written"


def _bulk_ends(
    story: Story, arrivals: list[Arrival], there_are: Collection[str], *, doubled: bool
) -> Iterator[str]:
    """Judge what a client was told of a bulk command."""
    written = {arrival.device for arrival in arrivals}
    for entry in story.answers:
        # Whoever sends it again may be refused by who does not know that it came before.
        once = (
            not doubled
            and len(story.issued_ns) == 1
            and entry.at_ns < story.issued_ns[0] + int(AGAIN_S * 1e9)
        )
        devices, statuses, reasons = entry.facts[1:4]
        for device, status, reason in zip(devices, statuses, reasons, strict=True):
            if status == 0 and device not in written:
                yield f"lie: {_name(story)} is told to be APPLIED on {device}, and was not written"
            if status == 6 and device in written:
                yield f"lie: {_name(story)} is told to be CANCELLED on {device}, and was written"
            if status in (1, 2) and (once or reason not in PASSING) and device in written:
                yield f"lie: {_name(story)} is told to be unsent on {device}, and was written"
        if sorted(devices) != sorted(there_are):
            yield f"I6 {_name(story)} has ends for {len(devices)} devices of {len(there_are)}"
