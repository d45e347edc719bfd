"""The broker of signal priority: vehicles tell it where they are, and it asks signals for them.

It is an actor as any other. Vehicles command it (``position``), it commands signals (``priority``),
and they tell it what became of that (``request_state``). What it decides is in kernels
(``approach``, ``policy``, ``timetable``); here are only time, names and messages.

It keeps nothing: what it had asked for before a restart is not said again by anybody, so that the
signals take it back; what still stands in one's list it takes back as soon as it hears of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from jacquemart.actors.priority.approach import Approach, CheckedOut, Detection, Fix, Gone, Tidings
from jacquemart.actors.priority.declared import (
    approaches_for,
    carried,
    check_approaches,
    check_priority,
)
from jacquemart.actors.priority.following import Following
from jacquemart.actors.priority.messages import (
    LONGEST_TEXT,
    POSITION,
    PRIORITY,
    PRIORITY_TOLD,
    REQUEST_STATE,
    Position,
    Request,
    Told,
)
from jacquemart.actors.priority.policy import Decided, Requester, Send, Situation
from jacquemart.actors.priority.request import ENDS, Item, State, VehicleType, Verb
from jacquemart.runtime.actor import Aggregate, Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality

#: How often what grew old is looked for.
TICK_S = 1.0
#: A request is worth nothing later: the vehicle has driven on.
ASK_S = 3.0
#: Commands for emergency vehicles go before others; those of life safety go before them.
EMERGENCY_PRIORITY = 3
PRIORITY_OF_OTHERS = 8
#: Of a vehicle that was not heard for so long nothing is kept.
FORGET_MS = 120_000
MOST_VEHICLES = 20_000


@dataclass(slots=True)
class _Asked:
    """A request that is under way."""

    vehicle: str
    approach: Approach
    type: VehicleType | None
    due_ms: int


class PriorityBroker(DeviceActor):
    """Asks signals for priority on behalf of vehicles.

    Rules: ``[priority]`` of the city file says who may ask, ``[approaches.*]`` where. Switched off
    (``enabled`` 0) it takes back what it has asked for, and asks for nothing.
    """

    __slots__ = (
        "_approaches", "_asked", "_at", "_deaf", "_detection", "_following", "_heard", "_on",
        "_policy", "_requester", "_why",
    )  # fmt: skip

    kind = "priority_broker"
    points = (
        Point("enabled", "whether anybody is asked for priority", "flag", writable=True,
              poll_ms=5_000, urgent=True),
        Point("vehicles", "vehicles that are heard of", "count", low=0, derived=True),
        Point("requests", "requests under way", "count", low=0, derived=True),
    )  # fmt: skip
    watched = frozenset({"enabled"})
    #: Tables of the city file that are this kind's, and what checks them.
    city_tables: ClassVar[dict[str, Any]] = {
        "priority": check_priority, "approaches": check_approaches,
    }  # fmt: skip
    carry_tables = staticmethod(carried)
    summary = (
        Aggregate("vehicles", "vehicles", "sum"),
        Aggregate("requests", "requests", "sum"),
    )

    def on_start(self) -> None:
        """Begin with no request; whatever there is from before is not said again."""
        tables = self.template.options.get("city_tables", {})
        self._approaches, self._policy = approaches_for(self.id, tables)
        self._detection = Detection(self._approaches)
        incarnation = f"{self.host.clock.wall_ns() // 1_000_000:x}"
        self._requester = Requester(self._policy, f"{self.id}/", incarnation)
        self._following = Following()
        self._asked: dict[str, _Asked] = {}
        self._at: dict[str, Approach] = {}
        """Vehicle -> the approach that it is on."""
        self._why: dict[str, str] = {}
        self._heard: dict[str, int] = {}
        self._deaf: set[str] = set()
        """Who has told a position and is no vehicle that could be told anything."""
        self._on = True
        self.publish("vehicles", 0.0)
        self.publish("requests", 0.0)
        self.every(TICK_S, self._tick)
        gtfs = tables.get("priority", {}).get("gtfs")
        if gtfs:
            self._following.begin(str(gtfs), self)

    # Commands --------------------------------------------------------------------------------

    @command(POSITION, "tells where a vehicle is, in the name of that vehicle",
             Argument(text=LONGEST_TEXT), volatile=True, beside=True)  # fmt: skip
    def position(self, ticket: Ticket) -> None:
        """Take where a vehicle is, and ask for it if it may."""
        try:
            said = Position.read(str(ticket.value))
        except UsageError as error:
            self._refuse(ticket, Reason.BAD_VALUE, error.message)
            return
        vehicle, now = ticket.principal, self._now_ms()
        if vehicle not in self._heard and len(self._heard) >= MOST_VEHICLES:
            self._refuse(ticket, Reason.BUSY, f"it follows {MOST_VEHICLES:,} vehicles already")
            return
        if not said.duty:
            nowhere = Fix(vehicle, now, now, math.nan, math.nan, on_duty=False)
            self._take(self._detection.seen(nowhere))
            self._forget(vehicle)
            return
        self._heard[vehicle] = now
        if not self._on:
            return
        self._requester.knows(vehicle, self._situation(vehicle, said))
        self._take(self._detection.seen(_fix(vehicle, said, now)))

    @command(REQUEST_STATE, "tells what became of a request, in the name of its signal",
             Argument(text=LONGEST_TEXT), volatile=True, beside=True)  # fmt: skip
    def request_state(self, ticket: Ticket) -> None:
        """Take what a signal says of a request."""
        try:
            told = Told.read(str(ticket.value))
        except UsageError as error:
            self._refuse(ticket, Reason.BAD_VALUE, error.message)
            return
        site, now = ticket.principal, self._now_ms()
        asked = self._asked.get(told.id)
        if asked is not None and asked.approach.site != site:
            self._refuse(ticket, Reason.RULE, f"it was asked of {asked.approach.site}, not {site}")
            return
        out = self._requester.status(site, [Item(told.id, told.state, now)], now)
        for one in out:
            if isinstance(one, Send):
                self._ask(one, "nobody here knows it")
        if asked is not None:
            if told.state in ENDS:
                self._asked.pop(told.id, None)
            words = _STATES.get(told.state, f"has ended: {told.state.value}")
            self._say(asked.vehicle, f"{site} {words}, at {asked.approach.id}")

    # What the field says ---------------------------------------------------------------------

    def reading(self, point: str, value: float, quality: int) -> None:
        """Follow the switch; what is not known of it changes nothing."""
        if quality < Quality.STALE_AGE and bool(value) != self._on:
            self._on = bool(value)
            self.emit("priority_on" if self._on else "priority_off", 0 if self._on else 1)
            if not self._on:
                now = self._now_ms()
                for vehicle, approach in list(self._at.items()):
                    self._take([CheckedOut(vehicle, approach, Gone.SWITCHED_OFF, now)])
                self._detection = Detection(self._approaches)

    def texts(self) -> Mapping[str, str]:
        """Say for whom it asks."""
        said = [f"{one.vehicle} at {one.approach.site}" for one in self._asked.values()]
        more = f" and {len(said) - 20} more" if len(said) > 20 else ""
        return {"asks for": ", ".join(said[:20]) + more} if said else {}

    # Inside ------------------------------------------------------------------------------------

    def _situation(self, vehicle: str, said: Position) -> Situation:
        late, doubt, headway = said.late, 0.0, None
        if said.trip and said.lat is not None and said.lon is not None:
            wall_s = self.host.clock.wall_ns() / 1e9 - said.age_ms / 1_000
            found = self._following.seen(vehicle, said.trip, wall_s, said.lat, said.lon)
            if found is not None:
                headway = found.headway
                if late is None:
                    late, doubt = found.late_s, found.doubt_s
        return Situation(said.type, late, doubt, said.load, headway)

    def _tick(self) -> None:
        now = self._now_ms()
        self._take(self._detection.tick(now))
        for vehicle, heard in list(self._heard.items()):
            if now - heard > FORGET_MS:
                self._forget(vehicle)
        for point, count in (("vehicles", len(self._heard)), ("requests", len(self._asked))):
            if self.value(point) != count:
                self.publish(point, float(count))

    def _forget(self, vehicle: str) -> None:
        self._heard.pop(vehicle, None)
        self._why.pop(vehicle, None)
        self._at.pop(vehicle, None)
        self._deaf.discard(vehicle)
        self._following.gone(vehicle)
        self._requester.knows(vehicle, None)

    def _take(self, tidings: Iterable[Tidings]) -> None:
        """Have what is known of vehicles judged, and do what follows."""
        for one in tidings:
            gone = isinstance(one, CheckedOut)
            if gone:
                self._at.pop(one.vehicle, None)
            else:
                self._at[one.vehicle] = one.approach
            for found in self._requester.told([one]):
                if isinstance(found, Decided):
                    self._decided(found)
                else:
                    self._ask(found, one.why.value if isinstance(one, CheckedOut) else "", one)

    def _decided(self, one: Decided) -> None:
        self._why[one.vehicle] = one.why.value
        if one.asks:
            return  # told with the request itself
        self.emit(
            "priority_not_asked", 0, vehicle=one.vehicle, approach=one.approach, why=one.why.value,
            arrives_s=round(one.arrival.expected_s, 1), **_known(one.situation),
        )  # fmt: skip
        self._say(one.vehicle, f"it does not ask at {one.approach}: {one.why.value}")

    def _ask(self, one: Send, why: str, of: Tidings | None = None) -> None:
        """Have a site be asked, or asked no more."""
        ask, now = one.ask, self._now_ms()
        due_ms = now + (ask.eta_s or 0) * 1_000
        if ask.verb is Verb.NEW and of is not None:
            asked = _Asked(of.vehicle, of.approach, ask.vehicle_type, due_ms)
            self._asked[ask.request] = asked
            why = self._why.get(of.vehicle, "")
            self._tell("asked", one, asked, why)
            self._say(of.vehicle, f"it asks {one.site} at {of.approach.id}: {why}")
        else:
            known = self._asked.get(ask.request)
            asked = known or _Asked("", _NOWHERE, None, 0)
            if ask.verb is Verb.CANCEL:
                self._asked.pop(ask.request, None)
                self._tell("cancelled", one, asked, why)
                self._say(asked.vehicle, f"it takes its request back at {asked.approach.id}: {why}")
            elif abs(due_ms - asked.due_ms) >= self._policy.step_s * 1_000:
                self._tell("updated", one, asked, "it comes at another time")
            asked.due_ms = due_ms
        group = int(asked.approach.group)
        request = Request(ask.request, ask.verb, group, ask.level, ask.eta_s, asked.type,
                          asked.vehicle, self.id)  # fmt: skip
        emergency = asked.type is VehicleType.EMERGENCY
        then: Callable[[Outcome], None] | None = None
        if ask.verb is not Verb.CANCEL:
            then = partial(self._taken_or_not, request, one.site)
        self.command(
            one.site, PRIORITY, request.text(), within_s=ASK_S,
            priority=EMERGENCY_PRIORITY if emergency else PRIORITY_OF_OTHERS, then=then,
        )  # fmt: skip

    def _taken_or_not(self, request: Request, site: str, outcome: Outcome) -> None:
        """Take that a signal could not be asked; what it was asked for before may still stand."""
        asked = self._asked.get(request.id)
        if outcome.applied or asked is None:
            return
        lost = request.verb is Verb.NEW or outcome.reason == Reason.RULE
        if not lost and outcome.status is not Status.FAILED:
            return  # it is said again soon, and ends at the signal if that does not work
        self._asked.pop(request.id, None)
        self._requester.failed(request.id, self._now_ms())
        why = f"{outcome.reason}: {outcome.detail}" if outcome.detail else outcome.reason
        self.emit(
            "priority_not_taken", 1, vehicle=asked.vehicle, signal=site, request=request.id,
            approach=asked.approach.id, end=outcome.status.name, why=why,
        )  # fmt: skip
        self._say(asked.vehicle, f"{site} has not taken its request: {why}")

    def _tell(self, what: str, one: Send, asked: _Asked, why: str) -> None:
        ask = one.ask
        said: dict[str, Any] = {} if ask.eta_s is None else {"eta_s": ask.eta_s}
        self.emit(
            f"priority_{what}", 0, vehicle=asked.vehicle, signal=one.site, request=ask.request,
            approach=asked.approach.id, group=int(asked.approach.group), level=ask.level, why=why,
            **said,
        )  # fmt: skip

    def _say(self, vehicle: str, text: str) -> None:
        """Have a vehicle know, for whoever asks it why."""
        if vehicle and vehicle not in self._deaf:
            self.command(vehicle, PRIORITY_TOLD, text[:200], within_s=5.0,
                         then=partial(self._said, vehicle))  # fmt: skip

    def _said(self, vehicle: str, outcome: Outcome) -> None:
        no_vehicle = outcome.reason in (Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_COMMAND)
        if no_vehicle and vehicle in self._heard:
            self._deaf.add(vehicle)

    def _now_ms(self) -> int:
        return self.host.clock.boot_ns() // 1_000_000


_STATES = {
    State.RECEIVED: "has its request", State.QUEUED: "has queued its request",
    State.ACTIVATED: "gives it priority", State.COMPLETED: "has ended its priority, as expected",
    State.REJECTED: "rejects its request", State.COOLDOWN: "rejects its request: too soon",
    State.TIMEOUT: "has waited too long for it", State.STALE: "has ended its priority by itself",
}  # fmt: skip
#: Of a request from before a restart nothing is known.
_NOWHERE = Approach("unknown", "unknown", "1", ((0.0, 0.0), (0.001, 0.0)))


def _fix(vehicle: str, said: Position, now_ms: int) -> Fix:
    def real(value: float | None) -> float:
        return math.nan if value is None else value

    return Fix(
        vehicle, now_ms - said.age_ms, now_ms, real(said.lat), real(said.lon), real(said.accuracy),
        real(said.speed), real(said.heading), on_duty=True, door_open=said.door, line=said.line,
    )  # fmt: skip


def _known(situation: Situation) -> dict[str, Any]:
    known = {
        "late_s": situation.late_s,
        "load_pct": situation.load_pct,
        "headway": situation.headway,
    }
    return {name: round(value, 1) for name, value in known.items() if value is not None}
