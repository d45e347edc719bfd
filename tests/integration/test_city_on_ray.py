"""A whole city on a real Ray: its cells as Ray actors, their loss, and clusters of other people."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import jacquemart
from jacquemart.runtime.city import CityErrors
from jacquemart.runtime.cluster.blueprint import actor_name
from jacquemart.runtime.model.errors import ConfigError, StartError

pytestmark = pytest.mark.slow

PEERS = Path(__file__).resolve().parents[1] / "peers"
HEAD = """
[city]
id = "{id}"
[gateway]
port = 0
stream_port = 0
[zones.north]
[zones.south]
[templates.lamp]
kind = "generic"
driver = "simulated"
[templates.lamp.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
tolerance = 0.5
settle_ms = 1500
poll_ms = 200
address = {{ ramp_per_s = 400, lag_ms = 50 }}
[templates.lamp.points.level]
unit = "%"
poll_ms = 200
"""
LINK = """
[links.{name}-line]
driver = "simulated"
zone = "{zone}"
seed = 7
latency_ms = 1
{more}
[[device]]
id = "{name}-1"
template = "lamp"
link = "{name}-line"
"""
ID = f"on-ray-{os.getpid()}"
DEVICES = ("street-1", "square-1", "quarry-1")


def write_city(folder: Path, id: str, *links: tuple[str, str, str]) -> Path:
    """Write a city of one lamp a link; each link is (name, zone, more keys)."""
    text = HEAD.format(id=id)
    text += "".join(LINK.format(name=n, zone=zone, more=more) for n, zone, more in links)
    path = folder / f"{id}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def ask_ray(city: jacquemart.City, *devices: str) -> dict[str, Any]:
    """Run a Ray program of a stranger's in the city's cluster."""
    done = subprocess.run(
        [sys.executable, str(PEERS / "ray_citizen.py"), city.ray_address, *devices],
        # Ray takes a cluster on loopback for a mistake, unless it is told so.
        env={
            **os.environ,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            **city.ray_environment(),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jacquemart.City]:
    """One city for all tests that start none of their own; every one leaves it whole."""
    path = write_city(
        tmp_path_factory.mktemp("ray"),
        ID,
        ("street", "north", ""),
        ("square", "south", ""),
        ("quarry", "south", 'isolation = "process"'),
    )
    with jacquemart.City(path, cells=2, standby=False) as running:
        yield running


@pytest.fixture
def client(city: jacquemart.City) -> Iterator[jacquemart.Client]:
    with city.client() as one:
        yield one


def cell_of(client: jacquemart.Client, device: str) -> tuple[str, int]:
    """Return the name and the epoch of the cell that a device lives in."""
    name, _, epoch = client.why(device)["cell"].partition("@")
    return name, int(epoch)


def test_cells_are_named_ray_actors_and_every_task_and_actor_of_the_cluster_reaches_devices(
    city: jacquemart.City,
) -> None:
    told = ask_ray(city, *DEVICES)
    cells = {actor_name(ID, cell["name"]): cell["pid"] for cell in city.cells}
    assert {name: found["pid"] for name, found in told["cells"].items()} == cells
    assert len(cells) == 6
    for device in DEVICES:
        assert told["tasks"][device] == ["APPLIED", pytest.approx(30.0, abs=0.5)]
        assert told["actors"][device] == ["APPLIED", pytest.approx(70.0, abs=0.5)]
    assert not told["dashboard"]
    assert told["usage_statistics"] is False
    for process in psutil.Process(city.warden_pid).children(recursive=True):
        assert process.environ().get("RAY_USAGE_STATS_ENABLED") == "0"
        assert not any(part.endswith("dashboard.py") for part in process.cmdline()[:4])


def test_an_isolated_link_has_a_process_of_its_own(
    city: jacquemart.City, client: jacquemart.Client
) -> None:
    homes = {device: cell_of(client, device)[0] for device in DEVICES}
    assert homes["quarry-1"] == "alone-1"
    assert len(set(homes.values())) == 3
    pids = {cell["name"]: cell["pid"] for cell in city.cells}
    assert len(set(pids.values())) == len(pids)


def test_a_killed_cell_comes_back_newer_and_devices_of_other_cells_never_stop_answering(
    city: jacquemart.City, client: jacquemart.Client
) -> None:
    lost, epoch = cell_of(client, "street-1")
    others = [device for device in DEVICES if device != "street-1"]
    assert lost not in [cell_of(client, device)[0] for device in others]
    os.kill(next(cell["pid"] for cell in city.cells if cell["name"] == lost), signal.SIGKILL)
    give_up, rounds, level = time.monotonic() + 30.0, 0, 20.0
    while True:
        rounds, level = rounds + 1, 50.0 - level
        for device in others:
            assert client.set(f"{device}/setpoint", level).applied, (device, rounds)
            assert client.get(f"{device}/level").good, (device, rounds)
        again = client.set("street-1/setpoint", 45.0, within_s=2.0)
        if again.applied:
            break
        # While its cell is replaced a command waits for the successor, until its deadline.
        assert again.status.name in ("REJECTED", "INDETERMINATE", "EXPIRED"), again
        assert time.monotonic() < give_up, again
    assert cell_of(client, "street-1")[0] == lost
    assert cell_of(client, "street-1")[1] > epoch
    assert client.get("street-1/level").value == pytest.approx(45.0, abs=0.5)


def test_a_second_city_of_the_same_id_is_refused_and_the_first_goes_on(
    city: jacquemart.City, client: jacquemart.Client, tmp_path: Path
) -> None:
    path = write_city(tmp_path, ID, ("street", "north", ""))
    second = jacquemart.City(path)
    with pytest.raises(StartError, match="running already") as refused:
        second.start()
    assert ID in str(refused.value)
    assert client.set("quarry-1/setpoint", 10.0).applied


def test_a_wrong_city_file_gives_all_its_problems_in_the_program_that_embeds_it(
    tmp_path: Path,
) -> None:
    path = write_city(tmp_path, "wrong", ("street", "east", 'colour = "red"'))
    with pytest.raises(ConfigError) as refused:
        jacquemart.City(path).start()
    assert isinstance(refused.value, CityErrors)
    problems = "\n".join(str(problem) for problem in refused.value.errors)
    assert len(refused.value.errors) == 2, problems
    assert "east" in problems
    assert "colour" in problems
    assert all(problem.line for problem in refused.value.errors)


@pytest.fixture
def two_nodes() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A cluster that was there before the city."""
    with tempfile.TemporaryDirectory(prefix="jm-", dir="/tmp") as folder:
        cluster = subprocess.Popen(
            [sys.executable, str(PEERS / "ray_two_nodes.py"), f"{folder}/r"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert cluster.stdout is not None
            yield cluster.stdout.readline().strip(), cluster
        finally:
            cluster.communicate(timeout=60)


def test_a_city_in_a_cluster_has_each_link_on_the_node_that_reaches_it_and_leaves_the_cluster(
    two_nodes: tuple[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    address, cluster = two_nodes
    links = (("low", "north", 'node = "cellar"'), ("high", "south", 'node = "roof"'))
    nowhere = write_city(tmp_path, f"nowhere-{os.getpid()}", ("far", "north", 'node = "moon"'))
    with pytest.raises(StartError, match="moon") as refused:
        jacquemart.City(nowhere, ray_address=address).start()
    assert refused.value.where == "link far-line"
    path = write_city(tmp_path, f"guest-{os.getpid()}", *links)
    with jacquemart.City(path, ray_address=address, standby=False) as city, city.client() as client:
        assert city.ray_address == address
        assert city.ray_environment() == {}
        homes = {device: cell_of(client, device)[0] for device in ("low-1", "high-1")}
        told = ask_ray(city, "low-1", "high-1")
        for device, resource in (("low-1", "cellar"), ("high-1", "roof")):
            name = actor_name(f"guest-{os.getpid()}", homes[device])
            assert resource in told["cells"][name]["resources"]
            assert told["tasks"][device][0] == told["actors"][device][0] == "APPLIED"
        pids = [cell["pid"] for cell in city.cells]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert cluster.poll() is None
    names = [p.name() for p in psutil.Process(cluster.pid).children(recursive=True)]
    assert names.count("raylet") == 2
    assert names.count("gcs_server") == 1
