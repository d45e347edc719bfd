"""Copies of journals: a backup while they are in use, and a restore into an empty folder."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from jacquemart.runtime.model.errors import JournalCorrupt, UsageError
from jacquemart.runtime.store import schema
from jacquemart.runtime.store.folder import mark_path
from jacquemart.runtime.store.mark import Mark, MarkFile
from jacquemart.runtime.store.reader import JournalReader, find
from jacquemart.runtime.store.verify import Report, verify_journal

_PARTIAL = ".partial"


def backup(source: Path, target: Path) -> list[Report]:
    """Copy journals, which may be in use, into a folder; return what the copies hold.

    Each copy is the journal of one moment; it is verified, and then has its name. A journal that
    is damaged is not copied: a backup that cannot be restored is none.

    Args:
        source: a state folder, or one journal in it.
        target: a folder, made if needed, without journals of those names.

    Raises:
        UsageError: there is nothing to copy, or a copy exists already; nothing was done.
        JournalCorrupt: a journal is damaged. JournalError: the disk.
    """
    return _copy_all(find(source), target, lambda epoch: epoch)


def restore(source: Path, target: Path) -> list[Report]:
    """Make a state folder from a backup; return what its journals hold.

    They get an owner's epoch above every one that was ever given, if the wall clock is right: so
    what an owner from before the loss still says is refused.

    Args:
        source: a backup: a folder, or one journal in it.
        target: the state folder; it must be empty, or not there.

    Raises:
        UsageError: there is something in the folder; nothing was done.
        JournalCorrupt: the backup is damaged. JournalError: the disk.
    """
    if target.is_dir() and (there := sorted(target.iterdir())):
        raise UsageError(
            f"the folder is not empty: {there[0].name}",
            where=str(target),
            advice="move it away as a whole, copies and all, and restore into a new one",
        )
    wall_ms = time.time_ns() // 1_000_000
    return _copy_all(find(source), target, lambda epoch: max(epoch + 1, wall_ms))


def _copy_all(sources: list[Path], target: Path, epoch_of: Callable[[int], int]) -> list[Report]:
    for source in sources:
        if (target / source.name).exists():
            raise UsageError("is there already", where=str(target / source.name))
    for source in sources:
        report = verify_journal(source)
        if not report.whole:
            raise JournalCorrupt(report.problems[0], where=str(source), advice=schema.REPAIR)
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        reports = [_copy(source, target / source.name, epoch_of) for source in sources]
        sync_folder(target)
    except schema.ERRORS as error:
        raise schema.typed(error, target, "cannot be written") from error
    return reports


def _copy(source: Path, target: Path, epoch_of: Callable[[int], int]) -> Report:
    partial = target.with_name(target.name + _PARTIAL)
    try:
        with JournalReader(source) as journal:
            with journal.moment():
                before, marked = journal.facts(), journal.mark
                _check(source, journal, marked)
            partial.unlink(missing_ok=True)
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            journal.copy_to(partial)
        epoch = epoch_of(max(before.epoch, marked.epoch if marked else 0))
        copy = sqlite3.connect(partial, isolation_level=None)
        try:
            copy.execute("UPDATE owner SET epoch = ?", (epoch,))
        finally:
            copy.close()
        with JournalReader(partial) as found:
            tip = found.anchor()
            for record, digest in found.links(tip.sequence):
                tip = tip._replace(sequence=record.sequence, digest=digest)
        if marked is not None and tip.sequence < marked.tip.sequence:
            raise JournalCorrupt(
                f"acknowledged records up to {marked.tip.sequence} are not in the copy",
                where=str(source),
                advice=schema.REPAIR,
            )
        mark_path(target).unlink(missing_ok=True)
        written = MarkFile(mark_path(target), before.journal, epoch)
        try:
            written.write(tip)
        finally:
            written.close()
        sync_file(partial)
        partial.rename(target)
    finally:
        for left in (partial, Path(f"{partial}-journal")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
    report = verify_journal(target)
    if not report.whole:
        raise JournalCorrupt(
            f"the copy is damaged: {report.problems[0]}", where=str(target), advice="copy it again"
        )
    return report


def _check(source: Path, journal: JournalReader, marked: Mark | None) -> None:
    """Refuse a journal whose watermark does not fit its records."""
    facts = journal.facts()
    if marked is None and facts.last:
        raise JournalCorrupt("its watermark is lost", where=str(source), advice=schema.REPAIR)
    if marked is None or marked.tip.sequence < max(facts.first, 1):
        return
    if journal.place_of(marked.tip.sequence).digest != marked.tip.digest:
        raise JournalCorrupt(
            f"acknowledged records up to {marked.tip.sequence} are not what was written",
            where=str(source),
            advice=schema.REPAIR,
        )


def sync_file(path: Path) -> None:
    """Have a file on disk.

    Raises:
        OSError: it may not be.
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(path: Path) -> None:
    """Have the names in a folder on disk.

    Raises:
        OSError: they may not be.
    """
    sync_file(path)
