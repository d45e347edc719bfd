"""Points of RSMP: what an address may be, how values become numbers, and numbers commands."""

from __future__ import annotations

from typing import Any

import pytest

from jacquemart.drivers.rsmp import RsmpDriver
from jacquemart.drivers.rsmp.address import RsmpAddress, address_of, check_point
from jacquemart.drivers.rsmp.decode import decode, encode
from jacquemart.drivers.rsmp.machine.supervisor import Value
from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.quality import Quality

CODES = ("1111", "2222")


def at(**address: Any) -> RsmpAddress:
    point = PointSpec("p", writable="command" in address, address=address)
    assert not check_point(point, address)
    return address_of(point, DeviceSpec("d", "t", "z", "l"))


def shown(address: RsmpAddress, *, bits: int | None = None, **told: Any) -> float | Quality:
    def look(code: str, name: str) -> Value | None:
        key = f"{code}_{name}"
        return Value(code, name, told[key], "recent") if key in told else None

    found = decode(address, look, bits, None)
    return found.quality if isinstance(found, Bad) else found


@pytest.mark.parametrize(
    ("address", "told", "value"),
    [
        ({"status": "S0014/status"}, {"S0014_status": "7"}, 7.0),
        ({"status": "S0014/status"}, {"S0014_status": 7}, 7.0),
        ({"status": "S0014/status"}, {"S0014_status": "seven"}, Quality.BAD_VALUE),
        ({"status": "S0014/status"}, {"S0014_status": None}, Quality.BAD_VALUE),
        ({"status": "S0014/status"}, {"S0014_status": ["7"]}, Quality.BAD_VALUE),
        ({"status": "S0014/status"}, {"S0014_status": "999"}, Quality.BAD_VALUE),
        ({"status": "S0014/status"}, {}, Quality.BAD_UNIT),
        ({"status": "S0014/source"}, {"S0014_source": "forced"}, 3.0),
        ({"status": "S0007/status", "item": 2}, {"S0007_status": "True,False"}, 0.0),
        ({"status": "S0007/status", "item": 3}, {"S0007_status": "True,False"}, Quality.BAD_CONFIG),
        ({"status": "S0007/status"}, {"S0007_status": True}, 1.0),
        ({"status": "S0001/signalgroupstatus", "item": 2}, {"S0001_signalgroupstatus": "B4"}, 3.0),
        ({"status": "S0001/signalgroupstatus", "item": 3}, {"S0001_signalgroupstatus": "B4"},
         Quality.BAD_VALUE),
        ({"status": "S0003/inputstatus", "item": 2}, {"S0003_inputstatus": "010"}, 1.0),
        ({"status": "S0033/status"}, {"S0033_status": [{}, {}]}, 2.0),
        ({"status": "S0097/timestamp"}, {"S0097_timestamp": "1970-01-01T00:00:05.500Z"}, 5.5),
        ({"status": "mode"}, {"S0007_status": "True", "S0011_status": "True"}, 1.0),
        ({"status": "mode"}, {"S0007_status": "False", "S0011_status": "True"}, 2.0),
        ({"status": "mode"}, {"S0007_status": "maybe", "S0011_status": "True"}, Quality.BAD_VALUE),
        ({"status": "state"}, {"S0005_status": "False", "S0007_status": "True",
                               "S0011_status": "False", "S0020_controlmode": "control"}, 1.0),
        ({"status": "state"}, {"S0005_status": "False", "S0007_status": "True",
                               "S0011_status": "True", "S0020_controlmode": "failure"}, 4.0),
    ],
)  # fmt: skip
def test_values_become_numbers_or_are_bad(
    address: dict[str, Any], told: dict[str, Any], value: float | Quality
) -> None:
    assert shown(at(**address), **told) == value


def test_the_aggregated_status_and_local_mode_are_bits() -> None:
    assert shown(at(status="aggregated"), bits=33) == 33.0
    assert shown(at(status="aggregated")) == Quality.BAD_NEVER_READ
    assert shown(at(status="local"), bits=33, S0008_status="False") == 1.0
    assert shown(at(status="local"), bits=32, S0008_status="False") == 0.0
    assert shown(at(status="local"), bits=32, S0008_status="True") == 1.0


