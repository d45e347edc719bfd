"""Looking through a whole journal: every record, every snapshot, the watermark, the structure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from jacquemart.runtime.model.errors import JournalError, JournalTooNew
from jacquemart.runtime.store import mark
from jacquemart.runtime.store.folder import mark_path, zone_of
from jacquemart.runtime.store.format import START, Tip
from jacquemart.runtime.store.judgement import Found, judge
from jacquemart.runtime.store.reader import Facts, JournalReader


@dataclass(slots=True)
class Report:
    """What was found out about a journal."""

    path: Path
    zone: str
    facts: Facts | None = None
    """None: it could not be opened."""
    records: int = 0
    """That were read and are what was written."""
    tip: Tip = START
    """The last one of them."""
    acknowledged: int = 0
    """The number of the last record that was acknowledged, as the watermark says."""
    problems: list[str] = field(default_factory=list)
    """Why it is not all that was written; empty: all is well."""

    @property
    def whole(self) -> bool:
        """Return whether all is well."""
        return not self.problems


def verify_journal(path: Path) -> Report:
    """Look through a journal, which may be in use; never raises for what is wrong with it.

    Raises:
        JournalTooNew: a later version has written it.
    """
    report = Report(path, zone_of(path))
    try:
        found = mark.read(mark_path(path))
        report.acknowledged = found.tip.sequence if found else 0
        with JournalReader(path) as journal, journal.moment():
            report.facts = facts = journal.facts()
            report.zone = facts.zone
            _verify(journal, report)
    except JournalTooNew:
        raise
    except JournalError as error:
        report.problems.append(error.message)
    except OSError as error:
        report.problems.append(f"cannot be read: {error.strerror}")
    return report


def _verify(journal: JournalReader, report: Report) -> None:
    facts, marked = report.facts, journal.mark
    assert facts is not None
    report.problems += [f"structure: {line}" for line in journal.structure()]
    begin = report.tip = journal.anchor()
    at_mark = begin.digest if marked and marked.tip.sequence == begin.sequence else None
    broken, digests = "", {begin.sequence: begin.digest}
    try:
        for record, digest in journal.links(begin.sequence):
            report.records += 1
            report.tip = Tip(record.sequence, digest)
            if record.sequence in facts.snapshots:
                digests[record.sequence] = digest
            if marked and record.sequence == marked.tip.sequence:
                at_mark = digest
    except JournalError as error:
        broken = error.message
    seen = Found(facts.journal, report.tip, broken, at_mark, begin.sequence)
    verdict = judge(seen, marked)
    if verdict.corrupt or broken:
        report.problems.append(verdict.corrupt or broken)
    for upto in facts.snapshots:
        try:
            snapshot = journal.snapshot(upto)
        except JournalError as error:
            report.problems.append(error.message)
            continue
        if upto in digests and snapshot.tip.digest != digests[upto]:
            report.problems.append(f"snapshot {upto} was not made of these records")
    if facts.snapshots and begin.sequence > facts.snapshots[-1]:
        report.problems.append(f"records between a snapshot and {begin.sequence + 1} are missing")
    if not facts.snapshots and begin.sequence:
        report.problems.append(f"records up to {begin.sequence} are gone, and there is no snapshot")
