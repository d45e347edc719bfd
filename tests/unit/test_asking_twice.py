"""A request of an asyncio client: one answer, also when it was sent twice, or to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hand_wired_gateway import HandContext, HandSocket

from jacquemart.native import frames
from jacquemart.native.asking import Asking
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import requests
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.wire.calls import Caller

FAR_NS = boot_ns() + 3_600 * 10**9


class Bench:
    """An asking whose gateway is this test."""

    def __init__(self) -> None:
        loop, context = asyncio.get_running_loop(), HandContext()
        self.broken: list[BaseException] = []
        self.caller = Caller(loop, context, "gateway", "", SystemClock(), self.broken.append)
        self.asking = Asking(self.caller, loop.create_future, requests.is_blind, 7.5, 2.0)
        self.asking.speak(requests.GatewayClock().wording())
        self.socket: HandSocket = context.sockets[0]

    def answer(self, frame: bytes, at: int = -1) -> None:
        self.socket.hand([(self.socket.out[at][0], frame)])

    def command(self) -> Any:
        return self.asking.command("ann", "box", "dim", 1.0, 10.0, "", 8)


def in_a_loop(story: Callable[[Bench], None]) -> None:
    async def run() -> None:
        bench = Bench()
        story(bench)
        bench.caller.close()
        assert not bench.broken

    asyncio.run(run())


def outcome(status: Status, reason: str) -> bytes:
    return frames.encode_outcome(
        frames.OutcomeFrame(bytes(16), "box", "", status, reason, "", None, 1, 0, 0, 2)
    )


REFUSED = outcome(Status.REJECTED, Reason.MOVED)
DONE = outcome(Status.APPLIED, Reason.OK)


def test_an_outcome_comes_read_and_whatever_else_with_what_was_sent() -> None:
    def story(bench: Bench) -> None:
        first, second = bench.command(), bench.command()
        assert len(bench.asking.waiting) == 2
        bench.answer(DONE, 0)
        bench.answer(b"no frame", 1)
        told = first.result()
        assert (type(told), told.status) == (Outcome, Status.APPLIED)
        assert second.result() == (bench.socket.out[1][1], b"no frame")
        assert not bench.asking.waiting
        bench.answer(DONE, 0)  # twice: nobody waits

    in_a_loop(story)


def test_a_refusal_is_no_answer_to_what_was_sent_twice() -> None:
    def story(bench: Bench) -> None:
        plain = bench.command()
        asked = next(iter(bench.asking.waiting))
        assert not asked.is_due(asked.first_ns + 1_999_000_000)
        assert asked.is_due(asked.first_ns + 2_000_000_000)
        assert not asked.is_due(asked.first_ns + 5_900_000_000), "twice as long as before"
        asked.repeated = bench.caller.call(asked.frame, asked.until_ns, asked.take)
        bench.answer(REFUSED)
        assert not plain.done()
        assert asked.is_due(boot_ns()), "it is asked again at once"
        bench.answer(DONE, 0)
        assert plain.result().status is Status.APPLIED

    in_a_loop(story)


def test_a_refusal_of_what_was_sent_once_is_its_end() -> None:
    def story(bench: Bench) -> None:
        plain = bench.command()
        bench.answer(REFUSED)
        assert plain.result().reason == Reason.MOVED

    in_a_loop(story)


def test_who_does_not_wait_any_more_is_asked_for_no_more() -> None:
    def story(bench: Bench) -> None:
        plain = bench.command()
        plain.cancel()
        assert not bench.asking.waiting
        bench.answer(DONE)

    in_a_loop(story)


def test_without_anybody_there_nothing_is_sent_and_at_the_end_nobody_waits() -> None:
    def story(bench: Bench) -> None:
        bench.socket.has_room = False
        assert bench.command() is None
        assert bench.asking.ask(b"frame", FAR_NS) is None
        bench.socket.has_room = True
        raw, plain = bench.asking.ask(b"frame", FAR_NS), bench.command()
        assert raw is not None
        bench.caller.close()
        assert raw.result() is None
        assert plain.result() == (bench.socket.out[1][1], None)

    in_a_loop(story)


@pytest.mark.parametrize("within_s", [0, -1.0, "soon", 86_401])
def test_what_is_not_plain_is_left_to_who_can_say_why(within_s: Any) -> None:
    def story(bench: Bench) -> None:
        assert bench.asking.command("ann", "box", "dim", 1.0, within_s, "", 8) is None
        assert not bench.socket.out

    in_a_loop(story)
