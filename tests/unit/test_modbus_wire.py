"""Requests and answers byte by byte, after the examples of the specification."""

from __future__ import annotations

import pytest

from jacquemart.drivers.modbus.faults import MEANINGS, meaning
from jacquemart.drivers.modbus.wire import (
    BrokenAnswer,
    Refusal,
    check_written,
    read_data,
    read_request,
    write_coil,
    write_coils,
    write_register,
    write_registers,
)
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.runtime.model.quality import Quality


def test_requests_are_those_of_the_specifications_examples() -> None:
    """MODBUS Application Protocol V1.1b3, §6.1, §6.2, §6.3, §6.4, §6.5, §6.6, §6.11, §6.12."""
    assert read_request("coil", 19, 19) == bytes.fromhex("0100130013")
    assert read_request("discrete", 196, 22) == bytes.fromhex("0200C40016")
    assert read_request("holding", 107, 3) == bytes.fromhex("03006B0003")
    assert read_request("input", 8, 1) == bytes.fromhex("0400080001")
    assert write_coil(172, True) == bytes.fromhex("0500ACFF00")
    assert write_coil(172, False) == bytes.fromhex("0500AC0000")
    assert write_register(1, b"\0\3") == bytes.fromhex("0600010003")
    states = [bit == "1" for bit in "1011001110"]
    assert write_coils(19, states) == bytes.fromhex("0F0013000A02CD01")
    assert write_registers(1, b"\0\x0a\1\2") == bytes.fromhex("100001000204000A0102")


def test_data_of_a_good_answer_is_handed_on() -> None:
    request = read_request("holding", 107, 3)
    assert read_data(request, bytes.fromhex("0306022B00000064"), 6) == bytes.fromhex("022B00000064")
    check_written(write_registers(1, b"\0\x0a\1\2"), bytes.fromhex("1000010002"))
    check_written(write_coil(172, True), bytes.fromhex("0500ACFF00"))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", "without a function code"),
        ("03", "no byte count"),
        ("0404000A0102", "function 4 instead of 3"),
        ("0306000A01020003", "6 bytes of data instead of 4"),
        ("0302000A", "2 bytes of data instead of 4"),
        ("0304000A01", "3 bytes of data, counted as 4"),
        ("0304000A010200", "5 bytes of data, counted as 4"),
        ("83", "an exception of 1 bytes"),
        ("830200", "an exception of 3 bytes"),
        ("8402", "an exception to function 4 instead of 3"),
    ],
)
def test_a_wrong_answer_to_a_read_is_never_a_value(answer: str, says: str) -> None:
    with pytest.raises(BrokenAnswer, match=says):
        read_data(read_request("holding", 0, 2), bytes.fromhex(answer), 4)


@pytest.mark.parametrize(
    "answer", ["0500ADFF00", "0500AC0000", "0600ACFF00", "0500AC", "0500ACFF0000", "0F00ACFF00"]
)
def test_a_write_is_only_confirmed_by_its_own_echo(answer: str) -> None:
    with pytest.raises(BrokenAnswer):
        check_written(write_coil(172, True), bytes.fromhex(answer))


def test_an_exception_to_this_function_is_a_refusal_with_its_code() -> None:
    with pytest.raises(Refusal) as caught:
        read_data(read_request("holding", 0, 2), b"\x83\x02", 4)
    assert caught.value.code == 2
    with pytest.raises(Refusal) as caught:
        check_written(write_coil(1, True), b"\x85\x06")
    assert caught.value.code == 6


@pytest.mark.parametrize(
    ("code", "quality", "error"),
    [
        (1, Quality.BAD_CONFIG, DeviceRefused),
        (2, Quality.BAD_CONFIG, DeviceRefused),
        (3, Quality.BAD_CONFIG, DeviceRefused),
        (4, Quality.BAD_DEVICE, OutcomeUnknown),
        (5, Quality.BAD_DEVICE, OutcomeUnknown),
        (6, Quality.BAD_DEVICE, DeviceBusy),
        (7, Quality.BAD_DEVICE, DeviceRefused),
        (8, Quality.BAD_DEVICE, OutcomeUnknown),
        (9, Quality.BAD_DEVICE, OutcomeUnknown),
        (10, Quality.BAD_UNIT, UnitError),
        (11, Quality.BAD_UNIT, OutcomeUnknown),
        (200, Quality.BAD_DEVICE, OutcomeUnknown),
    ],
)
def test_each_exception_code_has_its_meaning(
    code: int, quality: Quality, error: type[DriverError]
) -> None:
    assert meaning(code).quality is quality
    assert meaning(code).error is error


def test_only_codes_that_come_before_any_effect_may_be_tried_in_pieces() -> None:
    assert {code for code, rule in MEANINGS.items() if rule.splits} == {1, 2, 3}
