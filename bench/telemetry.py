"""How many readings a second go from a driver to who watches, over what libzmq itself takes?

    python bench/telemetry.py --json

First from one process to another (``measuring/readings.py``): a publisher's point table, the
library's publisher and follower, and the follower's table of 100,000 devices with rollups of
twenty zones; one reading a message, and in batches of ``--rows``. In turns with each runs the raw
limit: PUSH to PULL in C, 24 bytes a reading, into last values and zone sums. ``pinned`` has both
processes on one processor (against it targets are held), ``free`` where the kernel likes;
``stream_of_raw`` is what libzmq leaves of the limit, in C, when a reading goes as one goes in
a stream: PUB to SUB, the topic a part of its own.
fractions are ours over raw, pair by pair, with their spread. Processor seconds are of the whole
process, libzmq's thread included, and both are told for the raw limit too.

Then the whole way, in a city on Ray with 100,000 devices behind a Python driver
(``measuring/spate_driver.py``): the driver publishes all points each tick, and a mirror
(``AsyncClient.mirror``) in this process, behind the gateway, counts what it stores, while zone
and centre sum up the same readings. At the end every point and the centre's sum must show the last
round. ``lost`` is what neither arrived nor was conflated in the cell's table before it was sent
(which is counted, and told), with what was lost from process to process. Last the driver publishes
as fast as it can, in columns of 1,000 and singly, with the same subscribers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "measuring")]

from measuring.bench_city import spate_city  # noqa: E402
from measuring.pairs import pinned  # noqa: E402
from measuring.spate_driver import COLUMNS, ROUNDS, SINGLY  # noqa: E402

import jacquemart  # noqa: E402 - after the path
from jacquemart import AsyncClient  # noqa: E402
from jacquemart.runtime.client.mirror import Mirror  # noqa: E402

READINGS = HERE / "measuring" / "readings.py"
CITY = """
[city]
id = "bench-telemetry-{pid}"
[gateway]
port = 0
stream_port = 0
[zones.north]
[links.field]
driver = "spate_driver:SpateDriver"
zone = "north"
[templates.meter]
kind = "generic"
driver = "spate_driver:SpateDriver"
[templates.meter.points]
level = {{ poll_ms = 600000, stale_after_ms = 3600000, address = {{ role = "spate" }} }}
[templates.valve]
kind = "generic"
driver = "spate_driver:SpateDriver"
[templates.valve.points]
way = {{ writable = true, poll_ms = 60000, settle_ms = 1000, address = {{ role = "way" }} }}
rate = {{ poll_ms = 200, address = {{ role = "rate" }} }}
told = {{ poll_ms = 200, address = {{ role = "told" }} }}
last = {{ poll_ms = 200, address = {{ role = "last" }} }}
[[device]]
id = "valve"
template = "valve"
link = "field"
[[inventory]]
file = "meters.csv"
makes = "devices"
template = "meter"
columns = {{ id = "id", link = "link" }}
"""


class Role:
    """One process of ``readings.py``."""

    def __init__(self, *words: object) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, str(READINGS), *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._process.pid

    def hear(self) -> dict[str, Any]:
        """Return what it says next."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline() or "{}")
        if not found or "error" in found:
            raise SystemExit(f"a process of the bench failed: {found}")
        return found

    def go(self) -> None:
        """Let it go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def figures(sent: dict[str, Any], taken: dict[str, Any], readings: int) -> dict[str, float]:
    """Return what one run was like."""
    millions = readings / 1e6
    return {
        "per_s": readings / (taken["at"] - sent["at"]),
        "producer_cpu_s": sent["cpu_s"] / millions,
        "consumer_cpu_s": taken["cpu_s"] / millions,
        "lost": taken["lost"],
    }


def raw(rows: int, readings: int, processor: int | None, *more: str) -> dict[str, float]:
    """Run the raw limit once; with ``stream``, by the sockets and parts of a stream."""
    count = readings // rows
    one = Role("pull", rows, count, *more)
    other = Role("push", one.hear()["port"], rows, count, *more)
    try:
        other.hear()
        with pinned([one.pid, other.pid], processor):
            one.go()
            other.go()
            sent, taken = other.hear(), one.hear()
        return figures(sent, taken, count * rows)
    finally:
        one.end()
        other.end()


def ours(rows: int, readings: int, processor: int | None) -> dict[str, float]:
    """Run the library's publisher and follower once."""
    with tempfile.NamedTemporaryFile() as shared:
        shared.write(bytes(8))
        shared.flush()
        one = Role("publish", shared.name, rows, readings)
        other = Role("follow", one.hear()["endpoint"], shared.name, readings)
        try:
            other.hear()
            with pinned([one.pid, other.pid], processor):
                one.go()
                sent, taken = one.hear(), other.hear()
            return {**figures(sent, taken, readings), "gaps": taken["gaps"]}
        finally:
            one.end()
            other.end()


def pairs(rows: int, readings: int, rounds: int, processor: int | None) -> dict[str, Any]:
    """Run ours and the raw limit in turns, once more than ``rounds``; the first is for warmth."""
    found = [
        (ours(rows, readings, processor), raw(rows, 2 * readings, processor))
        for _ in range(rounds + 1)
    ][1:]
    fractions = [own["per_s"] / limit["per_s"] for own, limit in found]

    def median(at: int, key: str) -> float:
        return statistics.median(pair[at][key] for pair in found)

    def cpu_s(at: int) -> float:
        return median(at, "producer_cpu_s") + median(at, "consumer_cpu_s")

    return {
        "fraction": round(statistics.median(fractions), 3),
        "fraction_spread": [round(min(fractions), 3), round(max(fractions), 3)],
        "fraction_by_cpu": round(cpu_s(1) / cpu_s(0), 3),
        "per_s": round(median(0, "per_s")),
        "raw_per_s": round(median(1, "per_s")),
        **{
            f"{name}{side}_cpu_s_per_million": round(median(at, f"{side}_cpu_s"), 4)
            for at, name in ((0, ""), (1, "raw_"))
            for side in ("producer", "consumer")
        },
        "lost": round(sum(own["lost"] for own, _ in found)),
        "gaps": round(sum(own["gaps"] for own, _ in found)),
    }


