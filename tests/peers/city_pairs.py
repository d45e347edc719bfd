"""Pairs of cities, one a change of the other, as Hypothesis draws them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    GatewaySpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)

ZONES = ("za", "zb", "zc")
NODES = {"depot": 1.0, "tower": 2.0}


def _points(count: int, unit: str) -> tuple[PointSpec, ...]:
    return tuple(PointSpec(f"p{at}", unit) for at in range(count))


@st.composite
def cities(draw: st.DrawFn) -> CitySpec:
    """Draw a city over a small world of ids, so that two of them have much in common."""
    zones = draw(st.lists(st.sampled_from(ZONES), min_size=1, unique=True))
    outlines = st.sampled_from([b"", b"wkb"])
    names = draw(st.lists(st.sampled_from(["small", "big"]), min_size=1, unique=True))
    units = st.sampled_from(["", "%"])
    templates = {
        name: TemplateSpec(
            name, "light", "fake", _points({"small": 1, "big": 4}[name], draw(units))
        )
        for name in names
    }
    links = [
        LinkSpec(
            f"l{number}",
            "fake",
            draw(st.sampled_from(zones)),
            {"host": draw(st.sampled_from("ab"))},
            draw(st.sampled_from(["shared", "shared", "shared", "process"])),
            draw(st.sampled_from(["", "", "", "depot", "tower"])),
        )
        for number in draw(st.lists(st.integers(0, 6), min_size=1, unique=True))
    ]
    devices = []
    for number in draw(st.lists(st.integers(0, 12), unique=True)):
        link = draw(st.sampled_from(links))
        row: dict[str, Any] = {
            "name": draw(st.sampled_from(["", "Lämpe"])),
            "index": draw(st.sampled_from([0, 0, 0, 1])),
            "fed_by": draw(st.sampled_from(["", "", "d0"])),
            "lat": draw(st.sampled_from([None, 47.3])),
        }
        parameters = draw(st.sampled_from([None, None, {"base": 1}]))
        if parameters is not None:
            row["parameters"] = parameters
        template = draw(st.sampled_from(names))
        devices.append(DeviceSpec(f"d{number}", template, link.zone, link.id, **row))
    return CitySpec(
        "c",
        draw(st.sampled_from(["C", "City"])),
        tuple(ZoneSpec(zone, zone.upper(), draw(outlines)) for zone in zones),
        templates,
        tuple(links),
        tuple(devices),
        GatewaySpec(port=draw(st.sampled_from([4747, 0]))),
        draw(st.sampled_from([20, 20, 50])),
        draw(st.sampled_from([0, 0, 2])),
    )


@st.composite
def changed(draw: st.DrawFn, old: CitySpec) -> CitySpec:
    """Draw a city with some rows of ``old`` and some of another."""
    other = draw(cities())
    if draw(st.booleans()):
        return other
    kept = draw(st.sets(st.sampled_from([link.id for link in old.links])))
    links = [link for link in old.links if link.id in kept]
    links += [link for link in other.links if link.id not in kept]
    known = {link.id: link for link in links}
    templates = {**other.templates, **old.templates}
    rows = {d.id: d for d in (*other.devices, *old.devices) if d.link in known}
    devices = tuple(
        DeviceSpec(
            d.id, d.template, known[d.link].zone, d.link, d.name, d.index, d.unit_id, d.fed_by,
            d.lat, d.lon, d.parameters,
        )
        for d in rows.values()
    )  # fmt: skip
    zones = {zone.id: zone for zone in (*other.zones, *old.zones)}
    return CitySpec(
        old.id, old.name, tuple(zones.values()), templates, tuple(links), devices,
        old.gateway, old.tick_ms, old.cells,
    )  # fmt: skip


#: An old city and a new one.
PAIRS = cities().flatmap(lambda old: st.tuples(st.just(old), changed(old)))
