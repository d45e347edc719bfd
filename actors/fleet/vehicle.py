"""What all vehicles have in common: where they are, how old that is, and to which zone they belong.

A vehicle that is off duty is not tracked. That is no rule of this class: its points are declared
``withheld_unless`` its status, so that the runtime never stores them off duty, and this actor is
never told of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, cast

from jacquemart.actors.fleet.presence import OUTSIDE, Move, Presence
from jacquemart.actors.fleet.telling import AGAIN_S, Telling, check_options
from jacquemart.actors.priority.messages import PRIORITY_TOLD
from jacquemart.actors.priority.request import VehicleType
from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command
from jacquemart.runtime.actor.declare import Point
from jacquemart.runtime.kernel.duty import Duty, duty_of
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.territory import distance_m

#: A position older than this is stale (GTFS Realtime, best practices).
STALE_MS = 90_000
#: How often a vehicle is asked where it is.
POLL_MS = 5_000
#: How often the age of a position is told, and a vehicle that stands still looked at.
AGE_S = 5.0
#: An age that is another by less is not told.
AGE_STEP_S = 1.0
#: The word for value 0 of ``zone``: on duty, and in no zone of the city.
OUTSIDE_WORD = "outside"
STATUS = "status"


def tracked(name: str, about: str, unit: str, low: float, high: float) -> Point:
    """Declare a reading that tells where a vehicle is or how it moves: only on duty."""
    return Point(
        name,
        about,
        unit=unit,
        low=low,
        high=high,
        poll_ms=POLL_MS,
        stale_after_ms=STALE_MS,
        withheld_unless=STATUS,
        by_source=True,
    )


def status(*words: str) -> Point:
    """Declare what a vehicle does; the first word is "off duty"."""
    return Point(
        STATUS,
        "What the vehicle does; off duty it is not tracked",
        type="enumeration",
        words=words,
        poll_ms=POLL_MS,
        stale_after_ms=STALE_MS,
        urgent=True,
    )


POSITION = (
    tracked("latitude", "Latitude in WGS 84", "°", -90.0, 90.0),
    tracked("longitude", "Longitude in WGS 84", "°", -180.0, 180.0),
    tracked("speed", "Speed over ground", "m/s", 0.0, 70.0),
    tracked("heading", "Direction in which it moves, from north over east", "°", 0.0, 360.0),
)
DERIVED = (
    Point("zone", "The zone in which it is, by the city's order; 0: in none", type="count",
          low=0.0, derived=True, withheld_unless=STATUS),
    Point("age", "How long ago its position was taken", unit="s", low=0.0, derived=True,
          withheld_unless=STATUS),
)  # fmt: skip


class Places(Protocol):
    """What a vehicle asks of the city's territory."""

    def zone_at(self, lat: float, lon: float) -> str:
        """Return the zone of a point, or an empty text."""
        ...

    def apart(self, zone: str, lat: float, lon: float) -> float:
        """Return how many metres a point lies outside a zone."""
        ...

    def room(self, zone: str, lat: float, lon: float) -> float:
        """Return how many metres a point may move and still be in a zone."""
        ...


class _RoamingHost(Protocol):
    territory: Places


