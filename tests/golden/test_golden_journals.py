"""Journals of every format that was ever released are read as on the day they were written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from journals import ZONE, OpenJournal, accepted

from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.schema import MIGRATIONS
from jacquemart.runtime.store.verify import verify_journal

HOME = Path(__file__).parent / "journal"
sys.path.insert(0, str(HOME))

import make  # noqa: E402

FORMATS = sorted(HOME.glob("format-*"))


@pytest.fixture(params=FORMATS, ids=lambda path: path.name)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a golden state folder."""
    return Path(shutil.copytree(request.param, tmp_path / "state"))


def test_every_format_has_its_golden_journal() -> None:
    missing = {f"format-{n + 1}" for n in range(len(MIGRATIONS))} - {path.name for path in FORMATS}
    assert not missing, (
        f"{missing}: the format of journals has changed. Add a step to schema.MIGRATIONS, never "
        "change one; run tests/golden/journal/make.py and commit the new folder beside the old "
        "ones. They stay as they are: they are what lies on the disks of those who upgrade."
    )


def test_a_golden_journal_says_what_it_always_said(state: Path) -> None:
    wanted = json.loads((state / "expected.json").read_text())
    found = make.expected(state)
    assert {**found, "format": wanted["format"]} == wanted, (
        "a journal that is on somebody's disk is read differently now: that is a bug in the "
        "reader, and never a reason to make the golden journal again"
    )
    assert verify_journal(journal_path(state, ZONE)).problems == []


def test_a_golden_journal_is_taken_over_and_written_on(state: Path) -> None:
    wanted = json.loads((state / "expected.json").read_text())
    ((upto, snapshot),) = wanted["snapshots"].items()
    with OpenJournal(state) as journal:
        assert journal.journal.fault is None
        assert journal.opened.state.hex() == snapshot
        numbers = [record.sequence for record in journal.records]
        assert numbers == list(range(int(upto) + 1, wanted["records"][-1][0] + 2))
        assert journal.write(accepted(1)) is None
    report = verify_journal(journal_path(state, ZONE))
    assert report.problems == []
    assert report.facts is not None
    assert report.facts.format == len(MIGRATIONS)


def test_the_same_records_are_written_as_the_same_bytes_as_ever(tmp_path: Path) -> None:
    golden = HOME / f"format-{len(MIGRATIONS)}" / "expected.json"
    make.write(tmp_path / "now")
    found = json.loads((tmp_path / "now" / "expected.json").read_text())
    # Their hashes are in it.
    assert found["records"] == json.loads(golden.read_text())["records"]
