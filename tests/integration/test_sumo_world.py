"""A real SUMO: it is stepped, told what its signals show, and cannot be told anything else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jacquemart.drivers.sumo import Scenario, Simulation, geometry, launch
from jacquemart.drivers.sumo.simulation import started
from jacquemart.native.interlock import Interlock
from jacquemart.runtime.model.errors import ConfigError, LinkError, StartError, UsageError

OBSERVER = Path(__file__).resolve().parents[2] / "bench" / "traffic" / "observer.py"
ROUTES = """<routes>
<vType id="car" vClass="passenger"/><vType id="bus" vClass="bus"/>
<route id="ahead" edges="left0A0 A0B0 B0right0"/>
<flow id="cars" type="car" route="ahead" begin="0" end="200" period="7"/>
<flow id="buses" type="bus" route="ahead" begin="3" end="200" period="30"/>
</routes>
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two crossings with signals, as SUMO's own generator draws them."""
    path = tmp_path_factory.mktemp("sumo") / "two.net.xml"
    generate = launch.program().with_name("netgenerate")
    home = generate.parents[1]
    options = (
        "--grid --grid.x-number 2 --grid.y-number 1 --grid.length 150"
        " --default-junction-type traffic_light"
    )
    subprocess.run(
        [generate, *options.split(), "--grid.attach-length", "150", "-o", path],
        check=True, capture_output=True, env=dict(os.environ, SUMO_HOME=str(home)), timeout=60,
    )  # fmt: skip
    path.with_name("two.rou.xml").write_text(ROUTES)
    return path


def scenario(network: Path, **about: int) -> Scenario:
    loops = network.with_name("loops.add.xml")
    geometry.write_loops(network, loops)
    return Scenario(
        network=network, additional=(network.with_name("two.rou.xml"), loops), **about
    )  # fmt: skip


@pytest.fixture
def world(network: Path) -> Iterator[Simulation]:
    with started(scenario(network)) as simulation:
        yield simulation


def test_time_passes_in_steps_and_only_then(world: Simulation) -> None:
    assert world.time_ms == 0
    assert [world.advance() for _ in range(3)] == [1_000, 2_000, 3_000]
    assert world.waiting() > 0


def story(network: Path) -> list[object]:
    seen: list[object] = []
    with started(scenario(network, seed=7)) as simulation:
        while simulation.advance() < 60_000:
            seen += [simulation.vehicles(), simulation.occupied()]
    return seen


def test_the_same_seed_gives_the_same_traffic(network: Path) -> None:
    assert story(network) == story(network)


def test_buses_are_seen_from_their_coming_to_their_going_and_cars_are_not(
    world: Simulation,
) -> None:
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    while world.advance() < 180_000:
        for one in world.vehicles():
            assert one.id.startswith("buses")
            assert one.time_ms == world.time_ms
            first.setdefault(one.id, one.x_m)
            last[one.id] = one.x_m
    assert len(first) >= 3
    assert last["buses.0"] - first["buses.0"] > 350, "it drove from one end to the other"
    assert "buses.0" not in {one.id for one in world.vehicles()}


def test_loops_see_who_crosses_them(world: Simulation, network: Path) -> None:
    lanes = geometry.lanes(network)
    assert set(world.loops) == {f"loop_{lane}" for lane in lanes}
    assert {lane.signal for lane in lanes.values()} == set(world.links)
    for lane in lanes.values():
        assert set(lane.links) <= set(range(world.links[lane.signal]))
        assert len(lane.shape) >= 2
    crossed = set()
    while world.advance() < 60_000:
        crossed |= {loop for loop, occupied in world.occupied().items() if occupied}
    assert crossed == {"loop_left0A0_0", "loop_A0B0_0"} & crossed
    assert "loop_left0A0_0" in crossed


def interlock(groups: int) -> Interlock:
    """Return one of groups that do not conflict."""
    none = [[None] * groups] * groups
    return Interlock(
        intergreen=none, yields=[[]] * groups, min_green=[5_000] * groups,
        yellow=[3_000] * groups, red_yellow=[0] * groups, in_flash=[6] * groups,
        start_red=2_000, longest_step=1_000,
    )  # fmt: skip


