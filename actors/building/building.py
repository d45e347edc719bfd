"""A building: heating, air, meters, doors, intrusion zones, and a fire system that only speaks.

The kernels decide; this shell brings them the readings, publishes what they show, tells their
facts as events, and sends their orders. Nothing here, and no command, writes to the fire system:
its points are protected, so that no template can make a place of theirs writable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from jacquemart.actors.building import layout, options
from jacquemart.actors.building.doors import Door, DoorSignals
from jacquemart.actors.building.facts import INFORMATION, WARNING, Fact
from jacquemart.actors.building.fire import FireSystem
from jacquemart.actors.building.layout import ZonePoints, bit_of
from jacquemart.actors.building.meters import Meter
from jacquemart.actors.building.panel import IntrusionPanel
from jacquemart.actors.building.plant import Plant
from jacquemart.actors.building.points import POINTS
from jacquemart.actors.building.signals import LEFT_OUT, Signals
from jacquemart.runtime.actor import Aggregate, DeviceActor, Ticket, command
from jacquemart.runtime.actor.declare import Argument
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality

ZONE: Final = Argument(low=1, high=layout.MOST_ZONES, whole=True)
DETECTOR: Final = Argument(
    low=101, high=100 * layout.MOST_ZONES + layout.MOST_DETECTORS, whole=True
)
OWN_PRIORITY: Final = 8


class Building(DeviceActor):
    """One building."""

    __slots__ = (
        "_doors", "_due", "_fire", "_layout", "_meters", "_panel", "_plants", "_restarting",
        "_running", "_saved", "_shown", "_signals", "_turns", "_up", "_waiting",
    )  # fmt: skip

    kind = "building"
    points = POINTS
    watched: ClassVar[frozenset[str]] = frozenset(
        {
            "heating_running_*", "air_running_*", "meter_energy_*", "meter_heat_*", "meter_gas_*",
            "meter_water_*", "door_open_*", "door_forced_*", "door_locked_*", "fire_*",
            "intrusion_state_*", "intrusion_detector_*", "intrusion_tamper_*", "intrusion_fault_*",
            "intrusion_inhibited_*", "intrusion_isolated_*",
        }
    )  # fmt: skip
    summary = (
        Aggregate("fire", "fire", "maximum"),
        Aggregate("intrusion", "intrusion", "maximum"),
        Aggregate("doors open", "doors_open", "sum"),
    )

    @classmethod
    def check_options(cls, found: Mapping[str, Any]) -> Sequence[options.Wrong]:
        """Return what is wrong with a template's options, as ``(key, found, allowed)``."""
        return options.check_options(found)

    @classmethod
    def check_points(cls, points: Sequence[PointSpec]) -> Sequence[layout.Wrong]:
        """Return what is wrong between a template's points, as ``(point, found, allowed)``."""
        return layout.check_points(points)

    # Life ------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Build the kernels and look at everything; what was armed stays armed."""
        saved = self.save()
        settings = options.read_options(self.template.options)
        self._layout = found = layout.layout_of(self.template, self.watched)
        self._signals = Signals(self.shard.table, self.base, found.places)
        self._panel = IntrusionPanel(found, settings, self._signals)
        self._panel.load(saved, self._now())
        self._fire = FireSystem(present=bool(found.fire))
        self._doors = {number: Door(number, settings.door_held_s) for number in found.doors}
        self._meters = {name: Meter(name, top) for name, top in found.meters}
        self._plants = {
            name: Plant(f"{self.id}/{name}", settings.plant) for name, _ in found.plants
        }
        self._running = {running: name for name, running in found.plants}
        self._shown: dict[str, tuple[float, int]] = {}
        self._due: tuple[float, asyncio.TimerHandle] | None = None
        self._waiting = False
        self._turns: set[str] = set()
        """Plants that wait for their turn to be restarted."""
        self._restarting = False
        """A restart is being submitted now, and no command."""
        self._up: bool | None = None
        for running in self._running:
            self._look_at_plant(running)
        self._look()

    def save(self) -> Mapping[str, Any]:
        """Return the state of intrusion zones whose panel this runtime is."""
        panel: IntrusionPanel | None = getattr(self, "_panel", None)
        loaded: Mapping[str, Any] = getattr(self, "_saved", {})
        return loaded if panel is None else panel.save()

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what ``save`` returned."""
        self._saved = state
        if hasattr(self, "_panel"):
            self._panel.load(state, self._now())
            self._wake()

    def link_changed(self, up: bool) -> None:
        """Look at everything; when the link is back after it was down, restart plants in turn."""
        if up and self._up is False:
            for plant in self._plants.values():
                plant.link_up(self._now())
        self._up = up
        self._look_soon()

    def reading(self, point: str, value: float, quality: int) -> None:
        """Follow what is watched: fire at once, all else when the whole answer is there."""
        if point.startswith("fire_"):
            self._look_at_fire()
        elif point in self._meters:
            if quality < Quality.STALE_AGE:
                self._look_at_meter(point, value)
        elif point in self._running:
            self._look_at_plant(point)
        else:
            self._look_soon()

    def watched_points(self) -> Iterator[tuple[int, str]]:
        """Yield position and name of what is watched; found once for all of a template."""
        return iter(layout.layout_of(self.template, self.watched).watched)

    # Rules -----------------------------------------------------------------------------------

    def rule(self, point: str, value: float) -> str | None:
        """Hold plants for their minimum times; arm only what is at rest; lock no door in a fire."""
        return self.interlock(point, value)

    def interlock(self, point: str, value: float) -> str | None:
        """Judge once more, right before it is written."""
        plant = self._plants.get(point)
        if plant is not None:
            return plant.refuses(self._now(), self._priority(), on=bool(value)) or None
        if point.startswith("intrusion_arm_") and value:
            return self._panel.refuses_arming(int(point.rsplit("_", 1)[1])) or None
        if point.startswith("door_lock_") and value and self._fire.alarm:
            return "there is a fire alarm: no door is locked"
        return None

    def explain(self, point: str, verdict: Verdict) -> Verdict:
        """Say it where a door cannot be locked since it stands open."""
        door = point.removeprefix("door_lock_")
        opened = door != point and self._signals.flag(f"door_open_{door}")
        if verdict.status is Status.FAILED and opened:
            return Verdict(Status.FAILED, verdict.reason, f"the door is open; {verdict.detail}")
        return verdict

    # Commands --------------------------------------------------------------------------------

    @command("arm", "arms an intrusion zone, which starts its exit time", takes=ZONE)
    def arm(self, ticket: Ticket) -> None:
        """Arm; APPLIED when the exit time runs. The event ``intrusion_armed`` tells its end."""
        zone = self._zone(ticket)
        if zone is None:
            return
        if not zone.own:
            self.write(zone.point("arm"), 1.0, ticket)
            return
        refusal = self._panel.refuses_arming(zone.number)
        if refusal:
            self._reject(ticket, refusal)
            return
        self._tell(self._panel.arm(zone.number, self._now()))
        self._look()

    @command("disarm", "disarms an intrusion zone and ends its alarm", takes=ZONE)
    def disarm(self, ticket: Ticket) -> None:
        """Disarm, whatever the state."""
        zone = self._zone(ticket)
        if zone is None:
            return
        if not zone.own:
            self.write(zone.point("arm"), 0.0, ticket)
            return
        self._tell(self._panel.disarm(zone.number, self._now()))
        self._look()

    @command("inhibit", "leaves a detector out until its zone is disarmed", takes=DETECTOR)
    def inhibit(self, ticket: Ticket) -> None:
        """Inhibit a detector, so that its zone can be armed with it."""
        self._leave_out(ticket, "inhibit")

    @command("isolate", "leaves a detector out until it is restored", takes=DETECTOR)
    def isolate(self, ticket: Ticket) -> None:
        """Isolate a detector, for a repair."""
        self._leave_out(ticket, "isolate")

    @command("restore", "takes an inhibited or isolated detector in again", takes=DETECTOR)
    async def take_in(self, ticket: Ticket) -> None:
        """Restore a detector: both its inhibition and its isolation end."""
        detector = _number(ticket)
        zone = self._zone_of(ticket, detector)
        if zone is None:
            return
        if zone.own:
            self._panel.take_in(detector)
            self._look()
            return
        for order, shown in LEFT_OUT.items():
            mask = self._signals.number(zone.point(shown)) if order in zone.parts else 0.0
            if mask is None:
                self._reject(ticket, f"{zone.point(shown)} is unknown")
                return
            if int(mask) & bit_of(detector):
                kept = float(int(mask) & ~bit_of(detector))
                outcome = await self.attempt(zone.point(order), kept, ticket)
                if not outcome.applied:
                    ticket.finish(
                        outcome.status, outcome.reason, outcome.detail,
                        now_ns=self.host.clock.boot_ns(),
                    )  # fmt: skip
                    return

    def _leave_out(self, ticket: Ticket, order: str) -> None:
        detector = _number(ticket)
        zone = self._zone_of(ticket, detector)
        if zone is None:
            return
        if zone.own:
            self._panel.leave_out(detector, order)
            self._look()
            return
        if order not in zone.parts:
            self._reject(ticket, f"the panel of {self.id} has no {zone.point(order)}")
            return
        mask = self._signals.number(zone.point(LEFT_OUT[order]))
        if mask is None:
            self._reject(ticket, f"{zone.point(LEFT_OUT[order])} is unknown")
            return
        self.write(zone.point(order), float(int(mask) | bit_of(detector)), ticket)

    def _zone(self, ticket: Ticket) -> ZonePoints | None:
        number = _number(ticket)
        zone = self._panel.points(number)
        if zone is None:
            known = ", ".join(str(found.number) for found in self._layout.zones) or "none"
            self._reject(ticket, f"{self.id} has no intrusion zone {number}; it has {known}")
        return zone

    def _zone_of(self, ticket: Ticket, detector: int) -> ZonePoints | None:
        zone = self._panel.zone_of(detector)
        if zone is None:
            self._reject(ticket, f"{self.id} has no detector {detector}")
        return zone

    def _reject(self, ticket: Ticket, why: str) -> None:
        ticket.finish(Status.REJECTED, Reason.RULE, why, now_ns=self.host.clock.boot_ns())

    # Looking ---------------------------------------------------------------------------------

    def _look_soon(self) -> None:
        """Look when the whole answer is in the table, of which this reading is one value."""
        if not self._waiting:
            self._waiting = True
            self.after(0.0, self._look)

    def _look(self) -> None:
        self._waiting = False
        now = self._now()
        self._look_at_fire()
        self._tell(self._panel.look(now))
        self.persist()  # times and detectors arm, disarm and alarm, not commands alone
        for number, door in self._doors.items():
            signals = DoorSignals(
                *(
                    self._signals.flag(f"door_{what}_{number}")
                    for what in ("open", "locked", "forced")
                )
            )
            self._tell(door.look(now, signals, released=self._fire.alarm))
        for name in self._plants:
            self._restart(now, name)
        self._show()
        self._wake()

    def _look_at_fire(self) -> None:
        before = self._fire.alarm
        self._tell(self._fire.look(self._signals.flags(self._layout.fire)))
        quality = self._signals.worst(self._layout.fire)
        # An alarm stays true, also while another point of the system cannot be heard.
        self._set("fire", self._fire.state, Quality.GOOD if self._fire.alarm else quality)
        if self._fire.alarm is not before:
            self._look_soon()  # doors that it releases are not forced

    def _look_at_meter(self, point: str, value: float) -> None:
        for fact in self._meters[point].look(value):
            self._tell([fact])
            if fact.name == "meter_reset":
                self.publish(point, value, Quality.UNCERTAIN)

    def _look_at_plant(self, running: str) -> None:
        on = self._signals.flag(running)
        if on is not None:
            self._plants[self._running[running]].seen(self._now(), on)

    def _show(self) -> None:
        for point, (value, quality) in self._panel.shows().items():
            self._set(point, value, quality)
        opened = [f"door_open_{number}" for number in self._doors]
        known = self._signals.flags(opened).values()
        self._set("doors_open", sum(map(bool, known)), self._signals.worst(opened))

    def _set(self, point: str, value: float, quality: int) -> None:
        """Publish a derived point that shows something else than before."""
        if self._shown.get(point) != (value, quality):
            self._shown[point] = value, quality
            self.publish(point, float(value), quality)

    def _wake(self) -> None:
        """Look again when a kernel wants it."""
        dues = [door.due for door in self._doors.values()]
        due = min((at for at in (*dues, self._panel.due) if at is not None), default=None)
        if due is None or (self._due is not None and self._due[0] <= due):
            return
        if self._due is not None:
            self._due[1].cancel()
        self._due = due, self.after(max(0.0, due - self._now()), self._woken)

    def _woken(self) -> None:
        self._due = None
        self._look()

    # Restart after a power failure -------------------------------------------------------------

    def _restart(self, now: float, name: str) -> None:
        plant = self._plants[name]
        running = next(shown for shown, of in self._running.items() if of == name)
        if name in self._turns:
            return
        at = plant.restart(
            now, wanted=self._signals.flag(name), running=self._signals.flag(running)
        )
        if at is None:
            return
        if at > now:
            self._turns.add(name)
            self.after(at - now, lambda: self._turn(name))
            return

        def told(outcome: Outcome) -> None:
            if outcome.applied:
                self._tell([Fact("plant_restarted", INFORMATION, {"plant": name})])
            else:
                detail = {"plant": name, "why": outcome.detail or outcome.reason}
                self._tell([Fact("plant_not_restarted", WARNING, detail)])

        self._restarting = True
        try:
            self.act(name, 1.0, priority=OWN_PRIORITY, then=told)
        finally:
            self._restarting = False

    def _turn(self, name: str) -> None:
        self._turns.discard(name)
        self._restart(self._now(), name)

    # Inside ----------------------------------------------------------------------------------

    def _now(self) -> float:
        return self.host.clock.boot_ns() / 1e9

    def _priority(self) -> int:
        """Return the priority of the command in hand; that of our own acts if there is none."""
        ticket = self.last_ticket
        if self._restarting or ticket is None or ticket.outcome is not None:
            return OWN_PRIORITY
        return ticket.priority

    def _tell(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.emit(fact.name, fact.severity, **fact.detail)


def _number(ticket: Ticket) -> int:
    return int(ticket.value or 0)
