"""Networks and demand that priority is compared on, and one run of one of them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sumolib

from jacquemart.actors.priority.approach import Approach
from jacquemart.actors.priority.policy import Policy, Situation
from jacquemart.actors.priority.request import VehicleType
from jacquemart.actors.signals.model import Intersection
from jacquemart.actors.signals.sumo_import import intersections
from jacquemart.drivers.sumo import Scenario, Simulation, geometry, launch
from jacquemart.drivers.sumo.simulation import started
from jacquemart.traffic import streets
from jacquemart.traffic.approaches import approaches
from jacquemart.traffic.lockstep import Lockstep
from traffic import demand
from traffic.greedy import Greedy

#: So long traffic fills the network before anything is counted.
WARM_S = 300
#: Networks that SUMO's own generator draws, by its options.
GENERATED = {
    "grid": "--grid --grid.x-number 3 --grid.y-number 3 --grid.length 250"
    " --grid.attach-length 300 --default.lanenumber 2 --turn-lanes 1",
    "arterial": "--grid --grid.x-number 5 --grid.y-number 1 --grid.x-length 300"
    " --grid.attach-length 300 --default.lanenumber 2 --turn-lanes 1",
    "narrow": "--grid --grid.x-number 3 --grid.y-number 2 --grid.length 200"
    " --grid.attach-length 250 --default.lanenumber 1 --turn-lanes 1",
}


def generated(name: str, folder: Path) -> Path:
    """Let SUMO draw a network."""
    return streets.generate(GENERATED[name], folder / f"{name}.net.xml")


@dataclass
class World:
    """A network, who drives in it for each seed, and what of it is controlled.

    Attributes:
        scenario: makes the scenario of a seed.
        until_s: the end of a run.
        models: the signals that are controlled.
        left_out: those that are not, with the reason.
        lines: the way of each line of buses.
        line_of: the line of each bus, by seed and name; filled when a seed is looked at.
    """

    name: str
    network: Path
    scenario: Callable[[int], Scenario]
    until_s: int
    models: list[Intersection] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    lines: dict[tuple[str, ...], str] = field(default_factory=dict)
    line_of: dict[tuple[int, str], str] = field(default_factory=dict)
    hourly: int | None = None
    """Cars an hour, where demand was made here."""

    def __post_init__(self) -> None:
        for one in intersections(self.network):
            if one.model is None:
                self.left_out[one.id] = one.reason
            else:
                self.models.append(one.model)
        net = sumolib.net.readNet(str(self.network))
        self._shapes = {
            edge.getID(): [(point[0], point[1]) for point in edge.getShape()]
            for edge in net.getEdges()
        }
        self._lanes = geometry.lanes(self.network)

    def survey(self, seed: int) -> None:
        """Find out which ways the buses of a seed take, as their operator would know."""
        scenario = self.scenario(seed)
        with started(scenario) as simulation:
            while simulation.advance() < self.until_s * 1_000:
                for bus in simulation.vehicles():
                    if (seed, bus.id) not in self.line_of:
                        way = simulation.route(bus.id)
                        line = self.lines.setdefault(way, f"line {len(self.lines) + 1}")
                        self.line_of[seed, bus.id] = line

    def approaches(self) -> list[Approach]:
        """Return the approaches of all lines that are known."""
        models = {model.id: model for model in self.models}
        return [
            one
            for way, line in self.lines.items()
            for one in approaches(line, way, self._lanes, self._shapes, models)
        ]


def made(name: str, folder: Path, minutes: int, degree: float, hourly: float | None) -> World:
    """Return a generated network with demand of a degree of saturation."""
    network = generated(name, folder)
    until_s = WARM_S + minutes * 60
    flow = hourly if hourly is not None else degree * demand.capacity(_carries(network, folder))

    def scenario(seed: int) -> Scenario:
        routes = folder / f"{name}.{seed}.rou.xml"
        if not routes.exists():
            demand.write(network, routes, seed=seed, hourly=flow, end_s=until_s)
        return Scenario(network=network, additional=(routes,), seed=seed)

    return World(name, network, scenario, until_s, hourly=round(flow))


def _carries(network: Path, folder: Path) -> Callable[[float], bool]:
    routes = folder / "trial.rou.xml"

    def carries(hourly: float) -> bool:
        demand.write(network, routes, seed=1, hourly=hourly, end_s=demand.TRIAL_S)
        with started(Scenario(network=network, additional=(routes,)), ()) as simulation:
            while simulation.advance() < demand.SETTLED_S * 1_000:
                pass
            before = simulation.inside()
            while simulation.advance() < demand.TRIAL_S * 1_000:
                pass
            return simulation.inside() <= 1.3 * before + 8

    return carries


def given(config: Path, minutes: int) -> World:
    """Return the world of a configuration of SUMO's; its seed makes the pairs differ."""
    named = {one.name: one for one in sumolib.xml.parse(str(config), ["net-file"])}
    network = next(iter(named.values())) if named else None
    if network is None:
        raise SystemExit(f"{config}: it names no network (net-file)")
    path = config.parent / network.value

    def scenario(seed: int) -> Scenario:
        return Scenario(config=config, seed=seed)

    return World(config.stem, path, scenario, WARM_S + minutes * 60)


def run(world: World, seed: int, arm: str, policies: Mapping[str, Policy]) -> dict[str, Any]:
    """Run a seed once under one kind of control; return what the observer saw.

    Args:
        arm: "fixed" (our controller, no priority), "sumo" (SUMO's own programs), "greedy", or one
            of ``policies``.
    """
    base = world.scenario(seed)
    scenario = Scenario(base.network, base.config, base.additional, base.seed, base.step_ms,
                        base.begin_s, clients=2)  # fmt: skip
    began = time.perf_counter()
    with launch.running(scenario) as sumo:
        observer = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("observer.py"), str(sumo.port), "2",
             str(WARM_S), str(world.until_s)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        connection = launch.connect(sumo, 1)
        simulation = Simulation(connection, scenario, sumo.port, frozenset({"bus"}))
        lateness = _lateness(scenario)
        if arm in ("sumo", "greedy"):
            greedy = Greedy(connection) if arm == "greedy" else None
            while simulation.advance() < world.until_s * 1_000:
                if greedy is not None:
                    buses = [one.id for one in simulation.vehicles()]
                    greedy.step(buses, simulation.time_ms / 1e3)
        else:
            control = Lockstep(
                simulation, world.models, approaches=world.approaches(), policy=policies.get(arm),
                line_of=lambda bus: world.line_of.get((seed, bus), ""),
                situation_of=lambda bus: Situation(VehicleType.BUS, late_s=lateness.get(bus)),
            )  # fmt: skip
            while control.step() < world.until_s * 1_000:
                control.events.clear()
        said, _ = observer.communicate(timeout=120)
    seen: dict[str, Any] = json.loads(said)
    seen["times_real_time"] = world.until_s / (time.perf_counter() - began)
    return seen


def _lateness(scenario: Scenario) -> dict[str, float]:
    """Return how late buses come in, where the demand says it (as a timetable would)."""
    found = {}
    for path in scenario.additional:
        for one in sumolib.xml.parse(str(path), ["vehicle"]):
            for param in one.param or ():
                if param.key == "late_s":
                    found[one.id] = float(param.value)
    return found
