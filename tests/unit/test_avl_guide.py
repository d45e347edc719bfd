"""The guide to AVL: its lines are read, its city loads, its tables are the driver's."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from jacquemart.drivers.avl import sentence
from jacquemart.drivers.avl.options import COUNTS, SHOWS, LinkOptions
from jacquemart.drivers.avl.sentence import Duty, Fix, decode
from jacquemart.runtime.city import load_city

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "avl.md").read_text(encoding="utf-8")
LINES, TOML = re.findall(r"```\w+\n(.*?)```", GUIDE, re.DOTALL)[:2]


def test_the_lines_of_the_guide_are_read_and_are_those_of_the_code() -> None:
    position, duty = (decode(line.encode()) for line in LINES.splitlines())
    assert isinstance(position, Fix)
    assert isinstance(duty, Duty)
    assert duty == ("BUS-12", 1, 3, 95, 42, 0)
    assert sentence.__doc__ is not None
    assert all(line in sentence.__doc__ for line in LINES.splitlines())


def test_the_city_of_the_guide_loads(tmp_path: Path) -> None:
    text = TOML.replace('driver = "avl"', 'driver = "jacquemart.drivers.avl:AvlDriver"')
    (tmp_path / "city.toml").write_text(
        f'[city]\nid = "guide"\n[zones.north]\n{text}', encoding="utf-8"
    )
    (device,) = load_city(tmp_path / "city.toml").devices
    assert device.id == "BUS-12"


def test_its_tables_are_those_of_the_driver() -> None:
    rows = dict(re.findall(r"^\| (`.*?) \| (.*?) \|", GUIDE, re.MULTILINE))
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    options = {one.name: one for one in fields(LinkOptions)}
    assert keys == {*options, "vehicle", "shows", "value", "RMC", "PJQMV"}
    for row, said in rows.items():
        name = row.strip("`")
        if said and name in options and name != "simulated":
            assert int(said.replace(",", "")) == options[name].default
    shows = next(line for line in GUIDE.splitlines() if line.startswith("| `shows`"))
    assert {*SHOWS, *COUNTS} <= set(re.findall(r"`(\w+)`", shows))
