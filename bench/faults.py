"""What becomes of commands when the parts of a city are killed or frozen under load?

    python bench/faults.py --json
    python bench/faults.py --json --kills 1000 --kinds device zone gateway centre --freezes 20
    python bench/faults.py --json --kills 0 --freezes 0 --hosts 10

Runs a small city on Ray over Modbus servers that survive everything and note each write. A public
client commands every device with values that no other command has; meanwhile one cell after the
other is killed with SIGKILL (or stopped with SIGSTOP), each time when its successor's successor
is warm. With ``--hosts``, all processes of the second of two hosts are killed at once, each time in
another city; the hosts are network namespaces, which takes root, ip(8) and unshare(1).
The last line is one JSON object; docs/guides/failover.md explains its keys.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import psutil

import jacquemart
from jacquemart.runtime.cluster.options import WardenOptions

PEERS = Path(__file__).resolve().parents[1] / "tests" / "peers"
sys.path.insert(0, str(PEERS))

from box_city import write_boxes  # noqa: E402 - of the tests
from faults_field import RECORD  # noqa: E402
from faults_judge import Verdict, Written, judge, percentile  # noqa: E402
from faults_load import Load, LoadOptions, boot_ns  # noqa: E402
from faults_process import field_ports  # noqa: E402
from host_loss import lose_host  # noqa: E402
from two_hosts import TwoHosts, why_not  # noqa: E402

KINDS = ("device", "zone", "gateway", "centre")
CELLS = 2
LINKS = 8
PER_LINK = 8
DEVICES = LINKS * PER_LINK
#: A device that has no command applied for so long after a fault counts with this.
GIVE_UP_S = 60.0


def writes_of(log: Path) -> list[Written]:
    """Return what reached the field."""
    return [
        Written(at, server * PER_LINK + register // 2, value)
        for at, server, register, value in RECORD.iter_unpack(log.read_bytes())
    ]


class Scene:
    """A city under load, and what its warden told."""

    def __init__(self, path: Path, seed: int, say: bool) -> None:
        self.events: list[dict[str, Any]] = []
        self.random = random.Random(seed)
        self.say = say
        self._news = threading.Condition()
        self.city = jacquemart.City(
            path, cells=CELLS, options=WardenOptions("", "", standby=1), on_progress=self._hear
        )

    def _hear(self, event: dict[str, Any]) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def await_event(self, kind: str, since: int, timeout_s: float = GIVE_UP_S) -> dict[str, Any]:
        """Wait for an event behind a place of the list.

        Raises:
            TimeoutError: it did not come.
        """
        until = time.monotonic() + timeout_s
        with self._news:
            while True:
                for event in self.events[since:]:
                    if event["event"] == kind:
                        return event
                if not self._news.wait(until - time.monotonic()):
                    raise TimeoutError(f"no {kind}")

    def cell(self, kind: str) -> dict[str, Any]:
        """Return any running cell of a role."""
        return self.random.choice([cell for cell in self.city.cells if cell["role"] == kind])

    def devices_of(self, client: jacquemart.Client) -> dict[int, str]:
        """Return in which cell each device lives."""
        return {
            device: client.why(f"d{device}")["cell"].partition("@")[0] for device in range(DEVICES)
        }


def first_applied(load: Load, since: int, fault_ns: int, devices: set[int]) -> float:
    """Return when, in seconds after a fault, a command that was sent after it was applied."""
    until = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until:
        for one in load.commands[since:]:
            fresh = one.sent_ns >= fault_ns and one.status == "APPLIED"
            if fresh and one.device in devices:
                return (one.end_ns - fault_ns) / 1e9
            since += 1
        time.sleep(0.002)
    return GIVE_UP_S


def fault(scene: Scene, load: Load, homes: dict[int, str], kind: str, number: int) -> float:
    """Kill (or freeze) a cell, wait until all is as before; return the failover in seconds."""
    time.sleep(scene.random.uniform(0.05, 0.6))
    cell = scene.cell(kind)
    concerned = {device for device, home in homes.items() if home == cell["name"]}
    since, told = len(load.commands), len(scene.events)
    at = boot_ns()
    os.kill(cell["pid"], number)
    seconds = first_applied(load, since, at, concerned or set(homes))
    scene.await_event("cell_replaced", told)
    scene.await_event("standby_ready", told)
    if scene.say:
        print(f"{kind} {cell['name']} signal {number}: {seconds:.3f} s", file=sys.stderr)
    return seconds


def lose_ray(scene: Scene, load: Load, kinds: Sequence[str]) -> int:
    """Kill and freeze Ray's own processes, each once; return how many commands were not applied."""
    failed = 0
    for name in kinds:
        for number in (signal.SIGKILL, signal.SIGSTOP):
            told, since = len(scene.events), len(load.commands)
            warden = psutil.Process(scene.city.warden_pid)
            family = warden.children(recursive=True)
            next(one for one in family if one.name() == name).send_signal(number)
            scene.await_event("ray_lost", told)
            scene.await_event("ray_restored" if name == "gcs_server" else "cells_moved", told)
            time.sleep(2.0)
            bad = [one for one in load.commands[since:] if one.status != "APPLIED"]
            failed += len(bad)
            if scene.say:
                print(f"{name} signal {number}: {len(bad)} failed", file=sys.stderr)
    return failed


