"""One signal of a simulated street as a site of RSMP: signals, lamps, loops and monitor."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.rsmp.machine.session import Moment, SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.site.controller import Priority, PriorityRequest
from jacquemart.drivers.rsmp.site.runner import SiteRunner, Towards
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions
from jacquemart.drivers.sumo import Simulation
from jacquemart.traffic.site_controller import SiteController
from jacquemart.traffic.sumo_lamps import SumoLamps

#: The standard says 10 s; a world that is looked at does not want to wait so long.
RECONNECT_S: Final = 1.0
#: Requests that are remembered, to say what they were for.
MOST_ASKED: Final = 256


class _Asked(SiteController):
    """A controller that remembers for which group it was asked."""

    def __init__(self, model: Intersection, lamps: SumoLamps, components: tuple[str, ...]) -> None:
        super().__init__(model, lamps, components=components, silence_ms=5_000)
        self._components = components
        self.asked: dict[str, int] = {}

    def request_priority(self, request: PriorityRequest) -> str:
        group = request.movement.get("signalGroupId", "")
        if request.what == "new" and group in self._components:
            self.asked[request.id] = self._components.index(group)
            if len(self.asked) > MOST_ASKED:
                del self.asked[next(iter(self.asked))]
        return super().request_priority(request)


class Site:
    """One signal, run by the clock of its simulation.

    Attributes:
        id: what the city calls it.
        controller: its signals.
        counts: how many requests came into each state of S0033; ``served``: of those that were
            activated, how many were shown green by SUMO's own word meanwhile.
    """

    def __init__(
        self, name: str, model: Intersection, simulation: Simulation,
        where: Callable[[], tuple[str, int]],
    ) -> None:  # fmt: skip
        """Take over a signal.

        Args:
            name: what the city calls it; its site id, too.
            model: its intersection.
            simulation: where it stands.
            where: host and port of the supervisor.
        """
        self.id = name
        self.signal = model.id
        self._simulation = simulation
        self.lamps = SumoLamps(model, simulation)
        groups = tuple(f"SG{number + 1}" for number in range(len(model.groups)))
        detectors = tuple(f"DL{number + 1}" for number in range(len(model.detectors)))
        self.controller = _Asked(model, self.lamps, groups)
        options = TlcOptions(name, name, groups, detectors)
        tlc = Tlc(options, self.controller, self._moment())
        session = SessionOptions(sxl=("1.2.1",))
        self.towards = Towards(tlc, SiteOptions(session), where, RECONNECT_S)
        self.runner = SiteRunner(tlc, [self.towards], self._moment)
        self.counts: Counter[str] = Counter()
        self._phases: dict[str, str] = {}
        self._served: set[str] = set()

    def step(self, letters: str, occupied: Mapping[str, bool]) -> None:
        """Take what the last step has shown, and decide what the next one shows."""
        self.lamps.saw(letters)
        if self.lamps.lit:
            self.controller.watch.look(self._simulation.time_ms)
        for detector in self.controller.model.detectors:
            if detector.name in occupied:
                self.controller.hear(detector.name, occupied[detector.name])
        self.runner.tick()
        self._count(self.controller.priorities())

    def status(self) -> dict[str, Any]:
        """Return what it shows and has been asked for."""
        one = self.controller
        return {
            "shown": self.lamps.letters, "groups": one.groups(), "mode": one.mode.value,
            "plan": one.plan, "stage": one.stage, "starting": one.starting, "fault": one.fault,
            "cycle_s": round(one.cycle_s, 1), "connected": self.towards.wire is not None,
            "requests": [
                {"id": its.id, "phase": its.phase, "group": one.asked.get(its.id, -1) + 1}
                for its in one.priorities()
            ],
            "counts": dict(self.counts),
        }  # fmt: skip

    def _count(self, known: Any) -> None:
        for its in known:
            if self._phases.get(its.id) != its.phase:
                self._phases[its.id] = its.phase
                self.counts[its.phase] += 1
            if its.phase == "activated" and its.id not in self._served and self._goes(its):
                self._served.add(its.id)
                self.counts["served"] += 1
        if len(self._phases) > MOST_ASKED:
            here = {its.id for its in known}
            self._phases = {name: phase for name, phase in self._phases.items() if name in here}
            self._served &= here

    def _goes(self, one: Priority) -> bool:
        """Say whether SUMO shows green to whoever a request is for."""
        group = self.controller.asked.get(one.id)
        if group is None or not self.lamps.letters:
            return False
        links = self.controller.model.groups[group].links
        return all(self.lamps.letters[link] in "Gg" for link in links)

    def _moment(self) -> Moment:
        """Return the controller's time: that of the simulation, and the wall's."""
        return Moment(self._simulation.time_ms / 1_000, time.time_ns() // 1_000_000)
