"""Backup, restore and repair, and what the command line says of journals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from journals import ZONE, OpenJournal, accepted, files, lay, plain

from jacquemart.cli import main
from jacquemart.runtime.model.errors import JournalCorrupt, JournalFenced, UsageError
from jacquemart.runtime.store.copies import backup, restore
from jacquemart.runtime.store.folder import journal_path, mark_path
from jacquemart.runtime.store.format import pack_body
from jacquemart.runtime.store.reader import JournalReader
from jacquemart.runtime.store.repair import copy_of, repair_journal
from jacquemart.runtime.store.verify import verify_journal


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with the journals of two zones."""
    for zone, count in ((ZONE, 30), ("Quai:Sud", 3)):
        with OpenJournal(tmp_path / "state", zone=zone) as journal:
            for number in range(count):
                assert journal.write(accepted(number)) is None
    return tmp_path / "state"


def test_a_backup_of_a_journal_in_use_is_the_journal_of_one_moment(
    state: Path, tmp_path: Path
) -> None:
    with OpenJournal(state) as journal:
        for number in range(200):
            journal.append(accepted(number))
        (report,) = backup(journal_path(state, ZONE), tmp_path / "copy")
        journal.wait(200)
        assert report.whole
        assert 32 <= report.tip.sequence <= 232
        assert journal.write(accepted(1)) is None
    names = {path.name for path in (tmp_path / "copy").iterdir()}
    assert names == {"north.journal", "north.journal.mark"}
    assert verify_journal(journal_path(tmp_path / "copy", ZONE)).whole


def test_a_restored_journal_has_its_records_and_an_epoch_above_all(
    state: Path, tmp_path: Path
) -> None:
    backup(state, tmp_path / "copy")
    with OpenJournal(state) as lost:
        late = lost.journal.epoch
    restored = tmp_path / "restored"
    assert all(report.whole for report in restore(tmp_path / "copy", restored))
    with OpenJournal(restored) as journal:
        assert len(journal.records) == 32
        assert journal.journal.epoch > late
    with OpenJournal(restored, zone="Quai:Sud") as journal:
        assert len(journal.records) == 5


def test_nothing_is_overwritten_by_a_backup_or_a_restore(state: Path, tmp_path: Path) -> None:
    backup(state, tmp_path / "copy")
    before = files(tmp_path / "copy")
    with pytest.raises(UsageError, match="is there already"):
        backup(state, tmp_path / "copy")
    with pytest.raises(UsageError, match="the folder is not empty"):
        restore(tmp_path / "copy", state)
    assert files(tmp_path / "copy") == before


def test_a_damaged_journal_is_neither_backed_up_nor_restored(state: Path, tmp_path: Path) -> None:
    path = journal_path(state, ZONE)
    data = bytearray(path.read_bytes())
    data[data.index(b"lamp-17")] ^= 0x20
    path.write_bytes(bytes(data))
    for copy in (backup, restore):
        with pytest.raises(JournalCorrupt):
            copy(path, tmp_path / "copy")
        assert not (tmp_path / "copy" / path.name).exists()


def test_a_journal_in_use_is_not_repaired(state: Path) -> None:
    with OpenJournal(state), pytest.raises(JournalFenced):
        repair_journal(state, ZONE, [])


def test_a_lost_database_is_made_anew_from_a_copy_and_what_came_after_it(
    state: Path, tmp_path: Path
) -> None:
    backup(journal_path(state, ZONE), tmp_path / "copy")
    with OpenJournal(state) as journal:
        assert journal.write(accepted(77)) is None
    with OpenJournal(lay(tmp_path / "twin", files(state))) as twin:
        later = list(twin.records)[31:-1]
    path = journal_path(state, ZONE)
    path.unlink()
    records, base = copy_of(journal_path(tmp_path / "copy", ZONE))
    with pytest.raises(JournalCorrupt, match="32 to 33 are in no copy"):
        repair_journal(state, ZONE, records, base=base)
    assert repair_journal(state, ZONE, records + later, base=base).whole
    with OpenJournal(state) as again:
        assert len(again.records) == 34
        assert again.records[32].body["value"] == 77.0


