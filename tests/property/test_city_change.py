"""The difference of two cities: whole, and nothing but the difference."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import FrameType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from peers.city_pairs import PAIRS, cities

from jacquemart.runtime.kernel.change import CityChange, compare, same_template
from jacquemart.runtime.model.city import (
    CitySpec,
    DeviceSpec,
    LinkSpec,
    PointSpec,
    TemplateSpec,
    ZoneSpec,
)


def _put(
    rows: Iterable[Any],
    part: Any,
    more: Iterable[Any] = (),
    key: Callable[[Any], str] = lambda x: x.id,
) -> list[Any]:
    """Apply one part of a change to rows."""
    found = {key(row): row for row in rows}
    for gone in part.removed:
        del found[key(gone)]
    for new in part.added:
        assert key(new) not in found
        found[key(new)] = new
    for pair in (*part.changed, *more):
        assert found[key(pair.old)] == pair.old or pair in more
        found[key(pair.new)] = pair.new
    return sorted(found.values(), key=key)


def applied(old: CitySpec, change: CityChange) -> CitySpec:
    """Do to the old city what the change says."""
    settings = {one.key: one.new for one in change.restart}
    gateway = replace(
        old.gateway,
        **{k.partition(".")[2]: v for k, v in settings.items() if k.startswith("gateway.")},
    )
    devices = (*change.devices.moved, *change.devices.redescribed)
    templates = _put(old.templates.values(), change.templates, key=lambda one: one.name)
    return CitySpec(
        settings.get("city.id", old.id),
        change.name.new if change.name else old.name,
        tuple(_put(old.zones, change.zones)),
        {one.name: one for one in templates},
        tuple(_put(old.links, change.links, change.links.moved)),
        tuple(_put(old.devices, change.devices, devices)),
        gateway,
        settings.get("city.tick_ms", old.tick_ms),
        settings.get("cells.count", old.cells),
    )


def in_order(city: CitySpec) -> CitySpec:
    """Return a city with its rows by id."""
    return replace(
        city,
        zones=tuple(sorted(city.zones, key=lambda one: one.id)),
        links=tuple(sorted(city.links, key=lambda one: one.id)),
        devices=tuple(sorted(city.devices, key=lambda one: one.id)),
    )


@given(PAIRS)
def test_a_change_applied_to_the_old_city_gives_the_new_one(
    pair: tuple[CitySpec, CitySpec],
) -> None:
    old, new = pair
    assert applied(old, compare(old, new)) == in_order(new)


@given(cities(), st.randoms(use_true_random=False))
def test_a_city_differs_from_itself_in_nothing_whatever_the_order_of_its_rows(
    city: CitySpec, rng: random.Random
) -> None:
    def shuffled(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(rng.sample(rows, len(rows)))

    other = replace(
        city,
        zones=shuffled(city.zones),
        links=shuffled(city.links),
        devices=shuffled(city.devices),
        templates=dict(shuffled(tuple(city.templates.items()))),
        source="another.toml",
    )
    assert compare(city, other).empty
    assert list(compare(city, other).blind()) == []


@given(PAIRS)
def test_a_device_is_in_one_list_and_blind_exactly_if_it_or_its_link_starts_anew(
    pair: tuple[CitySpec, CitySpec],
) -> None:
    old, new = pair
    change = compare(old, new)
    before = {device.id: device for device in old.devices}
    links = {link.id: link for link in old.links}
    again = {link.id for link in new.links if links.get(link.id) != link}
    expected = {
        device.id
        for device in new.devices
        if device.id not in before
        or device.link in again
        or replace(before[device.id], name="", lat=None, lon=None)
        != replace(device, name="", lat=None, lon=None)
        or not same_template(old, new, device.template)
    }
    blind = list(change.blind())
    assert len(blind) == len(set(blind))
    assert set(blind) == expected


def test_a_change_of_settings_is_named_by_the_keys_of_the_city_file() -> None:
    city = CitySpec("c", "C", (ZoneSpec("z"),), {}, (), ())
    other = replace(
        city, id="d", tick_ms=50, cells=3, gateway=replace(city.gateway, host="::1", port=1)
    )
    change = compare(city, other)
    assert [one.key for one in change.restart] == [
        "city.id", "city.tick_ms", "cells.count", "gateway.host", "gateway.port",
    ]  # fmt: skip
    assert not change.empty
    assert all(one.advice for one in change.restart)


def test_ten_times_as_many_devices_take_ten_times_as_many_steps_to_compare() -> None:
    template = {"lamp": TemplateSpec("lamp", "light", "fake", (PointSpec("level"),))}

    def city(count: int, moved: int) -> CitySpec:
        links = tuple(LinkSpec(f"l{at}", "fake", "z") for at in range(count // 50))
        devices = tuple(
            DeviceSpec(f"d{at}", "lamp", "z", links[(at // 50 + (at < moved)) % len(links)].id)
            for at in range(count)
        )
        return CitySpec("c", "C", (ZoneSpec("z"),), template, links, devices)

    def steps(count: int) -> int:
        """Lines that run: they do not depend on the machine's mood, as seconds do."""
        old, new = city(count, 0), city(count, count // 2)
        ran = 0

        def trace(frame: FrameType, event: str, _: object) -> object:
            nonlocal ran
            ran += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            change = compare(old, new)
        finally:
            sys.settrace(before)
        assert len(change.devices.moved) == count // 2
        return ran

    assert steps(8_000) < 12 * steps(800)
