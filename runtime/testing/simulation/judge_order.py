"""The judge of order: what a device was told first, it does first."""

from __future__ import annotations

from collections.abc import Sequence

from jacquemart.runtime.model.claim import CLAIM_VERBS, LIFE_SAFETY
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.testing.simulation.disk import SimulatedDisk
from jacquemart.runtime.testing.simulation.field import Arrival


def judge_order(log: Sequence[Arrival], disk: SimulatedDisk) -> list[str]:
    """Return which journalled commands overtook others of their device, a sentence for each.

    Their order is that of their ACCEPTED records. Of each value its first arrival counts: what
    stands may be written again when a claim ends. Life safety waits for nobody.
    """
    turns: dict[float, int] = {}
    for journal in disk.journals.values():
        for record in journal.records:
            body = record.body
            if (
                record.kind is RecordKind.ACCEPTED
                and body["verb"] not in CLAIM_VERBS
                and body["priority"] > LIFE_SAFETY
                and body["value"] is not None
            ):
                turns[body["value"]] = record.sequence
    found = []
    last: dict[str, tuple[int, float]] = {}
    seen: set[tuple[str, float]] = set()
    for arrival in sorted(log, key=lambda arrival: arrival.sent_ns):
        turn = turns.get(arrival.value)
        if turn is None or (arrival.device, arrival.value) in seen:
            continue
        seen.add((arrival.device, arrival.value))
        before, value = last.get(arrival.device, (0, 0.0))
        if turn < before:
            found.append(
                f"order: {arrival.device} was set to {arrival.value:g} after {value:g}, which was "
                "accepted later"
            )
        else:
            last[arrival.device] = turn, arrival.value
    return found
