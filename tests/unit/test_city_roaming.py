"""The city file gives kinds that roam the names of its zones."""

from __future__ import annotations

from pathlib import Path

from strip_city import CITY, devices, outlines

from jacquemart.runtime.city import load_city


def test_a_roaming_kind_knows_the_zones_in_the_order_of_the_city(tmp_path: Path) -> None:
    (tmp_path / "zones.geojson").write_text(outlines())
    (tmp_path / "city.toml").write_text(CITY + devices(2, 2))
    city = load_city(tmp_path / "city.toml")
    assert [zone.id for zone in city.zones] == ["east", "west", "middle"]
    for name in ("bus", "service"):
        template = city.templates[name]
        point = template.points[template.point_index("zone")]
        assert point.words == ("outside", "east", "west", "middle")
        assert (point.low, point.high, point.withheld_unless) == (0.0, 3.0, "status")
    assert {device.zone for device in city.devices} == {"west", "east"}
