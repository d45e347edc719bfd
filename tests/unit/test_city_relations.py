"""What must hold between devices, links, zones and templates of one city."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from city_samples import CITY, DRIVERS, KINDS, LAMPS, Wire, load, problems, write

from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.city import DeviceSpec, PointSpec

START = CITY.count("\n")


def device(**values: object) -> str:
    """Return a ``[[device]]`` table."""
    lines = [f"{key} = {value!r}" for key, value in values.items()]
    return "\n".join(["[[device]]", *lines, ""])


def lamp(name: str, **values: object) -> str:
    return device(id=name, template="lamp", **{"link": "c1", "index": 50} | values)


# More devices, and the problems; lines count from the end of the sample.
MORE: dict[str, tuple[str, list[str]]] = {
    "an unknown template": (
        device(id="x", template="lmp", link="c1"),
        [(3, 'device[0].template: found "lmp"; allowed: a template: cabinet, lamp (did you mean '
          '"lamp"?)')],
    ),
    "an unknown zone": (
        lamp("x", zone="bb"),
        [(6, 'device[0].zone: found "bb"; allowed: a zone: a, b (did you mean "b"?)')]),
    "the zone of another link": (
        lamp("x", zone="b"),
        [(6, 'device[0].zone: found "b"; allowed: "a", the zone of link "c1": all its devices are '
          "in one zone")],
    ),
    "a link of another driver": (
        lamp("x", link="w") + '[links.w]\ndriver = "wire"\nzone = "a"\n',
        [(4, 'device[0].link: found "w" with driver "wire"; allowed: a link with driver "bus", as '
          'template "lamp" has')],
    ),
    "a feeder that is not there": (
        lamp("x", fed_by="c9"),
        [(6, 'device[0].fed_by: found "c9"; allowed: a device')],
    ),
    "a feeder on another link": (
        lamp("x", fed_by="c2"),
        [(6, 'device[0].fed_by: found "c2", which is on link "c2"; allowed: a device on the same '
          'link, "c1"')],
    ),
    "a device that feeds itself": (
        lamp("x", fed_by="x"),
        [(6, "device[0].fed_by: found x -> x; allowed: a feed that ends somewhere")],
    ),
    "devices that feed each other": (
        lamp("x", fed_by="y") + lamp("y", fed_by="z", index=51) + lamp("z", fed_by="y", index=52),
        [(12, "device[1].fed_by: found y -> z -> y; allowed: a feed that ends somewhere")],
    ),
    "an id of an inventory": (
        lamp("l3"),
        [(2, 'device[0].id: found "l3"; allowed: an id that no other device has (first at '
          "lamps.csv:4)")],
    ),
    "an address of an inventory": (
        lamp("x", index=2),
        [(5, 'device[0].index: found index 2 of unit 1, the address of "l2"; allowed: another '
          'index or unit_id on link "c1" (first at lamps.csv:3)')],
    ),
    "no address": (
        lamp("x", index=65_000),
        [(5, "device[0].index: found index 65000 of unit 1; allowed: an index and unit_id to which "
          "the driver has an address (level: address 66000 is above 65535)")],
    ),
    "a lat out of range": (
        lamp("x", lat=-91, lon=5),
        [(6, "device[0].lat: found -91; allowed: a number from -90 to 90")],
    ),
    "a lat that is no number": (
        "[[device]]\nid = 'x'\ntemplate = 'lamp'\nlink = 'c1'\nindex = 50\nlat = nan\nlon = 5\n",
        [(6, "device[0].lat: found nan; allowed: a number from -90 to 90")],
    ),
    "a wrong key": (
        lamp("x", unit=2),
        [(6, "device[0].unit: found an unknown key; allowed: id, template, zone, link, name, "
          'index, unit_id, fed_by, lat, lon, parameters (did you mean "unit_id"?)')],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("more", "found"), MORE.values(), ids=MORE)
def test_a_device_that_does_not_fit_is_named(
    more: str, found: list[tuple[int, str]], tmp_path: Path
) -> None:
    expected = [f"city.toml:{START + line}: {text}" for line, text in found]
    assert problems(tmp_path, city=CITY + more) == expected


def test_the_same_position_on_another_unit_is_another_address(tmp_path: Path) -> None:
    assert problems(tmp_path, city=CITY + lamp("x", index=2, unit_id=2)) == []


def test_without_a_step_all_lamps_of_a_link_share_an_address(tmp_path: Path) -> None:
    city = CITY.replace(", step = 1", "")
    (found,) = problems(tmp_path, city=city)
    assert found.startswith('lamps.csv:3: index (column "position"): found index 2 of unit 1, the')


def test_a_writable_address_belongs_to_one_point_whatever_its_name(tmp_path: Path) -> None:
    other = """
