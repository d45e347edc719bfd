"""What a world of traffic is made of, before anything runs: network, signals, lines of buses.

A world lies in a folder: the network or configuration that is simulated, the files beside it, and
``world.json``, by which the field's process and the city are made from one and the same.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Self

from jacquemart.actors.priority.approach import Approach
from jacquemart.actors.signals.model import Detector, Intersection
from jacquemart.actors.signals.sumo_import import intersections
from jacquemart.drivers.sumo import Scenario, geometry
from jacquemart.drivers.sumo.simulation import started
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.traffic import streets
from jacquemart.traffic.approaches import approaches

FILE: Final = "world.json"
#: A configuration's buses are looked for in so much of its traffic, and for so long.
SURVEY_S, SURVEY_WITHIN_S = 900, 20.0
#: A site of RSMP says what 255 detectors see, and no more.
MOST_DETECTORS: Final = 255
LINES: Final = 9_999


@dataclass(frozen=True, slots=True)
class World:
    """One world.

    Attributes:
        folder: where its files are.
        network: its streets.
        config: the configuration that is simulated; empty: the network with ``additional``.
        additional: further files of SUMO's.
        signals: the controlled ones, by SUMO's name; what the city calls them.
        left_out: the others, with the reason; SUMO's own programs run them.
        lines: numbers of lines, by the edges that their buses drive.
        fleet: the names of buses that the city knows.
        seed, step_ms, speed: of the simulation; speed is times real time.
        rsmp_port: where the city waits for the sites. avl_port: where the feed of positions is;
            0: any free one.
    """

    folder: str
    network: str
    config: str
    additional: tuple[str, ...]
    signals: Mapping[str, str]
    left_out: Mapping[str, str]
    lines: Mapping[str, int]
    fleet: tuple[str, ...]
    seed: int = 1
    step_ms: int = 200
    speed: float = 1.0
    rsmp_port: int = 12_111
    avl_port: int = 0

    def save(self) -> None:
        """Write it into its folder."""
        path = Path(self.folder) / FILE
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it from its folder.

        Raises:
            ConfigError: there is none.
        """
        try:
            values = json.loads((folder / FILE).read_text(encoding="utf-8"))
            return cls(**{**values, "additional": tuple(values["additional"]),
                          "fleet": tuple(values["fleet"])})  # fmt: skip
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"it is no world: {error}", where=str(folder)) from error

    def scenario(self) -> Scenario:
        """Return what SUMO simulates; the observer steps it, too."""
        files = tuple(Path(one) for one in self.additional)
        if self.config:
            return Scenario(None, Path(self.config), files, self.seed, self.step_ms, clients=2)
        return Scenario(Path(self.network), None, files, self.seed, self.step_ms, clients=2)

    def models(self) -> list[Intersection]:
        """Return the models of the controlled signals, with the loops at their stop lines."""
        found = [one.model for one in intersections(self.network) if one.id in self.signals]
        lanes = geometry.lanes(Path(self.network))
        return [_with_loops(model, lanes) for model in found if model is not None]

    def approaches(self, models: list[Intersection]) -> list[Approach]:
        """Return the ways on which lines come to signals; sites and groups as the city has them."""
        net = geometry.read_net(Path(self.network))
        shapes = {
            edge.getID(): [(point[0], point[1]) for point in edge.getShape()]
            for edge in net.getEdges()
        }
        lanes, by_id = geometry.lanes(Path(self.network)), {model.id: model for model in models}
        found = []
        for edges, number in self.lines.items():
            for one in approaches(str(number), edges.split(" "), lanes, shapes, by_id):
                names = [group.name for group in by_id[one.site].groups]
                group = str(names.index(one.group) + 1)
                found.append(replace(one, site=self.signals[one.site], group=group))
        return found


