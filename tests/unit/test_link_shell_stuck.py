"""A link whose blocking driver hangs: down until it comes back, with its commands answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from bench_host import how
from link_bench import LinkBench
from patience import until
from scripted_driver import ScriptedField

from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.field import BoundPoint
from jacquemart.runtime.model.quality import Quality


class BlockingLamp:
    """Blocks in ``write`` until it is let go."""

    blocking = True

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.inside, self.overlaps, self.opens = 0, 0, 0
        self.value = 0.0
        self.hang = False

    @classmethod
    def address_of(cls, point: Any, device: Any) -> Any:
        return point.name

    def plan(self, points: Sequence[BoundPoint]) -> Sequence[BoundPoint]:
        return points

    def open(self) -> None:
        self.overlaps += self.inside > 0
        self.opens += 1

    def read(self, points: Sequence[BoundPoint]) -> list[float]:
        self.overlaps += self.inside > 0
        return [self.value for _ in points]

    def write(self, writes: Sequence[tuple[BoundPoint, float]]) -> list[None]:
        self.inside += 1
        if self.hang:
            self.let_go.wait(20.0)
        self.inside -= 1
        self.value = writes[0][1]
        return [None for _ in writes]

    def close(self) -> None:
        return


def test_a_blocking_driver_that_hangs_in_a_write_is_not_called_again_until_it_is_back() -> None:
    async def story() -> None:
        driver = BlockingLamp()
        clock: Any = SystemClock()
        async with LinkBench(clock, driver=driver, lamps=2) as bench:
            assert isinstance(bench.field, ScriptedField)
            await until(lambda: bench.shell.settled)
            driver.hang = True
            hung = bench.set(80.0, 1, within_s=1.5)
            await until(lambda: not bench.shell.up)
            refused = bench.set(80.0, 2)
            assert how(refused) == ("REJECTED", "unreachable")
            await until(lambda: hung.outcome is not None)
            assert how(hung) == ("INDETERMINATE", "no_answer")
            assert driver.opens == 1
            driver.hang = False
            driver.let_go.set()
            # Nothing is sent to a lamp that has not been heard of since its link came up.
            await until(lambda: bench.shell.up and bench.quality() is Quality.GOOD)
            again = bench.set(30.0, 1)
            await until(lambda: again.outcome is not None)
            assert how(again) == ("APPLIED", "ok")
            assert driver.overlaps == 0
        bench.ends.check()

    asyncio.run(story())
