"""The share of each client against a naive model that counts everything anew each time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jacquemart.runtime.kernel import client_share
from jacquemart.runtime.kernel.client_share import (
    CREDIT_A_SECOND,
    CREDIT_BYTES,
    MOST_BYTES,
    MOST_HEAVY,
    MOST_QUESTIONS,
    SECOND,
    ClientShares,
)

CLIENTS = st.sampled_from([b"greedy", b"modest"])


class ShareMachine(RuleBasedStateMachine):
    """Asks, answers and waits; the model keeps lists."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: ClientShares[int] = ClientShares()
        self.now = 0
        self.number = 0
        self.running: dict[int, tuple[bytes, int, bool]] = {}
        self.waiting: list[tuple[int, bytes, int]] = []
        self.credit = {b"greedy": float(CREDIT_BYTES), b"modest": float(CREDIT_BYTES)}

    def mine(self, client: bytes) -> list[int]:
        run = [size for who, size, _ in self.running.values() if who == client]
        return run + [size for _, who, size in self.waiting if who == client]

    @rule(client=CLIENTS, size=st.integers(1, MOST_BYTES // 3), heavy=st.booleans())
    def ask(self, client: bytes, size: int, heavy: bool) -> None:
        self.number += 1
        found = self.shares.ask(client, size, self.number, self.now, heavy=heavy)
        assert found.runs + found.waits + bool(found.retry_ms) == 1
        mine = self.mine(client)
        full = len(mine) >= MOST_QUESTIONS or sum(mine) + size > MOST_BYTES
        assert bool(found.retry_ms) == (full or self.credit[client] <= 0), found
        heavy_now = sum(who == client and big for who, _, big in self.running.values())
        if found.runs:
            assert not heavy or heavy_now < MOST_HEAVY
            self.running[self.number] = (client, size, heavy)
        elif found.waits:
            assert heavy
            assert heavy_now == MOST_HEAVY
            self.waiting.append((self.number, client, size))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), answered=st.sampled_from([0, 100, 3 * 2**20, 40 * 2**20]))
    def answer(self, data: st.DataObject, answered: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.running)))
        client, size, heavy = self.running.pop(number)
        following = self.shares.done(client, size, answered, self.now, heavy=heavy)
        self.credit[client] -= answered
        mine = [row for row in self.waiting if row[1] == client]
        if heavy and mine:
            assert following == mine[0][0], "in their order"
            self.waiting.remove(mine[0])
            self.running[following] = (client, mine[0][2], True)
        else:
            assert following is None

    @rule(client=CLIENTS, answered=st.sampled_from([100, 20 * 2**20]))
    def told_of_a_bulk_command(self, client: bytes, answered: int) -> None:
        self.shares.charge(client, answered, self.now)
        self.credit[client] -= answered

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND
        for client in self.credit:
            grown = self.credit[client] + seconds * CREDIT_A_SECOND
            self.credit[client] = min(CREDIT_BYTES, grown)

    @rule()
    def forget(self) -> None:
        self.shares.forget_idle(self.now)
        for client in self.credit:
            if self.mine(client) or self.credit[client] < CREDIT_BYTES:
                assert len(self.shares) > 0

    @invariant()
    def nobody_has_more_than_its_share(self) -> None:
        for client in self.credit:
            questions, held, heavy, waiting = self.shares.of(client)
            mine = self.mine(client)
            assert (questions, held) == (len(mine), sum(mine))
            assert heavy <= MOST_HEAVY
            assert waiting == sum(who == client for _, who, _ in self.waiting)


TestShares = ShareMachine.TestCase
TestShares.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_too_many_questions_are_refused_with_a_time_and_another_client_has_its_share() -> None:
    shares: ClientShares[int] = ClientShares()
    for number in range(MOST_QUESTIONS):
        assert not shares.ask(b"greedy", 10, number, 0, heavy=False).retry_ms
    refused = shares.ask(b"greedy", 10, 0, 0, heavy=False)
    assert refused.retry_ms == client_share.RETRY_MS
    assert "1000 questions" in refused.why
    assert shares.ask(b"modest", 10, 0, 0, heavy=True).runs


def test_who_was_told_too_much_is_told_when_to_ask_again_and_then_may() -> None:
    shares: ClientShares[int] = ClientShares()
    assert shares.ask(b"greedy", 10, 0, 0, heavy=True).runs
    shares.done(b"greedy", 10, CREDIT_BYTES + CREDIT_A_SECOND, 0, heavy=True)
    refused = shares.ask(b"greedy", 10, 0, 0, heavy=True)
    assert 1_000 <= refused.retry_ms <= 1_001
    shares.forget_idle(SECOND)
    assert len(shares) == 1, "a debt is not forgotten"
    assert shares.ask(b"greedy", 10, 0, refused.retry_ms * 1_000_000, heavy=True).runs
