"""The native marks leave what their oracle leaves, whatever is handled, sent and cut off."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from oracle_marks import OracleMarks

from jacquemart.runtime.actor.ticket import Part, Ticket
from jacquemart.runtime.cell import ledger_layout
from jacquemart.runtime.cell.ledger import KEPT_FREE, Ledger

WORDS = st.sampled_from(["", "set", "lamp-1", "Rue de la Liberté", "x" * 255, "é" * 120])
VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.integers(-(2**70), 2**70), st.just("y" * 1_024)
)
TICKETS = st.builds(
    lambda kind, id, words, value, priority: kind(
        id, *words[:4], value, words[4], priority, 2**60, 1, lambda _: None
    ),
    st.sampled_from([Ticket, Part]), st.binary(min_size=16, max_size=16),
    st.tuples(WORDS, WORDS, WORDS, WORDS, WORDS), VALUES, st.integers(1, 16),
)  # fmt: skip


class Marks(RuleBasedStateMachine):
    """Does the same to both, and reads both as a successor does."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="marks-"))
        self.native = Ledger.create(str(self.folder / "native"))
        self.oracle = OracleMarks(str(self.folder / "oracle"))
        self.held: list[tuple[int, int]] = []
        self.now = 0

    @rule(ticket=TICKETS, later=st.booleans())
    def handles(self, ticket: Any, later: bool) -> None:
        tokens = self.native.handling(ticket), self.oracle.handling(ticket)
        assert tokens[0] == tokens[1]
        running = [[repr(one) for one in self.read(of).handling] for of in ("native", "oracle")]
        assert running[0] == running[1]
        kept = (
            self.native.returned(tokens[0], later=later),
            self.oracle.returned(tokens[1], later=later),
        )
        assert kept[0] == kept[1]
        if kept[0] >= 0:
            self.held.append(kept)

    @rule(place=st.integers(0, 20))
    def goes_on(self, place: int) -> None:
        if self.held:
            native, oracle = self.held.pop(place % len(self.held))
            self.native.handled(native)
            self.oracle.handled(oracle)

    @rule(ticket=TICKETS)
    def fills_up(self, ticket: Any) -> None:
        for _ in range(ledger_layout.SLOTS - KEPT_FREE):
            self.handles_quietly(ticket)

    def handles_quietly(self, ticket: Any) -> None:
        tokens = self.native.handling(ticket), self.oracle.handling(ticket)
        kept = (
            self.native.returned(tokens[0], later=True),
            self.oracle.returned(tokens[1], later=True),
        )
        assert kept[0] == kept[1]
        if kept[0] >= 0:
            self.held.append(kept)

    @rule(digest=st.binary(min_size=16, max_size=16), many=st.integers(1, 3_000))
    def sends(self, digest: bytes, many: int) -> None:
        for _ in range(many):
            self.now += 1
            self.native.sent(digest, self.now)
            self.oracle.sent(digest, self.now)

    @rule(
        digests=st.lists(st.binary(min_size=16, max_size=16), max_size=3), many=st.integers(0, 700)
    )
    def sends_some_at_once(self, digests: list[bytes], many: int) -> None:
        self.now += 1
        self.native.sent_each(b"".join(digests) * many, self.now)
        self.oracle.sent_each(b"".join(digests) * many, self.now)

    @rule(size=st.integers(1, 47).filter(lambda size: size % 16))
    def sends_what_are_no_digests(self, size: int) -> None:
        with pytest.raises(ValueError, match="no whole digests"):
            self.native.sent_each(bytes(size), self.now)

    @invariant()
    def a_successor_reads_the_same(self) -> None:
        native, oracle = self.read("native"), self.read("oracle")
        assert replace(native, handling=()) == replace(oracle, handling=())
        assert [repr(one) for one in native.handling] == [repr(one) for one in oracle.handling]
        assert self.native.unmarked == self.oracle.unmarked

    def read(self, which: str) -> Any:
        return Ledger.read(str(self.folder / which))

    def teardown(self) -> None:
        self.native.close()
        self.oracle.close()
        shutil.rmtree(self.folder)


TestMarks = Marks.TestCase
TestMarks.settings = settings(max_examples=15, stateful_step_count=15)
