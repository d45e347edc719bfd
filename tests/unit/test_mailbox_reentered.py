"""Foreign code that comes back into a mailbox while it works: keys and finalizers."""

from __future__ import annotations

import gc
from collections.abc import Callable

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


def test_finalizers_that_the_collector_runs_while_a_ring_grows() -> None:
    mailbox = Mailbox(events=10_000)
    posted = 0

    def post_more() -> None:
        nonlocal posted
        posted += mailbox.post(EVENTS, "from a finalizer")

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(200):
            last = Last(post_more)
            last.cycle = last  # type: ignore[attr-defined]
            del last
            posted += mailbox.post(EVENTS, "posted")
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert posted == 400
    assert len(mailbox.clear()) == 400
