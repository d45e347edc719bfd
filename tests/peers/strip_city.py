"""A city of three zones in a strip, west to east, with buses and service vehicles in fast time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.testing import LocalCity

ZONES = ("west", "middle", "east")
LINKS = ("avl-bus", "avl-service")
#: Degrees of longitude that a zone is wide; about 760 m.
WIDTH = 0.01
POINTS = """
latitude = { poll_ms = 100, address = { drives = "{route}", part = "latitude" } }
longitude = { poll_ms = 100, address = { drives = "{route}", part = "longitude" } }
speed = { poll_ms = 100, address = { drives = "{route}", part = "speed" } }
heading = { poll_ms = 100, address = { drives = "{route}", part = "heading" } }
"""
CITY = f"""
[city]
id = "strip"
[zones.east]
[zones.west]
[zones.middle]
[[inventory]]
file = "zones.geojson"
makes = "zones"
columns = {{ id = "zone" }}
[links.avl-bus]
driver = "simulated"
zone = "west"
seed = 5
driving = {{ speed = 8, dwell_s = 4, on_s = 300, off_s = 100 }}
[links.avl-service]
driver = "simulated"
zone = "east"
seed = 6
driving = {{ speed = 8, dwell_s = 4, on_s = 300, off_s = 100 }}
[templates.bus]
kind = "bus"
driver = "simulated"
parameters = {{ route = {{ type = "text" }} }}
[templates.bus.points]
{POINTS}
status = {{ poll_ms = 100, address = {{ drives = "{{route}}", part = "status" }} }}
[templates.service]
kind = "service_vehicle"
driver = "simulated"
parameters = {{ route = {{ type = "text" }} }}
[templates.service.points]
{POINTS}
status = {{ poll_ms = 100, address = {{ drives = "{{route}}", part = "status" }} }}
task = {{ poll_ms = 200, address = {{ initial = 0 }} }}
"""


class FastClock:
    """Seconds that run ``speed`` times as fast as real ones, until they are stopped."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._from = time.monotonic()
        self._stopped: float | None = None

    def __call__(self) -> float:
        if self._stopped is not None:
            return self._stopped
        return (time.monotonic() - self._from) * self.speed

    def stop(self) -> None:
        self._stopped = self()


def devices(buses: int, vehicles: int) -> str:
    """Return the devices: buses from end to end and beyond, vehicles on rounds of two zones."""
    text = ""
    for kind, link, count in (("bus", "avl-bus", buses), ("service", "avl-service", vehicles)):
        for number in range(1, count + 1):
            lat = 47.001 + 0.008 * number / (count + 1)
            route = f"{lat:.4f} 4.9990; {lat:.4f} 5.0310"
            if kind == "service":
                route = f"{lat:.4f} 5.0050; {lat:.4f} 5.0150; 47.0095 5.0250; {lat:.4f} 5.0050"
            text += f'[[device]]\nid = "{kind}-{number}"\ntemplate = "{kind}"\nlink = "{link}"\n'
            text += f'parameters = {{ route = "{route}" }}\n'
    return text


def outlines() -> str:
    features = []
    for at, zone in enumerate(ZONES):
        west, east = 5.0 + at * WIDTH, 5.0 + (at + 1) * WIDTH
        ring = [[west, 47.0], [east, 47.0], [east, 47.01], [west, 47.01], [west, 47.0]]
        features.append(
            {
                "type": "Feature",
                "properties": {"zone": zone},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features})


@contextmanager
def strip_city(
    folder: Path, *, buses: int = 8, vehicles: int = 8, speed: float = 60.0, cells: int = 2
) -> Iterator[tuple[LocalCity, FastClock]]:
    """Run the city; vehicles drive ``speed`` times as fast as they say."""
    (folder / "zones.geojson").write_text(outlines())
    (folder / "city.toml").write_text(CITY + devices(buses, vehicles))
    clock = FastClock(speed)
    for link in LINKS:
        SimulatedField.of(link).clock = clock
    try:
        with LocalCity(folder / "city.toml", cells=cells) as city:
            yield city, clock
    finally:
        for link in LINKS:
            SimulatedField.forget(link)


def truth() -> dict[str, float]:
    """Return what all points really hold."""
    return {k: v for link in LINKS for k, v in SimulatedField.of(link).account().items()}
