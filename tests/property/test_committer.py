"""A commit without the interpreter lock writes what ``sqlite3`` and ``os.pwrite`` would."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_committer import CommitterTwin

from jacquemart.native.committer import AVAILABLE, Committer, SqlError

OWNER = 7
SQL = "INSERT INTO batch SELECT ?1, ?2, ?3 WHERE (SELECT epoch FROM owner) = ?4"
SETUP = "PRAGMA synchronous = OFF"
Value = int | bytes
NUMBERS = st.integers(-(2**63), 2**63 - 1)
COMMITS = st.lists(
    st.tuples(
        st.one_of(NUMBERS, st.binary(max_size=6_000)),
        st.binary(max_size=200),
        st.sampled_from([OWNER, OWNER, OWNER, OWNER + 1]),
        st.binary(min_size=1, max_size=90),
        st.sampled_from([0, 4096]),
    ),
    max_size=12,
)


def database(path: Path) -> str:
    """Make a journal's like, and return how it is opened."""
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE batch (first INTEGER PRIMARY KEY, number, body)")
        made.execute("CREATE TABLE owner (epoch INTEGER NOT NULL)")
        made.execute("INSERT INTO owner VALUES (?)", (OWNER,))
    made.close()
    return f"file:{path}?mode=rw"


def rows(path: Path) -> list[tuple[Value, ...]]:
    with sqlite3.connect(path) as found:
        return found.execute("SELECT * FROM batch ORDER BY first").fetchall()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A database, and a file for the mark."""
    database(tmp_path / "it")
    fd = os.open(tmp_path / "mark", os.O_RDWR | os.O_CREAT | os.O_DSYNC, 0o600)
    yield tmp_path / "it", fd
    os.close(fd)


def committer(path: Path, busy_ms: int = 0, mode: str = "rw") -> Committer:
    return Committer(f"file:{path}?mode={mode}", SETUP, SQL, busy_ms)


def test_this_python_shows_the_library_of_its_sqlite3() -> None:
    assert AVAILABLE, "journals would be written the slow way, and nobody would know"


@settings(max_examples=40, deadline=None)
@given(COMMITS)
def test_the_same_commits_leave_the_same_files_behind(
    tmp_path_factory: pytest.TempPathFactory,
    commits: Sequence[tuple[Value, bytes, int, bytes, int]],
) -> None:
    folder = tmp_path_factory.mktemp("twins")
    make: dict[str, Callable[..., Committer | CommitterTwin]] = {
        "native": Committer, "twin": CommitterTwin,
    }  # fmt: skip
    said, marks, kept = {}, {}, {}
    for name, kind in make.items():
        uri = database(folder / name)
        fd = os.open(folder / f"{name}.mark", os.O_RDWR | os.O_CREAT, 0o600)
        one = kind(uri, SETUP, SQL, 0)
        said[name] = [
            one.commit((first, number, body, epoch), fd, mark, at)
            for first, (number, body, epoch, mark, at) in enumerate(commits)
        ]
        one.close()
        os.close(fd)
        marks[name] = (folder / f"{name}.mark").read_bytes()
        kept[name] = rows(folder / name)
    assert said["native"] == said["twin"] == [epoch == OWNER for _, _, epoch, _, _ in commits]
    assert marks["native"] == marks["twin"]
    assert kept["native"] == kept["twin"]
    assert len(kept["native"]) == sum(said["native"])


def test_a_row_that_is_refused_leaves_no_mark(place: tuple[Path, int]) -> None:
    path, fd = place
    one = committer(path)
    assert one.commit((1, 1, b"", OWNER), fd, b"first", 0)
    with pytest.raises(SqlError) as refused:
        one.commit((1, 2, b"", OWNER), fd, b"second", 0)
    assert refused.value.code & 0xFF == sqlite3.SQLITE_CONSTRAINT
    assert "UNIQUE" in str(refused.value)
    assert os.pread(fd, 10, 0) == b"first"
    assert one.commit((2, 2, b"", OWNER), fd, b"third", 0), "it goes on"
    assert rows(path) == [(1, 1, b""), (2, 2, b"")]


def test_a_mark_that_finds_no_room_is_told_and_its_row_is_there(place: tuple[Path, int]) -> None:
    path, _ = place
    one = committer(path)
    full = os.open("/dev/full", os.O_RDWR)
    with pytest.raises(OSError) as refused:
        one.commit((1, 1, b"", OWNER), full, b"mark", 0)
    os.close(full)
    assert refused.value.errno == errno.ENOSPC
    assert rows(path) == [(1, 1, b"")]


def test_who_waits_for_the_lock_of_another_keeps_no_thread_waiting(
    place: tuple[Path, int],
) -> None:
    path, fd = place
    one, done = committer(path, busy_ms=20_000), []
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(
        target=lambda: done.append(one.commit((1, 1, b"", OWNER), fd, b"m", 0))
    )
    thread.start()
    thread.join(0.05)
    assert done == []  # and this very line runs, while it holds no interpreter lock
    other.execute("ROLLBACK")
    thread.join(20.0)
    assert done == [True]
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SqlError) as refused:
        committer(path).commit((2, 2, b"", OWNER), fd, b"n", 0)
    assert refused.value.code & 0xFF == sqlite3.SQLITE_BUSY
    other.close()
    assert os.pread(fd, 4, 0) == b"m"


def test_what_cannot_be_opened_written_or_meant_is_refused(place: tuple[Path, int]) -> None:
    path, fd = place
    with pytest.raises(SqlError) as missing:
        committer(path.with_name("none"))
    assert missing.value.code & 0xFF == sqlite3.SQLITE_CANTOPEN
    with pytest.raises(SqlError, match="no such table"):
        Committer(f"file:{path}?mode=rw", SETUP, "INSERT INTO absent VALUES (1)", 0)
    read_only = committer(path, mode="ro")
    with pytest.raises(SqlError) as refused:
        read_only.commit((1, 1, b"", OWNER), fd, b"m", 0)
    assert refused.value.code & 0xFF == sqlite3.SQLITE_READONLY
    one = committer(path)
    for values in ((1, 1, "text", OWNER), (2**63, 1, b"", OWNER), (1,) * 17):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            one.commit(values, fd, b"m", 0)  # type: ignore[arg-type]
    with pytest.raises(SqlError):
        one.commit((1, 1, b"", OWNER, 5), fd, b"m", 0)  # a value too many
    one.close()
    one.close()
    with pytest.raises(ValueError, match="closed"):
        one.commit((1, 1, b"", OWNER), fd, b"m", 0)
    assert rows(path) == []
    assert os.pread(fd, 4, 0) == b""
