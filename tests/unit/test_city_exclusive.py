"""No second way to a pulse: the city file is refused that has one."""

from __future__ import annotations

from pathlib import Path

import pytest
from generate import HERE

from jacquemart.runtime.city import load_city
from jacquemart.runtime.city.problems import CityErrors

TEMPLATE = (HERE / "templates" / "bollard.toml").read_text()
CITY = """
[city]
id = "t"
[zones.north]
[links.line]
driver = "modbus"
zone = "north"
host = "127.25.0.1"
[links.other]
driver = "modbus"
zone = "north"
host = "127.25.0.1"
[links.far]
driver = "modbus"
zone = "north"
host = "127.25.0.2"
[[device]]
id = "b-1"
template = "bollard"
link = "line"
"""


def problems(folder: Path, more: str, template: str = TEMPLATE) -> list[str]:
    path = folder / "city.toml"
    path.write_text(CITY + template + more)
    try:
        load_city(path)
    except CityErrors as errors:
        return [str(problem) for problem in errors.errors]
    return []


def back_door(address: str, *, link: str = "line", writable: str = "true") -> str:
    return f"""
[templates.back_door]
kind = "generic"
driver = "modbus"
points.valve = {{ writable = {writable}, address = {address} }}
[[device]]
id = "x-1"
template = "back_door"
link = "{link}"
"""


def test_a_bollard_alone_and_points_beside_its_coils_are_fine(tmp_path: Path) -> None:
    assert problems(tmp_path, "") == []
    assert problems(tmp_path, back_door('{ table = "coil", address = 2 }')) == []
    assert problems(tmp_path, back_door('{ table = "holding", address = 0 }')) == []
    assert problems(tmp_path, back_door('{ table = "coil", address = 0 }', link="far")) == []


@pytest.mark.parametrize("link", ["line", "other"])
@pytest.mark.parametrize("coil", [0, 1])
def test_another_writable_point_on_its_coils_is_refused_on_any_link_to_it(
    tmp_path: Path, link: str, coil: int
) -> None:
    door = back_door(f'{{ table = "coil", address = {coil} }}', link=link)
    (found,) = problems(tmp_path, door)
    assert "b-1" in found
    assert problems(tmp_path, door.replace("writable = true", "writable = false")) == []


@pytest.mark.parametrize("host", ["127.25.0.1", "127.25.1", "0x7f.25.0.1", "::ffff:127.25.0.1"])
def test_one_host_is_one_host_however_its_address_is_written(tmp_path: Path, host: str) -> None:
    door = back_door('{ table = "coil", address = 0 }', link="fourth")
    door += f'[links.fourth]\ndriver = "modbus"\nzone = "north"\nhost = "{host}"\n'
    (found,) = problems(tmp_path, door)
    assert "at the place of b-1/raise_pulse" in found


def test_a_pulse_that_only_its_address_calls_so_is_one_all_the_same(tmp_path: Path) -> None:
    door = back_door('{ table = "coil", address = 7, pulse = true }')
    assert problems(tmp_path, door) == []
    spec = load_city(tmp_path / "city.toml").templates["back_door"].points[0]
    assert spec.pulse, "it would be sent again to a device that is busy"
    twin = '[[device]]\nid = "x-2"\ntemplate = "back_door"\nlink = "other"\n'
    assert "at the place of x-1/valve" in problems(tmp_path, door + twin)[0]


def test_a_wider_register_over_a_pulse_in_a_register_is_refused(tmp_path: Path) -> None:
    held = TEMPLATE.replace('table = "coil", address = 0', 'table = "holding", address = 11')
    assert problems(tmp_path, "", held) == []
    wide = back_door('{ table = "holding", address = 10, format = "u32" }', link="other")
    (found,) = problems(tmp_path, wide, held)
    assert 'point "valve" at the place of b-1/raise_pulse' in found
    (found,) = problems(tmp_path, wide.replace("other", "line"), held)
    assert 'the address of "b-1"' in found


def test_two_names_of_one_coil_in_one_device_are_refused(tmp_path: Path) -> None:
    twice = TEMPLATE.replace('table = "coil", address = 1', 'table = "coil", address = 0')
    found = problems(tmp_path, "", twice)
    assert any("at the place of b-1/raise_pulse" in problem for problem in found)


def test_two_bollards_on_one_place_are_refused(tmp_path: Path) -> None:
    twin = '[[device]]\nid = "b-2"\ntemplate = "bollard"\nlink = "{}"\n'
    assert len(problems(tmp_path, twin.format("line"))) == 1
    found = problems(tmp_path, twin.format("other"))
    assert len(found) == 2, "both coils"
    assert problems(tmp_path, twin.format("far")) == []


@pytest.mark.parametrize(
    "weaker",
    [
        "tolerance = 1",
        "guards = []",
        'guards = ["fault"]',
        "pulse = false",
        "range = [0, 1]",
        'feedback = "fault"',
    ],
)
def test_no_template_can_make_a_pulse_laxer_than_its_kind(tmp_path: Path, weaker: str) -> None:
    lax = TEMPLATE.replace("raise_pulse = {", f"raise_pulse = {{ {weaker},")
    assert len(problems(tmp_path, "", lax)) == 1
    more = TEMPLATE + 'emergency_raise = { writable = true, address = { table = "coil" } }\n'
    assert problems(tmp_path, "", more)


WIDE = """
[templates.valve]
kind = "generic"
driver = "modbus"
parameters.base = { range = [0, 1_000] }
[templates.valve.points.valve]
writable = true
address = { table = "holding", address = "{base}", format = "u32" }
[[device]]
id = "v-1"
template = "valve"
link = "line"
parameters = { base = 10 }
[[device]]
id = "v-2"
template = "valve"
link = "line"
parameters = { base = 11 }
"""


def test_two_devices_that_write_to_one_register_are_refused_also_if_they_begin_elsewhere(
    tmp_path: Path,
) -> None:
    (found,) = problems(tmp_path, WIDE)
    assert 'base 11 of unit 1, the address of "v-1"' in found
    assert problems(tmp_path, WIDE.replace("base = 11", "base = 12")) == []
