"""The centre keeps a copy of the zones' journals, and a damaged journal is repaired from it."""

from __future__ import annotations

import errno
import resource
import sqlite3
from pathlib import Path

import pytest
from patience import wait_until
from small_city import small_city, writes

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.store.copy_file import CopyFile, records_of
from jacquemart.runtime.store.folder import journal_path

IDS = [bytes([n]) * 16 for n in range(1, 6)]


def test_s2_a_journal_that_was_altered_is_repaired_from_the_copy_of_the_centre(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    with small_city(tmp_path, lamps=3, settle_ms=1_500, state=state) as city:
        client = city.client()
        for value, id in enumerate(IDS, 1):
            assert client.set("north-1/setpoint", float(value), id=id).applied
        books = city.hosts["zone-0"]._service.authority.books
        wait_until(lambda: len(books["north"].state.commands.ended) == len(IDS))
        last = books["north"].state.sequence
        copied = lambda: [r.sequence for r in records_of(state / "copies", "north")]  # noqa: E731
        wait_until(lambda: copied() == list(range(1, last + 1)))
    with sqlite3.connect(journal_path(state, "north")) as database:
        first, body = database.execute(
            "SELECT first, body FROM batch WHERE last <= ? ORDER BY first DESC", (last,)
        ).fetchone()
        altered = body[:-1] + bytes([body[-1] ^ 1])
        database.execute("UPDATE batch SET body = ? WHERE first = ?", (altered, first))
    database.close()
    with small_city(tmp_path, lamps=3, settle_ms=1_500, state=state) as city:
        client = city.client()
        assert client.set("north-1/setpoint", 5.0, id=IDS[-1]).applied
        assert not writes("north-1"), "it is known again, and was not executed again"
        assert client.set("north-1/setpoint", 9.0).applied, "the journal takes records again"


def test_a_copy_ends_before_what_is_torn_and_goes_on_from_there(tmp_path: Path) -> None:
    row = [1, 1, 7, 3, b"\x80"]
    copy = CopyFile(tmp_path, "north")
    copy.append([row, [2, *row[1:]]])
    copy.append([[3, *row[1:]]])
    copy.close()
    whole = copy.path.read_bytes()
    for cut in range(len(whole)):
        copy.path.write_bytes(whole[:cut])
        found = [record.sequence for record in records_of(tmp_path, "north")]
        assert found in ([], [1, 2])
        again = CopyFile(tmp_path, "north")
        assert again.last == len(found)
        again.append([[again.last + 1, *row[1:]]])
        again.close()
        after = [record.sequence for record in records_of(tmp_path, "north")]
        assert after == list(range(1, len(found) + 2))


def test_a_copy_that_has_a_gap_begins_anew_and_a_full_file_is_followed_by_another(
    tmp_path: Path,
) -> None:
    row = [1, 1, 7, 3, b"\x80"]
    copy = CopyFile(tmp_path, "north", full=10)
    for sequence in range(1, 4):
        copy.append([[sequence, *row[1:]]])
    assert [record.sequence for record in records_of(tmp_path, "north")] == [2, 3]
    copy.append([[9, *row[1:]]])
    copy.close()
    assert [record.sequence for record in records_of(tmp_path, "north")] == [9]
    assert CopyFile(tmp_path, "north").last == 9


def test_a_copy_is_whole_again_once_there_is_room_on_its_disk(tmp_path: Path) -> None:
    row = [1, 1, 7, 3, b"\x80"]
    copy = CopyFile(tmp_path, "north", full=200_000)
    copy.append([row])
    many = [[sequence, 1, 7, 3, b"\x80" + bytes(100)] for sequence in range(2, 1_000)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for _ in range(2):
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        try:
            with pytest.raises(JournalError, match="cannot be written"):
                copy.append(many)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert copy.last == 1
    rows = [[sequence, *row[1:]] for sequence in range(2, 5)]
    copy.append(rows)
    copy.close()
    assert [record.sequence for record in records_of(tmp_path, "north")] == [1, 2, 3, 4]


def test_a_copy_goes_on_where_no_new_file_could_be_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = [1, 1, 7, 3, b"\x80"]
    copy = CopyFile(tmp_path, "north", full=10)
    copy.append([row])
    opened = CopyFile._open

    def fails(self: CopyFile) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(CopyFile, "_open", fails)
    for _ in range(2):
        with pytest.raises(JournalError, match="too many open files"):
            copy.append([[2, *row[1:]]])
    monkeypatch.setattr(CopyFile, "_open", opened)
    copy.append([[2, *row[1:]]])
    copy.close()
    assert [record.sequence for record in records_of(tmp_path, "north")] == [1, 2]
