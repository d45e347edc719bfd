"""No step of a call that writes is taken after its lease or its deadline."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jacquemart.native.pump import boot_ns
from jacquemart.runtime.cell.driver_calls import CallTooLong, DriverCalls
from jacquemart.runtime.cell.leash import NEVER_NS, Leash
from jacquemart.runtime.cell.permit import ClockGate, Permit
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import NeverSent

CLOCK = SystemClock()


def permit_for(seconds: float) -> Permit:
    permit = Permit(CLOCK)
    permit.gate.extend(boot_ns() + int(seconds * 1e9))
    return permit


def calling(
    method: Callable[..., Any], permit: Permit | None, *, blocking: bool = False,
    deadline_ns: int = NEVER_NS,
) -> Any:  # fmt: skip
    async def call() -> Any:
        calls = DriverCalls("street", blocking=blocking)
        try:
            return await calls.call(method, leash=Leash(CLOCK, deadline_ns, permit))
        finally:
            calls.leave()

    return asyncio.run(call())


def test_a_call_frozen_between_two_sends_does_not_make_the_second_one() -> None:
    sent: list[str] = []
    permit = permit_for(60)

    async def write() -> None:
        sent.append("first")
        await asyncio.sleep(0)
        permit.gate.close()  # what a freeze does: time goes on, nobody is told
        await asyncio.sleep(0)
        sent.append("second")

    with pytest.raises(CallTooLong):
        calling(write, permit)
    assert sent == ["first"]


def test_a_deadline_that_comes_between_two_sends_cuts_there_too() -> None:
    sent: list[str] = []
    deadline = boot_ns() + 30_000_000

    async def write() -> None:
        sent.append("first")
        while boot_ns() < deadline:  # a freeze, as the loop sees it
            pass
        await asyncio.sleep(0)
        sent.append("second")

    with pytest.raises(CallTooLong):
        calling(write, None, deadline_ns=deadline)
    assert sent == ["first"]


def test_a_call_that_waits_for_an_answer_ends_with_its_lease() -> None:
    async def write() -> None:
        await asyncio.sleep(30)

    began = boot_ns()
    with pytest.raises(CallTooLong):
        calling(write, permit_for(0.05))
    assert boot_ns() - began < 5e9


def test_a_call_goes_on_while_its_lease_is_renewed() -> None:
    permit = permit_for(0.05)

    async def write() -> str:
        for _ in range(8):
            permit.gate.extend(boot_ns() + 500_000_000)
            await asyncio.sleep(0.02)
        return "done"

    assert calling(write, permit) == "done"


@pytest.mark.parametrize("blocking", [False, True])
def test_nothing_begins_without_a_lease(blocking: bool) -> None:
    calls: list[int] = []

    def blocking_write() -> None:
        calls.append(1)

    async def write() -> None:
        calls.append(1)

    permit = Permit(CLOCK)
    with pytest.raises(NeverSent) as caught:
        calling(blocking_write if blocking else write, permit, blocking=blocking)
    assert caught.value.lease
    assert calls == []
    assert permit.refused == 1


def test_a_thread_that_gets_its_job_after_the_lease_does_not_do_it() -> None:
    """The loop has asked, then all is frozen before the thread comes to it."""
    permit = permit_for(60)
    busy, done = threading.Event(), threading.Event()
    sent: list[str] = []

    def first() -> None:
        busy.set()
        done.wait(10)

    def second() -> None:
        sent.append("late")

    async def run() -> None:
        calls = DriverCalls("street", blocking=True)
        leash = Leash(CLOCK, NEVER_NS, permit)
        ahead = asyncio.create_task(calls.call(first))
        await asyncio.to_thread(busy.wait, 10)
        behind = asyncio.create_task(calls.call(second, leash=leash))
        await asyncio.sleep(0.01)
        permit.gate.close()
        done.set()
        await ahead
        with pytest.raises(NeverSent):
            await behind
        calls.leave()

    asyncio.run(run())
    assert sent == []


def test_results_errors_and_cancellation_pass_through_a_leash() -> None:
    async def steps() -> list[Any]:
        permit = permit_for(60)
        calls = DriverCalls("street", blocking=False)
        leash = Leash(CLOCK, boot_ns() + 60 * 10**9, permit)

        async def answers() -> int:
            async with asyncio.timeout(5):
                await asyncio.sleep(0.001)
            return 7

        async def raises() -> None:
            await asyncio.sleep(0)
            raise ValueError("the driver's own")

        async def times_out() -> None:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(5)

        async def hangs() -> None:
            await asyncio.sleep(60)

        found: list[Any] = [await calls.call(answers, leash=leash)]
        for broken in (raises, times_out):
            with pytest.raises((ValueError, TimeoutError)) as caught:
                await calls.call(broken, leash=leash)
            found.append(type(caught.value))
        task = asyncio.create_task(calls.call(hangs, leash=leash))
        await asyncio.sleep(0.01)
        task.cancel()
        found.append((await asyncio.gather(task, return_exceptions=True))[0])
        return found

    answer, first, second, cancelled = asyncio.run(steps())
    assert answer == 7
    assert first is ValueError
    assert issubclass(second, TimeoutError)
    assert isinstance(cancelled, asyncio.CancelledError)


def test_a_cut_call_may_clean_up_and_a_plain_awaitable_is_no_other() -> None:
    permit = permit_for(60)
    closed: list[str] = []

    async def write() -> None:
        try:
            permit.gate.close()
            await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            closed.append("closed")

    with pytest.raises(CallTooLong):
        calling(write, permit)
    assert closed == ["closed"]

    def future() -> Awaitable[int]:
        made: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.001, made.set_result, 3)
        return made

    assert calling(future, permit_for(60)) == 3


def test_a_gate_by_another_clock_does_what_the_native_one_does() -> None:
    now = [1_000]

    class Clock:
        def boot_ns(self) -> int:
            return now[0]

        def wall_ns(self) -> int:
            return now[0]

    gate = Permit(Clock()).gate
    assert isinstance(gate, ClockGate)
    assert not gate.open()
    gate.extend(2_000)
    gate.extend(1_500)
    assert gate.open()
    assert gate.left_ns() == 1_000
    now[0] = 2_000
    assert not gate.open()
    gate.extend(3_000)
    gate.close()
    assert not gate.open()
    gate.seal()
    gate.extend(4_000)
    assert not gate.open()
    assert gate.sealed


@pytest.mark.parametrize("lost", ["lease", "deadline"])
def test_a_driver_that_looks_a_last_time_sends_nothing_too_late(lost: str) -> None:
    """The loop has asked, and the process is frozen before the driver comes to its socket."""
    permit = permit_for(60)
    leash = Leash(CLOCK, boot_ns() + (60 * 10**9 if lost == "lease" else 20_000_000), permit)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert leash.send(ours.fileno(), b"first") == 5
        if lost == "lease":
            permit.gate.close()
        else:
            time.sleep(0.03)
        with pytest.raises(NeverSent) as caught:
            leash.send(ours.fileno(), b"second")
        assert caught.value.lease is (lost == "lease")
        assert theirs.recv(100) == b"first"
    assert permit.refused == (lost == "lease")
