"""Parameters of templates: declared, given by columns and defaults, told where they are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from city_samples import CITY, DRIVERS, KINDS, load, problems, write

from jacquemart.runtime.city import load_city
from jacquemart.runtime.model.city import NO_PARAMETERS
from jacquemart.runtime.model.parameters import resolved

PUMP = """
[templates.pump]
kind = "cabinet"
driver = "bus"
parameters = { base = { range = [0, 60_000] }, bank = { default = 0 } }
points.speed.address = { table = "holding", address = "{base} + 100 * {bank}" }
points.plain.address = { table = "coil", address = 5, step = 1 }
"""
PUMPS = """
[[inventory]]
file = "pumps.csv"
makes = "devices"
template = "pump"
columns = { id = "pump", link = "line", index = "no", base = "register", bank = "bank" }
"""
ROWS = "pump,line,no,register,bank\np1,c1,1000,10,\np2,c1,1001,10,3\np3,c2,1000,10,\n"


def pumps(folder: Path, rows: str = ROWS, city: str = CITY + PUMP + PUMPS) -> list[str]:
    (folder / "pumps.csv").write_text(rows)
    return problems(folder, city=city)


def test_devices_have_what_columns_and_defaults_give(tmp_path: Path) -> None:
    (tmp_path / "pumps.csv").write_text(ROWS)
    city = load(tmp_path, city=CITY + PUMP + PUMPS)
    devices = {device.id: device for device in city.devices}
    assert devices["p1"].parameters == {"base": 10, "bank": 0}
    assert devices["p2"].parameters == {"base": 10, "bank": 3}
    assert devices["p3"].parameters is devices["p1"].parameters, "equal ones are one object"
    assert devices["l1"].parameters is NO_PARAMETERS
    speed = city.templates["pump"].points[0]
    assert resolved(speed, devices["p2"]).address == {"table": "holding", "address": 310}


def test_two_devices_that_get_one_address_are_told_both(tmp_path: Path) -> None:
    rows = ROWS.replace("p2,c1,1001,10,3", "p2,c1,1001,0,0").replace(
        "p1,c1,1000,10,", "p1,c1,1000,100,-1"
    )
    assert pumps(tmp_path, rows) == [
        'pumps.csv:3: base (column "register"): found base 0, bank 0 of unit 1, the address of '
        '"p1"; allowed: another base, bank on link "c1" (first at pumps.csv:2)'
    ]


def test_what_the_driver_says_of_a_computed_address_is_told_at_its_row(tmp_path: Path) -> None:
    (found,) = pumps(tmp_path, ROWS.replace("p2,c1,1001,10,3", "p2,c1,1001,10,9999"))
    assert found.startswith(
        'pumps.csv:3: base (column "register"): found base 10, bank 9999 of unit 1; allowed: '
        "parameters to which the driver has an address (speed: address 999910 is above 65535)"
    )


def test_a_parameter_out_of_its_range_or_missing_is_told(tmp_path: Path) -> None:
    rows = ROWS.replace("p1,c1,1000,10,", "p1,c1,1000,60001,").replace(
        "p2,c1,1001,10", "p2,c1,1001,"
    )
    assert pumps(tmp_path, rows) == [
        'pumps.csv:2: base (column "register"): found "60001"; allowed: a whole number from 0 to '
        "60,000",
        'pumps.csv:3: base (column "register"): found nothing; allowed: a whole number from 0 to '
        "60,000",
    ]
    city = CITY + PUMP + PUMPS.replace(', base = "register"', "")
    (found,) = pumps(tmp_path, city=city)
    assert "columns.base: found no column for base" in found


def test_a_single_device_says_its_parameters_in_a_table(tmp_path: Path) -> None:
    device = '[[device]]\nid = "p"\ntemplate = "pump"\nlink = "c1"\nindex = 900\n'
    city = load(tmp_path, city=CITY + PUMP + device + "parameters = { base = 7 }\n")
    assert city.devices[-1].parameters == {"base": 7, "bank": 0}
    line = (CITY + PUMP + device).count("\n") + 1
    assert problems(tmp_path, city=CITY + PUMP + device + "parameters = { bas = 1 }\n") == [
        f"city.toml:{line}: device[0].parameters.bas: found an unknown key; allowed: base, bank "
        '(did you mean "base"?)',
        f"city.toml:{line}: device[0].parameters.base: found nothing; allowed: a whole number from "
        "0 to 60,000",
    ]
    lamp = device.replace('"pump"', '"lamp"') + "parameters = { base = 7 }\n"
    (found,) = problems(tmp_path, city=CITY + PUMP + lamp)
    assert "device[0].parameters.base: found an unknown key" in found


def test_an_inventory_of_several_templates_asks_each_row_for_its_own(tmp_path: Path) -> None:
    inventory = PUMPS.replace('template = "pump"\n', "").replace("{ id", '{ template = "type", id')
    rows = "pump,type,line,no,register,bank\np1,pump,c1,1000,10,\nx,lamp,c2,500,,\n"
    (tmp_path / "pumps.csv").write_text(rows)
    city = load(tmp_path, city=CITY + PUMP + inventory)
    assert [dict(device.parameters) for device in city.devices[-2:]] == [
        {"base": 10, "bank": 0},
        {},
    ]


DECLARED: dict[str, tuple[str, str]] = {
    "an undeclared name": (
        PUMP.replace("{bank}", "{bnk}"),
        'templates.pump.points.speed.address: found "{bnk}"; allowed: parameters of the template: '
        'base, bank (did you mean "{bank}"?)',
    ),
    "no arithmetic": (
        PUMP.replace("100 * ", "100 ** "),
        'templates.pump.points.speed.address: found "{base} + 100 ** {bank}"; allowed: whole '
        "numbers, {parameters}, + - * ( ) ('*' is not expected there)",
    ),
    "a name that means something else": (
        PUMP.replace("base = {", "index = {").replace("{base}", "{index}"),
        'templates.pump.parameters.index: found "index"; allowed: a name that means nothing else',
    ),
    "a name that is none": (
        PUMP.replace("base = {", "Base = {"),
        'templates.pump.parameters.Base: found "Base"; allowed: 1 to 32 of a-z 0-9 _, a letter',
    ),
    "a default out of range": (
        PUMP.replace("60_000]", "60_000], default = 60_001"),
        "templates.pump.parameters.base.default: found 60001; allowed: a whole number from 0 to",
    ),
    "a fraction": (
        PUMP.replace("60_000]", "60.5]"),
        "templates.pump.parameters.base.range: found [0.0, 60.5]; allowed: two whole numbers",
    ),
    "a range of texts": (
        PUMP.replace("60_000]", '9], type = "text"'),
        "templates.pump.parameters.base.range: found [0.0, 9.0]; allowed: no range for a text",
    ),
    "an unknown type": (
        PUMP.replace("60_000]", '9], type = "float"'),
        'templates.pump.parameters.base.type: found "float"; allowed: one of "whole", "text"',
    ),
    "no table": (
        PUMP.replace("{ default = 0 }", "0"),
        "templates.pump.parameters.bank: found 0; allowed: a table",
    ),
}


@pytest.mark.parametrize(("template", "told"), DECLARED.values(), ids=DECLARED)
def test_a_wrong_declaration_is_told_where_it_stands(
    template: str, told: str, tmp_path: Path
) -> None:
    found = problems(tmp_path, city=CITY + template)
    assert any(told in text for text in found), found


def test_text_is_put_in_and_never_computed(tmp_path: Path) -> None:
    template = """
