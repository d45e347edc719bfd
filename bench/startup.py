"""How soon is the example city ready, at its size and at ten times of it, and what does it take?

    python bench/startup.py --json
    python bench/startup.py --json --sizes 10

`examples/dijon`, from the command to the last link looked at: with its field process as it is, on
the simulated field at any other size. Besides the time on the clock there is the processor time
(``cpu_s``) of each process at each stage of the start, which says what it costs also on a machine
that is busy with something else: ``load`` until Ray runs and cells are placed, ``cells`` until all
cells have made what is theirs and serve, ``links`` until every link was looked at, ``calm`` for
ten seconds after that. ``cells_pss_mb`` is the proportional set size of all cells after those.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))

from city import SETTLE_S, city_at, machine, running
from measure import pss_mb

#: The event that ends each stage of a start.
STAGES = {"placed": "load", "cells": "cells", "ready": "links"}
Times = Mapping[int, float]


class Spent:
    """Takes the processor time of this process's descendants at the end of each stage."""

    def __init__(self) -> None:
        """Begin before anything is started."""
        self._me = psutil.Process()
        self._lock = threading.Lock()
        self._marks: list[tuple[str, Times]] = []

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event of the city's start."""
        name = event.get("stage") if event["event"] == "progress" else event["event"]
        stage = STAGES.get(str(name))
        if stage is not None:
            self.mark(stage)

    def mark(self, stage: str) -> None:
        """End a stage now; one that comes again lasts until its last end."""
        now = self._times()
        with self._lock:
            self._marks = [mark for mark in self._marks if mark[0] != stage]
            self._marks.append((stage, now))

    def by_process(self, names: Mapping[int, str]) -> dict[str, dict[str, float]]:
        """Return the seconds of each stage, by the name of the process; the others together."""
        found: dict[str, dict[str, float]] = {}
        before: Times = {}
        with self._lock:
            marks = list(self._marks)
        for stage, times in marks:
            for pid, seconds in times.items():
                row = found.setdefault(names.get(pid, "others"), dict.fromkeys(self.stages, 0.0))
                row[stage] += seconds - before.get(pid, 0.0)
            before = {**before, **times}
        return {
            name: {stage: round(seconds, 2) for stage, seconds in row.items()}
            for name, row in sorted(found.items())
        }

    @property
    def stages(self) -> list[str]:
        """The stages that have ended."""
        return [stage for stage, _ in self._marks]

    def _times(self) -> Times:
        found: dict[int, float] = {}
        for process in self._me.children(recursive=True):
            try:
                spent = process.cpu_times()
            except psutil.Error:
                continue  # it has just ended
            found[process.pid] = spent.user + spent.system
        return found


def measure(size: float, *, simulated: bool) -> dict[str, Any]:
    """Start the city at so many times its size, and say what it took.

    Raises:
        FileNotFoundError: a cell was lost meanwhile; the machine has too much else to do.
    """
    spent = Spent()
    with tempfile.TemporaryDirectory() as folder:
        path = city_at(size, Path(folder), simulated=simulated)
        with running(path, simulated=simulated, listen=spent.hear) as (city, counts):
            spent.mark("links")
            began = time.monotonic()
            names = {cell["pid"]: cell["name"] for cell in city.cells} | {city.warden_pid: "warden"}
            time.sleep(max(0.0, SETTLE_S - (time.monotonic() - began)))
            spent.mark("calm")
            cells = [cell["pid"] for cell in city.cells]
            cpu = spent.by_process(names)
            return {
                "devices": counts["devices"],
                "points": counts["points"],
                "links": counts["links"],
                "ready_s": round(city.ready_s, 2),
                "cells_pss_mb": round(pss_mb(cells), 1),
                "warden_pss_mb": round(pss_mb([city.warden_pid]), 1),
                "cells_cpu_s": round(
                    sum(
                        row["load"] + row["cells"] + row["links"]
                        for name, row in cpu.items()
                        if name not in ("warden", "others")
                    ),
                    2,
                ),
                "pss_mb": {
                    cell["name"]: round(pss_mb([cell["pid"]]), 1)
                    for cell in sorted(city.cells, key=lambda cell: str(cell["name"]))
                },
                "cpu_s": cpu,
            }


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print only the JSON object")
    parser.add_argument(
        "--sizes", type=float, nargs="*", default=[1.0, 10.0], help="how many times Dijon"
    )
    parser.add_argument("--simulated", action="store_true", help="at its own size too")
    args = parser.parse_args(argv)
    figures: dict[str, Any] = {}
    for size in args.sizes:
        found = measure(size, simulated=args.simulated or size != 1.0)
        figures[f"ready_{size:g}x_s"] = found.pop("ready_s")
        figures.update({f"{key}_{size:g}x": value for key, value in found.items()})
    figures["machine"] = machine()
    if not args.json:
        for name, value in figures.items():
            print(f"{name:22s}{value}")
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
