"""Foreign code that comes back into a mailbox while it works: keys and finalizers."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

from jacquemart.native.mailbox import EVENTS, TELEMETRY, Mailbox


class Key:
    """A key that runs something whenever it is compared with another."""

    def __init__(self, compared: Callable[[], object]) -> None:
        self.compared = compared

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        self.compared()
        return self is other


class Last:
    """A message that runs something when it is let go."""

    def __init__(self, let_go: Callable[[], object]) -> None:
        self.let_go = let_go

    def __del__(self) -> None:
        self.let_go()


def test_a_key_that_empties_the_mailbox_while_it_is_compared() -> None:
    mailbox = Mailbox()
    mailbox.post(TELEMETRY, "first", Key(mailbox.clear))
    mailbox.post(TELEMETRY, "second", Key(mailbox.clear))
    assert mailbox.clear() == ["second"]
    assert len(mailbox) == mailbox.depth(TELEMETRY) == 0


def test_a_key_that_fills_the_lane_while_it_is_compared() -> None:
    mailbox = Mailbox(telemetry=3)

    def fill() -> None:
        for at in range(3):
            mailbox.post(TELEMETRY, at)

    mailbox.post(TELEMETRY, "first", Key(fill))
    mailbox.post(TELEMETRY, "second", Key(fill))
    assert mailbox.dropped == 2
    assert mailbox.clear() == [1, 2, "second"]


def test_a_key_that_fails_when_taken_costs_no_message() -> None:
    failing = False

    class Failing(str):
        __slots__ = ()

        def __hash__(self) -> int:
            if failing:
                raise RuntimeError
            return 2

    mailbox = Mailbox()
    mailbox.post(TELEMETRY, "message", Failing("key"))
    failing = True
    assert mailbox.take() == "message"
    failing = False
    assert mailbox.post(TELEMETRY, "next", Failing("key"))
    assert mailbox.conflated == 0
    assert mailbox.take() == "next"


def test_a_finalizer_of_a_replaced_message_sees_its_successor() -> None:
    mailbox = Mailbox()
    seen: list[object] = []
    mailbox.post(TELEMETRY, Last(lambda: seen.append(mailbox.take())), "key")
    mailbox.post(TELEMETRY, "successor", "key")
    assert seen == ["successor"]
    assert mailbox.take() is None


def test_a_finalizer_of_a_dropped_message_may_post() -> None:
    mailbox = Mailbox(telemetry=1)
    mailbox.post(TELEMETRY, Last(lambda: mailbox.post(EVENTS, "dropped one")))
    mailbox.post(TELEMETRY, "newest")
    assert mailbox.clear() == ["dropped one", "newest"]


@pytest.mark.parametrize("waiting", [0, 4, 8, 16])
def test_a_finalizer_that_the_collector_runs_while_a_ring_grows(waiting: int) -> None:
    """Up to Python 3.11 the allocation of the ring collects; later the end of the call does."""
    mailbox = Mailbox()
    for at in range(waiting):
        mailbox.post(EVENTS, at)
    threshold = gc.get_threshold()
    gc.disable()
    try:
        last = Last(lambda: mailbox.post(EVENTS, "from a finalizer"))
        last.cycle = last  # type: ignore[attr-defined]
        del last
        hold = [[at] for at in range(500)]  # no spare list is left: a new ring is allocated
        gc.set_threshold(1)
        gc.enable()
        mailbox.post(EVENTS, "posted")
        assert hold
    finally:
        gc.set_threshold(*threshold)
        gc.enable()
    gc.collect()
    waited = mailbox.clear()
    assert waited[:waiting] == list(range(waiting))
    assert sorted(map(str, waited[waiting:])) == ["from a finalizer", "posted"]
