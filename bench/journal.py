"""What does it cost that a command is on disk before it is accepted?

    python bench/journal.py --json

A city of simulated lamps on Ray, with its journals in a folder on disk, is commanded through its
gateway by public clients. The last line is one JSON object:

- ``journalled_p50_ms``: a journalled ``set``, one after the other: the round trip at the client,
  less what passed between the moment the driver got the write and the verdict of its read-back.
  ``accepted_p50_ms``: until the client knew that it was accepted (``submit``). ``volatile_p50_ms``:
  the same ``set`` of a point that is declared volatile, which goes straight to its cell.
- ``offered``: what happened when so many commands a second were sent at fixed times, whatever
  became of those before: ``per_s`` ended, ``p50_ms`` and ``p99_ms`` from the time each was due.
- ``per_s``: the most that ended in a second, of all offered rates. ``p99_ms_at_10k``: null if
  fewer than 95 % of 10,000 a second ended.
- ``fdatasync_p50_ms``: one on the same disk, 4 KiB, in the same run. ``raw_round_trip_p50_ms``:
  one bare ZeroMQ round trip; a journalled command makes three (gateway, zone, cell).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jacquemart
from jacquemart import AsyncClient, Client, Outcome, Status

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples" / "dijon"))
from measure import RawEcho

LAMPS, LINKS, ZONES = 2_000, 8, 4
RATES = (1_000, 2_000, 5_000, 10_000)
HEAD = f"""
[city]
id = "bench-journal-{os.getpid()}"
[gateway]
port = 0
stream_port = 0
[templates.lamp]
kind = "generic"
driver = "simulated"
[templates.lamp.points.setpoint]
range = [0, 100]
writable = true
feedback = "level"
settle_ms = 1000
poll_ms = 60000
[templates.lamp.points.level]
poll_ms = 60000
[templates.lamp.points.scratch]
range = [0, 100]
writable = true
volatile = true
poll_ms = 60000
"""


def write_city(folder: Path) -> Path:
    """Write the city file; return its path."""
    text = HEAD + "".join(f"[zones.z{zone}]\n" for zone in range(ZONES))
    for link in range(LINKS):
        text += f'[links.l{link}]\ndriver = "simulated"\nzone = "z{link % ZONES}"\n'
    text += '[[inventory]]\nfile = "lamps.csv"\nmakes = "devices"\ntemplate = "lamp"\n'
    text += 'columns = { id = "id", link = "link", index = "index" }\n'
    rows = "".join(f"lamp-{n},l{n % LINKS},{n // LINKS}\n" for n in range(LAMPS))
    (folder / "lamps.csv").write_text("id,link,index\n" + rows)
    path = folder / "city.toml"
    path.write_text(text)
    return path


def quantile(values: list[float], share: float) -> float:
    """Return the value below which that share lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def ours_ms(outcome: Outcome, began: float) -> float:
    """Return the time of a command that just ended, less what the field took."""
    if outcome.status is not Status.APPLIED:
        raise SystemExit(f"a command did not end APPLIED: {outcome}")
    field_ns = outcome.stages.finished - outcome.stages.dispatched
    return (time.perf_counter() - began) * 1e3 - field_ns / 1e6


def sequential(client: Client, rounds: int) -> dict[str, float]:
    """Command one lamp after the other."""
    found: dict[str, list[float]] = {"journalled": [], "volatile": [], "accepted": [], "raw": []}
    with RawEcho() as echo:
        for n in range(rounds + 20):
            lamp, value = f"lamp-{n % LAMPS}", float(n % 100)
            began = time.perf_counter()
            journalled = ours_ms(client.set(f"{lamp}/setpoint", value), began)
            began = time.perf_counter()
            volatile = ours_ms(client.set(f"{lamp}/scratch", value), began)
            began = time.perf_counter()
            state = client.submit(f"{lamp}/setpoint", value / 2)
            accepted = (time.perf_counter() - began) * 1e3
            if state.stage not in ("accepted", "ended"):
                raise SystemExit(f"a command was not accepted: {state}")
            raw = echo.round_trip_ms()
            if n < 20:
                continue  # what is done for the first time
            found["journalled"].append(journalled)
            found["volatile"].append(volatile)
            found["accepted"].append(accepted)
            found["raw"].append(raw)
    return {name: round(statistics.median(values), 3) for name, values in found.items()}


