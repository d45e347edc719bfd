"""Snapshots and retention: a state with its hash, kept twice, before anything older goes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from journals import START_NS, ZONE, OpenJournal, accepted

from jacquemart.runtime.model.errors import JournalCorrupt, UsageError
from jacquemart.runtime.store import snapshots
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.reader import JournalReader
from jacquemart.runtime.store.verify import verify_journal


def fill(journal: OpenJournal, appends: int) -> None:
    for number in range(appends):
        assert journal.write(accepted(number), accepted(number)) is None


def take(folder: Path, journal: OpenJournal, state: bytes, upto: int) -> None:
    """Have a snapshot made, and wait until older things are gone, too."""
    journal.journal.snapshot(state, upto)
    writer = journal.journal._writer
    journal.until(lambda: journal.journal._intake._task is None and writer._job is None)
    assert upto in kept(folder)


def kept(folder: Path) -> tuple[int, ...]:
    with JournalReader(journal_path(folder, ZONE)) as reader:
        return reader.facts().snapshots


def first(folder: Path) -> int:
    with JournalReader(journal_path(folder, ZONE)) as reader:
        return reader.facts().first


def test_a_journal_begins_at_its_newest_snapshot_also_one_in_the_middle_of_a_commit(
    tmp_path: Path,
) -> None:
    state = bytes(range(256)) * 3_000  # 3 parts
    with OpenJournal(tmp_path) as journal:
        fill(journal, 10)
        take(tmp_path, journal, state, 12)
        fill(journal, 2)
    with OpenJournal(tmp_path) as again:
        assert again.opened.state == state
        assert [record.sequence for record in again.records] == list(range(13, 27))
    assert verify_journal(journal_path(tmp_path, ZONE)).problems == []


def test_appends_get_in_between_the_parts_of_a_snapshot(tmp_path: Path) -> None:
    with OpenJournal(tmp_path, snapshot_part=1_000) as journal:
        fill(journal, 3)
        writer = journal.journal._writer
        journal.journal.snapshot(bytes(300_000), 5)
        fill(journal, 5)
        assert writer._job is not None  # it is not ready, and nobody waits for it
        journal.until(lambda: writer._job is None)
    with OpenJournal(tmp_path) as again:
        assert again.opened.state == bytes(300_000)


def test_two_snapshots_are_kept_and_the_records_that_the_older_one_needs(tmp_path: Path) -> None:
    with OpenJournal(tmp_path, history_records=4) as journal:
        for round_ in range(4):
            fill(journal, 10)
            take(tmp_path, journal, b"state %d" % round_, journal.journal.durable)
        ends = [21, 41, 61, 81]
        assert kept(tmp_path) == (ends[3], ends[2])
        assert ends[2] - 6 <= first(tmp_path) <= ends[2] - 3  # whole commits, and four to look at
    assert verify_journal(journal_path(tmp_path, ZONE)).problems == []
    with OpenJournal(tmp_path) as again:
        assert again.opened.state == b"state 3"
        assert [record.sequence for record in again.records] == [82]


def test_records_are_kept_to_be_looked_at_for_a_time(tmp_path: Path) -> None:
    now = START_NS
    with OpenJournal(tmp_path, wall_ns=lambda: now, history_s=5_400.0) as journal:
        for hour in range(6):
            now = START_NS + int((hour + 0.1) * 3_600e9)
            fill(journal, 5)
            take(tmp_path, journal, b"state", journal.journal.durable)
        assert first(tmp_path) == 42  # of the fifth hour; what is older is too old


def test_a_damaged_snapshot_gives_way_to_the_one_before(tmp_path: Path) -> None:
    with OpenJournal(tmp_path) as journal:
        fill(journal, 5)
        take(tmp_path, journal, b"older", 5)
        take(tmp_path, journal, b"newer", 9)
    path = journal_path(tmp_path, ZONE)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE part SET body = ? WHERE upto = 9", (b"never",))
    db.close()
    assert verify_journal(path).problems == ["snapshot 9 is not what was written"]
    with OpenJournal(tmp_path) as again:
        assert again.journal.fault is None
        assert again.opened.state == b"older"
        assert again.records[0].sequence == 6
        take(tmp_path, again, b"newest", 11)  # and the damaged one is written again or goes
        assert again.write(accepted(1)) is None
    with OpenJournal(tmp_path) as last:
        assert last.opened.state == b"newest"


def test_with_no_snapshot_that_is_whole_the_journal_is_corrupt_unless_it_begins_at_its_beginning(
    tmp_path: Path,
) -> None:
    path = journal_path(tmp_path, ZONE)
    with OpenJournal(tmp_path, history_records=0) as journal:
        fill(journal, 5)
        take(tmp_path, journal, b"older", 5)
        with sqlite3.connect(path) as db:
            db.execute("UPDATE part SET body = x'00'")
        db.close()
    with OpenJournal(tmp_path, history_records=0) as again:
        assert again.opened.state == b""
        assert [record.sequence for record in again.records] == list(range(1, 13))
        take(tmp_path, again, b"a", 9)
        take(tmp_path, again, b"b", 11)
        take(tmp_path, again, b"c", 12)
        with sqlite3.connect(path) as db:
            db.execute("UPDATE part SET body = x'00'")
        db.close()
    with OpenJournal(tmp_path) as broken:
        assert isinstance(broken.journal.fault, JournalCorrupt)


def test_only_what_is_on_disk_can_be_in_a_snapshot(tmp_path: Path) -> None:
    with OpenJournal(tmp_path) as journal:
        fill(journal, 1)
        for upto in (0, -1, 4):
            with pytest.raises(UsageError, match="not on disk"):
                journal.journal.snapshot(b"state", upto)


def test_nothing_goes_before_a_snapshot_was_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, calls = snapshots.load, []

    def damaged_once(connection: sqlite3.Connection, upto: int) -> Any:
        calls.append(upto)
        if len(calls) == 1:
            raise snapshots.Damaged(f"snapshot {upto} is not what was written")
        return load(connection, upto)

    with OpenJournal(tmp_path, history_records=0) as journal:
        fill(journal, 5)
        take(tmp_path, journal, b"a", 5)
        take(tmp_path, journal, b"b", 7)
        before = first(tmp_path)
        monkeypatch.setattr(snapshots, "load", damaged_once)
        journal.journal.snapshot(b"c", 11)
        journal.until(lambda: calls)
        assert first(tmp_path) == before
        journal.until(lambda: len(calls) > 1)  # it looks at everything anew …
        journal.until(lambda: journal.journal.fault is None)  # … and goes on
        assert first(tmp_path) == before
        assert journal.write(accepted(1)) is None
    with OpenJournal(tmp_path) as again:
        assert again.opened.state == b"c"  # it was whole after all
        assert again.records[0].sequence == 12
