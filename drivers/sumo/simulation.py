"""One running simulation: it is stepped, says who drives where, and what its signals show.

Lock-step: simulated time stands still between two steps, so whoever controls it may take as long
as it needs. One thread at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jacquemart.drivers.sumo.ended import ended
from jacquemart.drivers.sumo.lamps import Lamps
from jacquemart.drivers.sumo.launch import Scenario, connect, running
from jacquemart.runtime.model.errors import UsageError

#: TraCI's numbers of what is asked for (its documentation, "Simulation", "Vehicle", "Lane").
_DEPARTED, _ARRIVED, _TIME = 0x74, 0x7A, 0x66
_SPEED, _POSITION, _ANGLE, _LAST_NUMBER = 0x40, 0x42, 0x43, 0x10
_STATE = 0x20


class Seen(NamedTuple):
    """Where a vehicle is, as its own receiver would say.

    Attributes:
        id: its name in the simulation.
        x_m, y_m: its front, in the network's own coordinates.
        speed_mps: metres a second.
        heading_deg: clockwise from north, 0 to 360.
        time_ms: simulated time.
    """

    id: str
    x_m: float
    y_m: float
    speed_mps: float
    heading_deg: float
    time_ms: int


class Simulation:
    """A running SUMO; ``started`` makes one.

    Attributes:
        step_ms: simulated time of a step.
        port: where further clients connect, if the scenario has more than one.
        links: of each signal how many links it has.
    """

    def __init__(self, connection: Any, scenario: Scenario, port: int, watched: frozenset[str]):
        """Take over a connection that is the first of its simulation."""
        self._traci = connection
        self._watched = watched
        self._tracked: set[str] = set()
        self.step_ms = scenario.step_ms
        self.port = port
        self.links: Mapping[str, int] = {
            signal: len(connection.trafficlight.getRedYellowGreenState(signal))
            for signal in connection.trafficlight.getIDList()
        }
        self._loops: tuple[str, ...] = tuple(connection.inductionloop.getIDList())
        for loop in self._loops:
            connection.inductionloop.subscribe(loop, [_LAST_NUMBER])
        for signal in self.links:
            connection.trafficlight.subscribe(signal, [_STATE])
        connection.simulation.subscribe([_DEPARTED, _ARRIVED, _TIME])
        self.time_ms = int(connection.simulation.getTime() * 1e3 + 0.5)

    @property
    def loops(self) -> tuple[str, ...]:
        """Return the names of all induction loops."""
        return self._loops

    def advance(self) -> int:
        """Simulate one step; return the time after it, in ms.

        Raises:
            LinkError: SUMO has ended.
        """
        with ended():
            self._traci.simulationStep()
            news = self._traci.simulation.getSubscriptionResults()
            for vehicle in news[_DEPARTED]:
                if self._traci.vehicle.getVehicleClass(vehicle) in self._watched:
                    self._traci.vehicle.subscribe(vehicle, [_POSITION, _SPEED, _ANGLE])
                    self._tracked.add(vehicle)
        self._tracked.difference_update(news[_ARRIVED])
        self.time_ms = int(news[_TIME] * 1e3 + 0.5)
        return self.time_ms

    def vehicles(self) -> list[Seen]:
        """Return where the watched vehicles are, as of the last step, but for those nowhere."""
        found = []
        for vehicle, about in self._traci.vehicle.getAllSubscriptionResults().items():
            if vehicle in self._tracked and about:
                x, y = about[_POSITION]
                if x > -1e9:  # SUMO's word for "nowhere"
                    found.append(
                        Seen(vehicle, x, y, about[_SPEED], about[_ANGLE], self.time_ms)
                    )  # fmt: skip
        return found

    def occupied(self) -> dict[str, bool]:
        """Return of each induction loop whether a vehicle was over it in the last step."""
        results = self._traci.inductionloop.getAllSubscriptionResults()
        return {loop: about[_LAST_NUMBER] > 0 for loop, about in results.items()}

    def route(self, vehicle: str) -> tuple[str, ...]:
        """Return the edges that a vehicle drives, the whole way."""
        with ended():
            return tuple(self._traci.vehicle.getRoute(vehicle))

    def time_loss(self, vehicle: str) -> float:
        """Return what a vehicle has lost so far, in s, against a drive with nothing in its way."""
        with ended():
            return float(self._traci.vehicle.getTimeLoss(vehicle))

    def inside(self) -> int:
        """Return how many vehicles drive or stand before the network because it is full."""
        with ended():
            pending = self._traci.simulation.getPendingVehicles()
            return len(pending) + int(self._traci.vehicle.getIDCount())

    def waiting(self) -> int:
        """Return how many vehicles drive or wait to come in."""
        return int(self._traci.simulation.getMinExpectedNumber())

    def lamps(self, signal: str, groups: Sequence[Sequence[int]]) -> Lamps:
        """Return the lamps of a signal, for what its interlock lets out.

        Args:
            signal: its name.
            groups: of each group of the interlock, which links show what it shows.

        Raises:
            UsageError: no such signal, or links that it has not; the caller's bug.
        """
        links = self.links.get(signal)
        if links is None:
            raise UsageError("there is no such signal", where=signal)
        return Lamps(self._traci, signal, links, groups)

    def read_back(self) -> dict[str, str]:
        """Return what all signals showed in the last step, a letter for each link."""
        results = self._traci.trafficlight.getAllSubscriptionResults()
        return {signal: about[_STATE] for signal, about in results.items()}

    def shown(self, signal: str) -> bytes:
        """Return what a signal shows, a letter for each link."""
        with ended():
            return str(self._traci.trafficlight.getRedYellowGreenState(signal)).encode()


@contextlib.contextmanager
def started(scenario: Scenario, watched: Sequence[str] = ("bus",)) -> Iterator[Simulation]:
    """Run a simulation for as long as the block lasts.

    Args:
        scenario: what is simulated.
        watched: the classes of vehicles (SUMO's ``vClass``) whose positions are told.

    Raises:
        ConfigError: SUMO is not installed, or a file is not there; the operator's fault.
        StartError: a file is wrong; says what SUMO says.
    """
    with running(scenario) as sumo:
        connection = connect(sumo, 1)
        try:
            yield Simulation(connection, scenario, sumo.port, frozenset(watched))
        finally:
            with contextlib.suppress(Exception):  # it is killed right after
                connection.close(False)