@pytest.mark.parametrize(
    ("address", "value", "sent"),
    [
        ({"command": "M0002/timeplan"}, 3.0,
         {"timeplan": "3", "status": "True", "securityCode": "2222"}),
        ({"command": "M0002/timeplan"}, 0.0,
         {"timeplan": "0", "status": "False", "securityCode": "2222"}),
        ({"command": "M0001/status", "with": {"timeout": 60}}, 1.0,
         {"status": "YellowFlash", "timeout": "60", "intersection": "0", "securityCode": "2222"}),
        ({"command": "M0006/status", "with": {"input": 3}}, 1.0,
         {"status": "True", "input": "3", "securityCode": "2222"}),
        ({"command": "M0022", "with": {"signalGroupId": "SG1"}}, 8012.0,
         {"signalGroupId": "SG1", "level": "7", "eta": "12"}),
        ({"command": "M0022", "with": {"signalGroupId": "SG1"}}, 1999.0,
         {"signalGroupId": "SG1", "level": "0"}),
        ({"command": "M0016", "with": {"status": "0-1"}}, 1.0,
         {"status": "0-1", "securityCode": "2222"}),
    ],
)  # fmt: skip
def test_numbers_become_arguments(
    address: dict[str, Any], value: float, sent: dict[str, str]
) -> None:
    assert encode(at(**address), value, CODES) == sent


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ({"command": "M0002/timeplan"}, 1.5), ({"command": "M0002/timeplan"}, float("nan")),
        ({"command": "M0002/timeplan"}, 256.0), ({"command": "M0002/timeplan"}, -1.0),
        ({"command": "M0001/status"}, 3.0), ({"command": "M0004"}, 0.0),
        ({"command": "M0006/status", "with": {"input": 3}}, 2.0),
        ({"command": "M0006/status"}, 1.0), ({"command": "M0016"}, 1.0),
        ({"command": "M0022", "with": {"signalGroupId": "SG1"}}, 16012.0),
        ({"command": "M0022", "with": {"signalGroupId": "SG1"}}, 8300.0),
        ({"command": "M0022", "with": {"signalGroupId": "SG1"}}, 12.0),
    ],
)  # fmt: skip
def test_what_a_command_cannot_say_is_refused(address: dict[str, Any], value: float) -> None:
    assert isinstance(encode(at(**address), value, CODES), str)


@pytest.mark.parametrize(
    "address",
    [
        {}, {"status": "S9999/status"}, {"status": "S0014"}, {"status": "S0014/bad"}, {"status": 7},
        {"status": "alarm/A9999"}, {"status": "alarm/A0001/suspend"}, {"command": "M9999"},
        {"command": "M0002/bad"}, {"command": "M0002", "with": {"bad": 1}},
        {"command": "M0002", "with": {"timeplan": 300}}, {"command": "M0002", "with": 7},
        {"status": "mode", "item": -1}, {"status": "mode", "strange": 1},
        {"command": "alarm/A0001/suspended"},
    ],
)  # fmt: skip
def test_a_wrong_address_is_told_before_anything_starts(address: dict[str, Any]) -> None:
    assert check_point(PointSpec("p", address=address), address)


def test_what_is_writable_needs_a_command() -> None:
    address = {"status": "S0014/status"}
    assert check_point(PointSpec("p", writable=True, address=address), address)
    assert not check_point(PointSpec("p", address=address), address)


def test_wrong_options_of_a_link_are_told() -> None:
    assert not RsmpDriver.check_link({"port": 12111, "sites": ["S1"], "core": ["3.2.2"]})
    for options in (
        {"port": 70_000}, {"port": True}, {"host": 7}, {"sites": "S1"}, {"core": ["2.0"]},
        {"sxl": ["1.0.15"]}, {"subscribe": 1}, {"timeout_ms": 0}, {"strange": 1},
    ):  # fmt: skip
        assert RsmpDriver.check_link(options), options
