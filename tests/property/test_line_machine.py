"""The native line equals its oracle, whatever comes, fails, has no room or is closed meanwhile."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
import zmq
from fake_line import FakePump
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from oracle_bundle import bundle, unbundle
from oracle_line import Message, OracleLine

from jacquemart.native.line import Line

TURN = 5


class Pump(FakePump):
    """Has room, or none, or nobody at the other end; or its context is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.how = "takes"

    def send(self, *parts: bytes) -> bool:
        """Send, or not."""
        if self.how == "nobody":
            raise OSError("nobody of that name")
        self.takes = self.how == "takes"
        return super().send(*parts)

    def receive(self, most: int) -> list[Message]:
        """Return what has come."""
        if self.how == "gone":
            raise zmq.ContextTerminated
        return super().receive(most)


class Ours(Line):
    """The native line, which notes what the other half of a channel does."""

    def __init__(self) -> None:
        self.looks = self.lost = 0

    def look_soon(self) -> None:
        """Note it."""
        self.looks += 1

    def keep(self, parts: Message) -> bool:
        """Keep all."""
        self.waiting.setdefault(parts[0], deque()).append(parts)
        return True

    def count_lost(self, messages: int) -> None:
        """Count."""
        self.lost += messages


class Pair(RuleBasedStateMachine):
    """Does the same to both."""

    def __init__(self) -> None:
        super().__init__()
        self.pumps = {"ours": Pump(), "oracle": Pump()}
        self.told: dict[str, list[Any]] = {"ours": [], "oracle": []}
        ours = Ours()
        ours.begin(self.pumps["ours"], self._hear("ours"), self._err("ours"), TURN)
        oracle = OracleLine(self.pumps["oracle"], self._hear("oracle"), self._err("oracle"), TURN)
        self.lines: dict[str, Any] = {"ours": ours, "oracle": oracle}
        self.number = 0

    def _err(self, who: str) -> Any:
        return lambda error: self.told[who].append(("error", repr(error)))

    def _hear(self, who: str) -> Any:
        def hear_inside(line: Any, message: Message) -> None:
            if message[2] in (b"answer", b"answer and raise"):
                self.told[who].append(line.reply(*message))
            if message[2] == b"answer others":  # neither is one of those that are answered together
                line.reply(message[0], b"earlier", b"of before")
                line.reply(b"another", *message[1:])
            if message[2] == b"answer and raise":
                raise ValueError(message)
            if message[2] == b"end":
                line.end()

        def hear(message: Message) -> None:
            self.told[who].append(message)
            line, pump = self.lines[who], self.pumps[who]
            if len(message) == 3:
                self.told[who].append(line.hand_bundle(message))
                hear_inside(line, message)
            if message[0] == b"raises":
                raise ValueError(message)
            if message[0] == b"replies":
                self.told[who].append(line.reply(*message))
            if message[0] == b"sends":
                self.told[who].append(line.send(*message))
            if message[0] == b"brings":
                pump.come.append((b"brought", message[1]))
            if message[0] == b"ends":
                line.end()

        return hear

    def _both(self, does: Any) -> None:
        found = {}
        for who in ("ours", "oracle"):
            try:
                found[who] = does(self.lines[who], self.pumps[who])
            except zmq.ZMQError as error:
                found[who] = repr(error)
        assert found["ours"] == found["oracle"]

    KINDS = st.sampled_from([b"plain", b"plain", b"plain", b"raises", b"replies", b"sends",
                             b"brings", b"ends"])  # fmt: skip

    @rule(kinds=st.lists(KINDS, min_size=1, max_size=12))
    def come(self, kinds: list[bytes]) -> None:
        for kind in kinds:
            self.number += 1
            for pump in self.pumps.values():
                pump.come.append((kind, b"%d" % self.number))

    INSIDE = st.lists(
        st.sampled_from([b"answer", b"answer", b"nothing", b"answer and raise", b"answer others",
                         bundle([(b"deeper", b"answer")]), b"end"]),
        max_size=7,
    )  # fmt: skip

    @rule(peer=st.sampled_from([b"one", b"two"]), inside=INSIDE, cut=st.sampled_from([0, 0, 0, 1]))
    def come_in_a_bundle(self, peer: bytes, inside: list[bytes], cut: int) -> None:
        frame = bundle([(b"t%d" % n, one) for n, one in enumerate(inside)])
        for pump in self.pumps.values():
            pump.come.append((peer, b"all", frame[: len(frame) - cut]))

    @rule(how=st.sampled_from(["takes", "takes", "full", "nobody", "gone"]))
    def the_other_end(self, how: str) -> None:
        for pump in self.pumps.values():
            pump.how = how

    @rule()
    def drain(self) -> None:
        self._both(lambda line, _: line.drain())

    @rule(kinds=st.lists(KINDS, max_size=3))
    def hand_all(self, kinds: list[bytes]) -> None:
        self._both(lambda line, _: line.hand_all([(kind, b"") for kind in kinds]))

    @rule(peer=st.sampled_from([b"one", b"two"]))
    def reply(self, peer: bytes) -> None:
        self._both(lambda line, _: line.reply(peer, b"answer"))

    @rule()
    def send(self) -> None:
        self._both(lambda line, _: line.send(b"request"))

    @precondition(lambda self: self.lines["ours"].looks)
    @rule()
    def look_again(self) -> None:
        self._both(lambda line, _: line.look_again())

    @invariant()
    def both_have_done_the_same(self) -> None:
        ours, oracle = self.lines["ours"], self.lines["oracle"]
        assert self.told["ours"] == self.told["oracle"]
        assert self.pumps["ours"].sent == self.pumps["oracle"].sent
        assert self.pumps["ours"].come == self.pumps["oracle"].come
        assert (ours.is_open, ours.lost, ours.looks) == (oracle.is_open, oracle.lost, oracle.looks)
        assert {peer: [*kept] for peer, kept in ours.waiting.items()} == oracle.waiting


