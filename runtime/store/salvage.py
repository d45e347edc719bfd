"""What can still be read of a damaged journal, behind the damage too.

Nothing here is trusted by itself: ``repair_journal`` chains the records anew, and compares the
end of the chain with the watermark, which is kept apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from jacquemart.runtime.model.record import Record, RecordKind
from jacquemart.runtime.store import schema
from jacquemart.runtime.store.format import HEADER, unpack_body

_KINDS = {int(kind): kind for kind in RecordKind}


def joined(path: Path, copy: Iterable[Record]) -> list[Record]:
    """Return the records of a copy, and those of the journal itself that the copy lacks."""
    found = {record.sequence: record for record in legible(path)}
    found.update((record.sequence, record) for record in copy)
    return [found[sequence] for sequence in sorted(found)]


def legible(path: Path) -> Iterator[Record]:
    """Yield the records of a journal that nobody has open, as far as they can be read."""
    try:
        database = schema.connect(path, write=False)
    except schema.ERRORS:
        return
    try:
        for (batch,) in database.execute("SELECT body FROM batch ORDER BY first"):
            if isinstance(batch, bytes):
                yield from _records(batch)
    except schema.ERRORS:
        return
    finally:
        database.close()


def _records(batch: bytes) -> Iterator[Record]:
    offset = 0
    while offset + HEADER.size <= len(batch):
        sequence, epoch, wall_ns, kind, length = HEADER.unpack_from(batch, offset)
        offset += HEADER.size
        body = batch[offset : offset + length]
        offset += length
        if len(body) != length:
            return
        try:
            yield Record(sequence, epoch, wall_ns, _kind(kind), unpack_body(body))
        except ValueError:
            continue


def _kind(number: int) -> RecordKind:
    """Return a kind; one that is not known is a later version's, and is kept as it is."""
    return _KINDS.get(number, cast(RecordKind, number))
