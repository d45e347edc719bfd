"""The journal's engine alone: what does it cost to have a record on disk?

    python bench/store.py --json

For each offered rate, appends of one ACCEPTED record are handed to a journal by a loop as a zone
cell does it, on the clock, whether the ones before are answered or not. Latency counts from the
moment an append was due to its answer on the loop. Beside it, in the same run and on the same
disk: how long a 4 KiB write and ``fdatasync`` take, of a file that has its blocks already. The
last line is one JSON object; times are ms, CPU is cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop

from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import JournalError
from jacquemart.runtime.model.record import Draft, RecordKind
from jacquemart.runtime.store.open import open_journal

RATES = (1, 100, 1_000, 10_000)
DRAFT = Draft(
    RecordKind.ACCEPTED,
    {
        "id": bytes(range(16)),
        "principal": "operator",
        "device": "dij-c001-l01",
        "verb": "set",
        "point": "setpoint",
        "value": 80.0,
        "unit": "%",
        "priority": 8,
        "deadline_ns": 26_038_364_081_733,
        "deadline_wall_ns": 1_795_410_111_592_000_000,
    },
)


def disk(folder: Path, writes: int) -> list[float]:
    """Return how long each write and fdatasync took, in s."""
    block, took = os.urandom(4096), []
    fd = os.open(folder / "raw", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(fd, bytes(4096 * 64), 0)
        os.fsync(fd)
        for number in range(writes):
            began = time.perf_counter()
            os.pwrite(fd, block, number % 64 * 4096)
            os.fdatasync(fd)
            took.append(time.perf_counter() - began)
    finally:
        os.close(fd)
    return took


async def offer(folder: Path, rate: int, seconds: float) -> dict[str, Any]:
    """Append at a rate for a time; return what came of it."""
    loop, clock = asyncio.get_running_loop(), SystemClock()
    opened = open_journal(
        folder, "bench", post=loop.call_soon_threadsafe, wall_ns=clock.wall_ns, boot_id="bench",
        boot_ns=clock.boot_ns, version="bench",
    )  # fmt: skip
    journal, count = opened.journal, max(3, int(rate * seconds))
    latencies: list[float] = []
    all_done = loop.create_future()

    def append(due: float) -> None:
        def done(error: JournalError | None) -> None:
            if error is not None:
                raise error
            latencies.append(time.perf_counter() - due)
            if len(latencies) == count:
                all_done.set_result(None)

        journal.append([DRAFT], done)

    cpu, began = time.process_time(), time.perf_counter()
    for number in range(count):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        elif number % 64 == 0:
            await asyncio.sleep(0)
        append(due)
    await all_done
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    journal.close()
    return {
        "offered_per_s": rate,
        "per_s": round(count / took, 1),
        "p50_ms": quantile(latencies, 0.5),
        "p99_ms": quantile(latencies, 0.99),
        "cores": round(cpu / took, 3),
    }


def idle(rate: int, seconds: float) -> float:
    """Return the cores that the offering loop itself takes, without a journal."""

    async def run() -> float:
        cpu, began = time.process_time(), time.perf_counter()
        for number in range(int(rate * seconds)):
            if (wait := began + number / rate - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
        return (time.process_time() - cpu) / (time.perf_counter() - began)

    return round(uvloop.run(run()), 3)


def flood(folder: Path, records: int) -> float:
    """Return how many appends a second go through if they come as fast as they are taken."""

    async def run() -> float:
        loop, clock = asyncio.get_running_loop(), SystemClock()
        opened = open_journal(
            folder, "flood", post=loop.call_soon_threadsafe, wall_ns=clock.wall_ns,
            boot_id="bench", boot_ns=clock.boot_ns, version="bench",
        )  # fmt: skip
        answered, sent = 0, 0

        def done(error: JournalError | None) -> None:
            nonlocal answered
            assert error is None
            answered += 1

        began = time.perf_counter()
        while answered < records:
            while sent < records and sent - answered < 8_000:
                opened.journal.append([DRAFT], done)
                sent += 1
                if sent % 256 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0.0005)
        took = time.perf_counter() - began
        opened.journal.close()
        return records / took

    return round(uvloop.run(run()), 0)


def quantile(values: list[float], share: float) -> float:
    """Return a quantile in ms."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1e3, 3)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print only the JSON line")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each rate")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk to measure")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder, prefix="bench-store-") as made:
        folder = Path(made)
        raw = disk(folder, 1_000)
        rows = []
        for rate in RATES:
            row = uvloop.run(offer(folder / str(rate), rate, args.seconds))
            rows.append({**row, "cores_of_offering": idle(rate, min(2.0, args.seconds))})
            if not args.json:
                print(rows[-1], flush=True)
        raw += disk(folder, 1_000)
        flooded = flood(folder / "flood", 50_000)
    found = {
        "rates": rows,
        "flood_per_s": flooded,
        "fdatasync_p50_ms": quantile(raw, 0.5),
        "fdatasync_p99_ms": quantile(raw, 0.99),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