async def load(api: str, rate: int, seconds: float, offset: int) -> dict[str, Any]:
    """Send commands at fixed times; return how many ended APPLIED, and how late after those."""
    late_ms: list[float] = []
    others: dict[str, int] = {}

    async def one(client: AsyncClient, n: int, due: float) -> None:
        lamp = f"lamp-{(offset + n) % LAMPS}"
        outcome = await client.set(f"{lamp}/setpoint", float(n % 100), within_s=10.0)
        if outcome.status is Status.APPLIED:
            late_ms.append((time.perf_counter() - due) * 1e3)
        else:
            name = f"{outcome.status.name} {outcome.reason}"
            others[name] = others.get(name, 0) + 1

    async with AsyncClient(api) as client:
        tasks = set()
        began = time.perf_counter()
        for n in range(int(rate * seconds)):
            due = began + n / rate
            left = due - time.perf_counter()
            if left > 0 or n % 16 == 0:
                await asyncio.sleep(max(0.0, left))
            tasks.add(asyncio.ensure_future(one(client, n, due)))
        await asyncio.gather(*tasks)
        took = time.perf_counter() - began
    return {"late_ms": late_ms, "others": others, "took_s": took}


def offered(api: str, rate: int, seconds: float) -> dict[str, Any]:
    """Offer a rate from two client processes; return what became of it."""
    clients = [
        subprocess.Popen(
            [sys.executable, __file__, "--load", api, str(rate // 2), str(seconds), str(offset)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for offset in (0, LAMPS // 2)
    ]
    parts = [json.loads(client.communicate()[0]) for client in clients]
    late = [ms for part in parts for ms in part["late_ms"]]
    others: dict[str, int] = {}
    for part in parts:
        for name, count in part["others"].items():
            others[name] = others.get(name, 0) + count
    took = max(part["took_s"] for part in parts)
    return {
        "per_s": round(len(late) / took, 1),
        "p50_ms": round(quantile(late, 0.5), 2) if late else None,
        "p99_ms": round(quantile(late, 0.99), 2) if late else None,
        "others": others,
    }


def fdatasync_ms(folder: Path, rounds: int = 200) -> float:
    """Return how long it takes to have 4 KiB on the disk of ``folder``."""
    times = []
    fd = os.open(folder / "probe", os.O_CREAT | os.O_WRONLY, 0o600)
    for _ in range(rounds):
        began = time.perf_counter()
        os.write(fd, bytes(4_096))
        os.fdatasync(fd)
        times.append((time.perf_counter() - began) * 1e3)
    os.close(fd)
    return round(statistics.median(times), 3)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--rounds", type=int, default=400, help="commands one after the other")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each offered rate")
    parser.add_argument("--state", default="", help="folder on the disk to measure")
    parser.add_argument("--awake", action="store_true", help="see `jacquemart run --awake`")
    parser.add_argument("--load", nargs=4, metavar=("API", "RATE", "S", "FROM"))
    args = parser.parse_args()
    if args.load:
        api, rate, seconds, start = args.load
        print(json.dumps(asyncio.run(load(api, int(rate), float(seconds), int(start)))))
        return
    with tempfile.TemporaryDirectory(dir=args.state or None) as name:
        folder = Path(name)
        path = write_city(folder)
        city = jacquemart.City(path, state=str(folder / "state"), awake=args.awake)
        with city, city.client() as client:
            ms = sequential(client, args.rounds)
            rates = {str(rate): offered(city.api, rate, args.seconds) for rate in RATES}
        ten = rates["10000"]
        figures = {
            "journalled_p50_ms": ms["journalled"],
            "per_s": max(found["per_s"] for found in rates.values()),
            "p99_ms_at_10k": ten["p99_ms"] if ten["per_s"] >= 9_500 else None,
            "accepted_p50_ms": ms["accepted"],
            "volatile_p50_ms": ms["volatile"],
            "raw_round_trip_p50_ms": ms["raw"],
            "fdatasync_p50_ms": fdatasync_ms(folder),
            "offered": rates,
        }
    if not args.json:
        for key, value in figures.items():
            print(f"{key:24} {value}")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
