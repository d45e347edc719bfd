"""A cell that was prepared before it was anybody: what it has ready, and what it does not touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from small_city import HEAD

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.city import load_city
from jacquemart.runtime.cluster.blueprint import blueprints
from jacquemart.runtime.cluster.placement import place
from jacquemart.runtime.model.directory import CellConfig
from jacquemart.runtime.model.errors import StartError

ZONES = ("north", "south")


@pytest.fixture
def plans(tmp_path: Path) -> Iterator[list[CellConfig]]:
    """Two device cells of a zone each."""
    text = HEAD.format(settle_ms=500, more="")
    for zone in ZONES:
        text += f'[zones.{zone}]\n[links.sb-{zone}]\ndriver = "simulated"\nzone = "{zone}"\n'
    for zone in ZONES:
        text += f'[[device]]\nid = "{zone}-1"\ntemplate = "lamp"\nlink = "sb-{zone}"\n'
    (tmp_path / "city.toml").write_text(text)
    city = load_city(tmp_path / "city.toml")
    made = blueprints(place(city, 2, {}), 0, city.gateway)
    yield [one.config for one in made if one.role == "device"]
    for zone in ZONES:
        SimulatedField.forget(f"sb-{zone}")


def test_a_standby_opens_no_link_before_it_adopts_and_then_only_those_of_its_cell(
    plans: list[CellConfig],
) -> None:
    both = tuple(shard for plan in plans for shard in plan.shards)
    host = CellHost(replace(plans[0], name="standby", epoch=1, shards=both))
    host.prepare()
    try:
        assert not any(SimulatedField.of(f"sb-{zone}").opened for zone in ZONES)
        mine = plans[1]
        address = host.adopt(replace(mine, epoch=7))
        assert (address.name, address.epoch, address.role) == (mine.name, 7, "device")
        assert host.health()["epoch"] == 7
        assert host.progress()["devices"] == 1
        shard = mine.shards[0]
        assert host._service.shards[shard.id].spec is shard
        with pytest.raises(StartError, match="no standby"):
            host.adopt(replace(plans[0], epoch=8))
    finally:
        host.stop(0.2)


def test_a_standby_that_adopts_what_it_has_not_built_builds_it_then(
    plans: list[CellConfig],
) -> None:
    host = CellHost(replace(plans[0], name="standby", epoch=1))
    host.prepare()
    try:
        host.adopt(replace(plans[1], epoch=2))
        assert host.progress()["devices"] == 1
    finally:
        host.stop(0.2)


def test_a_cell_that_was_not_prepared_adopts_nothing(plans: list[CellConfig]) -> None:
    with pytest.raises(StartError, match="no standby"):
        CellHost(replace(plans[0], epoch=1)).adopt(replace(plans[0], epoch=2))
