"""Drivers that block have a thread of their own, and one that hangs holds up no other link."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from patience import until

from jacquemart.runtime.cell.driver_calls import CallTooLong, DriverCalls, DriverCrash


class Gate:
    """A blocking driver whose calls wait for a gate."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside: list[str] = []
        self.threads: set[str] = set()

    def pass_through(self, value: Any) -> Any:
        self.threads.add(threading.current_thread().name)
        return value

    def wait(self) -> str:
        self.inside.append("in")
        self.open.wait(20.0)
        self.inside.append("out")
        return "late"

    def fail(self, error: BaseException) -> None:
        raise error


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open.set()


def test_blocking_calls_run_in_one_thread_of_the_link_and_not_on_the_loop(gate: Gate) -> None:
    async def story() -> None:
        calls = DriverCalls("street", blocking=True)
        assert [await calls.call(gate.pass_through, n) for n in range(3)] == [0, 1, 2]
        assert gate.threads == {"link-street"}
        calls.leave()

    asyncio.run(story())


def test_a_driver_that_hangs_is_given_up_and_others_go_on_meanwhile(gate: Gate) -> None:
    async def story() -> None:
        hung, well = (DriverCalls(name, blocking=True) for name in ("hung", "well"))
        waiting = asyncio.create_task(hung.call(gate.wait, limit_s=0.3))
        served = 0
        while not waiting.done():
            assert await well.call(gate.pass_through, "here") == "here"
            served += 1
            await asyncio.sleep(0.01)
        assert served >= 3
        with pytest.raises(CallTooLong, match="link hung"):
            await waiting
        assert hung.stuck, "its call is still in the driver"
        assert await hung.call(gate.pass_through, "close") == "close"
        gate.open.set()
        await until(lambda: not hung.stuck)
        hung.leave()
        well.leave()

    asyncio.run(story())


def test_a_call_that_is_cancelled_leaves_its_thread_to_itself(gate: Gate) -> None:
    async def story() -> None:
        calls = DriverCalls("street", blocking=True)
        task = asyncio.create_task(calls.call(gate.wait))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert calls.stuck

    asyncio.run(story())


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError("no such device"), OSError),
        (TimeoutError("its own"), TimeoutError),
        (StopIteration(3), RuntimeError),
        (SystemExit(3), DriverCrash),
        (KeyboardInterrupt(), DriverCrash),
        (asyncio.CancelledError(), DriverCrash),
    ],
    ids=lambda e: e.__name__ if isinstance(e, type) else type(e).__name__,
)
def test_what_a_blocking_driver_raises_comes_back(
    gate: Gate, error: BaseException, told: type[BaseException]
) -> None:
    async def story() -> None:
        calls = DriverCalls("street", blocking=True)
        with pytest.raises(told):
            await calls.call(gate.fail, error, limit_s=10.0)
        assert await calls.call(gate.pass_through, "again") == "again"
        calls.leave()

    asyncio.run(story())


HANGING = """
import asyncio, time
from jacquemart.runtime.cell.driver_calls import CallTooLong, DriverCalls

async def main():
    try:
        await DriverCalls("street", blocking=True).call(time.sleep, 3600.0, limit_s=0.05)
    except CallTooLong:
        print("given up")

asyncio.run(main())
"""


def test_a_driver_that_hangs_does_not_keep_its_process_from_ending() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "given up\n"


def test_what_must_not_meet_a_blocking_call_gets_its_turn_between_two(gate: Gate) -> None:
    async def story() -> None:
        calls = DriverCalls("street", blocking=True)
        seen: list[list[str]] = []

        async def between() -> None:
            async with calls.turn:
                seen.append([*gate.inside])

        first = asyncio.create_task(calls.call(gate.wait))
        await until(lambda: gate.inside == ["in"])
        work = asyncio.create_task(between())
        await asyncio.sleep(0.05)
        second = asyncio.create_task(calls.call(gate.wait))
        assert seen == []
        gate.open.set()
        await asyncio.wait([first, work, second])
        assert seen == [["in", "out"]]
        calls.leave()

    asyncio.run(story())
