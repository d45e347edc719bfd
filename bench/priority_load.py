"""What does signal priority cost for 500 signals and 1,000 buses at 1 Hz?

    python bench/priority_load.py --json
    python bench/priority_load.py --json --without city

Each bus drives a round of signals, 400 m apart, at 8 m/s or so, and all of them may ask, as soon as
they are on an approach: that is the worst case.

**Kernels.** Every position goes through approach detection and the requester; what is asked for
goes to the granter of its site, and its S0033 back. Each granter also looks at its controller once
a second, which here runs its plan and heeds nothing (no lamp, no interlock, no network, no actor).
Processor time is counted, no clock on the wall. ``times_json`` holds it against a raw limit in the
same run: what decoding the same positions from JSON costs.

**City.** The same buses as vehicle actors of a city on Ray, whose feed tells each once a second; a
broker; the signals as actors with four slots each, on RSMP links of their own; and as many RSMP
sites in a process that is not counted. The way of a request is from right before the feed tells
the position with which a bus comes onto an approach until the site has read the M0022; both
processes share a clock. Keys of the last line, one JSON object:

- ``signals buses``; ``requests_sent requests_activated position_us_mean position_us_p99
  positions_of_a_core_pct sites_of_a_core_pct all_of_a_core_pct times_json``: of the kernels;
- ``city_cpu_share``: of one core, all cells together, and ``city_cells_cpu_share`` by cell;
- ``city_way_p50_ms city_way_p99_ms city_way_max_ms``: of ``city_requests`` new requests;
- ``city_missed``: buses that came onto an approach and were not asked for within 2 s, of
  ``city_entries``; ``city_updates_per_s city_cancels_per_s``: what else the sites were asked;
- ``city_seconds``: for how long that was measured. Without the city these are null.
"""

from __future__ import annotations

import argparse
import json
import math
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jacquemart
from jacquemart.actors.priority.approach import Approach, Detection, Fix
from jacquemart.actors.priority.granter import Changed, Granter, Site, Stage, View
from jacquemart.actors.priority.policy import Condition, Policy, Requester, Rule, Send
from jacquemart.actors.priority.request import State, VehicleType

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples" / "dijon"))

from measure import cpu_seconds  # noqa: E402
from measuring.avl_driver import APART_M, BEGINS_M, OF_STREET, PARTS, place  # noqa: E402
from measuring.bench_city import importable_by_cells  # noqa: E402

SLOTS = 4
#: A request that comes later than that is no answer to a position.
LATEST_NS = 2_000_000_000
READY_S = 240.0
CITY_KEYS = (
    "city_cpu_share", "city_cells_cpu_share", "city_way_p50_ms", "city_way_p99_ms",
    "city_way_max_ms", "city_requests", "city_missed", "city_entries", "city_updates_per_s",
    "city_cancels_per_s", "city_seconds",
)  # fmt: skip
PLANNED = (("main", 30_000), ("turn", 10_000), ("side", 20_000))


def site_of(name: str) -> Site:
    """Return a junction of three stages."""
    stages = [
        Stage(stage, frozenset({stage}), 6_000, green, green + 15_000) for stage, green in PLANNED
    ]
    change = {(a, b): 5_000 for a, _ in PLANNED for b, _ in PLANNED if a != b}
    return Site(name, stages, change)


def view_at(second: int, shift: int) -> View:
    """Return what a controller on its plan shows."""
    cycle = sum(green + 5_000 for _, green in PLANNED)
    now = second * 1_000 + shift
    at, begin = now % cycle, now - now % cycle - shift
    for stage, green in PLANNED:
        if at < green + 5_000:
            return View(True, stage, begin, ending=at >= green)
        at -= green + 5_000
        begin += green + 5_000
    raise AssertionError