[templates.other]
kind = "cabinet"
driver = "bus"
points.dim = { writable = true, address = { table = "holding", address = 1 } }
"""
    found = problems(tmp_path, city=CITY + other + device(id="x", template="other", link="c1"))
    assert len(found) == 1
    assert 'the address of "l1"' in found[0]
    readable = other.replace("writable = true, ", "")
    assert not problems(
        tmp_path, city=CITY + readable + device(id="x", template="other", link="c1")
    )


def test_a_driver_whose_addresses_depend_on_the_device_is_asked_for_each(tmp_path: Path) -> None:
    city = CITY.replace('driver = "bus"', 'driver = "wire"')
    lamps = LAMPS.replace("c1,2", "c1,1")
    assert not problems(tmp_path, city=city, lamps=lamps)


def test_a_driver_whose_addresses_are_each_devices_own_is_not_asked_for_them(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    class Asked(Wire):
        @classmethod
        def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
            asked.append(device.id)
            return super().address_of(point, device)

    class Own(Asked):
        own_addresses = True

    city = CITY.replace('driver = "bus"', 'driver = "wire"')
    path = write(tmp_path, city=city, lamps=LAMPS.replace("c1,2", "c1,1"))
    made = load_city(path, kinds=KINDS, drivers={**DRIVERS, "wire": Own})
    assert not asked
    assert made == load_city(path, kinds=KINDS, drivers={**DRIVERS, "wire": Asked})
    assert asked


def test_links_take_the_zone_of_their_devices_and_devices_that_of_their_link(
    tmp_path: Path,
) -> None:
    more = '[links.w]\ndriver = "bus"\nhost = "h"\n' + lamp("x", link="w", zone="Chenôve")
    city = load(tmp_path, city=CITY + more + lamp("y", link="w", index=51))
    zones = {device.id: device.zone for device in city.devices}
    assert {link.id: link.zone for link in city.links} == {"w": "a", "c1": "a", "c2": "b"}
    assert zones == {"c1": "a", "c2": "b", "l1": "a", "l2": "a", "l3": "b", "x": "a", "y": "a"}


def test_devices_of_one_link_in_two_zones_are_refused(tmp_path: Path) -> None:
    more = '[links.w]\ndriver = "bus"\nhost = "h"\n' + lamp("x", link="w", zone="a")
    found = problems(tmp_path, city=CITY + more + lamp("y", link="w", zone="b", index=51))
    assert found == [
        f'city.toml:{START + 15}: device[1].zone: found "b"; allowed: "a", the zone of link "w": '
        "all its devices are in one zone"
    ]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            "[templates.lamp.points.level]\nunit",
            "[templates.lamp.points.lvel]\nunit",
            'points.level: found points setpoint, lvel; allowed: a point "level" in "%", which '
            'kind "lamp" needs (did you mean "lvel"?)',
        ),
        (
            'unit = "%"\nrange',
            'unit = "W"\nrange',
            'points.setpoint.unit: found "W"; allowed: "%", as kind "lamp" needs it',
        ),
        (
            'writable = true\nfeedback = "level"',
            "",
            'points.setpoint.writable: found false; allowed: true, as kind "lamp" needs it',
        ),
    ],
)
def test_a_template_must_have_what_its_kind_needs(
    old: str, new: str, found: str, tmp_path: Path
) -> None:
    city = CITY.replace(old, new)
    assert city != CITY
    texts = [text.partition(" ")[2] for text in problems(tmp_path, city=city)]
    assert f"templates.lamp.{found}" in texts


def test_a_kinds_own_points_are_added_and_may_not_be_declared(tmp_path: Path) -> None:
    cabinet = load(tmp_path).templates["cabinet"]
    assert [point.name for point in cabinet.points] == ["door", "communication"]
    city = CITY.replace(
        'points.door.address = { table = "coil", address = 100 }',
        'points.communication.address = { table = "coil", address = 100 }',
    )
    (found,) = problems(tmp_path, city=city)
    assert found.endswith(
        "templates.cabinet.points.communication: found a point that the kind computes itself; "
        "allowed: another name"
    )


def test_a_template_without_points_is_a_problem(tmp_path: Path) -> None:
    more = '[templates.none]\nkind = "cabinet"\ndriver = "bus"\npoints = {}\n'
    assert problems(tmp_path, city=CITY + more) == [
        f"city.toml:{START + 4}: templates.none.points: found nothing; allowed: at least one point"
    ]
