"""What a Modbus point and link may say in a city file, and where a device's point then lies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from modbus_points import address, bound, point

from jacquemart.drivers.modbus import ModbusDriver
from jacquemart.drivers.modbus.options import parse_link
from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import ConfigError

GOOD = {"table": "holding", "address": 10}


def wrong_keys(writable: bool = False, **given: Any) -> list[str]:
    spec = PointSpec("p", writable=writable, address=given)
    return [key for key, _, _ in ModbusDriver.check_point(spec, given)]


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"table": "coils"}, ["table"]),
        ({"table": ["holding"]}, ["table"]),
        ({"address": -1}, ["address"]),
        ({"address": 65536}, ["address"]),
        ({"address": True}, ["address"]),
        ({"address": 1.0}, ["address"]),
        ({"address": "40001"}, ["address"]),
        ({"step": 0.5}, ["step"]),
        ({"step": -3}, []),
        ({"format": "u8"}, ["format"]),
        ({"format": "f64", "word_order": "DCBA"}, []),
        ({"word_order": "DABC"}, ["word_order"]),
        ({"scale": 0}, ["scale"]),
        ({"scale": float("nan")}, ["scale"]),
        ({"scale": 1e13}, ["scale"]),
        ({"scale": "0.1"}, ["scale"]),
        ({"scale": 10**400, "offset": -(10**400)}, ["scale", "offset"]),
        ({"offset": float("inf")}, ["offset"]),
        ({"format": "bool", "scale": 0.1, "offset": 1}, ["scale", "offset"]),
        ({"bit": 15}, []),
        ({"bit": 16}, ["bit"]),
        ({"bit": 3, "format": "u32"}, ["format"]),
        ({"table": "coil", "bit": 3}, ["bit"]),
        ({"table": "discrete", "format": "u16"}, ["format"]),
        ({"pulse": 1}, ["pulse"]),
        ({"pulse": True}, ["pulse"]),
        ({"unit": 3}, ["unit"]),
        ({"address": None}, ["address"]),
    ],
)
def test_each_wrong_key_of_a_point_is_named(change: dict[str, Any], keys: list[str]) -> None:
    assert wrong_keys(**{**GOOD, **change}) == keys


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"pulse": True}, []),
        ({"table": "input"}, ["table"]),
        ({"table": "discrete"}, ["table"]),
        ({"bit": 3}, ["bit"]),
    ],
)
def test_what_is_written_must_be_writable(change: dict[str, Any], keys: list[str]) -> None:
    assert wrong_keys(writable=True, **{**GOOD, **change}) == keys


def test_a_row_says_what_was_found_and_what_is_allowed() -> None:
    spec = PointSpec("p")
    assert ModbusDriver.check_point(spec, {"table": "coil"}) == [
        ("address", None, "a whole number from 0 to 65535")
    ]
    ((key, found, allowed),) = ModbusDriver.check_point(spec, {**GOOD, "adress": 4})
    assert (key, found) == ("adress", 4)
    assert "address" in allowed


def test_address_is_base_plus_index_times_step() -> None:
    spec = point(writable=False, table="input", address=100, step=2, format="f32")
    place = bound(spec, unit=3, index=7).address
    assert (place.unit, place.table, place.address, place.count) == (3, "input", 114, 2)
    assert place.text == "unit 3, input 114..115"


def test_a_step_may_go_down() -> None:
    spec = point(writable=False, table="input", address=100, step=-10)
    assert bound(spec, index=10).address.address == 0


@pytest.mark.parametrize(
    ("form", "index", "fits"),
    [("u16", 5535, True), ("u16", 5536, False), ("f32", 5534, True), ("f32", 5535, False)],
)
def test_a_device_beyond_the_table_is_the_operators_fault(
    form: str, index: int, fits: bool
) -> None:
    spec = point(writable=False, table="input", address=60_000, step=1, format=form)
    if fits:
        assert bound(spec, index=index).address.end == 65_536
        return
    with pytest.raises(ConfigError, match=f"dev-1-{index}/level: input address is") as caught:
        bound(spec, index=index)
    assert not caught.value.retryable


@pytest.mark.parametrize("unit", [0, 256, -1])
def test_a_unit_out_of_range_is_the_operators_fault(unit: int) -> None:
    with pytest.raises(ConfigError, match="allowed is 1 to 255"):
        bound(point(**GOOD), unit=unit)


def test_addresses_are_equal_if_they_are_the_same_place() -> None:
    assert address("holding", 4) == address("holding", 4, scale=0.1)
    assert hash(address("holding", 4)) == hash(address("holding", 4, scale=0.1))
    assert address("holding", 4) != address("holding", 4, unit=2)
    assert address("holding", 4) != address("input", 4)
    assert address("holding", 4) != address("holding", 4, format="u32")
    assert address("holding", 4, bit=1) != address("holding", 4, bit=2)


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"host": "10.0.0.1"}, []),
        ({"host": "cabinet-7.example"}, []),
        ({}, ["host"]),
        ({"host": ""}, ["host"]),
        ({"host": "two words"}, ["host"]),
        ({"host": 7}, ["host"]),
        ({"host": "h", "port": 0}, ["port"]),
        ({"host": "h", "port": 65536}, ["port"]),
        ({"host": "h", "port": "502"}, ["port"]),
        ({"host": "h", "timeout_ms": 0}, ["timeout_ms"]),
        ({"host": "h", "timeout_ms": 60_001}, ["timeout_ms"]),
        ({"host": "h", "max_span": 3}, ["max_span"]),
        ({"host": "h", "max_span": 126}, ["max_span"]),
        ({"host": "h", "max_gap": -1}, ["max_gap"]),
        ({"host": "h", "write_multiple": 1}, ["write_multiple"]),
        ({"host": "h", "retries": 3}, ["retries"]),
        ({"host": "h", "unit_retry_ms": 0, "unit_down_after": 0}, ["unit_down_after"]),
    ],
)
def test_each_wrong_option_of_a_link_is_named(options: dict[str, Any], keys: list[str]) -> None:
    assert [key for key, _, _ in ModbusDriver.check_link(options)] == keys


def test_options_left_out_have_their_defaults() -> None:
    options = parse_link({"host": " cab "})
    assert (options.host, options.port, options.timeout_ms) == ("cab", 502, 1_000)
    assert (options.max_gap, options.max_span, options.write_multiple) == (8, 125, True)


def test_a_point_that_is_a_pulse_is_one_for_the_driver_whatever_its_address_says() -> None:
    spec = PointSpec("p", writable=True, pulse=True, address={"table": "coil", "address": 3})
    device = DeviceSpec("d", "t", "z", "l")
    assert ModbusDriver.address_of(spec, device).pulse
    assert not ModbusDriver.address_of(replace(spec, pulse=False), device).pulse
