"""All buildings of the field: their plan, their addresses, and what is done to them by hand.

Commands of the control port, all as ``building ID …``:

    fire ZONE on|off              fire in a fire zone, 1 to 6
    fire fault|disablement on|off
    door NUMBER force|shut        break a door open, or shut it again
    see ZONE DETECTOR             a detector sees something, once
    detector ZONE DETECTOR open|shut   a detector stays open, or is shut
    tamper ZONE on|off            the tamper contact of an intrusion zone
    power out|back                a power failure: nobody answers, and plants stand still after it
    account                       what the building was told and does
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from field.building_bms import COUNTS, BuildingController
from field.errors import FieldError
from field.inventory import rows_of
from field.station import Station, Stations, Tally

FILE = "buildings.csv"


@dataclass(frozen=True, slots=True)
class BuildingRow:
    """One building of the plan."""

    id: str
    host: str
    port: int
    exit_s: float
    entry_s: float


def read_buildings(folder: Path) -> list[BuildingRow]:
    """Return the buildings of ``buildings.csv``; none, if there is no such file.

    Raises:
        FieldError: a column or a value is wrong; says which.
    """
    path = folder / FILE
    if not path.exists():
        return []
    rows = []
    for at, row in rows_of(path, ("id", "host", "port", "exit_s", "entry_s")):
        try:
            rows.append(
                BuildingRow(
                    row["id"],
                    row["host"],
                    int(row["port"]),
                    float(row["exit_s"]),
                    float(row["entry_s"]),
                )
            )
        except ValueError as error:
            raise FieldError(f"{path}:{at}: {error!r}") from error
    return rows


class Buildings(Stations):
    """The controllers by building id, each at its address."""

    def __init__(
        self,
        rows: Sequence[BuildingRow],
        *,
        seed: int,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        tally: Tally,
    ) -> None:
        """Draw the buildings; ``open`` opens their addresses."""
        super().__init__()
        self._clock = clock
        self.controllers: dict[str, BuildingController] = {}
        now = clock()
        for row in rows:
            if row.id in self.controllers:
                raise FieldError(f"building {row.id} stands twice in {FILE}")
            controller = BuildingController(
                row.id,
                seed=f"field-building-{seed}-{row.id}",
                exit_s=row.exit_s,
                entry_s=row.entry_s,
                now=now,
            )
            self.controllers[row.id] = controller
            self.stations[row.id] = Station(
                controller,
                row.host,
                row.port,
                clock=clock,
                loop=loop,
                tally=tally,
                what="building",
            )

    async def obey(self, building: str, words: Sequence[str]) -> dict[str, Any]:
        """Do a command of the control port.

        Raises:
            FieldError: there is no such building, or the command is wrong.
        """
        controller = self.controllers.get(building)
        if controller is None:
            raise FieldError(f"no building {building[:40]}")
        now = self._clock()
        controller.advance(now)
        match list(words):
            case ["fire", "fault", state]:
                controller.fire_fault = _on(state)
            case ["fire", "disablement", state]:
                controller.fire_disablement = _on(state)
            case ["fire", zone, state]:
                bit = 1 << _number("fire", zone)
                controller.fire = controller.fire | bit if _on(state) else controller.fire & ~bit
            case ["door", number, state]:
                door = controller.doors[_number("door", number)]
                door.held_open = _on(state, "force", "shut")
            case ["see", zone, detector]:
                place = _number("detector", detector)
                controller.zones[_number("zone", zone)].activate(now, place)
            case ["detector", zone, detector, state]:
                panel = controller.zones[_number("zone", zone)]
                bit = 1 << _number("detector", detector)
                opened = _on(state, "open", "shut")
                panel.held_open = panel.held_open | bit if opened else panel.held_open & ~bit
                if opened:
                    panel.activate(now, _number("detector", detector))
            case ["tamper", zone, state]:
                controller.zones[_number("zone", zone)].signal(now, tamper=_on(state))
            case ["power", state]:
                await self._power(building, back=_on(state, "back", "out"))
            case ["account"]:
                return _account(controller, now)
            case _:
                raise FieldError(f"building: {' '.join(words)[:80]}: unknown or incomplete")
        return {"ok": True}

    async def _power(self, building: str, *, back: bool) -> None:
        station = self.stations[building]
        if back:
            self.controllers[building].power_back(self._clock())
            await station.listen()
        else:
            station.close()


def _account(controller: BuildingController, now: float) -> dict[str, Any]:
    climate = controller.climate
    climate.advance(now)
    return {
        "id": controller.id,
        "writes": controller.writes,
        "wanted": climate.wanted,
        "rooms": [round(found, 2) for found in climate.rooms],
        "boilers": climate.boilers,
        "fans": climate.fans,
        "zones": [zone.state for zone in controller.zones],
        "inhibited": [zone.inhibited for zone in controller.zones],
        "isolated": [zone.isolated for zone in controller.zones],
        "fire": controller.fire,
        "doors": [door.standing_open for door in controller.doors],
        "bolts": [door.bolt for door in controller.doors],
    }


def _number(what: str, text: str) -> int:
    """Return a number from 1 as an index."""
    if not text.isdecimal() or not 1 <= int(text) <= COUNTS[what]:
        raise FieldError(f"{what}: {text[:40]}, allowed 1 to {COUNTS[what]}")
    return int(text) - 1


def _on(text: str, yes: str = "on", no: str = "off") -> bool:
    if text not in (yes, no):
        raise FieldError(f"{text[:40]}: allowed {yes} or {no}")
    return text == yes
