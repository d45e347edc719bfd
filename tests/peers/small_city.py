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
[templates.lamp.points.level]
unit = "%"
poll_ms = 100
"""


@contextmanager
def small_city(
    folder: Path,
    *,
    zones: Sequence[str] = ("north",),
    lamps: int = 3,
    cells: int = 1,
    settle_ms: int = 1_000,
) -> Iterator[LocalCity]:
    """Run a city; the lamps of ``north`` are ``north-1`` … on the link ``st-north``."""
    text = HEAD.format(settle_ms=settle_ms)
    for zone in zones:
        text += f'[zones.{zone}]\n[links.st-{zone}]\ndriver = "simulated"\nzone = "{zone}"\n'
        text += "timeout_ms = 200\n"
    for zone in zones:
        for number in range(1, lamps + 1):
            text += f'[[device]]\nid = "{zone}-{number}"\ntemplate = "lamp"\nlink = "st-{zone}"\n'
    (folder / "city.toml").write_text(text)
    try:
        with LocalCity(folder / "city.toml", cells=cells) as city:
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