def stream_of_raw(readings: int, rounds: int, processor: int | None) -> float:
    """Return what libzmq alone leaves of the limit when one reading goes as a stream's message."""
    fractions = [
        raw(1, readings, processor, "stream")["per_s"] / raw(1, readings, processor)["per_s"]
        for _ in range(rounds)
    ]
    return round(statistics.median(fractions), 3)


async def conflated(client: AsyncClient) -> int:
    """Return how many readings were replaced in the cells' tables before they were sent."""
    cells = (await client.query("top"))["cells"]
    refused = [cell.get("counters") or {} for cell in cells if cell.get("role") == "device"]
    return sum(counts.get("values_conflated", 0) for counts in refused)


async def turn(client: AsyncClient, way: float) -> None:
    """Have the driver publish in another way, or not at all."""
    outcome = await client.set("valve/way", way, within_s=60.0)
    if not outcome.applied:
        raise SystemExit(f"the driver was not reached: {outcome}")


async def fact(client: AsyncClient, name: str) -> float:
    """Return what the driver says of itself, once it has been read again."""
    asked = time.time_ns()
    while True:
        reading = await client.get(f"valve/{name}")
        if reading.receive_ns > asked and reading.good:
            return reading.value
        await asyncio.sleep(0.05)


async def whole_way(client: AsyncClient, mirror: Mirror, devices: int, seconds: float) -> Any:
    """Publish rounds of all points, and count what arrives at the outside."""
    before = await conflated(client)
    await turn(client, ROUNDS)
    await asyncio.sleep(0.5)
    began, stored = time.monotonic(), mirror.received
    await asyncio.sleep(seconds)
    rate = (mirror.received - stored) / (time.monotonic() - began)
    await turn(client, 0.0)
    told, last = await fact(client, "told"), await fact(client, "last")
    points = [f"meter-{number}/level" for number in range(devices)]
    until = time.monotonic() + 20.0
    key = ("", "generic", "level")
    while time.monotonic() < until:
        summed = mirror.rollups.get(key)
        if summed is not None and summed.sum == last * devices:
            break
        await asyncio.sleep(0.1)
    behind = sum(mirror.read(point).value != last for point in points)
    replaced = await conflated(client) - before
    return {
        "per_s": round(rate),
        "published": round(told),
        "conflated": replaced,
        "points_behind_at_the_end": behind,
        "sum_at_the_centre": summed is not None and math.isclose(summed.sum, last * devices),
        "gaps": mirror.gaps,
    }


async def in_a_city(api: str, devices: int, seconds: float) -> dict[str, Any]:
    """Measure the whole way, and how fast a driver publishes."""
    async with AsyncClient(api, timeout_s=60.0) as client, client.mirror() as mirror:
        found: dict[str, Any] = {"whole_way": await whole_way(client, mirror, devices, seconds)}
        for name, way in (("columns", COLUMNS), ("single", SINGLY)):
            await turn(client, way)
            await asyncio.sleep(seconds)
            found[f"publish_{name}_per_s"] = round(await fact(client, "rate"))
            await turn(client, 0.0)
        return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    found: dict[str, Any] = {}
    for way, processor in (("pinned", 0), ("free", None)):
        found[way] = {
            name: pairs(rows, round(millions * 1e6), options.rounds, processor)
            for name, rows, millions in (
                ("single", 1, options.millions / 10),
                ("batch", options.rows, options.millions),
            )
        }
        single = round(options.millions * 1e5)
        found[way]["single"]["stream_of_raw"] = stream_of_raw(single, options.rounds, processor)
    with spate_city(CITY, "meters.csv", "meter", options.devices) as city:
        found["city"] = asyncio.run(in_a_city(city.api, options.devices, options.seconds))
    pin, way = found["pinned"], found["city"]["whole_way"]
    return {
        "machine": {"processors": os.cpu_count(), "load": psutil.getloadavg()[0]},
        "versions": {"python": sys.version.split()[0], "jacquemart": jacquemart.__version__},
        "single_fraction_of_raw": pin["single"]["fraction"],
        "batch_fraction_of_raw": pin["batch"]["fraction"],
        "single_per_s": found["free"]["single"]["per_s"],
        "batch_per_s": found["free"]["batch"]["per_s"],
        "batch_consumer_cpu_s_per_million": pin["batch"]["consumer_cpu_s_per_million"],
        "end_to_end_per_s": way["per_s"],
        "publish_columns_per_s": found["city"]["publish_columns_per_s"],
        "publish_single_per_s": found["city"]["publish_single_per_s"],
        "lost": way["points_behind_at_the_end"]
        + sum(found[how][name]["lost"] for how in ("pinned", "free") for name in found[how]),
        "rows": options.rows,
        **found,
    }


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of each measurement")
    parser.add_argument("--rows", type=int, default=512, help="readings in a batch")
    parser.add_argument("--millions", type=float, default=20.0, help="readings in a measurement")
    parser.add_argument("--devices", type=int, default=100_000, help="devices of the city")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each way in the city")
    found = measure(parser.parse_args())
    if "--json" not in sys.argv:
        for way in ("pinned", "free"):
            for name, row in found[way].items():
                print(f"{way:7} {name:7} {row}")
        print(f"{'city':7} {found['city']}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
