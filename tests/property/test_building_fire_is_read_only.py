"""Whatever template the city file accepts, no write to a place of the fire system can be sent."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.building import Building
from jacquemart.actors.generic import GenericDevice
from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.city import load_city
from jacquemart.runtime.city.problems import CityErrors
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.testing import VirtualClock, VirtualTimeLoop

CITY = """
[city]
id = "c"
[zones]
z = {}
[links.a]
driver = "modbus"
zone = "z"
host = "10.0.0.1"
[links.b]
driver = "modbus"
zone = "z"
host = "10.0.0.1"
[links.c]
driver = "modbus"
zone = "z"
host = "10.0.0.2"
"""
FIRE = ("fire_alarm_1", "fire_fault_1", "fire_disablement_1", "fire_pressure_1")
ORDERS = ("heating_setpoint_1", "air_setpoint_1", "heating_setpoint_2")
FORMATS = ("u16", "i16", "u32", "f32", "u64")

places = st.fixed_dictionaries(
    {
        "table": st.sampled_from(["holding", "holding", "input"]),
        "address": st.integers(0, 9),
        "format": st.sampled_from(FORMATS),
    }
)
fire_points = st.dictionaries(st.sampled_from(FIRE), places, min_size=1, max_size=2)
order_points = st.dictionaries(
    st.sampled_from(ORDERS), places.map(lambda p: {**p, "table": "holding"}), max_size=2
)
devices = st.lists(
    st.tuples(
        st.sampled_from(["building", "other"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=4,
)


def city_file(
    fire: Mapping[str, Any], orders: Mapping[str, Any], other: Mapping[str, Any],
    found: list[tuple[str, str, int]], writable: bool | None,
) -> str:  # fmt: skip
    lines = [CITY, '[templates.building]\nkind = "building"\ndriver = "modbus"']
    lines.append("[templates.building.points]")
    for name, place in fire.items():
        said = "" if writable is None else f"writable = {str(writable).lower()}, "
        lines.append(f"{name} = {{ {said}address = {_toml(place)} }}")
    lines += [f"{name} = {{ address = {_toml(place)} }}" for name, place in orders.items()]
    lines.append('[templates.other]\nkind = "generic"\ndriver = "modbus"')
    lines.append("[templates.other.points]")
    lines.append(f"value = {{ writable = true, address = {_toml(other)} }}")
    for number, (template, link, unit) in enumerate(found):
        lines.append(f'[[device]]\nid = "d{number}"\ntemplate = "{template}"\nlink = "{link}"')
        lines.append(f'zone = "z"\nunit_id = {unit}')
    return "\n".join(lines)


def _toml(place: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(item)}" for key, item in place.items()) + " }"


def accepted(text: str) -> CitySpec | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.toml"
        path.write_text(text, encoding="utf-8")
        try:
            return load_city(path)
        except CityErrors:
            return None


class Submitted:
    """A host for a shard that records what is handed to links, and sends nothing."""

    def __init__(self, city: CitySpec) -> None:
        self.loop = VirtualTimeLoop()
        self.clock = VirtualClock(self.loop)
        self.places: set[tuple[Any, ...]] = set()
        self.peers = {link.id: link.options["host"] for link in city.links}
        spec = ShardSpec("z/0", "z", city.links, city.devices)
        kinds = {"building": Building, "generic": GenericDevice}
        self.shard = Shard(spec, city.templates, kinds, {"modbus": ModbusDriver}, self)
        for link, shell in self.shard.links.items():
            shell.up = True
            shell.submit = lambda write, link=link: self._note(link, write.point.address)

    def _note(self, link: str, address: Any) -> None:
        self.places |= self.at(link, address)

    def at(self, link: str, address: Any) -> set[tuple[Any, ...]]:
        return {
            (self.peers[link], address.unit, address.table, place)
            for place in range(address.address, address.end)
        }

    def emit(self, *_: Any) -> None: ...
    def failed(self, actor: Any, error: BaseException) -> None:
        raise error

    def link_changed(self, *_: Any) -> None: ...
    def flush(self) -> None: ...


def everything_that_can_be_written(city: CitySpec) -> tuple[set[Any], set[Any]]:
    """Order every point of every device, in every way; return the places written, and fire's."""
    host = Submitted(city)
    fire: set[Any] = set()
    for actor in host.shard.actors:
        actor.start()
        for point in actor.template.points:
            if point.address.get("derived"):
                continue
            if point.name.startswith("fire_"):
                fire |= host.at(actor.spec.link, ModbusDriver.address_of(point, actor.spec))
            for value in (0.0, 1.0, 20.0):
                for priority in (1, 8):
                    now = host.clock.boot_ns()
                    ticket = Ticket(
                        b"0" * 16, "t", actor.id, "set", point.name, value, "", priority,
                        now + 10**9, now, lambda _: None,
                    )  # fmt: skip
                    actor.handle(ticket)
    host.loop.close()
    return host.places, fire


def test_no_accepted_city_can_write_to_a_place_of_the_fire_system() -> None:
    ends = {"accepted": 0, "refused": 0}

    @settings(max_examples=100, deadline=None)
    @given(fire_points, order_points, places, devices, st.sampled_from([None, None, False, True]))
    def story_of(fire, orders, other, found, writable) -> None:
        other = {**other, "table": "holding"}
        city = accepted(city_file(fire, orders, other, found, writable))
        ends["refused" if city is None else "accepted"] += 1
        if writable is True:
            assert city is None
        if city is not None:
            written, closed = everything_that_can_be_written(city)
            assert not written & closed

    story_of()
    assert min(ends.values()) > 10  # it has met both


def story(fire: str, order: str, devices: list[tuple[str, str, int]], other: int = 50) -> str:
    """Return a city whose fire point and setpoint are where it is said."""
    return city_file(
        {"fire_alarm_1": json.loads(fire)}, {"heating_setpoint_1": json.loads(order)},
        {"table": "holding", "address": other}, devices, None,
    )  # fmt: skip


HOLDING_7 = '{"table": "holding", "address": 7}'
ALONE = [("building", "a", 1)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (story(HOLDING_7, HOLDING_7, ALONE), "heating_setpoint_1 at the place of d0/fire_alarm_1"),
        (
            story(HOLDING_7, '{"table": "holding", "address": 6, "format": "u32"}', ALONE),
            "heating_setpoint_1 at the place of d0/fire_alarm_1",
        ),
        (
            story(HOLDING_7, '{"table": "holding", "address": 1}',
                  [*ALONE, ("other", "a", 1)], other=7),
            "value at the place of d0/fire_alarm_1",
        ),
        (
            story(HOLDING_7, '{"table": "holding", "address": 1}',
                  [*ALONE, ("other", "b", 1)], other=7),
            "value at the place of d0/fire_alarm_1",
        ),
    ],
    ids=["same register", "overlapping register", "other device", "other link, same peer"],
)  # fmt: skip
def test_a_second_way_to_the_fire_system_is_refused_and_said(text: str, words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "city.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(CityErrors) as caught:
            load_city(path)
    assert words in str(caught.value)


def test_what_is_near_and_what_is_elsewhere_is_no_second_way() -> None:
    order = '{"table": "holding", "address": 8}'
    city = accepted(story(HOLDING_7, order, [*ALONE, ("other", "c", 1)], other=7))
    assert city is not None
    written, closed = everything_that_can_be_written(city)
    assert written
    assert not written & closed
