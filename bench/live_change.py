"""Does a change of a running city blind anybody who did not change, and how long does it take?

    python bench/live_change.py --json

A city of simulated lamps on Ray; of 1,000 of them a quarter each is added, removed, changed and
moved by ``City.apply``. All others are watched through the public client, every poll of theirs,
from before until after; the same watch over as long a time afterwards tells what the machine
itself costs. The last line is one JSON object:

- ``plan_apply_blind_ticks``: polls of devices that did not change which were not good (STALE,
  BAD) or missing, while the change was planned and applied; ``blind_ticks_quiet``: the same
  count over a quiet time of the same length.
- ``longest_gap_ms`` and ``longest_gap_quiet_ms``: the longest time between two readings of one.
- ``host_stall_ms`` and ``host_stall_quiet_ms``: how late a process that only sleeps was woken at
  most. Where this nears a poll period, the machine was too busy to tell anything.
- ``plan_s``, ``apply_s``: from the call to its answer, reading the file included;
  ``apply_cells_s``: of it, from the first cell that was asked to the last that has it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import jacquemart
from jacquemart.runtime.testing.blind import BlindWatch

POLL_MS = 1_000
#: Devices of one link, and links of one zone.
LINK, ZONE = 50, 10
#: Polls that are watched after the change, in which it could still show.
AFTER = 3
HEAD = f"""
[city]
id = "bench-live-change-{os.getpid()}"
[gateway]
port = 0
stream_port = 0
"""
TEMPLATE = """
[templates.{name}]
kind = "generic"
driver = "simulated"
[templates.{name}.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
settle_ms = {settle_ms}
poll_ms = 5000
[templates.{name}.points.level]
unit = "%"
poll_ms = {poll_ms}
"""
Lamps = dict[str, tuple[str, int]]
"""Device -> template, number of its link."""


class Sleeper:
    """A process of its own that sleeps 10 ms at a time, and tells how late it woke at most."""

    CODE = """
import sys, threading, time
late = [0.0]
def tell():
    for _ in sys.stdin:
        print(late[0], flush=True)
        late[0] = 0.0
threading.Thread(target=tell, daemon=True).start()
while True:
    began = time.monotonic()
    time.sleep(0.01)
    late[0] = max(late[0], time.monotonic() - began - 0.01)
"""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stall_ms(self) -> int:
        """Return how late it woke at most since the last question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return round(float(self._process.stdout.readline()) * 1_000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


def first(devices: int) -> Lamps:
    """Return the city's lamps before."""
    return {f"lamp-{n}": ("lamp", n // LINK) for n in range(devices)}


def second(lamps: Lamps, changed: int) -> Lamps:
    """Return the lamps after: a quarter of ``changed`` each added, removed, changed, moved."""
    names = list(lamps)
    touched = names[:: max(1, len(names) // (changed * 3 // 4))][: changed * 3 // 4]
    links = max(link for _, link in lamps.values()) + 1
    after = dict(lamps)
    for at, name in enumerate(touched):
        template, link = lamps[name]
        if at % 3 == 0:
            del after[name]
        elif at % 3 == 1:
            after[name] = ("lantern", link)
        else:
            after[name] = (template, (link + 1) % links)
    for n in range(changed - len(touched)):
        after[f"new-{n}"] = ("lamp", n % links)
    return after


def write(folder: Path, lamps: Lamps, links: int) -> Path:
    """Write a city's file and its inventory."""
    text = HEAD
    for name, settle_ms in (("lamp", 1_000), ("lantern", 1_100)):
        text += TEMPLATE.format(name=name, settle_ms=settle_ms, poll_ms=POLL_MS)
    for zone in range(-(-links // ZONE)):
        text += f"[zones.z{zone}]\n"
    for link in range(links):
        text += f'[links.l{link}]\ndriver = "simulated"\nzone = "z{link // ZONE}"\nseed = 7\n'
    text += '[[inventory]]\nmakes = "devices"\nfile = "lamps.csv"\n'
    text += 'columns = { id = "id", template = "template", link = "link" }\n'
    folder.mkdir(parents=True)
    with open(folder / "lamps.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "template", "link"])
        rows.writerows([id, template, f"l{link}"] for id, (template, link) in lamps.items())
    path = folder / "city.toml"
    path.write_text(text, encoding="utf-8")
    return path


def measure(devices: int = 10_000, changed: int = 1_000) -> dict[str, Any]:
    """Run a city, change it, and return what was seen."""
    before = first(devices)
    after = second(before, changed)
    links = -(-devices // LINK)
    others = [id for id, lamp in before.items() if after.get(id) == lamp]
    with tempfile.TemporaryDirectory() as folder:
        old = write(Path(folder) / "old", before, links)
        new = write(Path(folder) / "new", after, links)
        with jacquemart.City(old, state=Path(folder) / "state") as city:
            points = {f"{id}/level": POLL_MS for id in others}
            with BlindWatch(city.api, points) as watch, Sleeper() as sleeper:
                time.sleep(3 * POLL_MS / 1_000)
                watch.count()
                sleeper.stall_ms()
                began = time.monotonic()
                plan = city.plan(new)
                plan_s = time.monotonic() - began
                result = city.apply(new, plan["plan"])
                apply_s = time.monotonic() - began - plan_s
                time.sleep(AFTER * POLL_MS / 1_000)
                length_s = time.monotonic() - began
                seen, stall_ms = watch.count(), sleeper.stall_ms()
                time.sleep(5 * POLL_MS / 1_000)
                watch.count()
                sleeper.stall_ms()
                time.sleep(length_s)
                quiet, stall_quiet_ms = watch.count(), sleeper.stall_ms()
            assert city.plan(new)["empty"], "the city is what the file says"
            ready_s = city.ready_s
    told = result["devices"]
    return {
        "devices": devices,
        "points": 2 * devices,
        "changed_devices": sum(told[kind] for kind in ("added", "removed", "changed", "moved")),
        "watched_devices": len(others),
        "ready_s": round(ready_s, 2),
        "plan_s": round(plan_s, 2),
        "apply_s": round(apply_s, 2),
        "apply_cells_s": result["seconds"],
        "plan_apply_blind_ticks": seen.ticks,
        "blind_bad_ticks": seen.bad_ticks,
        "blind_missing_ticks": seen.missing_ticks,
        "blind_points": seen.points,
        "readings_watched": seen.readings,
        "longest_gap_ms": round(seen.longest_ms),
        "host_stall_ms": stall_ms,
        "blind_ticks_quiet": quiet.ticks,
        "readings_quiet": quiet.readings,
        "longest_gap_quiet_ms": round(quiet.longest_ms),
        "host_stall_quiet_ms": stall_quiet_ms,
    }


def main() -> int:
    """Measure once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print only the JSON object")
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=1_000)
    args = parser.parse_args()
    figures = measure(args.devices, args.changed)
    if not args.json:
        for name, value in figures.items():
            print(f"{name:24s}{value}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
