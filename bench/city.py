"""The whole city: how soon is it ready, how light is it, and what is it at ten times the size?

    python bench/city.py --json
    python bench/city.py --json --without scale10 import change

Runs `examples/dijon` with its field process; then ten times as much on the simulated field; then
`bench/city_import.py` and `bench/live_change.py`, whose figures it takes over. A part that is left
out has no figures (null). The last line is one JSON object; docs/performance.md explains its keys.
Every figure comes through the public interfaces: city file, client, streams, and /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq

import jacquemart
from jacquemart.native import frames
from jacquemart.runtime.wire.messages import kind_of

HERE = Path(__file__).resolve().parent
DIJON = HERE.parent / "examples" / "dijon"
sys.path.insert(0, str(DIJON))

from field_process import FieldProcess  # noqa: E402 - of the example
from generate import generate  # noqa: E402
from measure import cpu_share, pss_mb  # noqa: E402

PARTS = ("city", "scale10", "import", "change")
#: From ready until what every link does once is over.
SETTLE_S = 10.0
START_S = 300.0


def city_at(scale: float, folder: Path, *, simulated: bool) -> Path:
    """Draw a city into a folder; return its city file."""
    for name in ("templates", "simulated"):
        shutil.copytree(DIJON / name, folder / name)
    for path in DIJON.glob("*.toml"):
        shutil.copy(path, folder)
    generate(folder / "generated", scale=scale)
    return folder / ("city-simulated.toml" if simulated else "city.toml")


@contextmanager
def running(
    path: Path, *, simulated: bool, listen: Callable[[dict[str, Any]], None] | None = None
) -> Iterator[tuple[jacquemart.City, dict[str, Any]]]:
    """Run a city, beside its field if it has one; also give the counts of its start.

    ``listen`` gets the events of its start, in a thread of their own.
    """
    counts: dict[str, Any] = {}

    def hear(event: dict[str, Any]) -> None:
        if event.get("stage") == "links":
            counts.update(event)
        if listen is not None:
            listen(event)

    with tempfile.TemporaryDirectory() as state:
        city = jacquemart.City(
            path, gateway_port=0, stream_port=0, state=state, timeout_s=START_S, on_progress=hear
        )
        if simulated:
            with city:
                yield city, counts
        else:
            with FieldProcess.start(path.parent / "generated"), city:
                yield city, counts


def measure_city(scale: float, calm_s: float) -> dict[str, Any]:
    """Measure the city with its field process."""
    with tempfile.TemporaryDirectory() as folder:
        path = city_at(scale, Path(folder), simulated=False)
        with running(path, simulated=False) as (city, counts):
            pids = [cell["pid"] for cell in city.cells]
            time.sleep(SETTLE_S)
            calm = cpu_share(pids, calm_s)
            found = {
                "devices": counts["devices"],
                "points": counts["points"],
                "links": counts["links"],
                "ready_s": round(city.ready_s, 2),
                "cells_pss_mb": round(pss_mb(pids), 1),
                "calm_cpu_share": round(calm, 3),
            }
            # Last, since a subscriber of everything costs the cells and the gateway something.
            readings, batches = count_readings(city.stream, calm_s)
        return {
            **found,
            "steady_messages_per_s": round(readings / calm_s, 1),
            "steady_batches_per_s": round(batches / calm_s, 1),
        }


def count_readings(stream: str, seconds: float) -> tuple[int, int]:
    """Count readings, and the batches they come in, that reach a subscriber of all of them."""
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.subscribe(b"r/")
    socket.connect(stream)
    readings = batches = 0
    try:
        time.sleep(1.0)
        while socket.poll(0):
            socket.recv_multipart()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            if socket.poll(left * 1e3):
                _, frame = socket.recv_multipart()
                rows = rows_in(frame)
                readings += rows
                batches += rows > 0
    finally:
        socket.close(0)
    return readings, batches


def rows_in(frame: bytes) -> int:
    """Return how many readings a frame of a stream of readings brings; a heartbeat has none."""
    if kind_of(frame) != frames.BATCH:
        return 0
    return memoryview(frames.decode_batch(frame).slots).nbytes // 4


def measure_scale10(scale: float) -> dict[str, Any]:
    """Measure ten times the city on the simulated field."""
    with tempfile.TemporaryDirectory() as folder:
        path = city_at(10 * scale, Path(folder), simulated=True)
        with running(path, simulated=True) as (city, counts):
            time.sleep(SETTLE_S)
            pids = [cell["pid"] for cell in city.cells]
            return {
                "scale10_devices": counts["devices"],
                "scale10_points": counts["points"],
                "scale10_ready_s": round(city.ready_s, 2),
                "scale10_pss_mb": round(pss_mb(pids), 1),
                "scale10_calm_cpu_share": round(cpu_share(pids, SETTLE_S), 3),
            }


def other_bench(name: str, keys: Sequence[str]) -> dict[str, Any]:
    """Run another bench of this folder and take some of its figures.

    Raises:
        RuntimeError: it failed; what it said is on stderr.
    """
    done = subprocess.run(
        [sys.executable, str(HERE / name), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with {done.returncode}")
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    return {key: figures[key] for key in keys}


def measure(without: Sequence[str], scale: float, calm_s: float) -> dict[str, Any]:
    """Take all figures but those of the parts left out, which are None."""
    keys = {
        "city": (
            *("devices", "points", "ready_s", "cells_pss_mb", "calm_cpu_share"),
            "steady_messages_per_s",
        ),
        "scale10": ("scale10_ready_s", "scale10_pss_mb"),
        "import": ("import_1m_s", "import_1m_peak_mb"),
        "change": ("plan_apply_blind_ticks",),
    }
    figures: dict[str, Any] = {key: None for part in PARTS for key in keys[part]}
    if "city" not in without:
        figures.update(measure_city(scale, calm_s))
    if "scale10" not in without:
        figures.update(measure_scale10(scale))
    if "import" not in without:
        figures.update(other_bench("city_import.py", keys["import"]))
    if "change" not in without:
        figures.update(other_bench("live_change.py", keys["change"]))
    figures["machine"] = machine()
    return figures


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print only the JSON object")
    parser.add_argument("--without", nargs="*", choices=PARTS, default=(), help="leave parts out")
    parser.add_argument("--scale", type=float, default=1.0, help="how many times Dijon is meant")
    parser.add_argument("--calm-s", type=float, default=30.0, help="time to measure the calm city")
    args = parser.parse_args()
    figures = measure(args.without, args.scale, args.calm_s)
    if not args.json:
        for name, value in figures.items():
            print(f"{name:26s}{value}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
