"""RSMP sites in a process of their own, which write down when each new request came.

    python bench/measuring/priority_sites.py LOG PORT SITES

The sites ``S0`` … connect to PORT, PORT + 1 … Each line of the log: monotonic ns, site, what.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TextIO

from jacquemart.drivers.rsmp.connection import moment
from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.site.controller import PriorityRequest
from jacquemart.drivers.rsmp.site.fixed_time import FixedTime, two_stages
from jacquemart.drivers.rsmp.site.runner import SiteRunner, Towards
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions


class Written(FixedTime):
    """A controller that writes down what it is asked."""

    name = ""
    log: TextIO

    def request_priority(self, request: PriorityRequest) -> str:
        """Write down when."""
        self.log.write(f"{time.monotonic_ns()} {self.name} {request.what}\n")
        return super().request_priority(request)


async def run(log: TextIO, port: int, count: int) -> None:
    """Run all sites, each ticked once a second."""
    runners = []
    for number in range(count):
        controller = Written(two_stages(4, (20, 20)), 4)
        controller.name, controller.log = f"S{number}", log
        tlc = Tlc(TlcOptions(f"S{number}", f"S{number}"), controller, moment())
        towards = Towards(
            tlc,
            SiteOptions(SessionOptions(sxl=("1.2.1",))),
            lambda number=number: ("127.0.0.1", port + number),  # type: ignore[misc]
            0.5,
        )
        runner = SiteRunner(tlc, [towards])
        runner.start(ticking=False)
        runners.append(runner)
    loop = asyncio.get_running_loop()
    began, step = loop.time(), 0
    each = 1.0 / max(1, count)
    while True:
        step += 1
        await asyncio.sleep(max(0.0, began + step * each - loop.time()))
        runners[step % count].tick()
        if step % count == 0:
            log.flush()


if __name__ == "__main__":
    with open(sys.argv[1], "w", encoding="ascii") as file:
        asyncio.run(run(file, int(sys.argv[2]), int(sys.argv[3])))
