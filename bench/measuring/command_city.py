"""A city of three cells for command benches, and the ways on which its box is commanded."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jacquemart
from jacquemart import AsyncClient, Client, Status
from jacquemart.runtime.cluster.options import WardenOptions
from measuring.asking import FOLDER, name_of, order
from measuring.bench_city import importable_by_cells
from measuring.bench_host import NETWORK

HERE = Path(__file__).resolve().parent
#: Points that are published under load, in the cell of the box.
METERS, POINTS = 100, 10
CITY = """
[city]
id = "bench-commands-{pid}"
[gateway]
port = 0
stream_port = 0
[zones.north]
[zones.south]
[links.street]
driver = "flood_driver:FloodDriver"
zone = "north"
[links.yard]
driver = "simulated"
zone = "south"
[templates.box]
kind = "echo_kind:Echo"
driver = "flood_driver:FloodDriver"
[templates.box.points.level]
poll_ms = 60000
[templates.asker]
kind = "asker_kind:Asker"
driver = "simulated"
[templates.asker.points.level]
poll_ms = 60000
[templates.hydrant]
kind = "generic"
driver = "flood_driver:FloodDriver"
[templates.hydrant.points]
rate = {{ writable = true, poll_ms = 60000, settle_ms = 1000, address = {{ role = "rate" }} }}
told = {{ poll_ms = 100, address = {{ role = "told" }} }}
[templates.meter]
kind = "generic"
driver = "flood_driver:FloodDriver"
[templates.meter.points]
{points}
[[device]]
id = "box"
template = "box"
link = "street"
[[device]]
id = "hydrant"
template = "hydrant"
link = "street"
[[device]]
id = "asker"
template = "asker"
link = "yard"
{meters}
"""


class CommandCity:
    """The running city: what is measured of it."""

    def __init__(self, city: jacquemart.City, client: Client, folder: Path) -> None:
        """Measure through the city's public API, and through its actors."""
        self.city = city
        self.client = client
        self._folder = folder
        self._numbers = itertools.count(1)

    @property
    def pids(self) -> list[int]:
        """The processes of its cells."""
        return [cell["pid"] for cell in self.city.cells]

    def by_actor(self, verb: str, count: int, window: int = 1) -> dict[str, Any]:
        """Have a device of one cell command the box in another, and return what that took."""
        return self._ordered("ask", order(verb, count, window, next(self._numbers)))

    def by_zone(self, verb: str, count: int, window: int = 1) -> dict[str, Any]:
        """Have a zone supervisor command the box, and return what that took."""
        return self._ordered("have_asked", order(verb, count, window, next(self._numbers)))

    def _ordered(self, how: str, number: float) -> dict[str, Any]:
        outcome = self.client.command("asker", how, number, within_s=120.0)
        if outcome.status is not Status.APPLIED:
            raise SystemExit(f"the asker did not do it: {outcome}")
        path = self._folder / name_of(number)
        until = time.monotonic() + 120.0
        while not path.exists():
            if time.monotonic() > until:
                raise SystemExit(f"{how} left no figures")
            time.sleep(0.005)
        found: dict[str, Any] = json.loads(path.read_text())
        path.unlink()
        if found["wrong"]:
            raise SystemExit(f"a command did not come back: {found['wrong']}")
        return found

    def by_client(self, verb: str, count: int) -> list[int]:
        """Return the ns of commands of a client through the gateway, one after the other."""
        times = []
        for n in range(count):
            begin = time.perf_counter_ns()
            outcome = self.client.command("box", verb, float(n))
            times.append(time.perf_counter_ns() - begin)
            if outcome.status is not Status.APPLIED or outcome.value != float(n):
                raise SystemExit(f"a command did not come back: {outcome}")
        return times

    def per_s_by_client(self, verb: str, count: int, window: int) -> float:
        """Return how many commands of a client end in a second, with a window on their way."""

        async def run() -> float:
            async with AsyncClient(self.city.api) as client:
                numbers = iter(range(count))

                async def go_on() -> None:
                    for n in numbers:
                        outcome = await client.command("box", verb, float(n), within_s=30.0)
                        if outcome.status is not Status.APPLIED:
                            raise SystemExit(f"a command did not come back: {outcome}")

                began = time.perf_counter()
                await asyncio.gather(*(go_on() for _ in range(window)))
                return count / (time.perf_counter() - began)

        return asyncio.run(run())

    def load(self, per_s: float) -> None:
        """Have so many readings a second published in the cell of the box from now on."""
        outcome = self.client.set("hydrant/rate", per_s)
        if outcome.status is not Status.APPLIED:
            raise SystemExit(f"the load could not be set: {outcome}")
        time.sleep(0.3)

    def published(self) -> tuple[float, float]:
        """Return how many readings were published, and when (seconds)."""
        reading = self.client.get("hydrant/told")
        return reading.value, reading.source_ns / 1e9


@contextmanager
def command_city(state: str, network: str = "") -> Iterator[CommandCity]:
    """Run the city on Ray, its journals in the folder ``state``, or in the temporary one.

    ``network``: an address of this host by which its cells then meet over TCP; empty: they meet
    as they do on every host, on UNIX sockets.
    """
    with tempfile.TemporaryDirectory(dir=state or None) as name:
        folder = Path(name)
        points = "\n".join(
            f'm{n} = {{ poll_ms = 60000, address = {{ role = "flood" }} }}' for n in range(POINTS)
        )
        meters = "\n".join(
            f'[[device]]\nid = "meter-{n}"\ntemplate = "meter"\nlink = "street"'
            for n in range(METERS)
        )
        path = folder / "city.toml"
        path.write_text(CITY.format(pid=os.getpid(), points=points, meters=meters))
        importable_by_cells(HERE, HERE.parent)
        sys.path[:0] = [str(HERE), str(HERE.parent)]
        os.environ[FOLDER] = name
        os.environ[NETWORK] = network
        options = WardenOptions(
            city="", private_dir="", cell_class="measuring.bench_host:BenchHost"
        )
        with (
            jacquemart.City(
                path, cells=2, standby=False, state=str(folder / "state"), options=options
            ) as city,
            city.client() as client,
        ):
            yield CommandCity(city, client, folder)
