"""The judge of the journals: what was accepted is there, with exactly one end."""

from __future__ import annotations

from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.testing.simulation.client import PASSING
from jacquemart.runtime.testing.simulation.disk import SimulatedDisk
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.judge import END_NS, stories_of


def judge_journals(history: History, disk: SimulatedDisk) -> list[str]:
    """Return what is wrong with the journals of a city at rest, a sentence for each violation."""
    accepted: dict[tuple[str, str], int] = {}
    ended: dict[tuple[str, str], list[str]] = {}
    bulks: dict[tuple[str, str], int] = {}
    deadlines: dict[tuple[str, str], int] = {}
    found = []
    for journal in disk.journals.values():
        for record in journal.records:
            body = record.body
            if "id" not in body:
                continue
            key = (str(body.get("principal")), body["id"].hex())
            if record.kind is RecordKind.ACCEPTED:
                accepted[key] = accepted.get(key, 0) + 1
                deadlines[key] = body["deadline_ns"]
            elif record.kind is RecordKind.ENDED:
                ended.setdefault(key, []).append(str(body.get("status")))
                late = (body["stages"][-1] - deadlines.get(key, body["stages"][-1]) - END_NS) / 1e9
                if late > 0:
                    found.append(f"I6 {key[0]} {key[1][:8]} had its end {late:.2f} s too late")
            elif record.kind is RecordKind.BULK_ACCEPTED:
                bulks[key] = bulks.get(key, 0) + 1
            elif record.kind is RecordKind.BULK_ENDED:
                bulks[key] = bulks.get(key, 0) - 1
    for key, times in accepted.items():
        ends = ended.get(key, [])
        name = f"{key[0]} {key[1][:8]}"
        if times > 1:
            found.append(f"I2 {name} was accepted {times} times")
        if len(ends) != 1:
            found.append(f"I6 {name} was accepted, and has {len(ends)} ends in the journal")
    found += [
        f"I6 the bulk command {key[0]} {key[1][:8]} was accepted, and has no end in the journal"
        for key, left in bulks.items()
        if left > 0
    ]
    if not any(accepted.values()):
        return found  # a city without journalled commands
    for key, story in stories_of(history).items():
        if story.bulk or not story.subject.endswith("/setpoint") or key in accepted:
            continue
        told = [entry.facts[1] for entry in story.answers if entry.facts[2] not in PASSING]
        if any(status not in ("REJECTED", "EXPIRED") for status in told):
            found.append(
                f"I1 {key[0]} {key[1][:8]} ended {told[0]}, and no journal has accepted it"
            )
    return found