def lose_hosts(options: argparse.Namespace) -> tuple[list[float], list[Verdict], str]:
    """Lose a host again and again; return failovers in seconds, what became of all, why not."""
    if not options.hosts:
        return [], [], "not asked for (--hosts)"
    reason = why_not()
    if reason:
        return [], [], reason
    seconds: list[float] = []
    verdicts: list[Verdict] = []
    os.environ["RAY_AUTH_MODE"] = "disabled"  # of the hosts' own Ray, which nobody else can reach
    with TwoHosts() as hosts:
        for turn in range(options.hosts):
            if turn:
                hosts.start_far()
            trial = lose_host(hosts, hosts.kill)
            assert trial.verdict is not None
            verdicts.append(trial.verdict)
            seconds.append(trial.seconds)
            if options.say:
                print(f"host lost: {seconds[-1]:.3f} s {trial.verdict}", file=sys.stderr)
    del os.environ["RAY_AUTH_MODE"]
    return seconds, verdicts, ""


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the sum of several counts."""
    names = [one.name for one in fields(Verdict)]
    return Verdict(**{name: sum(getattr(one, name) for one in verdicts) for name in names})


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run it all; return the figures."""
    host_seconds, host_verdicts, no_hosts = lose_hosts(options)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = folder / "field.log"
        with field_ports(log, LINKS) as ports:
            path = write_boxes(folder, f"faults-{os.getpid()}", ports, PER_LINK, ("north", "south"))
            scene = Scene(path, options.seed, options.say)
            with scene.city as city:
                load = Load(LoadOptions(city.api, DEVICES, options.pause, options.within))
                load.started.wait(20.0)
                scene.await_event("standby_ready", 0)
                with city.client() as client:
                    homes = scene.devices_of(client)
                kills: dict[str, list[float]] = {kind: [] for kind in options.kinds}
                for turn in range(options.kills):
                    kind = options.kinds[turn % len(options.kinds)]
                    kills[kind].append(fault(scene, load, homes, kind, signal.SIGKILL))
                frozen = [
                    fault(scene, load, homes, "device", signal.SIGSTOP)
                    for _ in range(options.freezes)
                ]
                ray_kills = 2 * len(options.rays)
                ray_failed = lose_ray(scene, load, options.rays)
                time.sleep(1.0)
                load.stop()
        verdict = judge(load.commands, writes_of(log))
    for what, times in sorted(load.errors.items(), key=lambda item: -item[1])[:20]:
        print(f"{times:6} {what}", file=sys.stderr)
    device = kills.get("device", [])
    others = {
        f"{kind}_failover_p99_s": percentile(times, 0.99)
        for kind, times in kills.items()
        if kind != "device"
    }
    return {
        "kills": options.kills,
        **asdict(together([verdict, *host_verdicts])),
        "failover_p50_s": percentile(device, 0.5),
        "failover_p99_s": percentile(device, 0.99),
        "freezes": options.freezes,
        "freeze_failover_p99_s": percentile(frozen, 0.99),
        "raylet_kills": ray_kills,
        "raylet_failed_operations": ray_failed if ray_kills else None,
        "hosts": len(host_seconds),
        "host_failover_p50_s": percentile(host_seconds, 0.5),
        "host_failover_p99_s": percentile(host_seconds, 0.99),
        "host_failover_why_not": no_hosts,
        **others,
        "seed": options.seed,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print only the JSON line on stdout")
    parser.add_argument("--kills", type=int, default=50, help="cells to kill")
    parser.add_argument("--freezes", type=int, default=5, help="device cells to stop")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=["device"])
    parser.add_argument(
        "--rays", nargs="*", choices=("gcs_server", "raylet"), default=[],
        help="Ray's own processes to kill, and then to stop",
    )  # fmt: skip
    parser.add_argument("--hosts", type=int, default=0, help="times that a whole host is lost")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between two commands")
    parser.add_argument("--within", type=float, default=3.0, help="deadline of a command")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.say = not options.json
    print(json.dumps(measure(options)))


if __name__ == "__main__":
    main()
