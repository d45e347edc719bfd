"""A small city over simulated links, in this process: zones of one street each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.testing import LocalCity

HEAD = """
[city]
id = "small-city"
[templates.lamp]
kind = "generic"
driver = "simulated"
[templates.lamp.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
tolerance = 0.5
settle_ms = {settle_ms}
poll_ms = 200
{more}
[templates.lamp.points.level]
unit = "%"
poll_ms = 100
"""


def write_small_city(
    folder: Path,
    *,
    zones: Sequence[str] = ("north",),
    lamps: int = 3,
    settle_ms: int = 1_000,
    more: str = "",
) -> Path:
    """Write the city file; ``more`` are further lines of the point ``setpoint``."""
    return write_streets(folder, HEAD.format(settle_ms=settle_ms, more=more), "lamp", zones, lamps)


def write_streets(folder: Path, head: str, template: str, zones: Sequence[str], each: int) -> Path:
    """Write a city file: ``head``, and zones of one street each with devices of one template."""
    text = head
    for zone in zones:
        text += f'[zones.{zone}]\n[links.st-{zone}]\ndriver = "simulated"\nzone = "{zone}"\n'
        text += "timeout_ms = 200\n"
    for zone in zones:
        for number in range(1, each + 1):
            text += f'[[device]]\nid = "{zone}-{number}"\ntemplate = "{template}"\n'
            text += f'link = "st-{zone}"\n'
    path = folder / "city.toml"
    path.write_text(text)
    return path


@contextmanager
def small_city(
    folder: Path,
    *,
    zones: Sequence[str] = ("north",),
    lamps: int = 3,
    cells: int = 1,
    settle_ms: int = 1_000,
    state: str | Path = "",
) -> Iterator[LocalCity]:
    """Run a city; the lamps of ``north`` are ``north-1`` … on the link ``st-north``."""
    path = write_small_city(folder, zones=zones, lamps=lamps, settle_ms=settle_ms)
    try:
        with LocalCity(path, cells=cells, state=state) as city:
            yield city
    finally:
        for zone in zones:
            SimulatedField.forget(f"st-{zone}")


def field(zone: str = "north") -> SimulatedField:
    """Return the field of a zone's street."""
    return SimulatedField.of(f"st-{zone}")


def writes(lamp: str) -> list[float]:
    """Return what reached a lamp's setpoint, in order."""
    arrivals = field(lamp.rpartition("-")[0]).arrivals
    return [a.value for a in arrivals if a.point == f"{lamp}/setpoint"]