Pair.TestCase.settings = settings(max_examples=120, stateful_step_count=25)
TestPair = Pair.TestCase


def test_a_line_stays_with_its_pump() -> None:
    ours = Ours()
    ours.begin(Pump(), pytest.fail, pytest.fail, TURN)
    with pytest.raises(TypeError, match="stays with its pump"):
        ours.begin(Pump(), pytest.fail, pytest.fail, TURN)


def test_answers_that_are_long_leave_alone() -> None:
    ours, pump = Ours(), Pump()
    ours.begin(pump, lambda message: on(message), pytest.fail, TURN)

    def on(message: Message) -> None:
        if not ours.hand_bundle(message):
            assert ours.inside
            ours.reply(*message[:2], bytes(10_000))

    pump.come.append((b"one", b"all", bundle([(b"%d" % n, b"") for n in range(5)])))
    ours.drain()
    *alone, (peer, token, together) = pump.sent
    assert alone == [(b"one", b"%d" % n, bytes(10_000)) for n in (3, 4)]
    assert (peer, token) == (b"one", b"all")
    assert unbundle(together) == [(b"%d" % n, bytes(10_000)) for n in range(3)]


def test_what_is_in_bundles_counts_in_the_turn() -> None:
    ours, pump, heard = Ours(), Pump(), []

    def on(message: Message) -> None:
        if not ours.hand_bundle(message):
            heard.append(message)

    ours.begin(pump, on, pytest.fail, 256)
    whole = bundle([(b"%d" % n, b"") for n in range(32)])
    several = [(b"one", b"all", whole)] * 10
    pump.come.extend([*several, (b"one", b"t", b"alone"), *several, (b"one", b"t", b"alone")])
    counts = []
    while pump.come:
        ours.drain()
        counts.append(len(heard) - sum(counts))
    assert max(counts) < 256 + 32
    assert sum(counts) == 20 * 32 + 2
