"""The guide to vehicles: its city loads, its declaration is one, its tables are the driver's."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from strip_city import outlines

from jacquemart.actors.fleet import presence, vehicle
from jacquemart.drivers.simulated import traffic
from jacquemart.drivers.simulated.route import Going
from jacquemart.runtime.actor.declare import Point
from jacquemart.runtime.city import load_city

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "vehicles.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)[:2])
TOML = "".join(re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL))


def test_the_city_of_the_guide_loads(tmp_path: Path) -> None:
    (tmp_path / "zones.geojson").write_text(outlines())
    (tmp_path / "city.toml").write_text(
        '[city]\nid = "guide"\n[[inventory]]\nfile = "zones.geojson"\nmakes = "zones"\n'
        f'columns = {{ id = "zone" }}\n{TOML}[[device]]\nid = "bus-1"\ntemplate = "bus"\n'
        'link = "depot"\nparameters = { route = "47.005 5.005; 47.005 5.015" }\n'
    )
    city = load_city(tmp_path / "city.toml")
    assert [device.id for device in city.devices] == ["bus-1"]
    assert dict(city.links[0].options)["driving"]["off_s"] == 3_600


def test_the_declaration_of_the_guide_is_that_of_the_kinds() -> None:
    call = ast.parse(BLOCKS["python"], mode="eval").body
    assert isinstance(call, ast.Call)
    said = {key.arg: ast.literal_eval(key.value) for key in call.keywords if key.arg}
    declared = Point(*map(ast.literal_eval, call.args), **said)
    own = vehicle.POSITION[0].spec()
    spec = declared.spec()
    for name in ("unit", "low", "high", "withheld_unless", "by_source", "stale_after_ms"):
        assert getattr(spec, name) == getattr(own, name)


def test_its_tables_and_numbers_are_those_of_the_code() -> None:
    keys = {key for row in re.findall(r"^\| (`.*?) \|", GUIDE, re.MULTILINE) for key in
            re.findall(r"`(\w+)`", row)}  # fmt: skip
    assert keys == set(traffic.CHECKS)
    parts = re.search(r"\| `part` \|(.*)\|", GUIDE)
    assert parts is not None
    assert set(re.findall(r"`(\w+)`", parts[1])) == {*Going._fields, traffic.STATUS}
    usual = re.search(r"`driving = \{(.*?)\}` says", GUIDE)
    assert usual is not None
    assert {
        key: float(value.replace("_", ""))
        for key, value in re.findall(r"(\w+) = ([\d_]+)", usual[1])
    } == {key: value for key, (_, value) in traffic.DRIVING.items()}
    assert f"{presence.LEAVE_M:.0f} m outside" in GUIDE
    assert f"outside for {presence.LEAVE_S:.0f} s" in GUIDE
    assert f"STALE {vehicle.STALE_MS // 1000} s after" in GUIDE
