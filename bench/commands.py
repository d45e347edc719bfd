"""What does a command cost, over what libzmq itself takes?

    python bench/commands.py --json

A city on Ray with a device that answers (``measuring/echo_kind.py``), commanded in all ways that
there are: by a device of another cell (``direct``, from cell to cell by ``Actor.command``), by a
zone supervisor, and by a public client through the gateway; with a plain handler and an async one,
volatile and journalled (on the disk of ``--state``, or of the temporary folder). In turns with each
runs the raw limit: the same number of round trips between two processes, DEALER to ROUTER over TCP
in C. ``ratio`` is our median over that of the raw round trips beside it, the median of the rounds,
with the least and the largest; ``pinned`` has every process on one processor (the cost in processor
time, against which targets are held), ``free`` where the kernel likes (the waking of idle
processors in it). ``loaded`` is the same while the cell of the device publishes 50,000 readings a
second, over raw round trips while it does not. ``per_s`` is pipelined, ``--window`` on their way.

Cells of one host meet on UNIX sockets (decision 18), and so do these; the limit is over TCP, and
``raw_unix`` is what the same C takes over UNIX sockets. With ``--network ADDRESS``, an address of
this host that is not loopback, cells meet over TCP as well. ``peers`` is the same for what people
would pick instead (``peers/``), each with its reason if it is not here; ``--peers`` names those to
measure, ``--peers none`` measures none.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import zmq

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "measuring")]

from measuring.command_city import CommandCity, command_city  # noqa: E402
from measuring.pairs import Sample, in_turns, pinned  # noqa: E402
from measuring.raw import RawPeer  # noqa: E402
from peers import all_peers  # noqa: E402

import jacquemart  # noqa: E402 - after the path

Way = Callable[[int], Sample]
#: Readings a second under load.
LOAD = 50_000.0
#: A journalled command takes some thirty times as long: so much fewer are sent.
KEPT_SHARE = 0.2


def ways_of(city: CommandCity) -> dict[str, Way]:
    """Return the ways to the box, by name."""
    return {
        "direct": lambda count: city.by_actor("ping", count)["ns"],
        "async": lambda count: city.by_actor("ping_async", count)["ns"],
        "zone": lambda count: city.by_zone("ping", count)["ns"],
        "gateway": lambda count: city.by_client("ping", count),
        "gateway_async": lambda count: city.by_client("ping_async", count),
        "journalled": lambda count: city.by_actor("ping_kept", _few(count))["ns"],
        "zone_journalled": lambda count: city.by_zone("ping_kept", _few(count))["ns"],
        "gateway_journalled": lambda count: city.by_client("ping_kept", _few(count)),
    }


def _few(count: int) -> int:
    return max(1, int(count * KEPT_SHARE))


def rates_of(city: CommandCity, options: argparse.Namespace) -> dict[str, Callable[[], float]]:
    """Return what is sent with a window on its way, by name."""
    window, count = options.window, 8 * options.count

    def by_actor(verb: str, count: int) -> float:
        return count / float(city.by_actor(verb, count, window)["seconds"])

    return {
        "direct": lambda: by_actor("ping", count),
        "async": lambda: by_actor("ping_async", count),
        "journalled": lambda: by_actor("ping_kept", count // 2),
        "gateway": lambda: city.per_s_by_client("ping", count, window),
        "gateway_async": lambda: city.per_s_by_client("ping_async", count, window),
        "gateway_journalled": lambda: city.per_s_by_client("ping_kept", count // 2, window),
    }


def of_city(city: CommandCity, raw: RawPeer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure all ways, in turns with the raw limit."""
    found: dict[str, Any] = {
        name: in_turns(
            options.rounds,
            lambda way=way: way(options.count),
            lambda: raw.round_trips(options.count),
        ).figures()
        for name, way in ways_of(city).items()
    }
    found["per_s"] = {
        name: round(statistics.median(rate() for _ in range(options.rounds)))
        for name, rate in rates_of(city, options).items()
    }
    limits = [raw.per_s(100 * options.count, options.window) for _ in range(options.rounds)]
    found["per_s"]["limit"] = round(statistics.median(limits))
    found["loaded"] = under_load(city, raw, options)
    return found


