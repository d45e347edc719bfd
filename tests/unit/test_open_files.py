"""A cell whose links need more open files than it may have says so, with what to do."""

from __future__ import annotations

import resource

import pytest

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.drivers.simulated import SimulatedDriver
from jacquemart.runtime.cell import open_files
from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.errors import StartError

DRIVERS = {"modbus": ModbusDriver, "simulated": SimulatedDriver}


def links(number: int, driver: str) -> list[LinkSpec]:
    return [LinkSpec(f"line-{n}", driver, "z") for n in range(number)]


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1_024, 1_024))


@pytest.mark.usefixtures("limit")
def test_p12_too_many_connections_for_the_limit_are_a_typed_error_with_advice() -> None:
    with pytest.raises(StartError, match="its links need 836 connections") as caught:
        open_files.need_files("device-1", links(836, "modbus"), DRIVERS)
    assert caught.value.where == "cell device-1"
    assert "ulimit -Hn 1092" in caught.value.advice


@pytest.mark.usefixtures("limit")
def test_what_fits_and_what_has_no_socket_is_let_through() -> None:
    open_files.need_files("device-1", links(768, "modbus"), DRIVERS)
    open_files.need_files("device-1", links(8_000, "simulated"), DRIVERS)


def test_the_soft_limit_is_raised_to_the_hard_one_also_where_that_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: told.append(limits))
    for soft, hard in ((1_024, 4_096), (1_024, resource.RLIM_INFINITY), (4_096, 4_096)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, pair=(soft, hard): pair)
        open_files.raise_file_limit()
    assert told == [(4_096, 4_096), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)]
