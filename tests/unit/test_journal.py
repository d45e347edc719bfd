"""A journal on disk: what is acknowledged is there again, in order, under one owner."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from journals import ZONE, OpenJournal, accepted, plain

from jacquemart.runtime.model.errors import (
    JournalError,
    JournalFenced,
    JournalFull,
    JournalTooNew,
    UsageError,
)
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.store import schema
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.folder import journal_path, lock_path


def test_what_was_acknowledged_is_there_again(tmp_path: Path) -> None:
    drafts = [accepted(number, until=None, deep=[{"a": (1, b"\0")}]) for number in range(30)]
    with OpenJournal(tmp_path) as first:
        assert [record.kind for record in first.records] == [RecordKind.OPENED]
        for draft in drafts:
            assert first.write(draft) is None
        assert first.acknowledged == list(range(2, 32))
    with OpenJournal(tmp_path) as second:
        found = second.records
        assert [record.sequence for record in found] == list(range(1, 33))
        assert [record.body["id"] for record in found[1:-1]] == [d.body["id"] for d in drafts]
        assert found[1].body["deep"] == [{"a": [1, b"\0"]}]
        assert found[-1].kind is RecordKind.OPENED
        assert found[-1].body["boot_id"] == first.records[0].body["boot_id"]
        assert second.journal.epoch == found[-1].epoch > first.journal.epoch
        assert second.journal.fault is None


def test_appends_that_come_together_go_to_disk_together_and_wake_the_loop_once(
    tmp_path: Path,
) -> None:
    with OpenJournal(tmp_path) as journal:
        hold = threading.Lock()
        database = journal.journal._database
        append = database.append

        def held(*args: object) -> None:
            with hold:
                append(*args)

        database.append = held
        with hold:
            journal.append(accepted(0))
            journal.until(lambda: not journal.journal._intake._waiting)
            for number in range(1, 500):
                journal.append(accepted(number), accepted(number))
        journal.wait(500)
        assert journal.acknowledged == [2, *range(4, 1002, 2)]
        assert journal.turns.qsize() == 0
    with OpenJournal(tmp_path) as again:
        assert len(again.records) == 1001
    with sqlite3.connect(journal_path(tmp_path, ZONE)) as db:
        commits = db.execute("SELECT first, last FROM batch ORDER BY first").fetchall()
    assert commits == [(1, 1), (2, 2), (3, 1000), (1001, 1001)]


def test_what_a_journal_cannot_hold_is_refused_before_it_has_a_number(tmp_path: Path) -> None:
    with OpenJournal(tmp_path, record_bytes=1000) as journal:
        for wrong in (object(), 2**70, {1, 2}):
            with pytest.raises(UsageError, match="cannot hold"):
                journal.append(accepted(1), accepted(2, value=wrong))
        with pytest.raises(UsageError, match="1,000 bytes"):
            journal.append(accepted(1, why="x" * 1000))
        with pytest.raises(UsageError, match="needs a record"):
            journal.append()
        assert journal.append(accepted(1)) == 2


def test_a_closed_journal_has_written_all_and_takes_nothing(tmp_path: Path) -> None:
    journal = OpenJournal(tmp_path)
    for number in range(200):
        journal.append(accepted(number))
    journal.close()
    journal.close()
    assert len(journal.acknowledged) == 200
    assert isinstance(journal.write(accepted(1)), JournalError)
    with OpenJournal(tmp_path) as again:
        assert len(again.records) == 202


def test_what_waits_and_fails_keeps_nobody_else_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with OpenJournal(tmp_path) as journal:
        journal.journal.append([accepted(1)], lambda error: 1 / 0)
        journal.append(accepted(2))
        journal.wait(1)
        assert journal.acknowledged == [3]
    assert "what waited for a journal failed" in caplog.text


def test_two_processes_cannot_own_a_journal_and_the_second_is_told_who_does(tmp_path: Path) -> None:
    with OpenJournal(tmp_path) as first:
        with pytest.raises(JournalFenced, match="owned by process"):
            OpenJournal(tmp_path, lock_s=0.05)
        assert first.write(accepted(1)) is None
    with OpenJournal(tmp_path) as second:
        assert len(second.records) == 3


def test_b4_whoever_was_replaced_writes_nothing_even_without_the_lock(tmp_path: Path) -> None:
    first = OpenJournal(tmp_path)
    assert first.write(accepted(1)) is None
    lock_path(journal_path(tmp_path, ZONE)).unlink()  # a clean-up that is too eager
    with OpenJournal(tmp_path) as second:
        assert second.journal.epoch > first.journal.epoch
        assert isinstance(first.write(accepted(2)), JournalFenced)
        assert isinstance(first.journal.fault, JournalFenced)
        assert isinstance(first.write(accepted(3)), JournalFenced)
        assert second.write(accepted(4)) is None
        first.close()
    with OpenJournal(tmp_path) as third:
        assert [record.body.get("value") for record in third.records] == [
            None, 1.0, None, 4.0, None,
        ]  # fmt: skip


def test_an_owners_epoch_grows_though_the_wall_clock_goes_back(tmp_path: Path) -> None:
    epochs = []
    for wall_ms in (5_000, 9_000, 2_000, 2_000):
        with OpenJournal(tmp_path, wall_ns=lambda wall_ms=wall_ms: wall_ms * 1_000_000) as journal:
            epochs.append(journal.journal.epoch)
    assert epochs == [5_000, 9_000, 9_001, 9_002]


def test_a_journal_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    OpenJournal(tmp_path).close()
    path = journal_path(tmp_path, ZONE)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalTooNew, match="format 9"):
        OpenJournal(tmp_path)
    assert path.read_bytes() == before


def test_a_migration_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    OpenJournal(tmp_path).close()
    path = journal_path(tmp_path, ZONE)
    db = schema.connect(path, write=True)
    wrong = (*schema.MIGRATIONS, "CREATE TABLE more (a); INSERT INTO nowhere VALUES (1)")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        schema.migrate(db, path, wrong)
    assert schema.format_of(db) == 1
    right = (*schema.MIGRATIONS, "CREATE TABLE more (a); INSERT INTO more VALUES (7)")
    schema.migrate(db, path, right)
    schema.migrate(db, path, right)
    assert schema.format_of(db) == 2
    assert db.execute("SELECT a FROM more").fetchall() == [(7,)]
    db.close()
    with pytest.raises(JournalTooNew):
        OpenJournal(tmp_path)


def test_a_journal_answers_only_for_its_own_zone(tmp_path: Path) -> None:
    OpenJournal(tmp_path, zone="south").close()
    journal_path(tmp_path, "south").rename(journal_path(tmp_path, ZONE))
    with pytest.raises(JournalError, match="zone 'south'"):
        OpenJournal(tmp_path)


def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    with OpenJournal(folder, zone="Quartier:Nord"):
        assert folder.stat().st_mode & 0o777 == 0o700
        for path in folder.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
    with OpenJournal(folder, zone="Quartier:Nord") as again:
        assert len(again.records) == 2


def test_a_folder_that_others_may_write_into_is_no_state_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    with pytest.raises(JournalError, match="other users may write"):
        OpenJournal(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_record_of_a_later_version_is_passed_on_by_its_number(tmp_path: Path) -> None:
    with OpenJournal(tmp_path) as journal:
        assert journal.write(Draft(99, {"new": True}), accepted(1)) is None  # type: ignore[arg-type]
    with OpenJournal(tmp_path) as again:
        assert plain(again.records)[1] == (2, 99, {"new": True})


def test_s3_a_journal_that_opens_on_a_full_disk_is_read_and_taken_over_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenJournal(tmp_path) as journal:
        assert journal.write(accepted(1)) is None
    full = True
    claim = Database.claim

    def claim_if_there_is_room(self: Database, *args: Any) -> None:
        if full:
            raise JournalFull("the disk is full")
        claim(self, *args)

    monkeypatch.setattr(Database, "claim", claim_if_there_is_room)
    with OpenJournal(tmp_path) as journal:
        assert isinstance(journal.journal.fault, JournalFull)
        assert [record.sequence for record in journal.records] == [1, 2]
        assert journal.journal.epoch == 0
        assert isinstance(journal.write(accepted(2)), JournalFull)
        full = False
        journal.until(lambda: journal.journal.fault is None)
        assert journal.journal.epoch > journal.records[0].epoch
        assert journal.write(accepted(3)) is None
        assert journal.acknowledged == [4]  # behind the OPENED record
    with OpenJournal(tmp_path) as again:
        assert [record.kind for record in again.records] == [
            RecordKind.OPENED, RecordKind.ACCEPTED, RecordKind.OPENED, RecordKind.ACCEPTED,
            RecordKind.OPENED,
        ]  # fmt: skip
