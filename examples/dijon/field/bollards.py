"""All bollards of the field: their plan, their addresses, and what is done to them by hand.

Commands of the control port, all as ``bollard ID …``:

    loop on|off|free        hold the loop occupied or clear, or let the vehicles decide
    fault on|off
    local on|off            somebody works it by hand
    jam on|off              the drive does not move
    hand up|down            move it by hand, by a badge or a key
    power out|back          nobody answers
    behave KIND             answer in one way (see ``behaviours``)
    reset                   reset its connections, once
    account                 what it was told and does

``bollards`` sums the accounts up: ``raised_after_telling`` must be 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from field.behaviours import BEHAVIOURS
from field.bollard_plc import BollardPlc
from field.bollard_traffic import Traffic
from field.errors import FieldError
from field.inventory import rows_of
from field.station import Station, Stations, Tally

FILE = "bollards.csv"
COUNTED = ("raised", "lowered", "reversed", "raised_while_occupied", "raised_after_telling")


@dataclass(frozen=True, slots=True)
class BollardRow:
    """One bollard of the plan."""

    id: str
    host: str
    port: int
    up: bool
    """Whether it begins the day raised."""
    quiet: bool
    """Whether nobody drives there by himself; for tests."""


def read_bollards(folder: Path) -> list[BollardRow]:
    """Return the bollards of ``bollards.csv``; none, if there is no such file.

    Raises:
        FieldError: a column or a value is wrong; says which.
    """
    path = folder / FILE
    if not path.exists():
        return []
    rows = []
    for at, row in rows_of(path, ("id", "host", "port", "begins", "traffic")):
        try:
            begins = {"up": True, "down": False}[row["begins"]]
            quiet = {"cars": False, "quiet": True}[row["traffic"]]
            rows.append(BollardRow(row["id"], row["host"], int(row["port"]), begins, quiet))
        except (KeyError, ValueError) as error:
            raise FieldError(f"{path}:{at}: {error!r}") from error
    return rows


class Bollards(Stations):
    """The PLCs by bollard id, each at its address."""

    def __init__(
        self,
        rows: Sequence[BollardRow],
        *,
        seed: int,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
        tally: Tally,
    ) -> None:
        """Draw the bollards; ``open`` opens their addresses."""
        super().__init__()
        self._clock = clock
        self.plcs: dict[str, BollardPlc] = {}
        now = clock()
        for row in rows:
            if row.id in self.plcs:
                raise FieldError(f"bollard {row.id} stands twice in {FILE}")
            traffic = Traffic(f"field-bollard-{seed}-{row.id}", now=now, quiet=row.quiet)
            plc = self.plcs[row.id] = BollardPlc(row.id, traffic=traffic, up=row.up, now=now)
            self.stations[row.id] = Station(
                plc, row.host, row.port, clock=clock, loop=loop, tally=tally, what="bollard"
            )

    def totals(self) -> dict[str, int]:
        """Return what all of them have counted."""
        return {
            "bollards": len(self.plcs),
            **{name: sum(getattr(plc, name) for plc in self.plcs.values()) for name in COUNTED},
            "vehicles": sum(plc.traffic.vehicles for plc in self.plcs.values()),
        }

    async def obey(self, bollard: str, words: Sequence[str]) -> dict[str, Any]:
        """Do a command of the control port.

        Raises:
            FieldError: there is no such bollard, or the command is wrong.
        """
        plc = self.plcs.get(bollard)
        if plc is None:
            raise FieldError(f"no bollard {bollard[:40]}")
        plc.advance(self._clock())
        station = self.stations[bollard]
        match list(words):
            case ["loop", "free"]:
                plc.hold_loop(None)
            case ["loop", state]:
                plc.hold_loop(_on(state))
            case ["fault", state]:
                plc.fault = _on(state)
            case ["local", state]:
                plc.local = _on(state)
            case ["jam", state]:
                plc.jammed = _on(state)
            case ["hand", way]:
                plc.drive(up=_on(way, "up", "down"))
            case ["power", "out"]:
                station.close()
            case ["power", "back"]:
                station.behave("normal")
                await station.listen()
            case ["behave", kind] if kind in BEHAVIOURS:
                station.behave(kind)
            case ["reset"]:
                station.reset()
            case ["account"]:
                return _account(plc)
            case _:
                raise FieldError(f"bollard: {' '.join(words)[:80]}: unknown or incomplete")
        return {"ok": True}


def _account(plc: BollardPlc) -> dict[str, Any]:
    return {
        "id": plc.id,
        **{name: getattr(plc, name) for name in COUNTED},
        "vehicles": plc.traffic.vehicles,
        "occupied": plc.occupied,
        "up": plc.is_up,
        "down": plc.is_down,
    }


def _on(text: str, yes: str = "on", no: str = "off") -> bool:
    if text not in (yes, no):
        raise FieldError(f"{text[:40]}: allowed {yes} or {no}")
    return text == yes
