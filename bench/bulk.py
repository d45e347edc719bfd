"""How long does one bulk command to 100,000 devices take, with an outcome for each?

    python bench/bulk.py --json

A city with 100,000 devices in one cell, behind one link whose driver is plain Python and
acknowledges at once (``measuring/plain_driver.py``), is commanded by a public client: ``set_all``,
through gateway, centre and zone, whose journal has it on disk first (of ``--state``, or of the
temporary folder). Each device passes arbitration, its kind's rule, the lease's gate and the window
of known commands, is written, read back, and has an outcome of its own. ``bulk_100k_s`` is the
median of ``--rounds``, from the call to the outcomes in the client's hands, each with another
value; that every device has one is checked after it. ``cpu_s`` is what each process spent on it,
this client and that check included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "measuring")]

from measuring.bench_city import spate_city  # noqa: E402

import jacquemart  # noqa: E402 - after the path
from jacquemart import Client  # noqa: E402

CITY = """
[city]
id = "bench-bulk-{pid}"
[gateway]
port = 0
stream_port = 0
[zones.north]
[links.field]
driver = "plain_driver:PlainDriver"
zone = "north"
[templates.lamp]
kind = "generic"
driver = "plain_driver:PlainDriver"
[templates.lamp.points.level]
writable = true
range = [0, 1000]
poll_ms = 600000
stale_after_ms = 3600000
[[inventory]]
file = "lamps.csv"
makes = "devices"
template = "lamp"
columns = {{ id = "id", link = "link" }}
"""


def spent(city: jacquemart.City) -> dict[str, float]:
    """Return the processor seconds of each cell, and of this process."""
    pids = {str(cell["name"]): int(cell["pid"]) for cell in city.cells} | {"client": os.getpid()}
    found = {}
    for name, pid in pids.items():
        times = psutil.Process(pid).cpu_times()
        found[name] = times.user + times.system
    return found


def once(city: jacquemart.City, client: Client, devices: int, value: float) -> dict[str, Any]:
    """Command all devices once."""
    before, began = spent(city), time.perf_counter()
    result = client.set_all("level", value, within_s=120.0)
    seconds = time.perf_counter() - began
    counts = dict(result.counts())
    if counts != {"APPLIED": devices}:
        raise SystemExit(f"not all devices followed: {counts} {result.exceptions()[:3]}")
    if len({outcome.device for outcome in result.outcomes}) != devices:
        raise SystemExit("not every device has an outcome of its own")
    after = spent(city)
    return {"s": seconds, "cpu_s": {name: after[name] - before[name] for name in before}}


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure some rounds; the first is thrown away, since it does things for the first time."""
    devices = options.devices
    running = spate_city(CITY, "lamps.csv", "lamp", devices, options.state)
    with running as city, city.client() as client:
        runs = [once(city, client, devices, float(n + 1)) for n in range(options.rounds + 1)][1:]
    seconds = [run["s"] for run in runs]
    median = statistics.median(seconds)
    return {
        "machine": {"processors": os.cpu_count(), "load": psutil.getloadavg()[0]},
        "versions": {"python": sys.version.split()[0], "jacquemart": jacquemart.__version__},
        "bulk_100k_s": round(median * 100_000 / devices, 3),
        "devices": devices,
        "spread_s": [round(min(seconds), 3), round(max(seconds), 3)],
        "cpu_s": {
            name: round(statistics.median(run["cpu_s"][name] for run in runs), 3)
            for name in runs[0]["cpu_s"]
        },
    }


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--rounds", type=int, default=5, help="bulk commands measured")
    parser.add_argument("--devices", type=int, default=100_000, help="in the one cell")
    parser.add_argument("--state", default="", help="folder on the disk of the journals")
    found = measure(parser.parse_args())
    if "--json" not in sys.argv:
        for name, value in found.items():
            print(f"{name:12} {value}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