def test_a_signal_shows_what_an_interlock_lets_out_and_stops_traffic_with_it(
    world: Simulation,
) -> None:
    signal, links = "A0", world.links["A0"]
    lamps = world.lamps(signal, [range(links - 1)])
    lock = interlock(1)
    shown, told = [], bytes([6])  # flashing, then the start-up sequence up to red
    while (now := world.advance()) < 60_000:
        told = bytes([6 if now < 5_000 else 5 if now < 9_000 else 1])
        lamps.show(lock.write(told, now))
        shown.append(world.shown(signal))
        assert world.read_back().keys() == world.links.keys()
    assert set(shown) == {letter * (links - 1) + b"r" for letter in (b"o", b"y", b"r")}
    assert world.read_back()[signal] == "r" * links
    assert "buses.1" in {one.id for one in world.vehicles() if one.x_m < 150}, "it stands there"


def test_what_would_end_sumo_cannot_be_said_and_sumo_goes_on(world: Simulation) -> None:
    links = world.links["A0"]
    with pytest.raises(UsageError, match="no such signal"):
        world.lamps("nowhere", [[0]])
    with pytest.raises(UsageError, match=f"found link {links}; allowed: 0 to {links - 1}"):
        world.lamps("A0", [[0], [links]])
    with pytest.raises(UsageError, match="in two groups"):
        world.lamps("A0", [[0, 1], [1]])
    lamps, lock = world.lamps("A0", [[0], [1]]), interlock(2)
    of_another = interlock(3).write(bytes([6, 6, 6]), 0)
    for wrong in (of_another, b"rrrr", "r" * links, None):
        with pytest.raises(UsageError, match="no output of this signal"):
            lamps.show(wrong)  # type: ignore[arg-type]
    first, second = (lock.write(bytes([6, 6]), now) for now in (0, 100))
    lamps.show(second)
    with pytest.raises(UsageError, match="output 1 after 2; allowed: newer"):
        lamps.show(first)
    assert world.advance() == 1_000
    assert world.shown("A0") == b"oo" + b"r" * (links - 2)


def run_on(simulation: Simulation) -> None:
    while simulation.advance():
        pass


def test_a_simulation_that_was_killed_is_a_lost_link(network: Path) -> None:
    wanted = scenario(network)
    with launch.running(wanted) as sumo:
        connection = launch.connect(sumo, 1)
        simulation = Simulation(connection, wanted, sumo.port, frozenset({"bus"}))
        simulation.advance()
        sumo.process.kill()
        sumo.process.wait()
        with pytest.raises(LinkError, match="SUMO has ended"):
            run_on(simulation)


def test_nothing_is_left_after_the_block_even_if_it_failed(network: Path) -> None:
    with (
        pytest.raises(KeyError),
        launch.running(scenario(network)) as sumo,
    ):
        raise KeyError
    assert sumo.process.poll() is not None


def test_a_file_that_is_no_network_is_told_in_sumos_words(tmp_path: Path, network: Path) -> None:
    wrong = tmp_path / "wrong.net.xml"
    wrong.write_text("<net><edge/></net>")
    with pytest.raises(StartError, match="SUMO ended with"), started(Scenario(network=wrong)):
        pass
    with (
        pytest.raises(ConfigError, match="no such file"),
        started(Scenario(network=tmp_path / "none")),
    ):
        pass
    wrong.write_text("<net")
    with pytest.raises(ConfigError, match="no network of SUMO"):
        geometry.lanes(wrong)
    with pytest.raises(UsageError, match="network or config"):
        Scenario()
    with pytest.raises(UsageError, match="100 to 1000 ms"):
        Scenario(network=network, step_ms=5_000)


def test_without_sumo_one_is_told_what_to_install(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with (
        pytest.raises(ConfigError, match=r"pip install 'jacquemart\[traffic\]'"),
        started(scenario(network)),
    ):
        pass


def test_an_observer_of_its_own_sees_what_traffic_loses(network: Path) -> None:
    wanted = scenario(network, clients=2)
    with launch.running(wanted) as sumo:
        observer = subprocess.Popen(
            [sys.executable, OBSERVER, str(sumo.port), "2", "0", "150"],
            stdout=subprocess.PIPE, text=True, env=dict(os.environ, PYTHONSAFEPATH="1"),
        )  # fmt: skip
        connection = launch.connect(sumo, 1)
        simulation = Simulation(connection, wanted, sumo.port, frozenset({"bus"}))
        while simulation.advance() < 150_000:
            pass
        said, _ = observer.communicate(timeout=60)
    seen = json.loads(said)
    assert seen["bus"]["vehicles"] >= 2
    assert seen["other"]["vehicles"] >= 5
    assert seen["bus"]["loss_s"] > 0
    assert 0 < seen["bus"]["longest_wait_s"] < 90, "they had to wait at red now and then"
