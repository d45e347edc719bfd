"""What a live change takes out of a zone leaves its journal; a restart alone forgets nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from patience import wait_until
from small_city import small_city

from jacquemart.runtime.city import load_city
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.testing import LocalCity

MEANT = ("north-1", "north-2", "north-3")


def states_of(city: LocalCity) -> dict[str, ZoneState]:
    zone: Any = city.hosts["zone-0"]._service
    return {name: book.state for name, book in zone.authority.books.items()}


def without(city: CitySpec, *gone: str) -> CitySpec:
    return replace(city, devices=tuple(one for one in city.devices if one.id not in gone))


def test_claims_setpoints_and_states_of_a_device_that_leaves_are_no_more(tmp_path: Path) -> None:
    with small_city(tmp_path, settle_ms=300, state=tmp_path / "state") as city:
        whole = load_city(tmp_path / "city.toml")
        with city.client(principal="ann") as client:
            for lamp in MEANT:
                assert client.set(f"{lamp}/setpoint", 30.0).applied
            assert client.hold("north-1/setpoint", 40.0, why="works").applied
            assert client.lockout("north-2", why="lamp open").applied
            state = states_of(city)["north"]
            assert state.devices() == set(MEANT)
            city.apply(without(whole, "north-1", "north-2"))
            wait_until(lambda: state.devices() == {"north-3"})
            assert state.claims == {}
            assert "north-1" not in repr(ZoneState.unpack(state.pack()).setpoints)
            city.apply(whole)
            assert client.set("north-2/setpoint", 50.0).applied, "no lock-out of before is left"
            assert client.claims() == []
            assert client.release("north-1/setpoint").applied
            assert client.get("north-3/level").value == 30.0


def test_a_start_with_another_file_forgets_nothing(tmp_path: Path) -> None:
    with small_city(tmp_path, settle_ms=300, state=tmp_path / "state") as city, city.client() as it:
        assert it.lockout("north-1", why="lamp open").applied
    other = tmp_path / "other"
    other.mkdir()
    text = (tmp_path / "city.toml").read_text().replace('"north-1"', '"north-9"')
    (other / "city.toml").write_text(text)
    with LocalCity(other / "city.toml", state=tmp_path / "state") as city:
        assert states_of(city)["north"].devices() == {"north-1"}
    with small_city(tmp_path, settle_ms=300, state=tmp_path / "state") as city, city.client() as it:
        assert [(one.verb, one.device) for one in it.claims()] == [("lockout", "north-1")]