class Vehicle(DeviceActor):
    """Base of the kinds of vehicles."""

    __slots__ = (
        "_anchor", "_counted", "_duty", "_highest", "_lost", "_numbers", "_presence", "_seen",
        "_slots", "_telling", "_told",
    )  # fmt: skip

    kind = "vehicle"
    roams: ClassVar[bool] = True
    watched = frozenset({STATUS, "latitude", "longitude"})
    asks_as: ClassVar[VehicleType] = VehicleType.BUS
    """As what it asks for priority at signals, unless its template says otherwise."""

    def __init__(self, *bound: Any) -> None:
        """Bind the vehicle to its slots; it is at home until it says otherwise."""
        super().__init__(*bound)
        self._counted = ""
        """The zone that its events are told in; empty: its home."""

    def on_start(self) -> None:
        """Begin nowhere, and look from time to time whether it still says something."""
        self._presence = Presence()
        self._counted = ""
        self._duty: Duty | None = None
        self._lost = False
        self._seen: tuple[float, float, str, float] | None = None
        """Position, and the zone that was looked up for it, with its distance from ``_counted``."""
        self._anchor = (math.nan, math.nan, 0.0)
        """A place in its zone, and how far from there it is so for certain."""
        self._told: tuple[float, ...] = ()
        """What the table showed when it was looked at."""
        self._slots = tuple(map(self._slot, (STATUS, "latitude", "longitude")))
        index = self.template.point_index(STATUS)
        self._highest = float(len(self.template.points[index].words) - 1)
        index = self.template.point_index("zone")
        words = self.template.points[index].words if index >= 0 else ()
        self._numbers: Mapping[str, int] = {word: at for at, word in enumerate(words) if at}
        self._telling = Telling(self, self.asks_as)
        self.every(AGE_S, self._look_again)
        if "broker" in self.template.options:
            self.every(AGAIN_S, self._tell_again)

    @staticmethod
    def check_options(options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with the options of a template of vehicles."""
        return check_options(options)

    def may_be_followed(self, status: float) -> bool:
        """Return whether brokers of signal priority may know where it is, on duty as it is."""
        return True

    @command(PRIORITY_TOLD, "tells what a broker of priority has decided", Argument(text=200),
             volatile=True, beside=True)  # fmt: skip
    def priority_told(self, ticket: Ticket) -> None:
        """Remember it, for whoever asks why."""
        self._telling.hear(str(ticket.value))

    def texts(self) -> Mapping[str, str]:
        """Say what was decided of its priority at signals."""
        return self._telling.texts()

    @property
    def zone(self) -> str:
        """Return the zone that it belongs to: where it is, or its home."""
        return self._counted or self.spec.zone

    def reading(self, point: str, value: float, quality: int) -> None:
        """Follow status and position; one poll that changes both is one look."""
        read = self.shard.table.read
        shown = tuple(part for slot in self._slots for part in read(slot)[:3])
        if shown != self._told:  # NaN differs from itself: looked at once more, and no harm
            self._told = shown
            self._look()

    # Inside --------------------------------------------------------------------------------

    def _tell_again(self) -> None:
        """Tell brokers that it stands where it stood, if its feed says so."""
        if self._duty is Duty.ON:
            self._telling.look(duty=self.may_be_followed(self.value(STATUS)))

    def _look_again(self) -> None:
        """Look though nothing came: positions age, and who stands behind a border has left."""
        self._look(AGE_STEP_S)

    def _look(self, age_step_s: float = 2 * AGE_S) -> None:
        """Bring presence, zone and age in line with what the table shows.

        An age that is hardly another is not told, so that each position is not told twice.
        """
        read = self.shard.table.read
        status, latitude, longitude = self._slots
        duty = self._follow_duty(*read(status)[:2])
        if duty is not Duty.ON:
            self._telling.look(duty=False)
            return
        self._telling.look(duty=self.may_be_followed(read(status)[0]))
        lat, quality, source_ns, _ = read(latitude)
        lon, lon_quality, _, _ = read(longitude)
        if math.isnan(lat) or math.isnan(lon):
            return
        self._tell_age(source_ns, age_step_s)
        self._tell_loss(quality == Quality.STALE_AGE)
        if max(quality, lon_quality) < Quality.STALE_AGE:
            self._place(lat, lon)

    def _follow_duty(self, status: float, quality: int) -> Duty:
        duty = duty_of(status, quality, self._highest)
        if duty is self._duty:
            return duty
        before, self._duty = self._duty, duty
        if duty is Duty.ON:
            if before is Duty.OFF:
                self.emit("on_duty")
            return duty
        self._seen = None
        self._anchor = (math.nan, math.nan, 0.0)
        self._lost = False
        self._counted = ""
        if duty is Duty.OFF:
            self._presence.ended()
            if before is not None:
                self.emit("off_duty")
        else:
            self._presence.lost()
        return duty

    def _place(self, lat: float, lon: float) -> None:
        known, zone = self._seen, self._presence.zone
        if known is not None and known[:2] == (lat, lon):
            here, apart = known[2:]
        elif distance_m(lat, lon, *self._anchor[:2]) < self._anchor[2]:
            here, apart = str(zone), 0.0
        else:
            territory = cast("_RoamingHost", self.host).territory
            here = territory.zone_at(lat, lon)
            moved = zone not in (None, OUTSIDE, here)
            apart = territory.apart(str(zone), lat, lon) if moved else 0.0
            if here == zone and here != OUTSIDE:
                self._anchor = (lat, lon, territory.room(here, lat, lon))
            self._seen = (lat, lon, here, apart)
        move = self._presence.seen(self.host.clock.boot_ns() / 1e9, here, apart)
        if move is not None:
            self._seen = None
            self._anchor = (math.nan, math.nan, 0.0)
            self._tell_move(move)
        self._counted = self._presence.zone or ""
        self._tell_zone()

    def _tell_move(self, move: Move) -> None:
        """Tell each of both zones its own side of a move."""
        if move.left:
            self._counted = move.left
            self.emit("zone_left", to=move.entered or OUTSIDE_WORD)
        self._counted = move.entered
        if move.entered:
            came: dict[str, Any] = {}
            if move.left is not None:
                came["came_from"] = move.left or OUTSIDE_WORD
            self.emit("zone_entered", **came)

    def _tell_zone(self) -> None:
        number = float(self._numbers.get(self._presence.zone or "", 0))
        if self.value("zone") != number:  # NaN is no number: withheld before, and told anew
            self.publish("zone", number)

    def _tell_age(self, source_ns: int, step_s: float) -> None:
        age = round(max(0.0, (self.host.clock.wall_ns() - source_ns) / 1e9), 1)
        if not abs(self.value("age") - age) < step_s:  # NaN: withheld before, and told anew
            self.publish("age", age)

    def _tell_loss(self, lost: bool) -> None:
        if lost != self._lost:
            self._lost = lost
            if lost:
                self.emit("position_lost", 1, age_s=self.value("age"))
            else:
                self.emit("position_back")
