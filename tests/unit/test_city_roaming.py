"""The city file gives kinds that roam the names of its zones."""

from __future__ import annotations

from pathlib import Path

import pytest
from strip_city import CITY, devices, outlines

from jacquemart.runtime.city import CityErrors, load_city
from jacquemart.runtime.kernel.change import compare


def test_a_roaming_kind_knows_the_zones_in_whichever_order_the_city_has_them(
    tmp_path: Path,
) -> None:
    (tmp_path / "zones.geojson").write_text(outlines())
    (tmp_path / "city.toml").write_text(CITY + devices(2, 2))
    city = load_city(tmp_path / "city.toml")
    assert [zone.id for zone in city.zones] == ["east", "west", "middle"]
    for name in ("bus", "service"):
        template = city.templates[name]
        point = template.points[template.point_index("zone")]
        assert point.words == ("outside", "east", "middle", "west")
        assert (point.low, point.high, point.withheld_unless) == (0.0, 3.0, "status")
    assert {device.zone for device in city.devices} == {"west", "east"}
    turned = CITY.replace("[zones.east]\n[zones.west]\n", "[zones.west]\n[zones.east]\n")
    assert turned != CITY
    (tmp_path / "turned.toml").write_text(turned + devices(2, 2))
    other = load_city(tmp_path / "turned.toml")
    assert [zone.id for zone in other.zones] == ["west", "east", "middle"]
    assert compare(city, other).empty, "the order of rows says nothing"


@pytest.mark.parametrize("point", ["status", "latitude"])
@pytest.mark.parametrize("limit", ["0", "90_001"])
def test_a_template_cannot_have_a_duty_or_a_position_count_for_longer(
    tmp_path: Path, point: str, limit: str
) -> None:
    (tmp_path / "zones.geojson").write_text(outlines())
    told = f"{point} = {{ poll_ms = 100,"
    lax = CITY.replace(told, f"{told} stale_after_ms = {limit},", 1)
    (tmp_path / "city.toml").write_text(lax + devices(1, 1))
    with pytest.raises(CityErrors, match=f"points.{point}.stale_after_ms.*allowed: 1 to 90,000"):
        load_city(tmp_path / "city.toml")
    strict = CITY.replace(told, f"{told} stale_after_ms = 20_000,", 1)
    (tmp_path / "city.toml").write_text(strict + devices(1, 1))
    assert load_city(tmp_path / "city.toml").devices
