"""The whole city of the example, a hundredth of its size: every kind, on the fields it has."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dijon_small_city import SOUND, FieldProcess, city_files, running_field
from generate import generate, parts_here

from jacquemart.runtime.city.load import load_city
from jacquemart.runtime.client import Client
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.local_city import LocalCity

KINDS = {kind for part in parts_here() for kind, _ in part.counts}
#: Drawn at a hundredth, but for lamps and cabinets, which stay as few as other tests have them.
COUNTS = {
    **{kind: max(1, round(count / 100)) for part in parts_here() for kind, count in part.counts},
    "street_light": 540,
    "lighting_cabinet": 10,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FieldProcess, Client]]:
    folder = tmp_path_factory.mktemp("dijon")
    with (
        running_field(folder / "generated", *SOUND) as (field, _),
        LocalCity(city_files(folder)) as city,
    ):
        yield field, city.client()


def total(client: Client) -> dict[str, Any]:
    kinds: dict[str, Any] = client.zones()["total"]["kinds"]
    return kinds


def test_every_kind_is_there_in_its_number_and_answers(
    whole: tuple[FieldProcess, Client],
) -> None:
    _, client = whole
    give_up = time.monotonic() + 30.0
    silent = KINDS - {"traffic_sensor"}  # it takes two polls until a flow is known
    while any(total(client)[kind]["online"] < COUNTS[kind] for kind in silent):
        assert time.monotonic() < give_up, total(client)
        time.sleep(0.2)
    assert {name: kind["count"] for name, kind in total(client).items()} == COUNTS


def test_bollards_and_buildings_show_what_their_real_servers_hold(
    whole: tuple[FieldProcess, Client],
) -> None:
    field, client = whole
    assert (field.ready["buildings"], field.ready["bollards"]) == (2, 1)
    raised, lowered = (reading.value for reading in client.get_many(
        ["dij-p001/up_limit", "dij-p001/down_limit"]
    ))  # fmt: skip
    assert sorted((raised, lowered)) == [0.0, 1.0]
    warm = client.get("dij-b001/heating_temperature_1")
    assert warm.quality == Quality.GOOD
    assert 5.0 < warm.value < 35.0
    outcome = client.set("dij-b001/heating_setpoint_1", 21.5)
    assert outcome.applied, outcome


def test_both_city_files_are_accepted_by_check(tmp_path: Path) -> None:
    generate(tmp_path / "generated", scale=0.01)
    for name in ("city.toml", "city-simulated.toml"):
        path = city_files(tmp_path, name=name)
        command = [sys.executable, "-m", "jacquemart.cli", "check", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "24" in done.stdout.partition("zones")[2].splitlines()[0]


def test_the_simulated_city_has_the_same_devices_and_points_as_the_real_one(tmp_path: Path) -> None:
    counts = generate(tmp_path / "generated", scale=0.01)
    real = load_city(city_files(tmp_path))
    simulated = load_city(city_files(tmp_path, name="city-simulated.toml"))
    assert {link.driver for link in simulated.links} == {"simulated"}
    assert {(one.id, one.zone, one.link) for one in simulated.devices} == {
        (one.id, one.zone, one.link) for one in real.devices
    }
    kinds = Counter(real.templates[one.template].kind for one in real.devices)
    assert dict(kinds) == dict(counts)
    for name, template in real.templates.items():
        twin = simulated.templates[name]
        assert [(p.name, p.unit, p.writable, p.feedback, p.poll_ms) for p in template.points] == [
            (p.name, p.unit, p.writable, p.feedback, p.poll_ms) for p in twin.points
        ], name