def prepare(
    folder: Path, *, network: str = "arterial", config: Path | None = None, seed: int = 1,
    speed: float = 1.0, step_ms: int = 200, buses: int = 24, hourly: float = 0.0,
    headway_s: float = streets.HEADWAY_S, rsmp_port: int = 12_111,
) -> World:  # fmt: skip
    """Make a world in a folder.

    Args:
        folder: an empty one.
        network: a file of SUMO's, or the name of one that is drawn (``streets.DRAWN``).
        config: a configuration with traffic of its own, instead of a network.
        seed: of all chance.
        speed: times real time.
        step_ms: simulated time of a step, 100 to 1,000.
        buses: how many of them the city knows at one time.
        hourly, headway_s: of the traffic that is made; see ``streets.write_traffic``.
        rsmp_port: where the city will wait for the sites.

    Raises:
        ConfigError: SUMO is not installed, a file is wrong, or no signal can be controlled.
        UsageError: no such network.
    """
    routes: tuple[str, ...] = ()
    if config is None:
        path = Path(network) if Path(network).is_file() else streets.draw(network, folder)
        target = folder / "traffic.rou.xml"
        made = streets.write_traffic(path, target, seed=seed, hourly=hourly, headway_s=headway_s)
        lines = {" ".join(line.edges): line.number for line in made}
        routes = (str(target),)
    else:
        path, lines = _network_of(config), {}
    models = {one.id: one for one in intersections(path)}
    taken = [one for one in models.values() if one.model is not None]
    if not taken:
        why = "; ".join(f"{one.id}: {one.reason}" for one in list(models.values())[:3])
        raise ConfigError(f"no signal can be controlled: {why or 'it has none'}", where=str(path))
    loops = folder / "loops.add.xml"
    geometry.write_loops(path, loops)
    world = World(
        str(folder), str(path.absolute()), str(config.absolute()) if config else "",
        (*routes, str(loops)), _named([one.id for one in taken]),
        {one.id: one.reason for one in models.values() if one.model is None},
        lines, tuple(f"bus-{number + 1:02d}" for number in range(buses)),
        seed=seed, speed=speed, step_ms=step_ms, rsmp_port=rsmp_port,
    )  # fmt: skip
    if config is not None:
        world = replace(world, lines=_surveyed(world))
    world.save()
    return world


def _named(signals: list[str]) -> dict[str, str]:
    """Return names that a city can have, for SUMO's."""
    found: dict[str, str] = {}
    for signal in signals:
        plain = re.sub(r"[^A-Za-z0-9_.:-]", "-", signal)[:40].strip("-_.:") or "x"
        name = f"signal-{plain}"
        found[signal] = name if name not in found.values() else f"{name}-{len(found)}"
    return found


def _network_of(config: Path) -> Path:
    from sumolib import xml

    if not config.is_file():
        raise ConfigError("there is no such file", where=str(config))
    try:
        for one in xml.parse(str(config), ["net-file", "n"]):
            return config.parent / str(one.value)
    except Exception as error:  # its XML reader raises whatever it meets
        raise ConfigError(f"it is no configuration of SUMO: {error}", where=str(config)) from error
    raise ConfigError("it names no network (net-file)", where=str(config))


def _surveyed(world: World) -> dict[str, int]:
    """Find out which ways the buses of a configuration take, as their operator would know."""
    found: dict[str, int] = {}
    scenario = replace(world.scenario(), clients=1, step_ms=1_000)
    until = time.monotonic() + SURVEY_WITHIN_S
    with started(scenario) as simulation:
        end, known = simulation.time_ms + SURVEY_S * 1_000, set()
        while simulation.advance() < end and time.monotonic() < until:
            for bus in simulation.vehicles():
                if bus.id not in known:
                    known.add(bus.id)
                    if len(found) < LINES:
                        found.setdefault(" ".join(simulation.route(bus.id)), len(found) + 1)
    return found


def _with_loops(model: Intersection, lanes: Mapping[str, geometry.Lane]) -> Intersection:
    """Return a model with a detector for each lane that leads to it."""
    found = list(model.detectors)
    for lane in lanes.values():
        groups = tuple(
            number
            for number, group in enumerate(model.groups)
            if set(group.links) & set(lane.links)
        )
        if lane.signal == model.id and groups and len(found) < MOST_DETECTORS:
            found.append(Detector(f"loop_{lane.id}", groups))
    return replace(model, detectors=tuple(found))
