"""Whatever the bytes of a city file or an inventory: a city or CityErrors, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.city import CityErrors, load_city
from jacquemart.runtime.city.locate import locate
from jacquemart.runtime.city.problems import KEPT
from jacquemart.runtime.model.city import CitySpec, DeviceSpec, PointSpec

CITY = b"""[city]
id = "c"
[gateway]
port = 1
[zones.a]
name = "A"
[zones.b]
[link_templates.line]
driver = "bus"
[links.own]
driver = "bus"
zone = "a"
isolation = "process"
[templates.lamp]
kind = "lamp"
driver = "bus"
[templates.lamp.points.level]
range = [0, 100]
writable = true
address = { table = 1, step = 1 }
[[inventory]]
file = "links.csv"
makes = "links"
template = "line"
columns = { id = "id", zone = "zone", host = "host" }
[[inventory]]
file = "devices.csv"
makes = "devices"
template = "lamp"
columns = { id = "id", link = "link", index = "index", fed_by = "fed", lat = "lat", lon = "lon" }
[[device]]
id = "d"
template = "lamp"
link = "own"
"""
LINKS = b"id,zone,host\nl1,a,h1\nl2,b,h2\n"
DEVICES = b"id,link,index,fed,lat,lon\nd1,l1,1,,47.3,5\nd2,l1,2,d1,,\nd3,l2,1,,47.3,5\n"

CELLS = [
    *(b"", b"d1", b"d2", b"l1", b"own", b"1", b"-1", b"0.5", b"1e999", b"nan", b"a b", b"9" * 40),
    *(b'"', b'""', b"\n", b"\r", b"\x00", b"\xe9", b"\xc3\xa9", b",", b"\xef\xbb\xbf"),
]
VALUES = [
    *(b"1", b"-1", b"nan", b"inf", b"true", b"1979-05-27", b"9" * 30),
    *(b"[]", b"[1, 2]", b"{}", b"[{}]", b"{ a = 1 }", b'""', b'"x"', b'"a"', b'"\\u0000"'),
    *(b'"l1"', b'"bus"', b'"lamp"', b'"id"', b'"utf-16"', b'";"', b'"links"', b'"devices"'),
    b'"links.csv"',
]


class Bus:
    def check_link(self, options: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
        return []

    def check_point(
        self, point: PointSpec, address: Mapping[str, Any]
    ) -> list[tuple[str, Any, str]]:
        return [] if "table" in address else [("table", None, "a table")]

    def address_of(self, point: PointSpec, device: DeviceSpec) -> Any:
        return point.name, device.index


class Kind:
    required_points: ClassVar[Mapping[str, tuple[str, bool]]] = {"level": ("", True)}


def load(city: bytes = CITY, links: bytes = LINKS, devices: bytes = DEVICES) -> CitySpec | None:
    """Load the files; None, after a look at the problems, if they are wrong."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in (("city.toml", city), ("links.csv", links), ("devices.csv", devices)):
            (folder / file).write_bytes(content)
        try:
            loaded = load_city(folder / "city.toml", kinds={"lamp": Kind()}, drivers={"bus": Bus()})
        except CityErrors as error:
            check_errors(error, 2 + max(map(_lines, (city, links, devices))))
            return None
    check(loaded)
    return loaded


def check_errors(error: CityErrors, lines: int) -> None:
    assert 1 <= len(error.errors) <= KEPT
    assert error.more == 0 or len(error.errors) == KEPT
    for problem in error.errors:
        assert str(problem).isprintable(), "one line, and harmless in a terminal"
        assert problem.found
        assert problem.allowed
        assert 0 <= problem.line <= lines


def _lines(content: bytes) -> int:
    return content.count(b"\n") + content.count(b"\r") + content.count(b"\n\x00")


def check(city: CitySpec) -> None:
    """Assert what everything else relies on."""
    zones = {zone.id for zone in city.zones}
    links = {link.id: link for link in city.links}
    devices = {device.id: device for device in city.devices}
    assert len(links) == len(city.links)
    assert len(devices) == len(city.devices)
    assert all(link.zone in zones for link in city.links)
    for device in city.devices:
        assert device.zone == links[device.link].zone
        assert city.templates[device.template].driver == links[device.link].driver
        assert not device.fed_by or devices[device.fed_by].link == device.link
        assert (device.lat is None) == (device.lon is None)
        assert device.lat is None or -90 <= device.lat <= 90
    places = [(device.link, device.unit_id, device.index) for device in city.devices]
    assert len(set(places)) == len(places)


@st.composite
def changed(draw: st.DrawFn, content: bytes, pieces: list[bytes]) -> bytes:
    """Return the content with a few words replaced, cut or moved."""
    words = list(_words(content))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words) - 1))
        words[at] = draw(st.one_of(st.sampled_from(pieces), st.sampled_from(words), st.binary()))
    return b"".join(words)


def _words(content: bytes) -> Iterator[bytes]:
    word = bytearray()
    for byte in content:
        if bytes([byte]) in b'\n ,="[]{}.':
            yield bytes(word)
            yield bytes([byte])
            word.clear()
        else:
            word.append(byte)
    yield bytes(word)


def test_the_sample_is_a_city() -> None:
    city = load()
    assert city is not None
    assert len(city.devices) == 4


@given(st.binary())
def test_any_bytes_as_a_city_file(content: bytes) -> None:
    load(city=content)


@given(changed(CITY, VALUES))
@settings(max_examples=300, deadline=None)
def test_a_city_file_with_anything_changed(content: bytes) -> None:
    load(city=content)


@given(st.binary(), st.binary())
def test_any_bytes_as_inventories(links: bytes, devices: bytes) -> None:
    load(links=links, devices=devices)


@given(changed(LINKS, CELLS), changed(DEVICES, CELLS))
@settings(max_examples=300, deadline=None)
def test_inventories_with_anything_changed(links: bytes, devices: bytes) -> None:
    load(links=links, devices=devices)


@given(changed(CITY, VALUES))
@settings(max_examples=200, deadline=None)
def test_every_key_of_a_toml_text_has_a_line_on_which_it_stands(content: bytes) -> None:
    try:
        text = content.decode()
        values = tomllib.loads(text)
    except ValueError:
        return
    lines, rows = locate(text), text.split("\n")
    pending: list[tuple[tuple[str | int, ...], Any]] = [((), values)]
    while pending:
        path, value = pending.pop()
        if path:
            assert path in lines
        if path and isinstance(path[-1], str) and path[-1].isalnum() and path[-1].isascii():
            assert path[-1] in rows[lines[path] - 1]
        if isinstance(value, dict):
            pending += [((*path, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            pending += [((*path, number), item) for number, item in enumerate(value)]
