"""Signals under our control in SUMO's traffic: safe to an observer, and buses lose less."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from jacquemart.actors.priority.granter import Changed, Told
from jacquemart.actors.priority.policy import Condition, Policy, Rule, Situation
from jacquemart.actors.priority.request import State, VehicleType
from jacquemart.actors.signals.sumo_import import intersections
from jacquemart.drivers.sumo import Scenario, Simulation, geometry, launch
from jacquemart.drivers.sumo.simulation import started
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.traffic.approaches import approaches
from jacquemart.traffic.junction import Junction
from jacquemart.traffic.lockstep import Lockstep

ALWAYS = Policy(kinds={VehicleType.BUS: Rule(Condition.ALWAYS, 6)})
ROUTE = ("left0A0", "A0B0", "B0right0")
END_MS = 900_000
ROUTES = f"""<routes>
<vType id="car" vClass="passenger"/><vType id="bus" vClass="bus"/>
<route id="ahead" edges="{" ".join(ROUTE)}"/>
<route id="across" edges="bottom0A0 A0top0"/>
<route id="over" edges="top1B0 B0bottom1"/>
<flow id="ahead" type="car" route="ahead" begin="0" end="900" period="12"/>
<flow id="across" type="car" route="across" begin="0" end="900" period="9"/>
<flow id="over" type="car" route="over" begin="0" end="900" period="9"/>
<flow id="buses" type="bus" route="ahead" begin="61" end="900" period="97"/>
</routes>
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traffic") / "two.net.xml"
    generate = launch.program().with_name("netgenerate")
    options = "--grid --grid.x-number 2 --grid.y-number 1 --grid.length 250 --tls.guess"
    subprocess.run(
        [generate, *options.split(), "--tls.guess.threshold", "30", "--grid.attach-length", "250",
         "-o", path],
        check=True, capture_output=True, timeout=60,
        env=dict(os.environ, SUMO_HOME=str(generate.parents[1])),
    )  # fmt: skip
    path.with_name("two.rou.xml").write_text(ROUTES)
    return path


def control(network: Path, field: Simulation, policy: Policy | None) -> Lockstep:
    models = [one.model for one in intersections(network) if one.model is not None]
    assert {model.id for model in models} == set(field.links) == {"A0", "B0"}
    import sumolib

    net = sumolib.net.readNet(str(network))
    shapes = {edge.getID(): [tuple(p[:2]) for p in edge.getShape()] for edge in net.getEdges()}
    lanes = geometry.lanes(network)
    ways = approaches("1", ROUTE, lanes, shapes, {model.id: model for model in models})
    assert [one.site for one in ways] == ["A0", "B0"]
    return Lockstep(
        field, models, approaches=ways, policy=policy, line_of=lambda _: "1",
        situation_of=lambda _: Situation(VehicleType.BUS),
    )  # fmt: skip


def drive(network: Path, policy: Policy | None) -> tuple[Lockstep, float, int]:
    """Run a quarter of an hour; return the control, the seconds of buses, and their number."""
    scenario = Scenario(network=network, additional=(network.with_name("two.rou.xml"),))
    seconds, buses = 0.0, set()
    with started(scenario) as field:
        lock = control(network, field, policy)
        while lock.step() < END_MS:
            here = [one.id for one in field.vehicles() if one.id < "buses.7"]
            seconds += len(here)
            buses |= set(here)
            for junction in lock.junctions.values():
                assert junction.monitor.fault == ""
                assert not [e for e in junction.controller.events() if e[0] == "fallback"][1:]
    return lock, seconds, len(buses)


def test_buses_that_ask_are_under_way_for_less_and_every_request_has_its_end(
    network: Path,
) -> None:
    fixed, without_s, buses = drive(network, None)
    assert fixed.events == []
    assert buses == 7
    lock, with_s, again = drive(network, ALWAYS)
    assert again == buses
    assert with_s < without_s * 0.95, (with_s, without_s)
    states: dict[str, list[State]] = {}
    for one in lock.events:
        if isinstance(one, Changed):
            states.setdefault(one.request, []).append(one.state)
    assert len(states) >= buses
    ends = Counter(told[-1] for told in states.values())
    assert ends[State.COMPLETED] >= buses, ends
    assert any(isinstance(one, Told) and one.given_ms for one in lock.events)


def test_a_lamp_that_shows_something_else_trips_its_controller(network: Path) -> None:
    with started(Scenario(network=network)) as field:
        lock = control(network, field, None)
        while lock.step() < 60_000:
            pass
        junction = lock.junctions["A0"]
        assert junction.watch("G" * field.links["A0"], 60_500) != ""
        lock.step()
        assert "go at once" in junction.controller.fault
        for _ in range(5):
            lock.step()
        assert set(field.shown("A0")) <= set(b"oO"), "it flashes"
        assert set(field.shown("B0")) - set(b"oO"), "the other one goes on"


def test_a_model_of_another_network_is_refused(network: Path) -> None:
    model = next(one.model for one in intersections(network) if one.model is not None)
    with started(Scenario(network=network)) as field:
        field.links = {"A0": 1}
        with pytest.raises(ConfigError, match="allowed: 0 to 0"):
            Junction(model, field)
        field.links = {}
        with pytest.raises(ConfigError, match="no such signal"):
            Junction(model, field)
