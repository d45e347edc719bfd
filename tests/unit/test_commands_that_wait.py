"""A command that meets a hand-over waits for the successor: in order, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from jacquemart.native import frames
from jacquemart.runtime.cell.errand import Errand
from jacquemart.runtime.cell.waiting import MOST, Waiting
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.wire.calls import Request

SECOND = 1_000_000_000
HOME = CellAddress("zone-1", "zone", 1, "inproc://a", "inproc://b", 1, "here", "")
Answer = Callable[[bytes | None], None]


class Loop:
    """Calls nothing by itself."""

    def __init__(self) -> None:
        self.timers: list[Callable[[], None]] = []

    def call_later(self, _: float, callback: Callable[[], None]) -> Any:
        self.timers.append(callback)
        return callback


class Asker:
    """Whoever asked: keeps the answer."""

    def __init__(self) -> None:
        self.outcome: frames.OutcomeFrame | None = None
        self.frame = b"x" * 100

    def reply(self, frame: bytes) -> bool:
        assert self.outcome is None, "one end each"
        self.outcome = frames.decode_outcome(frame)
        return True


class Gateway:
    """A gateway whose cell is there or not, and whose clock is set by hand."""

    stopping = False

    def __init__(self) -> None:
        self.now = 100 * SECOND
        self.clock = cast("Any", self)
        self.loop = Loop()
        self.errors: list[BaseException] = []
        self.waiting = Waiting(cast("Any", self.loop), self.clock, self.errors.append)
        self.reachable = False
        self.sent: list[tuple[int, Answer]] = []
        self.open = 0

    def boot_ns(self) -> int:
        return self.now

    def begun(self) -> None:
        self.open += 1

    def done(self) -> None:
        self.open -= 1

    def caller(self, name: str) -> Any:
        return self

    def call(self, frame: bytes, expires_ns: int, answer: Answer) -> bool:
        if self.reachable:
            self.sent.append((frame[0], answer))
        return self.reachable

    def look(self, seconds: float = 0.02) -> None:
        """Let time pass, and the timers with it."""
        self.now += int(seconds * SECOND)
        due, self.loop.timers = self.loop.timers, []
        for one in due:
            one()

    def errand(self, number: int, within_s: float = 5.0, *, repeatable: bool = True) -> Asker:
        asker = Asker()
        deadline = self.now + int(within_s * SECOND)
        command = frames.Command(
            number.to_bytes(16, "big"), "ann", "lamp-1", "set", "level", 1.0, "", 8, deadline, 0
        )
        Errand(
            cast("Any", self), cast("Request", asker), command, self.now, lambda: HOME,
            lambda epoch: bytes([number]), repeatable=repeatable, place="north",
        ).run()  # fmt: skip
        return asker


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    assert not made.errors


def outcome(status: Status, reason: str) -> bytes:
    return frames.encode_outcome(
        frames.OutcomeFrame(bytes(16), "lamp-1", "level", status, reason, "", None, 1, 0, 0, 2)
    )


def test_a_command_that_meets_a_hand_over_is_sent_to_the_successor(gateway: Gateway) -> None:
    asker = gateway.errand(1)
    gateway.look(0.5)
    assert asker.outcome is None
    gateway.reachable = True
    gateway.look()
    gateway.sent[0][1](outcome(Status.APPLIED, "ok"))
    assert asker.outcome is not None
    assert asker.outcome.status == Status.APPLIED
    assert (gateway.open, len(gateway.waiting)) == (0, 0)


def test_what_comes_later_does_not_overtake_what_waits(gateway: Gateway) -> None:
    gateway.errand(1)
    gateway.errand(2)
    gateway.reachable = True
    gateway.errand(3)  # the successor is there, and two wait for it
    assert not gateway.sent
    gateway.look()
    assert [number for number, _ in gateway.sent] == [1, 2, 3]


def test_what_was_sent_and_lost_goes_before_what_came_after_it(gateway: Gateway) -> None:
    gateway.reachable = True
    gateway.errand(1)
    gateway.reachable = False
    gateway.look(0.1)
    gateway.errand(2)
    gateway.sent.pop()[1](None)  # the zone cell has ended with the first one
    gateway.reachable = True
    gateway.look()
    assert [number for number, _ in gateway.sent] == [1, 2]


def test_nobody_waits_longer_than_its_deadline(gateway: Gateway) -> None:
    asker = gateway.errand(1, within_s=0.3)
    gateway.look(0.29)
    assert asker.outcome is None
    gateway.look(0.01)
    assert asker.outcome is not None
    assert (asker.outcome.status, asker.outcome.reason) == (Status.REJECTED, "cell_lost")
    gateway.reachable = True
    gateway.look()
    assert not gateway.sent, "who was refused goes nowhere"


def test_nobody_waits_longer_than_ten_seconds_for_what_was_never_sent(gateway: Gateway) -> None:
    asker = gateway.errand(1, within_s=3_600.0)
    gateway.look(9.9)
    assert asker.outcome is None
    gateway.look(0.1)
    assert asker.outcome is not None
    assert asker.outcome.status == Status.REJECTED


def test_what_may_have_been_accepted_is_unknown_and_not_refused(gateway: Gateway) -> None:
    gateway.reachable = True
    asker = gateway.errand(1, within_s=1.0)
    gateway.reachable = False
    gateway.sent.pop()[1](None)
    gateway.look(20.0)
    assert asker.outcome is not None
    assert (asker.outcome.status, asker.outcome.reason) == (Status.INDETERMINATE, "cell_lost")


def test_a_volatile_command_that_was_sent_is_not_sent_again(gateway: Gateway) -> None:
    gateway.reachable = True
    asker = gateway.errand(1, repeatable=False)
    gateway.sent.pop()[1](None)
    gateway.look()
    assert not gateway.sent
    assert asker.outcome is not None
    assert asker.outcome.status == Status.INDETERMINATE


def test_a_cell_that_moves_is_asked_with_one_command_for_all_that_wait(gateway: Gateway) -> None:
    gateway.reachable = True
    for number in (1, 2, 3):
        gateway.errand(number)
    moved, gateway.sent = gateway.sent, []
    for _, answer in moved:
        answer(outcome(Status.REJECTED, "moved"))
    gateway.look()
    assert [number for number, _ in gateway.sent] == [1]
    gateway.look()
    assert [number for number, _ in gateway.sent] == [1], "it has not said yet that it takes that"
    gateway.sent[0][1](outcome(Status.APPLIED, "ok"))
    gateway.look()
    assert [number for number, _ in gateway.sent] == [1, 2, 3], "it did not send that one back"


def test_more_than_can_wait_are_refused_at_once_and_may_be_retried(gateway: Gateway) -> None:
    for number in range(MOST):
        gateway.errand(number % 200)
    asker = gateway.errand(7)
    assert asker.outcome is not None
    assert (asker.outcome.status, asker.outcome.reason) == (Status.REJECTED, "cell_lost")
    gateway.reachable = True
    turns = 0
    while len(gateway.waiting):
        gateway.look()
        turns += 1
    assert turns == 40, "many are not sent in one turn of the loop"


def test_one_that_cannot_be_sent_stands_in_nobodys_way(gateway: Gateway) -> None:
    first, second = gateway.errand(1), gateway.errand(2)
    broken = gateway.call
    gateway.reachable = True

    def call(frame: bytes, expires_ns: int, answer: Answer) -> bool:
        if frame[0] == 1:
            raise RuntimeError("a bug")
        return broken(frame, expires_ns, answer)

    gateway.call = call  # type: ignore[method-assign]
    gateway.look()
    assert first.outcome is not None
    assert [number for number, _ in gateway.sent] == [2]
    assert second.outcome is None
    assert [str(gateway.errors.pop())] == ["a bug"]


def test_a_gateway_that_ends_sends_nothing_any_more() -> None:
    loop = asyncio.new_event_loop()
    gateway = Gateway()
    gateway.waiting = Waiting(loop, gateway.clock, gateway.errors.append)
    gateway.errand(1)
    gateway.waiting.stop()
    gateway.reachable = True
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    assert not gateway.sent
