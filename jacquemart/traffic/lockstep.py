"""A city's signals and buses over a simulation, in its own time: step by step, no sockets between.

The same kernels as in a running city. What is left out is the way between them (positions, RSMP),
so that thousands of hours can be compared; with that way in it, a city runs in real time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from jacquemart.actors.priority.approach import Approach, Detection, Fix
from jacquemart.actors.priority.granter import Instruction as Told
from jacquemart.actors.priority.policy import Policy, Requester, Send, Situation
from jacquemart.actors.priority.policy.requester import Instruction
from jacquemart.actors.signals.model import Intersection
from jacquemart.drivers.sumo import Seen, Simulation
from jacquemart.traffic.approaches import placed
from jacquemart.traffic.junction import Junction

#: A receiver on a bus is off by so much.
ACCURACY_M = 5.0


class Lockstep:
    """All controlled signals of a simulation, and those that ask them for priority.

    Attributes:
        junctions: by signal.
        events: what was decided and granted since the last look, oldest first.
    """

    def __init__(
        self,
        field: Simulation,
        models: Sequence[Intersection],
        *,
        approaches: Sequence[Approach] = (),
        policy: Policy | None = None,
        line_of: Callable[[str], str] = lambda vehicle: vehicle,
        situation_of: Callable[[str], Situation | None] = lambda _: None,
    ) -> None:
        """Take over the signals.

        Args:
            field: the simulation; its watched vehicles are those that may ask.
            models: of the signals that are controlled; others go on with SUMO's programs.
            approaches: ways to stop lines.
            policy: who may ask; None: nobody does.
            line_of: the line of a vehicle.
            situation_of: how late and full a vehicle is, where that is known.
        """
        self._field = field
        self.junctions: Mapping[str, Junction] = {
            model.id: Junction(model, field) for model in models
        }
        self._detection = Detection(approaches)
        self._requester = Requester(policy, "lockstep.", "1") if policy is not None else None
        self._line_of, self._situation_of = line_of, situation_of
        self._known: set[str] = set()
        self.events: list[Told | Instruction] = []

    def step(self) -> int:
        """Simulate one step and control it; return the time after it, in ms."""
        now = self._field.advance()
        if self._requester is not None:
            self._hear(self._requester, self._field.vehicles(), now)
        occupied, read = self._field.occupied(), self._field.read_back()
        for junction in self.junctions.values():
            if junction.started:  # before, SUMO's own program is what is read
                junction.watch(read[junction.id], now)
            junction.hear(occupied)
            self.events += junction.step(now)
            if self._requester is not None:
                self._send(self._requester.status(junction.id, junction.requests(), now), now)
        return now

    def _hear(self, requester: Requester, seen: Sequence[Seen], now: int) -> None:
        here = {one.id for one in seen}
        for gone in self._known - here:
            requester.knows(gone, None)
        for one in seen:
            if one.id not in self._known:
                requester.knows(one.id, self._situation_of(one.id))
            lat, lon = placed(one.x_m, one.y_m)
            fix = Fix(one.id, now, now, lat, lon, ACCURACY_M, one.speed_mps, one.heading_deg,
                      line=self._line_of(one.id), feed="sumo")  # fmt: skip
            self._send(requester.told(self._detection.seen(fix)), now)
        self._known = here
        self._send(requester.told(self._detection.tick(now)), now)

    def _send(self, decided: Iterable[Instruction], now: int) -> None:
        for one in decided:
            if isinstance(one, Send):
                self.events += self.junctions[one.site].asked(one.ask, now)
            else:
                self.events.append(one)
