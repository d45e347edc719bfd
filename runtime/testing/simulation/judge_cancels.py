"""The judge of what was taken back: what is told CANCELLED was never sent, and nobody else's."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.testing.simulation.disk import SimulatedDisk
from jacquemart.runtime.testing.simulation.field import Arrival
from jacquemart.runtime.testing.simulation.history import Entry, History
from jacquemart.runtime.testing.simulation.judge import VOLATILE, Story

CANCELLED = int(Status.CANCELLED)
#: Ends that a command cannot have that was taken back in time, and is remembered.
OTHERS = frozenset({"APPLIED", "FAILED", "EXPIRED", "SUPERSEDED"})
Key = tuple[str, str]
_NO_RECORD = "ended CANCELLED, and no record before says that it was taken back"


@dataclass(slots=True)
class TakenBack:
    """What a client asked and heard when it took a command back."""

    asked_ns: int
    told: list[Entry] = field(default_factory=list)

    @property
    def in_time(self) -> bool:
        """Whether it was told for certain that nothing was sent, and nothing will be."""
        return any(
            entry.facts[1] and not entry.facts[2] and not entry.facts[3] for entry in self.told
        )

    @property
    def most_cancelled(self) -> int:
        """How many devices it was told of that they are not commanded, at most."""
        return max((entry.facts[1] for entry in self.told), default=0)


def taken_back_of(history: History) -> dict[Key, TakenBack]:
    """Return who took what back, by client and id."""
    found: dict[Key, TakenBack] = {}
    for entry in history.entries:
        if entry.what == "cancel_asked":
            found.setdefault((entry.who, entry.facts[0]), TakenBack(entry.at_ns))
        elif entry.what == "cancel_answered":
            found[entry.who, entry.facts[0]].told.append(entry)
    return found


def judge_cancels(
    history: History,
    log: Sequence[Arrival],
    disk: SimulatedDisk,
    stories: Mapping[Key, Story],
    devices: Collection[str],
) -> list[str]:
    """Return what is wrong with what was taken back, a sentence for each violation.

    Args:
        history: of the clients and cells.
        log: of the field.
        disk: with the journals, at rest.
        stories: the commands of the history; a story's value is its own.
        devices: all that there are; a bulk command of a trial means every one.
    """
    back = taken_back_of(history)
    written: dict[float, set[str]] = {}
    for arrival in log:
        written.setdefault(arrival.value, set()).add(arrival.device)
    found = [*_journals(disk, back)]
    for key, story in stories.items():
        mine = back.get(key)
        name = f"{story.client} {story.id[:8]} ({story.subject} = {story.value:g})"
        there = written.get(story.value, set())
        found.extend(f"cancel: {name} {why}" for why in _unasked(story, mine))
        if mine is not None:
            found.extend(f"cancel: {name} {why}" for why in _broken(story, mine, there, devices))
    return found


def _unasked(story: Story, mine: TakenBack | None) -> Iterator[str]:
    """Judge ends that say that it was taken back: its own client must have asked before."""
    for entry in story.answers:
        said = CANCELLED in entry.facts[2] if story.bulk else entry.facts[1] == "CANCELLED"
        if said and (mine is None or mine.asked_ns > entry.at_ns):
            yield "ended CANCELLED, and nobody whose it is had taken it back"


def _broken(
    story: Story, mine: TakenBack, there: Collection[str], devices: Collection[str]
) -> Iterator[str]:
    """Judge whether what was told of the taking back is so."""
    if story.bulk:
        if mine.most_cancelled + len(there) > len(devices):
            yield (
                f"was taken back on {mine.most_cancelled} of {len(devices)} devices, and was "
                f"written on {len(there)}"
            )
        return
    if not mine.in_time:
        return
    if there:
        yield "was taken back in time, and was written"
    # Nobody remembers a volatile one over the loss of its cell: that it was not sent is also told
    # in another way then.
    others = OTHERS - {"EXPIRED", "SUPERSEDED"} if story.subject.endswith(VOLATILE) else OTHERS
    for entry in story.answers:
        if entry.facts[1] in others:
            yield f"was taken back in time, and ended {entry.facts[1]}"


def _journals(disk: SimulatedDisk, back: Mapping[Key, TakenBack]) -> Iterator[str]:
    """Judge the records: the request is on disk before the end, and the end is as it was told."""
    for journal in disk.journals.values():
        asked: set[Key] = set()
        for record in journal.records:
            body = record.body
            key = (str(body.get("principal")), body["id"].hex() if "id" in body else "")
            name = f"cancel: {key[0]} {key[1][:8]}"
            if record.kind is RecordKind.CANCEL:
                asked.add(key)
                if key not in back:
                    yield f"{name} was taken back by nobody whose it is"
            elif record.kind is RecordKind.ENDED:
                mine = back.get(key)
                if body["status"] == CANCELLED and key not in asked:
                    yield f"{name} {_NO_RECORD}"
                if body["status"] != CANCELLED and mine is not None and mine.in_time:
                    ended = Status(body["status"]).name
                    yield f"{name} was taken back in time, and its journal has {ended}"
            elif record.kind is RecordKind.BULK_ENDED:
                cancelled = CANCELLED in bytes(body["statuses"])
                if cancelled and key not in asked:
                    yield f"{name} {_NO_RECORD}"
