"""A town of bollards on the example's real Modbus PLCs, as a city in this process."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dijon_small_city import free_port
from field_process import FieldProcess
from generate import HERE, generate
from parts import NETWORKS, host_of

from jacquemart.runtime.client import Client
from jacquemart.runtime.testing import LocalCity

HEAD = """
[city]
id = "bollard-town"
[zones.north]
[[inventory]]
file = "bollards.csv"
makes = "links"
template = "bollard_line"
columns = { id = "line", zone = "zone", host = "host", port = "port" }
[[inventory]]
file = "bollards.csv"
makes = "devices"
template = "bollard"
columns = { id = "id", zone = "zone", link = "line", unit_id = "unit" }
"""
#: The template's times for people are long; the PLC takes 4 s.
QUICK = {"travel_s = 8": "travel_s = 5", "hold_off_s = 3": "hold_off_s = 1",
         "pass_wait_s = 30": "pass_wait_s = 5"}  # fmt: skip


@dataclass
class Town:
    """A running town."""

    city: LocalCity
    client: Client
    field: FieldProcess

    def tell(self, bollard: str, words: str) -> dict[str, Any]:
        """Do something to a bollard on the spot."""
        return self.field.ask(f"bollard {bollard} {words}")

    def account(self, bollard: str) -> dict[str, Any]:
        """Return what its PLC was told."""
        return self.tell(bollard, "account")

    def shows(self, point: str, value: float, within_s: float = 5.0) -> bool:
        """Wait until the city shows this."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            found = self.client.get(point)
            if found.quality.usable and found.value == value:
                return True
            time.sleep(0.05)
        return False


@contextmanager
def bollard_town(folder: Path, *, count: int, extra: str = "", up: str = "down") -> Iterator[Town]:
    """Run a town of ``p1`` … on lanes where nobody drives by himself."""
    port = free_port()
    generate(folder, scale=0.01, lamps=1, cabinets=1, port=port, only=["lighting"])
    write_plan(folder, count, port, up)
    (folder / "city.toml").write_text(HEAD + template_text() + extra)
    with (
        FieldProcess.start(folder, "--dead-lamps", "0", "--dead-cabinets", "0",
                           "--stuck-lamps", "0", "--mute-cabinets", "0") as field,
        LocalCity(folder / "city.toml") as city,
    ):  # fmt: skip
        yield Town(city, city.client(), field)


def write_plan(folder: Path, count: int, port: int, begins: str = "down") -> None:
    """Write ``bollards.csv``."""
    columns = ("id", "zone", "line", "host", "port", "unit", "begins", "traffic")
    with (folder / "bollards.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for number in range(1, count + 1):
            host = host_of(NETWORKS["bollard"], number - 1)
            writer.writerow(
                (f"p{number}", "north", f"p{number}-line", host, port, 1, begins, "quiet")
            )


def template_text() -> str:
    """Return the example's template, with shorter times."""
    text = (HERE / "templates" / "bollard.toml").read_text()
    for long, short in QUICK.items():
        assert long in text
        text = text.replace(long, short)
    return text
