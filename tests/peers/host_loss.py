"""A city on two hosts under load, and what its commands become when the second host is lost.

For the test of it and for `bench/faults.py --hosts`. Runs where ``TwoHosts`` runs.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from box_city import write_boxes
from faults_field import RECORD
from faults_judge import Verdict, Written, judge
from faults_load import Load, LoadOptions, boot_ns
from faults_process import field_ports
from namespaces import inside
from two_hosts import FAR, FIELD, NETWORK, TwoHosts

import jacquemart

LINKS, PER_LINK = 4, 4
ZONES = ("north", "south")
DEVICES = LINKS * PER_LINK
WITHIN_S = 3.0
GIVE_UP_S = 30.0


@dataclass
class Trial:
    """One loss of the far host, as it went."""

    far: set[int]
    """The devices that were on it."""
    homes: dict[str, str]
    """Where each device was, and where it is: ``d3`` -> ``device-2@17``."""
    pids: dict[str, int] = field(default_factory=dict)
    """Of each cell, before the loss."""
    at_ns: int = 0
    """When the far host was lost, by the field's clock."""
    homes_after: dict[str, str] = field(default_factory=dict)
    seconds: float = GIVE_UP_S
    """From the loss until a command that was sent after it is applied to a device of the far host,
    as its client sees it."""
    verdict: Verdict | None = None
    commands: list[Any] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)

    def await_event(self, kind: str, timeout_s: float = GIVE_UP_S) -> dict[str, Any]:
        """Return the first event of a kind, when it is there.

        Raises:
            TimeoutError: it did not come.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for event in list(self.events):
                if event["event"] == kind:
                    return event
            time.sleep(0.02)
        raise TimeoutError(f"no {kind}: {[event['event'] for event in self.events]}")


def lose_host(
    hosts: TwoHosts,
    lose: Callable[[], None],
    then: Callable[[Trial, jacquemart.City], None] = lambda trial, city: None,
) -> Trial:
    """Run a city on both hosts under load, lose the far one, and judge what became of all.

    Args:
        hosts: the two hosts, whole.
        lose: does it.
        then: looks at the city afterwards, while the load goes on.

    Raises:
        RuntimeError: Ray has put no cell on the far host.
    """
    return inside(hosts.near, lambda: _trial(hosts, lose, then))


def _trial(
    hosts: TwoHosts, lose: Callable[[], None], then: Callable[[Trial, jacquemart.City], None]
) -> Trial:
    trial = Trial(set(), {})
    with tempfile.TemporaryDirectory(prefix="jm-") as name:
        folder = Path(name)
        log = folder / "field.log"
        with field_ports(log, LINKS, FIELD, before=("ip", "netns", "exec", hosts.field)) as ports:
            path = write_boxes(folder, f"hosts-{os.getpid()}", ports, PER_LINK, ZONES, FIELD)
            city = jacquemart.City(
                path, ray_address=hosts.address, network=NETWORK, cells=2,
                standby=True, state=folder / "state", on_progress=trial.events.append,
            )  # fmt: skip
            with city, city.client() as client:
                trial.homes = homes_of(client)
                far = {cell["name"] for cell in city.cells if cell["host"] == FAR}
                trial.far = {
                    int(device[1:])
                    for device, home in trial.homes.items()
                    if home.partition("@")[0] in far
                }
                if not trial.far:
                    raise RuntimeError(f"no cell is on the far host: {city.cells}")
                trial.pids = {cell["name"]: cell["pid"] for cell in city.cells}
                load = Load(LoadOptions(city.api, DEVICES, 0.05, WITHIN_S))
                load.started.wait(20.0)
                trial.await_event("standby_ready", 60.0)
                time.sleep(1.0)
                since = len(load.commands)
                trial.at_ns = boot_ns()
                lose()
                trial.seconds = _first_applied(load, since, trial.at_ns, trial.far)
                then(trial, city)
                trial.homes_after = homes_of(client)
                time.sleep(0.5)
                load.stop()
        trial.commands, trial.errors = load.commands, load.errors
        trial.verdict = judge(load.commands, _writes(log))
    return trial


def homes_of(client: jacquemart.Client) -> dict[str, str]:
    """Return in which incarnation of which cell each device lives."""
    return {f"d{device}": client.why(f"d{device}")["cell"] for device in range(DEVICES)}


def _first_applied(load: Load, since: int, at_ns: int, devices: set[int]) -> float:
    until = time.monotonic() + GIVE_UP_S
    while time.monotonic() < until:
        for one in load.commands[since:]:
            since += 1
            if one.sent_ns >= at_ns and one.status == "APPLIED" and one.device in devices:
                return (one.end_ns - at_ns) / 1e9
        time.sleep(0.002)
    return GIVE_UP_S


def _writes(log: Path) -> list[Written]:
    return [
        Written(at, server * PER_LINK + register // 2, value)
        for at, server, register, value in RECORD.iter_unpack(log.read_bytes())
    ]
