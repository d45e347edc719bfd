"""Files of a journal that are torn, altered or gone: nothing acknowledged is lost silently."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from journals import ZONE, OpenJournal, accepted, files, lay, look, plain

from jacquemart.runtime.model.errors import JournalCorrupt, JournalError
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.recovery import Recovered
from jacquemart.runtime.store.repair import repair_journal
from jacquemart.runtime.store.verify import verify_journal

DATABASE = f"{ZONE}.journal"
LOG = f"{DATABASE}-wal"
MARK = f"{DATABASE}.mark"


def crashed(folder: Path) -> tuple[dict[str, bytes], list[tuple[int, int, dict[str, object]]]]:
    """Return the files of a journal whose owner was killed, and the records it had acknowledged.

    It has a snapshot, a database that is not empty, and a log that is not either; 64 KiB in all.
    """
    with OpenJournal(folder, history_records=0) as journal:
        assert journal.write(*(accepted(number) for number in range(20))) is None
        journal.journal.snapshot(b"state of 12 " * 60, 12)
        journal.until(lambda: _snapshots(folder) == 1)
        assert journal.write(*(accepted(number) for number in range(20, 40))) is None
        journal.until(lambda: journal.journal._writer._pages is False)
        for number in range(40, 43):
            assert journal.write(accepted(number)) is None
        content = {name: data for name, data in files(folder).items() if not name.endswith("-shm")}
        last = journal.acknowledged[-1]
    with OpenJournal(folder) as again:
        assert again.opened.state == b"state of 12 " * 60
        wanted = [line for line in plain(again.records) if line[0] <= last]
    size = sum(len(content[name]) for name in (DATABASE, LOG, MARK))
    assert 48 * 1024 < size < 96 * 1024
    return content, wanted


def in_use(log: bytes) -> int:
    """Return how long a log is as far as SQLite reads it; behind it stands what was used before."""
    size, place = int.from_bytes(log[8:12], "big"), 32
    while log[place + 8 : place + 16] == log[16:24]:
        place += 24 + size
    return place


def _snapshots(folder: Path) -> int:
    report = verify_journal(journal_path(folder, ZONE))
    return len(report.facts.snapshots) if report.facts else 0


# S1 ------------------------------------------------------------------------------------------


def test_s1_a_torn_tail_is_cut_at_every_byte_and_what_was_acknowledged_stays(
    tmp_path: Path, fast_folder: Path
) -> None:
    with OpenJournal(tmp_path) as journal:
        assert journal.write(accepted(1)) is None
        before = (tmp_path / LOG).read_bytes()
        mark = (tmp_path / MARK).read_bytes()
        assert journal.write(accepted(2, why="x" * 3000)) is None
        content = files(tmp_path)
    content.pop(f"{DATABASE}-shm")
    content[MARK] = mark  # the second one was never acknowledged: the power went before
    log = content[LOG]
    before += bytes(len(log) - len(before))
    new = [place for place in range(len(log)) if log[place] != before[place]]
    places, told = range(new[0], new[-1], 67), 0
    for end in places:
        found = look(lay(fast_folder, {**content, LOG: log[:end] + before[end:]}))
        assert isinstance(found, Recovered)
        assert not found.verdict.corrupt
        assert [record.sequence for record in found.records] == [1, 2]
        told += any("never acknowledged" in note for note in found.notes)
    assert told > 0.9 * len(places) > 50
    whole = look(lay(fast_folder, content))
    assert isinstance(whole, Recovered)
    assert whole.tip.sequence == 3  # all of it was there: it counts


def test_s1_a_log_that_ends_before_what_was_acknowledged_is_no_torn_tail(
    tmp_path: Path, fast_folder: Path
) -> None:
    content, _ = crashed(tmp_path)
    for end in range(0, in_use(content[LOG]), 97):
        found = look(lay(fast_folder, {**content, LOG: content[LOG][:end]}))
        assert isinstance(found, Recovered)
        assert "lost" in found.verdict.corrupt


# S2 ------------------------------------------------------------------------------------------


def altered(content: dict[str, bytes], step: int, seed: int) -> Iterator[tuple[str, int, bytes]]:
    """Yield changes of one byte each: file, place, and the file with the change."""
    rng = random.Random(seed)
    for name in (DATABASE, LOG, MARK):
        data = content[name]
        for place in range(rng.randrange(step), len(data), step):
            flipped = data[place] ^ rng.choice((0x01, 0x10, 0x80, 0xFF))
            yield name, place, data[:place] + bytes([flipped]) + data[place + 1 :]


def check_every(
    content: dict[str, bytes], wanted: list[tuple[int, int, dict[str, object]]],
    folder: Path, step: int, seed: int,
) -> dict[str, int]:  # fmt: skip
    """Hold each change against the rule: it is detected, or changes nothing."""
    counts = {"detected": 0, "harmless": 0}
    last, state = wanted[-1][0], b"state of 12 " * 60
    for name, place, data in altered(content, step, seed):
        found = look(lay(folder, {**content, name: data}))
        if isinstance(found, JournalError) or found.verdict.corrupt:
            counts["detected"] += 1
            continue
        counts["harmless"] += 1
        where = f"{name} at {place}"
        kept = [line for line in plain(found.records) if line[0] <= last]
        if found.snapshot.state == state:
            assert kept == wanted, where
        else:  # the snapshot is damaged, and everything is made of the records
            assert found.snapshot.state == b"", where
            assert kept[-len(wanted) :] == wanted, where
            assert [line[0] for line in kept] == list(range(1, last + 1)), where
        assert found.tip.sequence == last, where
    return counts


def test_s2_a_changed_byte_is_detected_or_harmless(tmp_path: Path, fast_folder: Path) -> None:
    content, wanted = crashed(tmp_path)
    counts = check_every(content, wanted, fast_folder, 211, 20)
    assert counts["detected"] > 50
    assert counts["harmless"] > 20


#: Set to have every byte changed, which takes minutes, and not only every thirteenth.
EVERY = "JACQUEMART_EVERY_BYTE"


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_s2_every_changed_byte_is_detected_or_harmless(tmp_path: Path, fast_folder: Path) -> None:
    content, wanted = crashed(tmp_path)
    step = 1 if os.environ.get(EVERY) else 13
    counts = check_every(content, wanted, fast_folder, step, 4)
    size = sum(len(content[name]) for name in (DATABASE, LOG, MARK))
    assert sum(counts.values()) >= size // step - 3


def test_s2_a_damaged_journal_takes_nothing_can_be_read_and_is_repaired_from_a_copy(
    tmp_path: Path,
) -> None:
    content, wanted = crashed(tmp_path)
    log = bytearray(content[LOG])
    log[in_use(log) // 2] ^= 0x40
    lay(tmp_path, {**content, LOG: bytes(log)})
    with OpenJournal(tmp_path) as journal:
        assert isinstance(journal.journal.fault, JournalCorrupt)
        assert "acknowledged records are lost" in str(journal.journal.fault)
        assert isinstance(journal.write(accepted(1)), JournalCorrupt)
        read = plain(journal.records)
        assert 0 <= len(read) < len(wanted)
        assert read == wanted[: len(read)]
        assert journal.journal.epoch == 0
    assert (tmp_path / f"{LOG}.damaged").read_bytes() == bytes(log)
    with OpenJournal(lay(tmp_path.with_name("copy"), content)) as copy:
        records = copy.records
    with pytest.raises(JournalCorrupt, match="are in no copy"):
        repair_journal(tmp_path, ZONE, records[:-3])
    report = repair_journal(tmp_path, ZONE, records[-30:])
    assert report.problems == []
    with OpenJournal(tmp_path) as journal:
        assert journal.journal.fault is None
        assert plain(journal.records)[: len(wanted)] == wanted
        assert journal.write(accepted(1)) is None


@pytest.mark.parametrize("lost", [DATABASE, MARK, LOG])
def test_s2_a_file_that_is_gone_is_noticed(lost: str, tmp_path: Path) -> None:
    content, wanted = crashed(tmp_path)
    del content[lost]
    lay(tmp_path, content)
    with OpenJournal(tmp_path) as journal:
        assert isinstance(journal.journal.fault, JournalCorrupt)
        assert isinstance(journal.write(accepted(1)), JournalCorrupt)
    assert verify_journal(journal_path(tmp_path, ZONE)).problems
    assert wanted


# S8 ------------------------------------------------------------------------------------------


def test_s8_a_copy_that_differs_is_not_taken(tmp_path: Path) -> None:
    content, _ = crashed(tmp_path)
    with OpenJournal(lay(tmp_path, content)) as copy:
        records = list(copy.records)[:-1]
    log = bytearray(content[LOG])
    log[200] ^= 1
    lay(tmp_path, {**content, LOG: bytes(log)})
    for place, change in ((-2, {"body": {"value": 3.0}}), (-2, {"epoch": 7}), (2, {"wall_ns": 5})):
        other = list(records)
        other[place] = replace_record(other[place], change)
        with pytest.raises(JournalCorrupt, match="not a copy of this journal"):
            repair_journal(tmp_path, ZONE, other)
    assert repair_journal(tmp_path, ZONE, records).whole


def replace_record(record: object, change: dict[str, object]) -> object:
    return record._replace(**change)  # type: ignore[attr-defined]