def test_a_journal_can_be_repaired_from_a_backup_that_begins_at_a_snapshot(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with OpenJournal(state, history_records=0) as journal:
        for number in range(9):
            assert journal.write(accepted(number)) is None
        for upto in (5, 7):
            journal.journal.snapshot(b"state %d" % upto, upto)
            journal.until(lambda: journal.journal._intake._task is None)
            journal.until(lambda: journal.journal._writer._job is None)
    backup(state, tmp_path / "copy")
    path = journal_path(state, ZONE)
    path.write_bytes(b"rubbish" * 1000)
    with OpenJournal(state) as broken:
        assert isinstance(broken.journal.fault, JournalCorrupt)
    records, base = copy_of(journal_path(tmp_path / "copy", ZONE))
    assert base.tip.sequence == 7
    assert repair_journal(state, ZONE, records, base=base).whole
    with OpenJournal(state) as again:
        assert again.opened.state == b"state 7"
        assert [record.sequence for record in again.records] == [8, 9, 10, 11]
        assert again.write(accepted(1)) is None
    assert (state / f"{path.name}.damaged-1").read_bytes() == b"rubbish" * 1000


def test_a_copy_that_goes_further_makes_up_for_a_journal_that_ends_before_it_begins(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with OpenJournal(state, history_records=0) as journal:
        assert journal.write(accepted(1)) is None
        early = lay(tmp_path / "early", files(state))
        for number in range(9):
            assert journal.write(accepted(number)) is None
        for upto in (7, 9):
            journal.journal.snapshot(b"state %d" % upto, upto)
            journal.until(lambda: journal.journal._intake._task is None)
            journal.until(lambda: journal.journal._writer._job is None)
    backup(state, tmp_path / "copy")
    mark_path(journal_path(early, ZONE)).write_bytes(
        mark_path(journal_path(state, ZONE)).read_bytes()
    )
    with OpenJournal(early) as broken:  # an old disk image under a newer watermark
        assert "3 to 11" in str(broken.journal.fault)
    records, base = copy_of(journal_path(tmp_path / "copy", ZONE))
    assert repair_journal(early, ZONE, records, base=base).whole
    with OpenJournal(early) as again:
        assert again.opened.state == b"state 9"
        assert [record.sequence for record in again.records] == [10, 11, 12]


def test_looking_changes_nothing_also_in_what_a_crash_has_left(tmp_path: Path) -> None:
    with OpenJournal(tmp_path / "state") as journal:
        for number in range(9):
            assert journal.write(accepted(number)) is None
        crashed = lay(tmp_path / "crashed", files(tmp_path / "state"))
    (crashed / "north.journal-shm").unlink()
    before = files(crashed)
    assert verify_journal(journal_path(crashed, ZONE)).tip.sequence == 10
    assert main(["journal", "show", str(crashed)]) == 0
    after = files(crashed)
    assert {name: after[name] for name in before} == before


def test_what_is_in_no_copy_can_be_given_up_for_good(state: Path) -> None:
    path = journal_path(state, ZONE)
    mark_path(path).unlink()
    with OpenJournal(state) as broken:
        assert isinstance(broken.journal.fault, JournalCorrupt)
    with pytest.raises(JournalCorrupt, match="watermark is lost"):
        repair_journal(state, ZONE, [])
    assert repair_journal(state, ZONE, [], accept_loss=True).whole
    with OpenJournal(state) as again:
        assert len(again.records) == 32


# The command line ----------------------------------------------------------------------------


def test_verify_says_what_is_there_also_of_a_journal_in_use(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenJournal(state):
        assert main(["journal", "verify", str(state)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("Quai:Sud: whole; 4 records (1 to 4), ")
        assert lines[1].startswith("north: whole; 32 records (1 to 32), ")
        assert "in use by process" in lines[1]
        assert main(["journal", "verify", str(journal_path(state, ZONE)), "--json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)["journals"]
        assert found["zone"] == ZONE
        assert found["last"] == found["acknowledged"] == found["records"] == 32
        assert found["problems"] == []


def test_verify_of_a_damaged_journal_says_why_and_is_exit_code_1(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = journal_path(state, ZONE)
    data = bytearray(path.read_bytes())
    data[data.index(b"lamp-17")] ^= 0x20
    path.write_bytes(bytes(data))
    assert main(["journal", "verify", str(state)]) == 1
    shown = capsys.readouterr().out
    assert "Quai:Sud: whole" in shown
    assert "north: damaged" in shown
    assert "lost or altered" in shown
    assert main(["journal", "show", str(state), "--device", "lamp-1"]) == 1
    assert "lamp-1" in capsys.readouterr().out  # of the other zone


def test_show_has_the_newest_records_and_finds_those_of_a_device(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "show", str(state), "-n", "3", "--zone", "north"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["29", "30", "31"]
    assert "verb set, device lamp-29, point setpoint, value 29.0" in lines[-1]
    assert main(["journal", "show", str(state), "--device", "lamp-2", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["zone"], one["body"]["value"]) for one in found] == [
        ("Quai:Sud", 2.0), ("north", 2.0),
    ]  # fmt: skip
    assert main(["journal", "show", str(state), "--kind", "opened", "--zone", "north"]) == 0
    assert "opened" in capsys.readouterr().out
    assert main(["journal", "show", str(state), "--kind", "parked"]) == 0
    assert "no record" in capsys.readouterr().err


def test_export_writes_every_record_with_its_hash(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["journal", "export", str(state), "--zone", "north", "--after", "20"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with JournalReader(journal_path(state, ZONE)) as reader:
        links = list(reader.links(20))
    assert [one["sequence"] for one in found] == [link.record.sequence for link in links]
    assert [one["digest"] for one in found] == [link.digest.hex() for link in links]
    assert found[0]["body"]["id"] == links[0].record.body["id"].hex()
    assert plain([links[0].record])[0][1] == 2


def test_who_copies_gets_every_record_as_it_lies_on_disk_and_nothing_damaged(state: Path) -> None:
    path = journal_path(state, ZONE)
    with JournalReader(path) as reader:
        records = [link.record for link in reader.links(7)]
        rows = list(reader.rows(7))
    assert rows == [(*record[:3], int(record.kind), pack_body(record.body)) for record in records]
    assert rows[0][0] == 8
    content = path.read_bytes()
    place = content.index(rows[-1][-1])
    path.write_bytes(content[: place + 5] + bytes([content[place + 5] ^ 1]) + content[place + 6 :])
    with JournalReader(path) as reader, pytest.raises(JournalCorrupt, match="not what was written"):
        list(reader.rows(7))


def test_a_city_is_backed_up_damaged_repaired_and_restored_by_its_name(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / "jacquemart"
    lay(home / "dijon", files(state))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    copy = str(tmp_path / "copy")
    assert main(["journal", "backup", "dijon", copy]) == 0
    path = journal_path(home / "dijon", ZONE)
    path.write_bytes(path.read_bytes()[:9000])
    assert main(["journal", "verify"]) == 1  # the only city there is
    assert main(["journal", "repair", "dijon"]) == 2
    capsys.readouterr()
    assert main(["journal", "repair", "dijon", "--from", copy]) == 0
    assert main(["journal", "verify", "dijon"]) == 0
    assert main(["journal", "restore", copy, str(tmp_path / "new")]) == 0
    assert main(["journal", "restore", copy, str(tmp_path / "new")]) == 2
    assert "move it away as a whole" in capsys.readouterr().err
    lay(home / "lyon", files(state))
    assert main(["journal", "verify"]) == 2
    assert "name one: dijon, lyon" in capsys.readouterr().err
    assert main(["journal", "verify", "nowhere"]) == 2


def test_a_journal_that_is_written_and_pruned_all_the_time_is_always_found_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with OpenJournal(tmp_path, history_records=0, checkpoint_pages=30) as journal:
        for turn in range(40):
            for number in range(30):
                journal.append(accepted(number))
            if turn % 2:
                journal.journal.snapshot(b"state" * 1_000, journal.journal.durable)
            report = verify_journal(journal_path(tmp_path, ZONE))
            assert report.problems == []
            assert main(["journal", "show", str(tmp_path), "-n", "5"]) == 0
        journal.wait(40 * 30)
    assert len(capsys.readouterr().out.splitlines()) > 150
