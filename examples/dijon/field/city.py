"""All cabinets of the city, and what breaks and mends them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from field.behaviours import BEHAVIOURS
from field.cabinet import Cabinet
from field.errors import FieldError
from field.faults import Faults, assign
from field.inventory import CabinetRow
from field.lamp import Condition, Lamp, Pace
from field.station import Station, Tally

MOST_BURNT_H = 20_000.0
"""How long the oldest lamps have burnt when the day begins."""
CONDITIONS: dict[str, Condition] = {
    "ok": "ok",
    "dead": "dead",
    "stuck": "stuck",
    "lying": "lying",
}


class City:
    """The stations by cabinet id, and one clock for all of them."""

    def __init__(
        self,
        rows: Sequence[CabinetRow],
        faults: Faults,
        *,
        seed: int,
        pace: Pace,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Build the day's start: lamps off, contactors closed, the drawn faults in place."""
        self.clock = clock
        self.began = clock()
        self.tally = Tally()
        self.stations: dict[str, Station] = {}
        self._wall_began = time.time()
        self._seed = seed
        self._faults = faults
        self._places: dict[str, tuple[Station, int]] = {}
        rng = random.Random(f"field-past-{seed}")
        for row in rows:
            lamps = [
                Lamp(
                    lamp.id,
                    lamp.rated_w,
                    pace,
                    now=self.began,
                    burnt_h=rng.uniform(0.0, MOST_BURNT_H),
                )
                for lamp in row.lamps
            ]
            voltage = rng.uniform(227.0, 236.0)
            cabinet = Cabinet(row.id, lamps, voltage=voltage, now=self.began)
            station = Station(cabinet, row.host, row.port, clock=clock, loop=loop, tally=self.tally)
            if row.id in self.stations:
                raise FieldError(f"cabinet {row.id} stands twice in the inventory")
            self.stations[row.id] = station
            for index, lamp in enumerate(lamps):
                self._places[lamp.id] = (station, index)

    @property
    def lamp_count(self) -> int:
        """Return how many lamps there are."""
        return len(self._places)

    def wall(self, at: float) -> float:
        """Return the wall time (seconds since 1970) of a time of the clock."""
        return self._wall_began + (at - self.began)

    async def open(self) -> None:
        """Break what the faults say, and listen at every address that is not dead.

        Raises:
            FieldError: an address cannot be had; all others are closed again.
        """
        faults = self._faults
        for lamp in faults.dead_lamps:
            self.break_lamp(lamp, "dead")
        for lamp in faults.stuck_lamps:
            self.break_lamp(lamp, "stuck")
        for lamp in faults.lying_lamps:
            self.break_lamp(lamp, "lying")
        for cabinet in faults.mute:
            self.mute(cabinet)
        for cabinet, kind in faults.hostile.items():
            self.turn_hostile(cabinet, kind)
        for cabinet in faults.silent:
            self.kill(cabinet, "silent")
        try:
            for station in self.stations.values():
                await station.listen()
        except FieldError:
            self.close()
            raise
        # Refusing ones listened for a moment too, so that a taken address is found at once.
        for cabinet in faults.refusing:
            self.kill(cabinet, "refuse")

    def close(self) -> None:
        """Close every address and every connection."""
        for station in self.stations.values():
            station.close()

    def station(self, cabinet: str) -> Station:
        """Return a station by the id of its cabinet.

        Raises:
            FieldError: there is no such cabinet.
        """
        try:
            return self.stations[cabinet]
        except KeyError:
            raise FieldError(f"no cabinet {cabinet[:40]}") from None

    def kill(self, cabinet: str, how: str) -> None:
        """Let a cabinet be dead: ``refuse`` connections, or accept and be ``silent``."""
        station = self.station(cabinet)
        if how == "refuse":
            station.close()
        elif how == "silent":
            station.behave("silent")
        else:
            raise FieldError(f"{how[:40]}: allowed refuse or silent")
        station.standing = "dead"

    def mute(self, cabinet: str) -> None:
        """Let a cabinet take its next write and be silent from then on."""
        station = self.station(cabinet)
        station.behave("mute")
        station.standing = "mute"

    def turn_hostile(self, cabinet: str, kind: str) -> None:
        """Let a cabinet break the protocol in one way."""
        if kind not in BEHAVIOURS or kind == "normal":
            allowed = " ".join(name for name in BEHAVIOURS if name != "normal")
            raise FieldError(f"{kind[:40]}: allowed {allowed}")
        station = self.station(cabinet)
        station.behave(kind)
        station.standing = "hostile"

    def spread_hostile(self, share: float, kinds: Sequence[str]) -> dict[str, str]:
        """Make a share of all cabinets hostile, drawn from the sound ones; return which, how."""
        sound = [id for id, station in self.stations.items() if station.standing == "ok"]
        wanted = round(share * len(self.stations)) if 0.0 <= share <= 1.0 else -1
        if not 0 <= wanted <= len(sound):
            raise FieldError(f"hostile: {share}: there are {len(sound)} sound cabinets")
        drawn = random.Random(f"field-hostile-{self._seed}").sample(sound, wanted)
        hostile = assign(drawn, kinds)
        for cabinet, kind in hostile.items():
            self.turn_hostile(cabinet, kind)
        return hostile

    async def revive(self, cabinet: str) -> None:
        """Let a cabinet be sound again; who is connected is reset, as by a reboot."""
        station = self.station(cabinet)
        if station.standing != "ok":
            station.reset()
        station.behave("normal")
        await station.listen()
        station.standing = "ok"

    def break_lamp(self, lamp: str, condition: str) -> None:
        """Break or repair a lamp."""
        place = self._places.get(lamp)
        if place is None:
            raise FieldError(f"no lamp {lamp[:40]}")
        if condition not in CONDITIONS:
            raise FieldError(f"{condition[:40]}: allowed {' '.join(CONDITIONS)}")
        station, index = place
        station.cabinet.segment.become(index, self.clock(), CONDITIONS[condition])
