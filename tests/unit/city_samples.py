"""A small city on disk, with a kind and a driver of its own, for the tests of the city file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from jacquemart.runtime.city import CityErrors, load_city
from jacquemart.runtime.model.city import CitySpec, DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import ConfigError

Wrong = Sequence[tuple[str, Any, str]]

CITY = """\
[city]
id = "dijon"
name = "Dijon"

[zones.a]
name = "Chenôve"
[zones.b]

[link_templates.line]
driver = "bus"
port = 502

[templates.cabinet]
kind = "cabinet"
driver = "bus"
points.door.address = { table = "coil", address = 100 }

[templates.lamp]
kind = "lamp"
driver = "bus"

[templates.lamp.points.setpoint]
unit = "%"
range = [0, 100]
writable = true
feedback = "level"
address = { table = "holding", address = 0, step = 1 }

[templates.lamp.points.level]
unit = "%"
address = { table = "holding", address = 1000, step = 1 }

[[inventory]]
file = "cabinets.csv"
makes = "links"
template = "line"
columns = { id = "cabinet", zone = "commune", host = "ip" }

[[inventory]]
file = "cabinets.csv"
makes = "devices"
template = "cabinet"
columns = { id = "cabinet", link = "cabinet" }

[[inventory]]
file = "lamps.csv"
makes = "devices"
template = "lamp"
columns = { id = "lamp", link = "cabinet", fed_by = "cabinet", index = "position", lat = "lat", lon = "lon" }
"""  # noqa: E501
CABINETS = "cabinet,commune,ip\nc1,Chenôve,10.0.0.1\nc2,b,10.0.0.2\n"
LAMPS = """\
lamp,cabinet,position,lat,lon
l1,c1,1,47.32,5.04
l2,c1,2,47.32,5.05
l3,c2,1,,
"""


class Bus:
    """A driver with tables and registers, as far as a city file sees it."""

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Wrong:
        wrong = [
            (key, found, "host, port") for key, found in options.items() if key not in _OPTIONS
        ]
        if type(options.get("port", 502)) is not int:
            wrong.append(("port", options["port"], "a whole number"))
        return wrong if "host" in options else [*wrong, ("host", None, "a host name")]

    @classmethod
    def check_point(cls, point: PointSpec, address: Mapping[str, Any]) -> Wrong:
        table = address.get("table")
        if table not in ("coil", "holding", "input"):
            return [("table", table, "coil, holding, input")]
        if point.writable and table == "input":
            return [("writable", True, "false, since an input cannot be written")]
        return []

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        place = point.address["address"] + device.index * point.address.get("step", 0)
        if place > 65_535:
            raise ConfigError(f"address {place} is above 65535")
        return point.address["table"], place


_OPTIONS = ("host", "port")


class Wire(Bus):
    """Another protocol; it knows points by name, so positions do not matter."""

    @classmethod
    def check_point(cls, point: PointSpec, address: Mapping[str, Any]) -> Wrong:
        return []

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Wrong:
        return []

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        return f"{device.id}/{point.name}"


class Lamp:
    required_points: ClassVar[Mapping[str, tuple[str, bool]]] = {
        "setpoint": ("%", True),
        "level": ("%", False),
    }

    @staticmethod
    def check_options(options: Mapping[str, Any]) -> Wrong:
        return [(key, found, "ramp_s") for key, found in options.items() if key != "ramp_s"]


class Cabinet:
    required_points: ClassVar[Mapping[str, tuple[str, bool]]] = {}
    derived_points = (PointSpec("communication", address={"derived": True}),)


KINDS: dict[str, Any] = {"lamp": Lamp, "cabinet": Cabinet}
DRIVERS: dict[str, Any] = {"bus": Bus, "wire": Wire}


def write(folder: Path, **files: str | bytes) -> Path:
    """Write the sample city, some files replaced, and return its city file."""
    contents: dict[str, str | bytes] = {"city": CITY, "cabinets": CABINETS, "lamps": LAMPS}
    for name, content in (contents | files).items():
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.{'toml' if name == 'city' else 'csv'}").write_bytes(data)
    return folder / "city.toml"


def load(folder: Path, **files: str | bytes) -> CitySpec:
    """Load the sample city with some files replaced."""
    return load_city(write(folder, **files), kinds=KINDS, drivers=DRIVERS)


def problems(folder: Path, **files: str | bytes) -> list[str]:
    """Return the problems of the sample city as lines, without the folder."""
    try:
        load(folder, **files)
    except CityErrors as errors:
        return [str(problem).replace(f"{folder}/", "") for problem in errors.errors]
    return []