[templates.room]
kind = "cabinet"
driver = "wire"
parameters = { room = { type = "text" }, n = {} }
points.t.address = { path = "hall/{room}/{n}", deep = [{ x = "{n} - 1" }] }
[links.w]
driver = "wire"
zone = "a"
[[device]]
id = "r"
template = "room"
link = "w"
parameters = { room = "12+3", n = 4 }
"""
    city = load(tmp_path, city=CITY + template)
    point, device = city.templates["room"].points[0], city.devices[-1]
    assert resolved(point, device).address == {"path": "hall/12+3/4", "deep": [{"x": 3}]}


def test_options_of_links_are_made_of_parameters_too(tmp_path: Path) -> None:
    line = """[link_templates.line]
driver = "bus"
port = "5000 + {n}"
host = "10.1.{district}.{n}"
parameters = { n = { range = [1, 254] }, district = { default = 7 } }
"""
    start, end = CITY.index("[link_templates"), CITY.index("[templates.cabinet]")
    city = (CITY[:start] + line + CITY[end:]).replace('host = "ip"', 'n = "no"')
    cabinets = "cabinet,commune,no\nc1,Chenôve,1\nc2,b,254\n"
    links = load(tmp_path, city=city, cabinets=cabinets).links
    assert [dict(link.options) for link in links] == [
        {"port": 5001, "host": "10.1.7.1"}, {"port": 5254, "host": "10.1.7.254"}
    ]  # fmt: skip
    (found,) = problems(tmp_path, city=city, cabinets=cabinets.replace("254", "255"))
    assert found.startswith('cabinets.csv:3: n (column "no"): found "255"; allowed: a whole number')
    (found,) = problems(tmp_path, city=city.replace(".{n}", ".{m}"), cabinets=cabinets)[:1]
    assert 'link_templates.line.host: found "{m}"; allowed: parameters of the template' in found


def test_a_template_that_declares_nothing_may_have_braces(tmp_path: Path) -> None:
    template = PUMP.replace("parameters = ", "options = ").split("points.plain")[0]
    template = template.replace('kind = "cabinet"\ndriver = "bus"', 'kind = "x"\ndriver = "wire"')
    write(tmp_path, city=CITY + template)
    kinds: dict[str, Any] = KINDS | {"x": KINDS["cabinet"]}
    city = load_city(tmp_path / "city.toml", kinds=kinds, drivers=DRIVERS)
    assert city.templates["pump"].points[0].address["address"] == "{base} + 100 * {bank}"
