"""Snapshots inside a journal: how they are hashed, found again, written and pruned.

A snapshot counts when its last row is there (``parts`` is not 0) and its hash is right. Two are
kept; records go when they are older than the older one, and then as the settings say.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from jacquemart.runtime.store.format import Tip, blob, read_chain
from jacquemart.runtime.store.settings import StoreSettings

#: Rows that are removed in one transaction: few, so that appends get in between.
PRUNE_ROWS = 64
KEPT = 2


class Snapshot(NamedTuple):
    """A state, and which records made it."""

    tip: Tip
    wall_ns: int
    state: bytes


#: What stands before the first record.
NOTHING = Snapshot(Tip(0, bytes(32)), 0, b"")


class Damaged(ValueError):
    """A snapshot is not what was written."""


def seal(tip: Tip, wall_ns: int, state: bytes) -> bytes:
    """Return the hash of a snapshot."""
    about = b"snapshot %d %d " % (tip.sequence, wall_ns)
    return sha256(about + tip.digest + sha256(state).digest()).digest()


def whole(connection: sqlite3.Connection) -> list[int]:
    """Return the numbers of the snapshots that were written to their end, newest first."""
    rows = connection.execute("SELECT upto FROM snapshot WHERE parts > 0 ORDER BY upto DESC")
    return [int(row[0]) for row in rows]


def load(connection: sqlite3.Connection, upto: int) -> Snapshot:
    """Return a snapshot.

    Raises:
        Damaged: it is not what was written. sqlite3.Error: it cannot be read.
    """
    row = connection.execute(
        "SELECT wall_ns, digest, parts, hash FROM snapshot WHERE upto = ?", (upto,)
    ).fetchone()
    if row is None:
        raise Damaged(f"snapshot {upto} is gone")
    wall_ns, digest, parts, found = row
    bodies = connection.execute("SELECT body FROM part WHERE upto = ? ORDER BY number", (upto,))
    try:
        pieces = [blob(body) for (body,) in bodies]
        snapshot = Snapshot(Tip(upto, blob(digest)), int(wall_ns), b"".join(pieces))
    except (TypeError, ValueError) as error:
        raise Damaged(f"snapshot {upto} is not what was written: {error}") from error
    if len(pieces) != parts or seal(*snapshot) != found:
        raise Damaged(f"snapshot {upto} is not what was written")
    return snapshot


def place_of(connection: sqlite3.Connection, sequence: int) -> Tip:
    """Return the place of a record in the chain, from the row that has it.

    Raises:
        ValueError: there is no such record any more, or its row is damaged.
    """
    if sequence == 0:
        return Tip(0, bytes(32))
    row = connection.execute(
        "SELECT first, last, digest, body FROM batch WHERE first <= ? ORDER BY first DESC LIMIT 1",
        (sequence,),
    ).fetchone()
    if row is None or not row[0] <= sequence <= row[1]:
        raise ValueError(f"record {sequence} is not there")
    first, last, digest, body = row
    if last == sequence:
        return Tip(sequence, blob(digest))
    links = read_chain(before(connection, first), blob(body))
    return Tip(sequence, links[sequence - first].digest)


def before(connection: sqlite3.Connection, first: int) -> Tip:
    """Return the place of the chain before a row.

    Raises:
        ValueError: the row before it is not there.
    """
    row = connection.execute(
        "SELECT last, digest FROM batch WHERE first < ? ORDER BY first DESC LIMIT 1", (first,)
    ).fetchone()
    if row is None:
        row = connection.execute("SELECT sequence, digest FROM anchor").fetchone()
    if row is None or row[0] != first - 1:
        raise ValueError(f"what stands before record {first} is not there")
    return Tip(int(row[0]), blob(row[1]))


def steps(
    transact: Callable[[Callable[[sqlite3.Connection], None]], None],
    connection: sqlite3.Connection,
    state: bytes,
    upto: int,
    wall_ns: int,
    settings: StoreSettings,
    reader: Callable[[], sqlite3.Connection],
) -> Iterator[None]:
    """Write a snapshot, read it back, then remove what is not needed any more; step by step.

    Each step is one short transaction, made by ``transact``, which sees to it that we still own
    the journal.

    Raises:
        Damaged: what was read back is not what was written; nothing was removed.
    """
    if upto in whole(connection):
        return
    tip = place_of(connection, upto)
    size = settings.snapshot_part
    pieces = [state[at : at + size] for at in range(0, len(state), size)] or [b""]
    transact(_forget_unfinished)
    for number, piece in enumerate(pieces):
        part = (upto, number, piece)
        transact(lambda db, part=part: _run(db, "INSERT INTO part VALUES (?, ?, ?)", part))  # type: ignore[misc]
        yield
    row = (upto, wall_ns, tip.digest, len(pieces), seal(tip, wall_ns, state))
    transact(lambda db: _run(db, "INSERT INTO snapshot VALUES (?, ?, ?, ?, ?)", row))
    yield
    fresh = reader()
    try:
        load(fresh, upto)
    finally:
        fresh.close()
    yield
    for gone in whole(connection)[KEPT:]:
        transact(lambda db, gone=gone: _forget(db, gone))  # type: ignore[misc]
        yield
    yield from _prune(transact, connection, wall_ns, settings)


def _prune(
    transact: Callable[[Callable[[sqlite3.Connection], None]], None],
    connection: sqlite3.Connection,
    wall_ns: int,
    settings: StoreSettings,
) -> Iterator[None]:
    kept = whole(connection)
    if len(kept) < KEPT:
        return  # the only snapshot may turn out to be damaged: then all records are needed
    limit = kept[-1]
    by_number = limit - settings.history_records
    by_time = wall_ns - int(settings.history_s * 1e9)
    while True:
        rows = connection.execute(
            "SELECT first, last, digest FROM batch WHERE last <= ? AND (last <= ? OR wall_ns < ?)"
            " ORDER BY first LIMIT ?",
            (limit, by_number, by_time, PRUNE_ROWS),
        ).fetchall()
        first = connection.execute("SELECT min(first) FROM batch").fetchone()[0]
        if not rows or rows[0][0] != first:
            return
        last = next((a for a, b in pairwise(rows) if a[1] + 1 != b[0]), rows[-1])
        transact(lambda db, last=last: _cut_off(db, last[1], last[2]))  # type: ignore[misc]
        yield


def _cut_off(connection: sqlite3.Connection, last: int, digest: bytes) -> None:
    connection.execute("DELETE FROM batch WHERE last <= ? AND first <= ?", (last, last))
    connection.execute("UPDATE anchor SET sequence = ?, digest = ?", (last, digest))


def _forget_unfinished(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM snapshot WHERE parts = 0")
    connection.execute("DELETE FROM part WHERE upto NOT IN (SELECT upto FROM snapshot)")


def _forget(connection: sqlite3.Connection, upto: int) -> None:
    connection.execute("DELETE FROM snapshot WHERE upto = ?", (upto,))
    connection.execute("DELETE FROM part WHERE upto = ?", (upto,))


def _run(connection: sqlite3.Connection, statement: str, row: tuple[object, ...]) -> None:
    connection.execute(statement, row)
