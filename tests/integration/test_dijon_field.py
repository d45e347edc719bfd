"""The field process of the example city against independent Modbus clients."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dijon_small_city import (
    SOUND,
    FieldProcess,
    frame,
    host_of,
    receive,
    running_field,
    small_city,
)
from field_process import FIELD, FieldStartError
from pyModbusTCP.client import ModbusClient

MBPOLL = shutil.which("mbpoll")


@pytest.fixture(scope="module")
def field_and_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FieldProcess, int]]:
    with running_field(tmp_path_factory.mktemp("small"), *SOUND) as running:
        yield running


@pytest.fixture
def field(field_and_port: tuple[FieldProcess, int]) -> FieldProcess:
    return field_and_port[0]


@pytest.fixture
def port(field_and_port: tuple[FieldProcess, int]) -> int:
    return field_and_port[1]


def client(cabinet: int, port: int, unit: int = 2) -> ModbusClient:
    return ModbusClient(host_of(cabinet), port, unit_id=unit, timeout=2.0, auto_open=True)


def test_ready_says_what_there_is(field: FieldProcess) -> None:
    assert field.ready["ready"] is True
    assert (field.ready["cabinets"], field.ready["lamps"]) == (10, 540)


def test_what_was_written_is_read_back_and_the_level_ramps_to_it(
    field: FieldProcess, port: int
) -> None:
    one = client(0, port)
    assert one.write_single_register(0, 800)
    assert one.write_multiple_registers(1, [400, 300])
    assert one.read_holding_registers(0, 4) == [800, 400, 300, 0]
    first = one.read_input_registers(100, 1)
    assert first is not None
    assert first[0] < 800, "a lamp ramps, it does not jump"
    seen = [first[0]]
    end = time.monotonic() + 10.0
    registers: list[int] | None = None
    while registers != [800, 0, 400, 0, 300, 0] and time.monotonic() < end:
        registers = one.read_input_registers(100, 6)
        assert registers is not None
        seen.append(registers[0])
    assert registers == [800, 0, 400, 0, 300, 0]
    assert seen == sorted(seen)
    assert set(seen) - {0, 800}, "the ramp shows levels on the way"
    one.close()
    lamps = field.ask("account dij-c001")["lamps"]
    shown = [lamps[f"dij-c001-l{n:02d}"] for n in (1, 2, 3, 4)]
    assert [lamp["level"] for lamp in shown] == [80.0, 40.0, 30.0, 0.0]
    assert [lamp["setpoint"] for lamp in shown] == [80.0, 40.0, 30.0, None]
    assert [lamp["writes"] for lamp in shown] == [1, 1, 1, 0]
    assert {lamp["state"] for lamp in shown} == {"ok"}
    assert abs(shown[0]["written_at"][0] - time.time()) < 60.0


def test_a_value_written_twice_is_counted_twice(field: FieldProcess, port: int) -> None:
    one = client(1, port)
    for _ in range(2):
        assert one.write_single_register(5, 500)
    one.close()
    lamp = field.ask("account dij-c002")["lamps"]["dij-c002-l06"]
    assert lamp["writes"] == len(lamp["written_at"]) == 2


def test_two_clients_see_the_same_cabinet(port: int) -> None:
    one, two = client(2, port), client(2, port)
    assert one.write_single_register(0, 123)
    assert two.read_holding_registers(0, 1) == [123]
    assert two.write_single_register(0, 456)
    assert one.read_holding_registers(0, 1) == [456]
    one.close()
    two.close()


@pytest.mark.parametrize(
    ("unit", "function", "arguments", "code"),
    [
        (2, "read_holding_registers", (99, 1), 2),
        (2, "write_single_register", (0, 1001), 3),
        (2, "read_coils", (0, 1), 2),
        (7, "read_holding_registers", (0, 1), 10),
    ],
)
def test_refusals_arrive_as_modbus_exceptions(
    unit: int, function: str, arguments: tuple[int, int], code: int, port: int
) -> None:
    one = client(3, port, unit)
    assert not getattr(one, function)(*arguments)
    assert one.last_except == code
    assert one.is_open
    one.close()


def test_contactor_door_and_meter_are_the_cabinet_s_own(field: FieldProcess, port: int) -> None:
    controller, lamps = client(4, port, 1), client(4, port)
    assert controller.read_discrete_inputs(0, 2) == [True, False]
    field.ask("door dij-c005 open")
    assert controller.read_discrete_inputs(0, 2) == [True, True]
    field.ask("door dij-c005 shut")
    meter = controller.read_input_registers(0, 6)
    assert meter is not None
    assert 2200 < meter[0] < 2400
    assert controller.write_single_coil(0, False)
    assert controller.read_coils(0, 1) == [False]
    end = time.monotonic() + 5.0
    while controller.read_discrete_inputs(0, 1) != [False] and time.monotonic() < end:
        time.sleep(0.01)
    assert lamps.read_input_registers(100, 2) is None
    assert lamps.last_except == 11
    states = {lamp["state"] for lamp in field.ask("account dij-c005")["lamps"].values()}
    assert states == {"unpowered"}
    assert controller.write_single_coil(0, True)
    controller.close()
    lamps.close()


def test_pipelined_and_dribbled_requests_are_answered_in_order(port: int) -> None:
    with socket.create_connection((host_of(5), port), timeout=5.0) as sock:
        requests = b"".join(frame(n, 1, "02 0000 0002") for n in range(300))
        sock.sendall(requests)
        replies = receive(sock, 300 * 10)
        assert replies == b"".join(frame(n, 1, "02 01 01") for n in range(300))
        for byte in frame(7, 2, "03 0000 0001"):
            sock.sendall(bytes((byte,)))
            time.sleep(0.002)
        assert receive(sock, 11) == frame(7, 2, "03 02 0000")


def test_another_protocol_is_discarded_and_a_hopeless_length_ends_the_connection(
    field: FieldProcess, port: int
) -> None:
    before = field.ask("stats")["bad_frames"]
    with socket.create_connection((host_of(5), port), timeout=5.0) as sock:
        sock.sendall(frame(1, 1, "02 0000 0001", protocol=9) + frame(2, 1, "02 0000 0001"))
        assert receive(sock, 10) == frame(2, 1, "02 01 01")
        sock.sendall(bytes.fromhex("0001 0000 0fff 01 03"))
        with pytest.raises(ConnectionResetError):
            receive(sock, 1)
    assert field.ask("stats")["bad_frames"] == before + 2


def test_a_client_that_never_reads_does_not_stop_the_others(port: int) -> None:
    with socket.create_connection((host_of(6), port), timeout=5.0) as deaf:
        deaf.setblocking(False)
        flood = frame(1, 2, "04 0064 0032") * 1000
        for _ in range(200):
            try:
                deaf.send(flood)
            except BlockingIOError:
                break
        other = client(6, port, 1)
        assert other.read_discrete_inputs(0, 1) == [True]
        other.close()


@pytest.mark.skipif(MBPOLL is None, reason="mbpoll is not installed (apt-get install mbpoll)")
def test_mbpoll_reads_what_mbpoll_wrote(port: int) -> None:
    def mbpoll(*arguments: str) -> str:
        command = [str(MBPOLL), "-m", "tcp", "-p", str(port), "-a", "2", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "Written 2 references" in mbpoll("-t", "4", "-r", "11", host_of(7), "640", "320")
    read = mbpoll("-t", "4", "-r", "11", "-c", "2", "-1", host_of(7)).split()
    assert [read[read.index(place) + 1] for place in ("[11]:", "[12]:")] == ["640", "320"]


def test_wrong_control_commands_are_answered_with_what_is_wrong(field: FieldProcess) -> None:
    for command, message in (
        ("kill nowhere", "no cabinet nowhere"),
        ("kill dij-c001 softly", "allowed refuse or silent"),
        ("lamp dij-c001-l01 shiny", "allowed ok dead stuck"),
        ("behave dij-c001 normal", "allowed silent"),
        ("hostile 2", "sound cabinets"),
        ("door dij-c001", "missing"),
        ("frobnicate", "unknown command"),
    ):
        with pytest.raises(ValueError, match=message):
            field.ask(command)
    assert field.ask("stats")["uptime_s"] > 0


def ended_by(folder: Path, end: str) -> tuple[int, str]:
    small_city(folder)
    process = FieldProcess.start(folder, *SOUND)
    if end == "stdin":
        assert process.process.stdin is not None
        process.process.stdin.close()
    elif end == "stop":
        process.ask("stop")
    else:
        process.process.send_signal(signal.SIGTERM)
    assert process.process.stderr is not None
    process.process.wait(10.0)
    said = process.process.stderr.read().decode()
    return process.stop(), said


@pytest.mark.parametrize("end", ["stdin", "stop", "SIGTERM"])
def test_the_field_ends_cleanly_when_told_or_when_its_starter_is_gone(
    end: str, tmp_path: Path
) -> None:
    assert ended_by(tmp_path, end) == (0, "")


def test_a_taken_address_is_named_and_nothing_is_left_open(tmp_path: Path) -> None:
    with running_field(tmp_path, *SOUND) as (_, port):
        with pytest.raises(FieldStartError, match=rf"127\.24\.0\.1:{port} \(cabinet dij-c001\)"):
            FieldProcess.start(tmp_path, *SOUND)
        one = client(0, port)
        assert one.read_holding_registers(0, 1) == [0], "the one that runs goes on"
        one.close()


def test_a_missing_or_broken_inventory_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(FieldStartError, match=r"lights\.csv: No such file"):
        FieldProcess.start(tmp_path)
    small_city(tmp_path)
    lights = tmp_path / "lights.csv"
    text = lights.read_text(encoding="utf-8")
    lights.write_text(text.replace(",2,1,", ",2,9,", 1), encoding="utf-8")
    with pytest.raises(FieldStartError, match=r"cabinets\.csv:2: lamps of dij-c001"):
        FieldProcess.start(tmp_path)
    lights.write_text(text.replace(",2,1,", ",2,one,", 1), encoding="utf-8")
    with pytest.raises(FieldStartError, match=r"lights\.csv:3: .*'one'"):
        FieldProcess.start(tmp_path)


def test_without_a_starter_to_watch_the_field_stays_until_stopped(tmp_path: Path) -> None:
    small_city(tmp_path)
    command = [sys.executable, str(FIELD), "--inventory", str(tmp_path), *SOUND]
    process = subprocess.Popen(
        [*command, "--keep-running"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert b'"ready"' in process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
    finally:
        process.terminate()
        assert process.wait(10.0) == 0
        process.communicate()
