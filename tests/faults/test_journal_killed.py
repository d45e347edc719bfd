"""A journal's owner is killed again and again, and the disk gets full under it."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from journals import ZONE, OpenJournal

from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.verify import verify_journal

PEERS = Path(__file__).parents[1] / "peers"


def test_p2_s1_an_owner_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    rng, last, wanted, kills = random.Random(9), 0, 0, 0
    victims = subprocess.Popen(
        [sys.executable, str(PEERS / "journal_victim.py"), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert victims.stdin is not None
    assert victims.stdout is not None
    try:
        while kills < 15 or (wanted < 500 and kills < 100):  # a slow disk takes more of them
            kills += 1
            victims.stdin.write("go\n")
            victims.stdin.flush()
            pid, lines = 0, []
            killed_s = time.monotonic() + rng.uniform(0.002, 0.04)
            while (line := victims.stdout.readline().strip()) != "dead":
                if line.startswith("pid "):
                    pid = int(line[4:])
                else:
                    lines.append(int(line))
                if pid and time.monotonic() > killed_s:
                    os.kill(pid, signal.SIGKILL)
                    killed_s = float("inf")
            wanted += len(lines)
            last = max([last, *lines])
            last = check(tmp_path, last, numbered=True)
    finally:
        victims.kill()
        victims.communicate()
    assert verify_journal(journal_path(tmp_path, ZONE)).problems == []
    assert wanted > 500


def check(folder: Path, last: int, *, numbered: bool = False) -> int:
    """Open the journal as the next owner; return the number of its OPENED record."""
    with OpenJournal(folder) as journal:
        assert journal.journal.fault is None
        records = journal.records
        numbers = [record.sequence for record in records]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[-1] > last
        for record in records if numbered else ():
            assert record.body.get("value", record.sequence) == record.sequence
        return numbers[-1]


# S3 ------------------------------------------------------------------------------------------


@contextmanager
def writer(folder: Path, *before: str, limit: Callable[[], None] | None = None) -> Iterator[Ask]:
    """Run ``journal_writer.py``, within a command that prepares its folder."""
    process = subprocess.Popen(
        [*before, sys.executable, str(PEERS / "journal_writer.py"), str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=limit,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def ask(order: str) -> str:
        stdin.write(order + "\n")
        stdin.flush()
        return stdout.readline().strip()

    try:
        assert stdout.readline().strip() == "open"
        yield ask
    finally:
        process.kill()
        process.communicate()


Ask = Callable[[str], str]


def until_refused(ask: Ask, crowd: int) -> int:
    """Write until it is refused; return the number of the last record that was not."""
    last = 0
    for _ in range(500):
        told = ask(f"write {crowd}").split()
        last = max(last, int(told[5]))
        if int(told[3]):
            return last
    raise AssertionError("it was never refused")


def test_s3_a_full_disk_refuses_before_it_accepts_and_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    disk = f'mount -t tmpfs -o size=512k,mode=700 none {tmp_path} && exec "$@"'
    tried = subprocess.run(
        ["unshare", "-m", "sh", "-c", disk, "sh", "true"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip("this user may not mount a small disk")
    with writer(tmp_path, "unshare", "-m", "sh", "-c", disk, "sh") as ask:
        assert ask("write 5") == "acknowledged 5 refused 0 last 11"
        assert ask("fill") == "filled"
        last = until_refused(ask, 20)
        assert ask("fault") == "JournalFull"
        assert ask("write 3") == "acknowledged 0 refused 3 last 0"
        assert ask("free") == "freed"
        assert ask("wait") == "well"
        assert ask("write 1") == f"acknowledged 1 refused 0 last {last + 2}"
        assert ask("fill") == "filled"
        again = max(last + 2, until_refused(ask, 40))
        assert ask("verify") == f"whole {again}"


def test_s3_a_file_that_may_not_grow_refuses_and_loses_nothing(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    with writer(tmp_path, limit=limit) as ask:
        last = until_refused(ask, 20)
        assert last > 100
        assert ask("fault") in ("JournalError", "JournalFull")
        assert ask("write 3") == "acknowledged 0 refused 3 last 0"
    assert check(tmp_path, last) == last + 1
