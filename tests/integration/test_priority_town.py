"""Buses, a broker, signals and RSMP sites in one city: who is asked for green, and never longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from patience import wait_until
from priority_town import APART_M, LONG_M, Events, Sites, Street, city_text, free_port

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.client import Client
from jacquemart.runtime.testing import LocalCity

pytestmark = pytest.mark.slow

LONG_S = 60.0


@contextmanager
def town(folder: Path, signals: int = 1) -> Iterator[tuple[LocalCity, Client, Sites, Street]]:
    ports = [free_port() for _ in range(signals)]
    (folder / "city.toml").write_text(city_text(ports, 3), encoding="utf-8")
    try:
        with Sites(ports) as sites, LocalCity(folder / "city.toml", cells=2) as city:
            client = city.client()
            for at in range(1, signals + 1):
                wait_until(lambda at=at: client.get(f"K{at}/state").value == 1.0, LONG_S)  # type: ignore[misc]
                wait_until(lambda at=at: client.get(f"K{at}/local").good, LONG_S)  # type: ignore[misc]
            yield city, client, sites, Street(SimulatedField.of("feed"))
    finally:
        for link in ("feed", "desk"):
            SimulatedField.forget(link)


def driven(street: Street, buses: list[str], so: Callable[[], bool], by_m: float = 1.5) -> None:
    """Let buses drive until something is so."""
    give_up = time.monotonic() + LONG_S
    while not so():
        assert time.monotonic() < give_up, "never"
        for bus in buses:
            street.drive(bus, by_m)
        time.sleep(0.25)


def test_a_bus_that_comes_is_asked_for_granted_and_let_go(tmp_path: Path) -> None:
    with town(tmp_path) as (_, client, sites, street):
        events = Events(client)
        street.put("bus-1", APART_M - LONG_M + 20)
        driven(street, ["bus-1"], lambda: "new" in sites.verbs("K1"))
        driven(street, ["bus-1"], lambda: bool(events.named("priority_granted")))
        first = sites.heard("K1")[0]
        assert (first.what, first.level, first.vehicle) == ("new", 6, "bus")
        assert dict(first.movement) == {"signalGroupId": "SG2"}
        assert first.id.startswith("K1.1.")
        assert "it is late" in client.why("bus-1")["texts"]["priority"]
        wait_until(lambda: "gives it priority" in client.why("bus-1")["texts"]["priority"])
        assert "bus-1 for group 2, level 6, activated" in client.why("K1")["texts"]["priority"]
        assert client.why("broker")["texts"]["asks for"] == "bus-1 at K1"
        street.put("bus-1", APART_M + 30)  # it is past the line; one jump would end it as well
        wait_until(lambda: sites.verbs("K1") == ["new", "cancel"], LONG_S)
        wait_until(lambda: sites.open("K1") == [], LONG_S)
        asked = events.named("priority_asked")[0]
        assert asked.detail["vehicle"] == "bus-1"
        assert asked.detail["why"] == "it is late"
        wait_until(lambda: bool(events.named("priority_cancelled", vehicle="bus-1")))
        wait_until(lambda: client.get("broker/requests").value == 0.0)
