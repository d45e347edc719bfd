"""What do the kernels of signal priority cost for 500 signals and 1,000 buses at 1 Hz?

Each bus drives a round of signals, 400 m apart, at 8 m/s or so, and all of them may ask. Every
position goes through approach detection and the requester; what is asked for goes to the granter of
its site, and its S0033 back. Each granter also looks at its controller once a second, which here
runs its plan and heeds nothing (no lamp, no interlock, no network, no actor: those are not measured
here). Processor time is counted, no clock on the wall. ``json`` is the raw limit in the same run:
what decoding the same positions from JSON costs. ``--json`` prints one object, last.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence

from jacquemart.actors.priority.approach import Approach, Detection, Fix
from jacquemart.actors.priority.granter import Changed, Granter, Site, Stage, View
from jacquemart.actors.priority.policy import Condition, Policy, Requester, Rule, Send
from jacquemart.actors.priority.request import State, VehicleType

LAT, LON = 47.32, 5.04
A_METRE = 1.0 / 111_195.08
EAST = A_METRE / math.cos(math.radians(LAT))
APART_M = 400.0
PLANNED = (("main", 30_000), ("turn", 10_000), ("side", 20_000))


def place(metres: float, row: int) -> tuple[float, float]:
    """Return a place on a street that runs north; streets are 150 m apart."""
    return LAT + metres * A_METRE, LON + row * 150.0 * EAST


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


def main() -> None:
    """Run the bench and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--signals", type=int, default=500)
    parser.add_argument("--buses", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=120, help="of city time; default: 120")
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
    figures = {
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
    for name, figure in figures.items():
        print(f"{name:32}{figure:>12,}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
