"""A journal on a disk that fails, is slow, or loses its power: what was acknowledged is there.

The writer runs on the real disk through a library that writes down every write, cut and sync, and
makes them fail (``peers/disk_shim.c``). For a power loss the test builds, for each prefix of that
trace, the disk as a crash at that moment leaves it: of a process, when all writes are there, or of
the power, when only what was synced is, and of the rest any part.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from disk_shim import ACKNOWLEDGED, Step, Writer, apply, library, read_trace
from journals import OpenJournal, lay, look

from jacquemart.runtime.store.recovery import Recovered

# S4 and S7: a disk that fails, and one that is slow ------------------------------------------


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def writer(shim: Path, tmp_path: Path) -> Iterator[Writer]:
    (tmp_path / "state").mkdir()
    with Writer(shim, tmp_path / "state", tmp_path) as running:
        yield running


def acknowledged(folder: Path) -> int:
    """Return the last number that was acknowledged, as the writer wrote it down."""
    return int.from_bytes((folder / ACKNOWLEDGED).read_bytes(), "little")


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_s4_after_a_sync_that_failed_nothing_is_said_before_it_was_looked_at(
    number: int, writer: Writer, tmp_path: Path
) -> None:
    assert writer.ask("write", 5) == "acknowledged 5 refused 0 last 11"
    writer.disk(syncs=1, errno=number)
    told = writer.ask("write", 1)
    # What was written is found again, and then it counts; or it is not, and then it never will.
    assert told in ("acknowledged 1 refused 0 last 13", "acknowledged 0 refused 1 last 0")
    assert writer.ask("wait") == "well"
    assert writer.ask("write", 3).startswith("acknowledged 3 refused 0")
    assert writer.ask("end") == "closed"
    with OpenJournal(tmp_path / "state") as journal:
        numbers = [record.sequence for record in journal.records]
        assert numbers == list(range(1, acknowledged(tmp_path / "state") + 2))


def test_s4_while_the_disk_fails_all_is_refused_at_once_and_then_it_goes_on(
    writer: Writer, tmp_path: Path
) -> None:
    assert writer.ask("write", 5) == "acknowledged 5 refused 0 last 11"
    writer.disk(syncs=-1, writes=-1, errno=errno.EIO)
    assert writer.ask("write", 2) == "acknowledged 0 refused 2 last 0"
    assert writer.ask("fault") == "JournalError"
    assert writer.ask("write", 50) == "acknowledged 0 refused 50 last 0"
    writer.disk()
    assert writer.ask("wait") == "well"
    assert writer.ask("write", 5) == "acknowledged 5 refused 0 last 21"
    assert writer.ask("end") == "closed"
    with OpenJournal(tmp_path / "state") as journal:
        assert [record.sequence for record in journal.records] == list(range(1, 23))


def test_s3_s4_a_write_for_which_there_is_no_room_is_refused_and_tried_again(
    writer: Writer,
) -> None:
    writer.disk(writes=-1, errno=errno.ENOSPC)
    assert writer.ask("write", 3) == "acknowledged 0 refused 3 last 0"
    assert writer.ask("fault") == "JournalFull"
    assert writer.ask("sleep", 0.2) == "slept"
    assert writer.ask("fault") == "JournalFull"
    writer.disk()
    assert writer.ask("wait") == "well"
    assert writer.ask("write", 1) == "acknowledged 1 refused 0 last 3"


def test_s7_a_slow_disk_makes_its_callers_wait_in_bounds_and_the_loop_never(
    writer: Writer,
) -> None:
    writer.disk(sync_ms=300)
    told = writer.ask("write", 500).split()  # 1,000 records; 400 may wait
    good, refused = int(told[1]), int(told[3])
    assert good + refused == 500
    # All come while the first few are being written; those few waited, too.
    assert good == 200
    writer.disk()
    assert writer.ask("write", 10).startswith("acknowledged 10 refused 0")


# S5 and S6: the power goes -------------------------------------------------------------------


def after_crash(steps: Sequence[Step]) -> dict[str, bytes]:
    """Return the disk when a process was killed after these steps: every write is there."""
    disk: dict[str, bytearray] = {}
    for step in steps:
        apply(disk, step)
    return {name: bytes(data) for name, data in disk.items()}


def after_power_loss(steps: Sequence[Step], rng: random.Random) -> dict[str, bytes]:
    """Return the disk when the power went: what was synced, and any part of what was not."""
    synced: dict[str, int] = {}
    for number, step in enumerate(steps):
        if step.op == "s":
            synced[step.name] = number
    disk: dict[str, bytearray] = {}
    for number, step in enumerate(steps):
        if step.op != "w" or number < synced.get(step.name, -1):
            apply(disk, step)
        elif (kept := rng.choice((0, 0, 1, 2))) and step.name != ACKNOWLEDGED:
            data = step.data if kept == 2 else step.data[: 512 * rng.randrange(9)]
            apply(disk, step._replace(data=data))
    return {name: bytes(data) for name, data in disk.items()}


def check_prefixes(steps: Sequence[Step], folder: Path, every: int) -> int:
    """Hold the journal after each prefix against what was acknowledged in it; return how many."""
    rng, checked = random.Random(5), 0
    for end in range(1, len(steps) + 1, every):
        prefix = steps[:end]
        told = [step for step in prefix if step.name == ACKNOWLEDGED and step.op == "w"]
        last = int.from_bytes(told[-1].data, "little") if told else 0
        for disk in (after_crash(prefix), after_power_loss(prefix, rng)):
            found = look(lay(folder, disk))
            assert isinstance(found, Recovered), (end, found)
            assert not found.verdict.corrupt, (end, found.verdict)
            numbers = [record.sequence for record in found.records]
            begin = found.snapshot.tip.sequence
            assert numbers == list(range(begin + 1, found.tip.sequence + 1)), end
            assert found.tip.sequence >= last, end
            checked += 1
    return checked


def traced(writer: Writer) -> list[Step]:
    """Have a journal written with commits of all sizes, snapshots and moves of the log."""
    for crowd in (1, 2, 1, 7, 1, 30, 1):
        assert f"acknowledged {crowd} " in writer.ask("write", crowd)
    for _ in range(3):
        writer.ask("snapshot")
        for crowd in (1, 12, 1, 1):
            assert f"acknowledged {crowd} " in writer.ask("write", crowd)
    writer.ask("sleep", 0.3)  # idle: the log is moved into the database
    writer.ask("write", 3)
    assert writer.ask("end") == "closed"
    return list(read_trace(writer.trace))


def test_s5_s6_every_prefix_of_what_was_written_holds_all_that_was_acknowledged(
    writer: Writer, fast_folder: Path
) -> None:
    steps = traced(writer)
    assert {step.op for step in steps} >= {"w", "s", "u"}
    assert sum(step.op == "s" for step in steps) > 40
    assert check_prefixes(steps, fast_folder, 3) > 150


@pytest.mark.slow
def test_s5_s6_every_single_prefix_of_what_was_written_holds_all_that_was_acknowledged(
    writer: Writer, fast_folder: Path
) -> None:
    steps = traced(writer)
    for _ in range(2):
        check_prefixes(steps, fast_folder, 1)
