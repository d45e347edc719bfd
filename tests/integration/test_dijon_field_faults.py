"""What goes wrong in the field of the example city, as a client sees it and as it is accounted."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from dijon_small_city import SOUND, FieldProcess, frame, host_of, receive, running_field

READ = "03 0000 0002"
READ_REPLY = "03 04 0000 0000"
WRITE = "06 0000 0320"
READS = frame(1, 2, READ_REPLY)
WRITES = frame(1, 2, WRITE)


@pytest.fixture(scope="module")
def field_and_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FieldProcess, int]]:
    with running_field(tmp_path_factory.mktemp("faults"), *SOUND) as running:
        yield running


@pytest.fixture
def field(field_and_port: tuple[FieldProcess, int]) -> Iterator[FieldProcess]:
    field, _ = field_and_port
    yield field
    field.ask("revive all")


@pytest.fixture
def port(field_and_port: tuple[FieldProcess, int]) -> int:
    return field_and_port[1]


def connect(cabinet: int, port: int, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection((host_of(cabinet), port), timeout=timeout)


def exchange(cabinet: int, port: int, pdu: str, size: int, timeout: float = 5.0) -> bytes:
    with connect(cabinet, port, timeout) as sock:
        sock.sendall(frame(1, 2, pdu))
        return receive(sock, size)


def lamp(field: FieldProcess, cabinet: int, number: int = 1) -> dict[str, object]:
    name = f"dij-c{cabinet + 1:03d}"
    found: dict[str, object] = field.ask(f"account {name}")["lamps"][f"{name}-l{number:02d}"]
    return found


def test_a_dead_cabinet_refuses_and_comes_back(field: FieldProcess, port: int) -> None:
    with connect(0, port) as there:
        field.ask("kill dij-c001")
        with pytest.raises(ConnectionResetError):
            receive(there, 1)
    with pytest.raises(ConnectionRefusedError):
        connect(0, port)
    assert lamp(field, 0)["state"] == "behind_dead_cabinet"
    field.ask("revive dij-c001")
    assert exchange(0, port, READ, len(READS)) == READS
    assert lamp(field, 0)["state"] == "ok"


def test_a_silent_cabinet_accepts_and_never_answers_and_executes_nothing(
    field: FieldProcess, port: int
) -> None:
    field.ask("silence dij-c002")
    with connect(1, port, timeout=0.3) as sock:
        sock.sendall(frame(1, 2, "10 0000 0002 04 0320 0320"))
        with pytest.raises(TimeoutError):
            sock.recv(1)
        shown = lamp(field, 1, 2)
        assert (shown["setpoint"], shown["writes"], shown["unclear"]) == (None, 0, 1)
        field.ask("revive dij-c002")
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_a_mute_cabinet_takes_one_write_and_answers_nobody_from_then_on(
    field: FieldProcess, port: int
) -> None:
    field.ask("mute dij-c003")
    assert exchange(2, port, READ, len(READS)) == READS
    with connect(2, port, timeout=0.3) as sock:
        sock.sendall(frame(1, 2, WRITE) + frame(2, 2, "06 0001 0320"))
        with pytest.raises(TimeoutError):
            sock.recv(1)
    with pytest.raises(TimeoutError):
        exchange(2, port, READ, 1, timeout=0.3)
    taken, swallowed = lamp(field, 2, 1), lamp(field, 2, 2)
    assert (taken["setpoint"], taken["writes"], taken["unclear"]) == (80.0, 1, 1)
    assert (swallowed["setpoint"], swallowed["writes"], swallowed["unclear"]) == (None, 0, 1)
    assert taken["state"] == swallowed["state"] == "behind_mute_cabinet"


def test_reset_breaks_connections_once_and_the_cabinet_goes_on(
    field: FieldProcess, port: int
) -> None:
    with connect(3, port) as sock:
        sock.sendall(frame(1, 2, READ))
        assert receive(sock, len(READS)) == READS
        field.ask("reset dij-c004")
        with pytest.raises(ConnectionResetError):
            receive(sock, 1)
    assert exchange(3, port, READ, len(READS)) == READS
    assert lamp(field, 3)["state"] == "ok"


@pytest.mark.parametrize(
    ("kind", "pdu", "reply"),
    [
        ("wrong_function", READ, frame(1, 2, "02 04 0000 0000")),
        ("wrong_transaction", READ, frame(1 ^ 0x5555, 2, READ_REPLY)),
        ("wrong_unit", READ, frame(1, 9, READ_REPLY)),
        ("short", READ, frame(1, 2, "03 02 0000")),
        ("long", READ, frame(1, 2, "03 06 0000 0000 0000")),
        ("short", "06 0009 0320", frame(1, 2, "06 0009 031f")),
        ("long", "06 0009 0320", frame(1, 2, "06 0009 0321")),
        ("dribble", READ, READS),
        ("late", READ, READS),
        *((f"exception_{n}", READ, frame(1, 2, f"83 {n:02x}")) for n in range(1, 12)),
    ],
)
def test_hostile_cabinets_answer_in_their_own_way(
    kind: str, pdu: str, reply: bytes, field: FieldProcess, port: int
) -> None:
    field.ask(f"behave dij-c005 {kind}")
    began = time.monotonic()
    assert exchange(4, port, pdu, len(reply)) == reply
    if kind == "late":
        assert time.monotonic() - began > 1.0
    assert lamp(field, 4)["state"] == "behind_hostile_cabinet"


@pytest.mark.parametrize(
    ("kind", "writes", "unclear"),
    [
        *((kind, 1, 1) for kind in ("late", "wrong_function", "wrong_unit", "short", "long")),
        ("dribble", 1, 0),
        *((f"exception_{n}", 0, 0) for n in (1, 2, 3, 6, 7, 10)),
        *((f"exception_{n}", 0, 1) for n in (4, 5, 8, 9, 11)),
    ],
)
def test_the_account_says_whether_an_answer_told_what_became_of_a_write(
    kind: str, writes: int, unclear: int, field: FieldProcess, port: int
) -> None:
    field.ask(f"behave dij-c009 {kind}")
    before = lamp(field, 8)
    exchange(8, port, WRITE, 9)
    after = lamp(field, 8)
    assert after["writes"] - before["writes"] == writes  # type: ignore[operator]
    assert after["unclear"] - before["unclear"] == unclear  # type: ignore[operator]


def test_a_resetting_cabinet_executes_and_breaks_off_in_the_middle_of_its_answer(
    field: FieldProcess, port: int
) -> None:
    field.ask("behave dij-c006 reset")
    with connect(5, port) as sock:
        sock.sendall(frame(1, 2, WRITE))
        assert receive(sock, 6) == WRITES[:6]
        with pytest.raises(ConnectionResetError):
            receive(sock, 1)
    shown = lamp(field, 5)
    assert (shown["writes"], shown["unclear"]) == (1, 1)


def test_a_share_of_the_cabinets_turns_hostile_and_the_others_stay_sound(
    field: FieldProcess, port: int
) -> None:
    hostile = field.ask("hostile 0.3 reset exception_4")["hostile"]
    assert Counter(hostile.values()) == {"reset": 2, "exception_4": 1}
    cabinets = field.ask("account")["cabinets"]
    standing = {name: cabinet["state"] for name, cabinet in cabinets.items()}
    assert {name for name, state in standing.items() if state != "ok"} == set(hostile)
    sound = [n for n, name in enumerate(standing) if name not in hostile]
    for n in sound:
        assert exchange(n, port, "04 0064 0001", 11)[:8] == frame(1, 2, "04 02 0000")[:8]


def test_a_lamp_breaks_and_is_repaired(field: FieldProcess, port: int) -> None:
    field.ask("lamp dij-c007-l01 dead")
    field.ask("lamp dij-c007-l02 stuck")
    exchange(6, port, "10 0000 0003 06 0320 0320 0320", 12)
    time.sleep(1.4)
    reply = exchange(6, port, "04 0064 0006", 21)
    assert reply[9:].hex(" ", 2) == "0000 0001 0000 0000 0320 0000"
    assert [lamp(field, 6, n)["state"] for n in (1, 2, 3)] == ["dead", "stuck", "ok"]
    field.ask("lamp dij-c007-l01 ok")
    time.sleep(1.4)
    assert exchange(6, port, "04 0064 0002", 13)[9:].hex(" ", 2) == "0320 0000"


def test_the_day_begins_with_the_faults_of_its_seed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    options = ("--dead-cabinets", "2", "--mute-cabinets", "1", "--hostile", "0.1")
    lamps = ("--dead-lamps", "0.02", "--stuck-lamps", "0.01", "--seed", "11")
    accounts = []
    for _ in range(2):
        with running_field(tmp_path_factory.mktemp("day"), *options, *lamps) as (field, port):
            accounts.append(field.ask("account"))
            for n, cabinet in enumerate(accounts[-1]["cabinets"].values()):
                if cabinet["behaviour"] == "refuse":
                    with pytest.raises(ConnectionRefusedError):
                        connect(n, port)
    one, two = ({k: v["state"] for k, v in each["lamps"].items()} for each in accounts)
    assert one == two
    states = Counter(cabinet["state"] for cabinet in accounts[0]["cabinets"].values())
    assert states == {"ok": 6, "dead": 2, "mute": 1, "hostile": 1}
    kinds = Counter(cabinet["behaviour"] for cabinet in accounts[0]["cabinets"].values())
    assert (kinds["refuse"], kinds["silent"], kinds["mute"]) == (1, 1, 1)
    assert {lamp["level"] for lamp in accounts[0]["lamps"].values()} == {0.0}
    assert {"dead", "stuck", "ok", "behind_dead_cabinet"} <= set(one.values())
