"""A few buildings on the real Modbus servers of the example's field, and their city."""

from __future__ import annotations

import csv
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from field_process import FieldProcess
from generate import generate
from parts import NETWORKS, host_of

from jacquemart.runtime.client import Client
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.testing import LocalCity

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "dijon"
CITY = """
[city]
id = "buildings"
[zones]
{zones}
{templates}
[[inventory]]
file = "buildings.csv"
makes = "links"
template = "building_line"
columns = {{ id = "line", zone = "zone", host = "host", port = "port" }}

[[inventory]]
file = "buildings.csv"
makes = "devices"
template = "building"
columns = {{ id = "id", name = "name", zone = "zone", link = "line", unit_id = "unit" }}
"""


def write_city(folder: Path, buildings: int, **options: float) -> Path:
    """Write plan and city file of so many buildings, with other options; return the city file.

    The exit time is 0.6 s, the entry time 0.5 s.
    """
    with socket.socket() as probe:
        probe.bind((host_of(NETWORKS["building"], 0), 0))
        port = int(probe.getsockname()[1])
    generate(folder, scale=(buildings + 0.2) / 180, lamps=4, cabinets=1, port=port,
             only=("lighting", "building"))  # fmt: skip
    plan = folder / "buildings.csv"
    with plan.open(encoding="utf-8", newline="") as file:
        rows = [{**row, "exit_s": "0.6", "entry_s": "0.5"} for row in csv.DictReader(file)]
    with plan.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    templates = (EXAMPLE / "templates" / "building.toml").read_text(encoding="utf-8")
    for name, value in options.items():
        before = next(line for line in templates.splitlines() if line.startswith(f"{name} = "))
        templates = templates.replace(before, f"{name} = {value}")
    # Signals are polled fifty times as often as in a real city, so that no test waits for them.
    templates = re.sub(
        r'^(\w+) = \{ (address = \{ table = "input", address = 1?\d[ ,])',
        r"\1 = { poll_ms = 100, \2",
        templates,
        flags=re.M,
    )
    zones = "\n".join(f"{zone} = {{}}" for zone in sorted({row["zone"] for row in rows}))
    city = folder / "city.toml"
    city.write_text(CITY.format(zones=zones, templates=templates), encoding="utf-8")
    return city


class Scene:
    """A running city of buildings: its client, its field, and what was told."""

    def __init__(self, city: LocalCity, field: FieldProcess) -> None:
        """Begin."""
        self.city = city
        self.client: Client = city.client()
        self.field = field
        self._asker: Client = city.client()

    def building(self, command: str) -> dict[str, Any]:
        """Do something to a building by hand (``fire 1 on``), and return what the field says."""
        return self.field.ask(f"building {command}")

    def value(self, point: str) -> float:
        """Return what the city knows of a point."""
        return float(self.client.get(point).value)

    def until(self, true: Callable[[], bool], what: str, within_s: float = 12.0) -> None:
        """Wait until something holds."""
        give_up = time.monotonic() + within_s
        while not true():
            assert time.monotonic() < give_up, f"not within {within_s:g} s: {what}"
            time.sleep(0.02)

    def told(self, device: str) -> list[str]:
        """Return the names of the events of a device so far, oldest first."""
        return [name for name, _ in self.events(device)]

    def events(self, device: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the events of a device so far with their detail, oldest first."""
        found = [Event.from_list(row) for row in self._asker.query("events")]
        mine = [event for event in reversed(found) if event.subject == device]
        return [(event.name, {**event.detail, "severity": event.severity}) for event in mine]


@contextmanager
def running(folder: Path, buildings: int = 2, **options: float) -> Iterator[Scene]:
    """Run field and city."""
    city_file = write_city(folder, buildings, **options)
    sound = ("--dead-cabinets", "0", "--mute-cabinets", "0")
    with (
        FieldProcess.start(folder, "--seed", "7", *sound) as field,
        LocalCity(city_file) as city,
    ):
        yield Scene(city, field)
