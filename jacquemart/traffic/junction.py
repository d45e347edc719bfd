"""One signal of a simulation under the control of a city's kernels: lamps, loops, priority.

The only way to a lamp is ``step``: the controller's interlock lets an output out, and nothing else
is shown. What is shown is read back, and the monitor looks at it by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jacquemart.actors.priority.granter import Instruction
from jacquemart.actors.priority.granter.port import PortGranter
from jacquemart.actors.priority.request import Ask, Item
from jacquemart.actors.signals.controller import Controller
from jacquemart.actors.signals.model import Intersection
from jacquemart.actors.signals.monitor import Monitor
from jacquemart.drivers.sumo import Simulation
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.traffic.sumo_lamps import SumoLamps
from jacquemart.traffic.watch import rules_of


class Junction:
    """A controller, its granter, and the signal of a simulation that they run.

    Attributes:
        id: of the signal.
        why_no_priority: why its plan grants none; empty if it does.
    """

    def __init__(self, model: Intersection, field: Simulation) -> None:
        """Take over a signal; it flashes and starts up as after a loss of power.

        Raises:
            ConfigError: the simulation has no such signal, or one with fewer links.
        """
        self._lamps = SumoLamps(model, field)
        self.id = model.id
        self.model = model
        self.controller = Controller(model)
        self.monitor = Monitor(rules_of(model, 2 * field.step_ms), field.time_ms)
        self.why_no_priority = ""
        self._granter: PortGranter | None = None
        try:
            self._granter = PortGranter(self.controller, model.plans[0])
        except ConfigError as error:
            self.why_no_priority = str(error)

    @property
    def started(self) -> bool:
        """Return whether it has shown something."""
        return self._lamps.lit

    def asked(self, ask: Ask, now_ms: int) -> Sequence[Instruction]:
        """Take one request for priority; return what became of it, to be told."""
        return self._granter.asked(ask, now_ms) if self._granter is not None else ()

    def requests(self) -> tuple[Item, ...]:
        """Return the requests that are known, as S0033 has them; ends are told once."""
        if self._granter is None:
            return ()
        items = self._granter.granter.status()
        self._granter.granter.sent()
        return items

    def hear(self, occupied: Mapping[str, bool]) -> None:
        """Take what detectors say."""
        for detector in self.model.detectors:
            if detector.name in occupied:
                self.controller.hear(detector.name, occupied[detector.name])

    def watch(self, read: str, now_ms: int) -> str:
        """Have the monitor look at what was read back; return its fault, or an empty text.

        A fault trips the controller: it flashes until a person has looked.
        """
        self._lamps.saw(read)
        shown = self._lamps.read()
        fault = self.monitor.tick(now_ms) if shown is None else self.monitor.see(shown, now_ms)
        if fault:
            self.controller.trip(fault)
        return fault

    def step(self, now_ms: int) -> Sequence[Instruction]:
        """Decide, show it, and return what priority has to tell."""
        told = self._granter.step(now_ms) if self._granter is not None else ()
        cleared = self.controller.step(now_ms, now_ms)
        self._lamps.show(cleared)
        return told
