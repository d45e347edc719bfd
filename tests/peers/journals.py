"""A journal and the loop that it answers on, for tests: small, synchronous, with fixed clocks."""

from __future__ import annotations

import itertools
import queue
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, Record, RecordKind
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.journal import Opened
from jacquemart.runtime.store.open import open_journal
from jacquemart.runtime.store.recovery import Recovered
from jacquemart.runtime.store.settings import StoreSettings

ZONE = "north"
BOOT = "6a0e9d4c-0000-4000-8000-000000000001"
#: As in production, but without a log that is 4 MiB long from the start.
SMALL = StoreSettings(wal_bytes=0, lock_s=0.5, idle_s=0.1, probe_first_s=0.01, probe_longest_s=0.05)
START_NS = 1_700_000_000_000_000_000


def accepted(number: int, **more: Any) -> Draft:
    """Return a record as a zone writes it for a command."""
    body = {
        "id": number.to_bytes(16, "big"),
        "principal": "operator",
        "device": f"lamp-{number % 50}",
        "verb": "set",
        "point": "setpoint",
        "value": float(number),
        "priority": 8,
    }
    return Draft(RecordKind.ACCEPTED, {**body, **more})


class OpenJournal:
    """An open journal; a context manager."""

    def __init__(
        self,
        folder: Path,
        *,
        zone: str = ZONE,
        settings: StoreSettings = SMALL,
        wall_ns: Callable[[], int] | None = None,
        **changes: Any,
    ) -> None:
        self.turns: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        ticks = itertools.count(START_NS, 1_000_000)
        self.opened: Opened = open_journal(
            folder,
            zone,
            post=self.turns.put,
            wall_ns=wall_ns or (lambda: next(ticks)),
            boot_id=BOOT,
            boot_ns=lambda: 5_000_000_000,
            version="0.1.0",
            settings=replace(settings, **changes),
            new_id=lambda: b"jacquemart-tests",
        )
        self.journal: Any = self.opened.journal
        self.answers: list[tuple[int, JournalError | None]] = []
        """Number and error of each append, in the order of the answers."""

    @property
    def records(self) -> Sequence[Record]:
        return self.opened.records

    @property
    def acknowledged(self) -> list[int]:
        return [number for number, error in self.answers if error is None]

    def append(self, *drafts: Draft) -> int:
        """Append without waiting."""
        numbers: list[int] = []
        numbers.append(
            self.journal.append(
                drafts, lambda error: self.answers.append((numbers[0] if numbers else 0, error))
            )
        )
        return numbers[0]

    def turn(self, timeout_s: float = 10.0) -> None:
        """Let the loop do one thing.

        Raises:
            queue.Empty: there was nothing to do in time.
        """
        self.turns.get(timeout=timeout_s)()

    def wait(self, answers: int, timeout_s: float = 10.0) -> None:
        """Let the loop go on until so many appends are answered."""
        give_up = time.monotonic() + timeout_s
        while len(self.answers) < answers:
            self.turn(max(0.0, give_up - time.monotonic()))

    def write(self, *drafts: Draft) -> JournalError | None:
        """Append, and wait for the answer."""
        self.append(*drafts)
        self.wait(len(self.answers) + 1)
        return self.answers[-1][1]

    def until(self, met: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Wait for something that the writer does on its own."""
        give_up = time.monotonic() + timeout_s
        while not met():
            assert time.monotonic() < give_up, "it never came"
            time.sleep(0.002)

    def close(self) -> None:
        self.journal.close()
        while not self.turns.empty():
            self.turn()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def lay(folder: Path, content: Mapping[str, bytes]) -> Path:
    """Have exactly these files in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def plain(records: Sequence[Record]) -> list[tuple[int, int, dict[str, Any]]]:
    """Return what can be compared: number, kind and body."""
    return [(record.sequence, int(record.kind), dict(record.body)) for record in records]


def look(folder: Path) -> Recovered | JournalError:
    """Read a journal as its next owner would."""
    database = Database(journal_path(folder, ZONE), SMALL)
    try:
        return database.open()
    except JournalError as error:
        return error
    finally:
        database.close()
