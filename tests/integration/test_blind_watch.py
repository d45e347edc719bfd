"""The watch that proves that nobody is blind sees it when somebody is."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from small_city import field, small_city

from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.testing.blind import BlindWatch

POLL_MS = 100
POINTS = {f"north-{n}/level": POLL_MS for n in (1, 2, 3)}


def test_a_city_that_is_left_alone_has_no_blind_tick(tmp_path: Path) -> None:
    with small_city(tmp_path) as city, BlindWatch(city.api, POINTS) as watch:
        time.sleep(0.5)
        watch.count()
        time.sleep(1.0)
        seen = watch.count()
        assert seen.readings >= 3 * 7
        assert seen.ticks == 0, seen.points


def test_polls_that_are_missing_are_counted_for_each_point(tmp_path: Path) -> None:
    with small_city(tmp_path) as city, BlindWatch(city.api, POINTS) as watch:
        time.sleep(0.3)
        watch.count()
        name = next(name for name in city.hosts if name.startswith("device"))
        city.freeze(name, 1.0)
        time.sleep(1.5)
        seen = watch.count()
        assert seen.missing_ticks >= 3 * 7
        assert seen.longest_ms >= 900
        assert set(seen.points) == set(POINTS)


def test_a_lamp_that_does_not_answer_is_blind_and_no_other(tmp_path: Path) -> None:
    with small_city(tmp_path) as city, BlindWatch(city.api, POINTS) as watch:
        time.sleep(0.3)
        watch.count()
        field().inject("dead", "north-2")
        time.sleep(1.5)
        seen = watch.count(settle_s=0.5)
        assert seen.bad_ticks >= 1
        assert set(seen.points) == {"north-2/level"}


def test_a_point_that_leaves_the_city_is_blind(tmp_path: Path) -> None:
    with small_city(tmp_path) as city, BlindWatch(city.api, POINTS) as watch:
        spec = city.spec
        left = tuple(device for device in spec.devices if device.id != "north-3")
        city.apply(replace(spec, devices=left))
        time.sleep(0.5)
        seen = watch.count(["north-3/level"], settle_s=0.5)
        assert seen.bad_ticks >= 1
        assert set(seen.points) == {"north-3/level"}
        time.sleep(0.5)
        assert watch.count().ticks == 0


def test_a_point_that_there_is_not_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jacquemart.runtime.testing.blind.SEEN_S", 0.5)
    with small_city(tmp_path) as city:
        watch = BlindWatch(city.api, {"north-9/level": POLL_MS})
        with pytest.raises(StartError, match="north-9/level"):
            watch.__enter__()