class City:
    """Streets of ten signals each, and buses that drive along them."""

    def __init__(self, signals: int, buses: int) -> None:
        self.rows = math.ceil(signals / 10)
        approaches = [
            Approach(f"a{number}", f"s{number}", "main",
                     (place(number % 10 * APART_M + 50.0, number // 10),
                      place(number % 10 * APART_M + APART_M, number // 10)))
            for number in range(signals)
        ]  # fmt: skip
        self.detection = Detection(approaches)
        rule = Rule(Condition.ALWAYS, 6)
        self.requester = Requester(Policy({VehicleType.BUS: rule}), "bench/", "1")
        self.granters = {f"s{n}": Granter(site_of(f"s{n}")) for n in range(signals)}
        self.buses = buses
        self.asked = self.granted = 0

    def fixes(self, second: int) -> list[Fix]:
        """Return where all buses are."""
        now = 1_000_000 + second * 1_000
        found = []
        for number in range(self.buses):
            speed = 7.0 + number % 5 * 0.5
            metres = (number * 97.0 + second * speed) % (10 * APART_M)
            lat, lon = place(metres, number % self.rows)
            found.append(Fix(f"bus-{number}", now, now, lat, lon, 5.0, speed, 0.0, line="5"))
        return found

    def position(self, fix: Fix) -> None:
        """Take one position all the way to what a site is asked for."""
        for one in self.requester.told(self.detection.seen(fix)):
            if isinstance(one, Send):
                self.asked += 1
                self.answer(one.site, self.granters[one.site].asked(one.ask, fix.heard_ms),
                            fix.heard_ms)  # fmt: skip

    def answer(self, site: str, out: Sequence[object], now: int) -> None:
        """Take a site's S0033 back to the city, if anything in it has changed."""
        changed = [one for one in out if isinstance(one, Changed)]
        if changed:
            self.granted += sum(one.state is State.ACTIVATED for one in changed)
            granter = self.granters[site]
            self.requester.status(site, granter.status(), now)
            granter.sent()

    def second(self, second: int) -> None:
        """Let all granters look at their controllers, and what is old end."""
        now = 1_000_000 + second * 1_000
        self.requester.told(self.detection.tick(now))
        for number, (site, granter) in enumerate(self.granters.items()):
            view = view_at(1_000 + second, number * 1_700)
            self.answer(site, granter.seen(view, now), now)


def city_text(signals: int, buses: int, port: int, log: Path) -> str:
    """Return the city file."""
    text = """
[city]
id = "priority-load"
[zones.north]
[links.desk]
driver = "simulated"
zone = "north"
[templates.broker]
kind = "jacquemart.actors.priority.broker:PriorityBroker"
driver = "simulated"
points = { enabled = { address = { initial = 1 } } }
[[device]]
id = "broker"
template = "broker"
link = "desk"
[priority]
ahead_s = 90
doubt_s = 90
[priority.bus]
ask = "always"
[templates.bus]
kind = "bus"
driver = "avl_driver:AvlDriver"
options = { broker = "broker" }
[templates.bus.points]
"""
    for part in PARTS:
        text += f"{part} = {{ poll_ms = 60000, address = {{}} }}\n"
    text += """
[templates.signal]
kind = "signal_controller"
driver = "rsmp"
[templates.signal.points]
mode = { address = { command = "M0001/status", status = "mode" } }
mode_state = { poll_ms = 3000, address = { status = "mode" } }
local = { poll_ms = 3000, address = { status = "local" } }
plan = { address = { command = "M0002/timeplan", status = "S0014/status" } }
plan_state = { poll_ms = 3000, address = { status = "S0014/status" } }
state = { poll_ms = 3000, address = { status = "state" } }
status = { poll_ms = 3000, address = { status = "aggregated" } }
"""
    for slot in range(1, SLOTS + 1):
        ask = 'command = "M0022", with = { signalGroupId = "SG#" }, status = "priority"'
        text += f"priority_{slot} = {{ address = {{ {ask}, item = {slot} }} }}\n"
        state = f'{{ status = "request", item = {slot} }}'
        text += f"request_{slot} = {{ poll_ms = 3000, address = {state} }}\n"
    streets = math.ceil(signals / OF_STREET)
    text += '[links.feed]\ndriver = "avl_driver:AvlDriver"\nzone = "north"\n'
    text += f'streets = {streets}\nlog = "{log}"\n'
    for number in range(buses):
        text += f'[[device]]\nid = "bus-{number}"\ntemplate = "bus"\nlink = "feed"\n'
    for number in range(signals):
        text += f'[links.l{number}]\ndriver = "rsmp"\nzone = "north"\nport = {port + number}\n'
        text += f'[[device]]\nid = "S{number}"\ntemplate = "signal"\nlink = "l{number}"\n'
        street, at = divmod(number, OF_STREET)
        begin, end = at * APART_M + BEGINS_M, (at + 1) * APART_M
        path = [list(place(begin, street)), list(place(end, street))]
        text += f'[approaches.a{number}]\nsignal = "S{number}"\ngroup = 2\npath = {path}\n'
    return text


def free_ports(count: int) -> int:
    """Return the first of so many ports in a row that nobody has now."""
    for first in range(21_000, 60_000 - count, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no free ports in a row")


@contextmanager
def sites(log: Path, port: int, count: int) -> Iterator[None]:
    """Run the sites beside the city."""
    script = HERE / "measuring" / "priority_sites.py"
    process = subprocess.Popen([sys.executable, str(script), str(log), str(port), str(count)])
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def rows(log: Path, since_ns: int, until_ns: int) -> list[tuple[int, str, str]]:
    """Return the lines of a log within a time: when, at which signal, what."""
    found = []
    for line in log.read_text(encoding="ascii").splitlines():
        parts = line.split()
        if len(parts) == 3 and since_ns <= int(parts[0]) < until_ns:
            found.append((int(parts[0]), parts[1].removeprefix("S"), parts[2]))
    return found


def ways(entries: Sequence[tuple[int, str, str]], asked: Sequence[tuple[int, str, str]]) -> list[
    float | None
]:  # fmt: skip
    """Return for each bus that came onto an approach how long its request took, in ms."""
    by_site: dict[str, list[int]] = {}
    for at_ns, site, what in asked:
        if what == "new":
            by_site.setdefault(site, []).append(at_ns)
    found: list[float | None] = []
    for at_ns, site, _ in entries:
        news = by_site.get(site, [])
        first = next((new for new in news if at_ns <= new < at_ns + LATEST_NS), None)
        if first is not None:
            news.remove(first)
        found.append((first - at_ns) / 1e6 if first is not None else None)
    return found


def measure_city(signals: int, buses: int, seconds: float) -> dict[str, Any]:
    """Run a city, its feed and its sites, and measure for some seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed_log, site_log = folder / "feed.log", folder / "sites.log"
        port = free_ports(signals)
        path = folder / "city.toml"
        path.write_text(city_text(signals, buses, port, feed_log), encoding="utf-8")
        importable_by_cells(HERE / "measuring")
        with sites(site_log, port, signals), jacquemart.City(
            path, gateway_port=0, stream_port=0, state=str(folder / "state"), timeout_s=READY_S
        ) as city:  # fmt: skip
            time.sleep(30.0)  # all sites are there, and all buses have come onto an approach
            pids = {cell["name"]: cell["pid"] for cell in city.cells}
            before = {cell: cpu_seconds([pid]) for cell, pid in pids.items()}
            began = time.monotonic_ns()
            time.sleep(seconds)
            ended = time.monotonic_ns()
            used = {cell: cpu_seconds([pid]) - before[cell] for cell, pid in pids.items()}
            time.sleep(4.0)
        entries = rows(feed_log, began, ended)
        asked = rows(site_log, began, ended + LATEST_NS)
        took = ways(entries, asked)
    passed = (ended - began) / 1e9
    heard = sorted(way for way in took if way is not None)
    if not heard:
        raise RuntimeError("no bus was asked for: nothing was measured")
    counts = {what: sum(row[2] == what and row[0] < ended for row in asked)
              for what in ("update", "cancel")}  # fmt: skip
    return {
        "city_cpu_share": round(sum(used.values()) / passed, 3),
        "city_cells_cpu_share": {cell: round(one / passed, 3) for cell, one in used.items()},
        "city_way_p50_ms": round(heard[len(heard) // 2], 2),
        "city_way_p99_ms": round(heard[len(heard) * 99 // 100], 2),
        "city_way_max_ms": round(heard[-1], 2),
        "city_requests": len(heard),
        "city_missed": len(took) - len(heard),
        "city_entries": len(took),
        "city_updates_per_s": round(counts["update"] / passed, 1),
        "city_cancels_per_s": round(counts["cancel"] / passed, 1),
        "city_seconds": round(passed, 1),
    }


def main() -> None:
    """Run the bench and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--signals", type=int, default=500)
    parser.add_argument("--buses", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=120, help="of city time; default: 120")
    parser.add_argument("--city-seconds", type=float, default=60.0, help="default: 60")
    parser.add_argument("--without", nargs="*", default=[], choices=["city"], help="leave out")
    arguments = parser.parse_args()
    city = City(arguments.signals, arguments.buses)
    costs: list[int] = []
    looks = limit = 0
    for second in range(arguments.seconds):
        fixes = city.fixes(second)
        raw = [json.dumps([f.vehicle, f.time_ms, f.lat, f.lon, f.speed_mps]) for f in fixes]
        began = time.thread_time_ns()
        for text in raw:
            json.loads(text)
        limit += time.thread_time_ns() - began
        for fix in fixes:
            began = time.thread_time_ns()
            city.position(fix)
            costs.append(time.thread_time_ns() - began)
        began = time.thread_time_ns()
        city.second(second)
        looks += time.thread_time_ns() - began
    costs.sort()
    figures: dict[str, Any] = {
        "signals": arguments.signals,
        "buses": arguments.buses,
        "requests_sent": city.asked,
        "requests_activated": city.granted,
        "position_us_mean": round(sum(costs) / len(costs) / 1e3, 1),
        "position_us_p99": round(costs[len(costs) * 99 // 100] / 1e3, 1),
        "positions_of_a_core_pct": round(sum(costs) / arguments.seconds / 1e7, 2),
        "sites_of_a_core_pct": round(looks / arguments.seconds / 1e7, 2),
        "all_of_a_core_pct": round((sum(costs) + looks) / arguments.seconds / 1e7, 2),
        "times_json": round(sum(costs) / limit, 1),
    }
    figures |= dict.fromkeys(CITY_KEYS)
    if "city" not in arguments.without:
        figures |= measure_city(arguments.signals, arguments.buses, arguments.city_seconds)
    for name, figure in figures.items():
        print(f"{name:32}{figure!s:>12}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
