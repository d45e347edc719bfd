"""Devices that a live change took out of a zone: the zone's journal is told, and forgets them.

Only after a change that somebody has planned, and seen what ends with it. A city that is started
with another file keeps what it has of devices that are not in it: a wrong file must not cost a
lock-out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.authority import Authority

log = logging.getLogger("jacquemart.cell")

#: Devices named in one record.
NAMED_AT_ONCE = 5_000


def forget_left(authority: Authority) -> int:
    """Have each journal forget the devices that are not at home in its zone; return how many.

    Call it after ``Authority.settle`` with the city as it is now. What a journal cannot take now
    is found again after the next change.
    """
    count = 0
    for zone, book in authority.books.items():
        left = [one for one in book.state.devices() if authority.zone_of(one) != zone]
        if not left or book.fault is not None:
            continue
        count += len(left)
        drafts = [
            Draft(RecordKind.LEFT, {"devices": left[at : at + NAMED_AT_ONCE]})
            for at in range(0, len(left), NAMED_AT_ONCE)
        ]

        def written(error: JournalError | None, zone: str = zone) -> None:
            if error is not None:
                log.warning("zone %s keeps devices that have left the city: %s", zone, error)

        authority.append(zone, drafts, written)
    return count
