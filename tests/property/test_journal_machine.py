"""A journal on disk does what a journal in memory does, whatever comes in between.

The oracle is MemoryJournal. What it cannot show is added: the owner is killed (its files are
taken as they are, nothing is closed), or it closes and another one opens.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from journals import ZONE, OpenJournal, plain

from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.memory import MemoryJournal
from jacquemart.runtime.store.verify import verify_journal

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(["id", "device", "value", "why"]), VALUES, max_size=4)
DRAFTS = st.lists(st.builds(Draft, st.sampled_from(RecordKind), BODIES), min_size=1, max_size=5)


class JournalMachine(RuleBasedStateMachine):
    """Drives both."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        self.number = 0
        self.owners = 0
        self.numbers: list[int] = []
        """What the oracle has answered."""

    @initialize()
    def begin(self) -> None:
        self.folder = self.home / "0"
        self.disk = OpenJournal(self.folder, history_records=0)
        self.oracle = MemoryJournal(ZONE, 1, lambda call: call(), lambda: 0)
        self.opened_once_more()

    def opened_once_more(self) -> None:
        opened = self.disk.records[-1]
        assert opened.kind is RecordKind.OPENED
        self.oracle.append([Draft(opened.kind, opened.body)], lambda error: None)

    @rule(drafts=DRAFTS)
    def append(self, drafts: list[Draft]) -> None:
        got = self.oracle.append(drafts, lambda error: None)
        assert self.disk.append(*drafts) == got
        self.numbers.append(got)

    @rule()
    def wait(self) -> None:
        self.disk.wait(len(self.numbers))

    @rule(state=st.binary(max_size=2_000), back=st.integers(0, 5))
    def snapshot(self, state: bytes, back: int) -> None:
        self.wait()
        upto = self.disk.journal.durable - back
        first = self.oracle.records[0].sequence if self.oracle.records else upto + 1
        if upto < first:  # nothing that is not in a snapshot already
            return
        self.disk.journal.snapshot(state, upto)
        self.oracle.snapshot(state, upto)
        writer = self.disk.journal._writer
        self.disk.until(lambda: self.disk.journal._intake._task is None and writer._job is None)

    @rule()
    def close_and_open(self) -> None:
        self.disk.close()
        self.check_answers()
        self.open()

    @precondition(lambda self: self.numbers)
    @rule()
    def kill_and_open(self) -> None:
        """All that was answered is there, and of what was not, whole appends in their order."""
        told = len(self.disk.answers)
        old, self.number = self.folder, self.number + 1
        self.folder = self.home / str(self.number)
        self.wait()
        shutil.copytree(old, self.folder)
        assert len(self.disk.answers) >= told
        self.disk.close()
        self.open()

    def open(self) -> None:
        self.numbers = []
        self.disk = OpenJournal(self.folder, history_records=0)
        assert self.disk.journal.fault is None
        assert self.disk.opened.state == self.oracle.state
        assert plain(self.disk.records)[:-1] == plain(self.oracle.records)
        self.opened_once_more()

    @invariant()
    def check_answers(self) -> None:
        if hasattr(self, "disk"):
            errors: list[JournalError] = [error for _, error in self.disk.answers if error]
            assert errors == []
            assert self.disk.acknowledged == self.numbers[: len(self.disk.acknowledged)]

    def teardown(self) -> None:
        if hasattr(self, "disk"):
            self.disk.close()
            report = verify_journal(journal_path(self.folder, ZONE))
            assert report.problems == []
            assert report.tip.sequence == report.acknowledged
        shutil.rmtree(self.home)


JournalMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
TestJournalMachine = pytest.mark.filterwarnings("ignore::ResourceWarning")(JournalMachine.TestCase)
