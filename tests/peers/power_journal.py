"""What the journals of a state folder say, read without owning them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.store.reader import JournalReader, find


@dataclass(frozen=True, slots=True)
class Said:
    """All zones together."""

    setpoints: dict[str, float | None]
    claims: list[Claim]
    records: int
    """That are behind a snapshot, and must be applied one after the other."""
    sequence: int
    """Records that were ever written."""
    bytes: int


def read(folder: Path) -> Said:
    """Read all journals of a folder, of a city that runs or does not.

    Raises:
        JournalError: one cannot be read.
    """
    said = Said({}, [], 0, 0, 0)
    records = sequence = size = 0
    for path in find(folder):
        state = ZoneState()
        with JournalReader(path) as reader:
            with reader.moment():
                kept = reader.facts().snapshots
                if kept:
                    state = ZoneState.unpack(reader.snapshot(kept[0]).state)
                links = list(reader.links(state.sequence))
            for link in links:
                state.apply(link.record)
            records += len(links)
            sequence += state.sequence
            size += path.stat().st_size
        for (device, _), found in state.setpoints.items():
            said.setpoints[device] = found.value  # type: ignore[assignment]
        said.claims.extend(one for found in state.claims.values() for one in found)
    return Said(said.setpoints, said.claims, records, sequence, size)
