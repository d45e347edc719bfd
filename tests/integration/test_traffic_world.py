"""Signals and buses of a city in real traffic: from a bus's position to the lamps, and back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from jacquemart.drivers.sumo.launch import free_port
from jacquemart.runtime.model.errors import LinkError
from jacquemart.traffic.running import TrafficWorld
from jacquemart.traffic.world import prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def reached(look: dict[str, Any]) -> list[str]:
    """Return what has not come about yet."""
    city, counts = look["city"], [one["counts"] for one in look["signals"].values()]
    events = {(one["event"], one["subject"]) for one in city["events"]}
    seen = [one for one in city["buses"].values() if one["status"] == 1.0]
    checks = {
        "buses are seen by their actors": any(one["latitude"] is not None for one in seen),
        "they say their line": any(one["line"] for one in seen),
        "signals run by the city's own word": any(
            one["state"] == 1.0 for one in city["signals"].values()
        ),
        "the broker has asked": ("priority_asked", "priority") in events,
        "a signal has told that it granted": any(name == "priority_granted" for name, _ in events),
        "sites were asked over RSMP and have granted": any(one.get("activated") for one in counts),
        "SUMO showed green to who was granted": any(one.get("served") for one in counts),
        "the observer sees buses": look["observed"].get("bus", {}).get("under_way", 0) > 0,
        "all sites are connected": all(one["connected"] for one in look["signals"].values()),
    }
    return [what for what, true in checks.items() if not true]


def test_a_bus_in_the_street_gets_its_green_by_way_of_the_city_and_all_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    command = [
        sys.executable, "-m", "jacquemart.cli", "traffic", "--network", "pair", "--headway", "30",
        "--speed", "3", "--buses", "8", "--json", "--interval", "0.5", "--keep", str(tmp_path),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, TMPDIR=str(tmp_path.parent)),
    )  # fmt: skip
    assert process.stdout is not None
    missing = ["anything was told"]
    ports: list[int] = []
    names: list[str] = []
    family: list[psutil.Process] = []
    give_up = time.monotonic() + 150
    try:
        for line in process.stdout:
            look = json.loads(line)
            for one in look["signals"].values():
                assert one["fault"] == "", "the monitor saw nothing wrong"
                assert one["mode"] == "NormalControl"
            missing = reached(look)
            if not missing or time.monotonic() > give_up:
                break
        family = psutil.Process(process.pid).children(recursive=True)
        names = [one.name() for one in family]
        ports = [its.laddr.port for one in family for its in one.net_connections("tcp")
                 if its.status == "LISTEN"]  # fmt: skip
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=90)
    assert not missing, (missing, said[-2_000:])
    assert process.returncode == 0, said
    assert "sumo" in names
    gone, alive = psutil.wait_procs(family, timeout=30)
    assert not alive, alive
    assert len(gone) >= 4, "field, SUMO, observer, warden"
    assert ports
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert (tmp_path / "city.toml").is_file(), "kept, as it was asked for"


def until(true: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 90.0
    while not true():
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.2)


def test_streets_go_on_while_the_city_is_away_and_a_lost_sumo_is_one_clear_error(
    tmp_path: Path,
) -> None:
    world = prepare(
        tmp_path, network="crossing", speed=3.0, buses=4, headway_s=40, rsmp_port=free_port()
    )
    with TrafficWorld(world) as running:

        def connected() -> bool:
            look = running.look()
            (site,), (known,) = look["signals"].values(), look["city"]["signals"].values()
            assert site["fault"] == ""
            return bool(site["connected"] and known["state"] == 1.0)

        until(connected, "the city sees its signal run")
        before = running.field.status()["time_s"]
        running.stop_city()
        until(lambda: running.field.status()["time_s"] > before + 10.0, "traffic goes on by itself")
        assert all(one["fault"] == "" for one in running.field.status()["signals"].values())
        running.start_city()
        until(connected, "the city has found its signal again")

        field = psutil.Process(running.field.process.pid)
        (sumo,) = [one for one in field.children() if one.name() == "sumo"]
        sumo.kill()
        with pytest.raises(LinkError, match="SUMO has ended"):
            until(lambda: not running.look(), "it is noticed")
    assert running.field.process.returncode == 3
