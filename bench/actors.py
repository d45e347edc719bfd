"""What does a device actor cost: its bytes, its making, and its first answer?

    python bench/actors.py --json
    python bench/actors.py --json --sizes 100000

A city file with that many devices (``measuring/box_kind.py``: four points on the simulated field,
a rule, a handler, state of its own), on Ray, with one device cell, which therefore has all of
them. ``bytes_per_actor`` is the proportional set size of that cell when the city is ready and every
point was read, less that of the same city with one device, for each device of the larger size:
actor, mailbox, points in every column, links and plans, index. ``asked_bytes_per_actor`` is the
same after each has answered a command of its own through the gateway, whose outcomes the cell
keeps for repeats. ``create_100k_s`` is the processor time in which the cell has made and started
100,000 actors: object, slots in the table, place in the index, ``on_start``; ``create_s`` that of
each size, ``links_s`` that of links and their plans, as the cell itself tells it (``health``).
``answered_s`` is how long all took to answer one command each, ``--window`` on their way.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "measuring")]

from city import machine  # noqa: E402
from measure import cpu_seconds, pss_mb  # noqa: E402
from measuring.bench_city import importable_by_cells  # noqa: E402

import jacquemart  # noqa: E402 - after the path
from jacquemart import AsyncClient, Status  # noqa: E402

ZONES = 4
DEVICES_A_LINK = 500
#: What was made for the city with one device, which is the cell without any.
ALONE = 1
START_S = 900.0
WITHIN_S = 60.0
CITY = """
[city]
id = "bench-actors-{pid}"
[gateway]
port = 0
stream_port = 0
[cells]
count = 1
[templates.box]
kind = "box_kind:Box"
driver = "simulated"
[templates.box.points.switch]
range = [0, 1]
writable = true
feedback = "state"
poll_ms = 300_000
[templates.box.points.state]
range = [0, 1]
poll_ms = 300_000
[templates.box.points.door]
range = [0, 1]
poll_ms = 300_000
[templates.box.points.power]
unit = "W"
poll_ms = 300_000
address = {{ follows = "state", gain = 40 }}
[link_templates.line]
driver = "simulated"
[[inventory]]
file = "links.csv"
makes = "links"
template = "line"
columns = {{ id = "id", zone = "zone" }}
[[inventory]]
file = "boxes.csv"
makes = "devices"
template = "box"
columns = {{ id = "id", link = "link" }}
"""


def write_city(folder: Path, devices: int) -> Path:
    """Write a city of so many devices; return its file."""
    path = folder / "city.toml"
    zones = "".join(f"[zones.z{zone}]\n" for zone in range(ZONES))
    path.write_text(CITY.format(pid=os.getpid()) + zones)
    lines = -(-devices // DEVICES_A_LINK)
    with open(folder / "links.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "zone"))
        rows.writerows((f"line-{n}", f"z{n % ZONES}") for n in range(lines))
    with open(folder / "boxes.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("id", "link"))
        rows.writerows((f"box-{n}", f"line-{n // DEVICES_A_LINK}") for n in range(devices))
    return path


@contextmanager
def city_of(devices: int) -> Iterator[tuple[jacquemart.City, int]]:
    """Run a city of so many devices; also give the process of its device cell."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_city(Path(folder), devices)
        options: dict[str, Any] = {"state": str(Path(folder) / "state"), "timeout_s": START_S}
        with jacquemart.City(path, cells=1, standby=False, **options) as city:
            cells = [cell["pid"] for cell in city.cells if cell["role"] == "device"]
            assert len(cells) == 1
            yield city, cells[0]


def started(city: jacquemart.City) -> dict[str, float]:
    """Return the processor seconds of the device cell's start, by what they went into."""
    with city.client() as client:
        for cell in client.query("top")["cells"]:
            if cell["role"] == "device":
                return dict(cell["start_cpu_s"])
    raise SystemExit("there is no device cell")


async def ask_all(api: str, devices: int, window: int) -> float:
    """Have every device answer a command; return how long that took."""
    async with AsyncClient(api) as client:
        numbers = iter(range(devices))

        async def go_on() -> None:
            for n in numbers:
                outcome = await client.command(f"box-{n}", "ask", float(n), within_s=WITHIN_S)
                if outcome.status is not Status.APPLIED or outcome.value != n + 1.0:
                    raise SystemExit(f"box-{n} did not answer: {outcome}")

        began = time.monotonic()
        await asyncio.gather(*(go_on() for _ in range(window)))
        return time.monotonic() - began


def measure(devices: int, alone_mb: float, window: int) -> dict[str, Any]:
    """Measure a city of so many devices."""
    with city_of(devices) as (city, pid):
        rest_mb, start_cpu = pss_mb([pid]), cpu_seconds([pid])
        spent = started(city)
        answered_s = asyncio.run(ask_all(city.api, devices, window))
        asked_mb = pss_mb([pid])
        return {
            "bytes_per_actor": round((rest_mb - alone_mb) * 1e6 / devices),
            "asked_bytes_per_actor": round((asked_mb - alone_mb) * 1e6 / devices),
            "create_s": round(spent["actors"], 3),
            "links_s": round(spent["links"], 3),
            "cell_cpu_s": round(start_cpu, 2),
            "ready_s": round(city.ready_s, 2),
            "answered_s": round(answered_s, 2),
            "answers_per_s": round(devices / answered_s),
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print only the JSON object")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100_000, 1_000_000], help="devices of each city"
    )
    parser.add_argument("--window", type=int, default=256, help="commands on their way")
    args = parser.parse_args(argv)
    importable_by_cells(HERE / "measuring")
    with city_of(ALONE) as (_, pid):
        alone_mb = pss_mb([pid])
    found = {str(size): measure(size, alone_mb, args.window) for size in args.sizes}
    first = args.sizes[0]
    figures: dict[str, Any] = {
        "bytes_per_actor": found[str(first)]["bytes_per_actor"],
        "create_100k_s": round(found[str(first)]["create_s"] * 100_000 / first, 3),
        "cell_alone_mb": round(alone_mb, 1),
        "sizes": found,
        "machine": machine(),
    }
    if not args.json:
        for name, value in figures.items():
            print(f"{name:18s}{value}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