def under_load(city: CommandCity, raw: RawPeer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure some ways under load, in turns with the raw limit without."""
    found: dict[str, Any] = {}
    rates: list[float] = []

    def loaded(way: Way) -> Sample:
        city.load(LOAD)
        before = city.published()
        times = list(way(options.count))
        while (after := city.published())[1] - before[1] < 0.2:  # told every 0.1 s
            times += way(options.count)
        rates.append((after[0] - before[0]) / (after[1] - before[1]))
        return times

    def limit() -> Sample:
        city.load(0.0)
        return raw.round_trips(options.count)

    ways = ways_of(city)
    for name in ("direct", "async", "zone", "gateway"):
        found[name] = in_turns(options.rounds, lambda way=ways[name]: loaded(way), limit).figures()
    city.load(0.0)
    found["readings_per_s"] = round(statistics.median(rates))
    return found


def of_peers(options: argparse.Namespace) -> dict[str, Any]:
    """Measure what people would pick instead, in turns with the raw limit."""
    found: dict[str, Any] = {}
    for name, peer in all_peers().items():
        if options.peers and name not in options.peers:
            continue
        reason = peer.missing()
        if reason is not None:
            found[name] = {"skipped": reason}
            continue
        with RawPeer() as raw, peer.Peer() as one:
            found[name] = {}
            for way, processor in (("pinned", 0), ("free", None)):
                with pinned([*one.pids, raw.pid], processor):
                    found[name][way] = in_turns(
                        options.rounds,
                        lambda one=one: one.round_trips(options.count),
                        lambda raw=raw: raw.round_trips(options.count),
                    ).figures()
    return found


def keys_of(found: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures that others look for: of all processes on one processor."""
    here, loaded = found["pinned"], found["pinned"]["loaded"]["direct"]
    return {
        "direct_p50_ratio": here["direct"]["ratio"],
        "async_p50_ratio": here["async"]["ratio"],
        "zone_p50_ratio": here["zone"]["ratio"],
        "gateway_p50_ratio": here["gateway"]["ratio"],
        "journalled_p50_ratio": here["journalled"]["ratio"],
        "gateway_journalled_p50_ratio": here["gateway_journalled"]["ratio"],
        "loaded_p50_ratio": loaded["ratio"],
        "loaded_p99_over_raw_p50": round(loaded["p99_us"] / loaded["limit_p50_us"], 2),
        "pipelined_per_s": here["per_s"]["direct"],
        "pipelined_async_per_s": here["per_s"]["async"],
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Start the city, and measure all, pinned and free."""
    found: dict[str, Any] = {}
    with (
        command_city(options.state, options.network) as city,
        RawPeer() as raw,
        RawPeer("unix") as unix,
    ):
        for way, processor in (("pinned", 0), ("free", None)):
            with pinned([*city.pids, raw.pid, unix.pid], processor):
                found[way] = of_city(city, raw, options)
                found[way]["raw_unix"] = in_turns(
                    options.rounds,
                    lambda: unix.round_trips(options.count),
                    lambda: raw.round_trips(options.count),
                ).figures()
    return {
        **keys_of(found),
        "cells_meet_on": "tcp" if options.network else "unix sockets",
        "rounds": options.rounds,
        "count": options.count,
        "window": options.window,
        "machine": {
            "processors": os.cpu_count(),
            "load": round(psutil.getloadavg()[0], 1),
            "system": platform.platform(),
        },
        "versions": {
            "python": platform.python_version(),
            "libzmq": zmq.zmq_version(),
            "jacquemart": jacquemart.__version__,
        },
        **found,
        "peers": of_peers(options),
    }


def shown(figures: Mapping[str, Any]) -> None:
    """Print what was found, a line each."""
    for way in ("pinned", "free"):
        for name, told in figures[way].items():
            for what, more in told.items() if name == "loaded" else ((name, told),):
                print(f"{way:7} {f'{name} {what}' if name == 'loaded' else name:22} {more}")
    for name, told in figures["peers"].items():
        for way, more in told.items():
            print(f"{way:7} {name:22} {more}")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of each measurement")
    parser.add_argument("--count", type=int, default=500, help="commands in one measurement")
    parser.add_argument("--window", type=int, default=256, help="commands on their way")
    parser.add_argument("--peers", nargs="*", default=[], help="those to measure; all by default")
    parser.add_argument("--state", default="", help="folder on the disk of the journals")
    parser.add_argument("--network", default="", help="have cells meet over TCP on this address")
    options = parser.parse_args()
    figures = measure(options)
    if not options.json:
        shown(figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
