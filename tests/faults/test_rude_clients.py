"""Clients without manners at a gateway: the rest of the C rows of the fault catalogue.

What breaks single frames is in ``tests/integration/test_gateway_bad_frames.py``.
"""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest
import zmq
from patience import wait_until
from small_city import small_city, writes

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import Client
from jacquemart.runtime.testing import LocalCity

#: What a peer says before anything else in ZMTP 3.1, as a client without security.
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(16 + 1 + 31)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    with small_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.fixture(scope="module")
def client(city: LocalCity) -> Client:
    return city.client()


def connect(city: LocalCity) -> socket.socket:
    host, port = city.api.removeprefix("tcp://").split(":")
    return socket.create_connection((host, int(port)), timeout=10.0)


def shake_hands(peer: socket.socket) -> None:
    """Become a DEALER to the other end, by hand."""
    peer.sendall(GREETING)
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
    peer.sendall(bytes([4, len(ready)]) + ready)
    wanted = 64 + 2
    got = b""
    while len(got) < wanted:
        got += peer.recv(1_000)
    wanted += got[65]
    while len(got) < wanted:
        got += peer.recv(1_000)


def closed_after(peer: socket.socket, limit_s: float) -> float:
    """Return after how many seconds the other end hangs up."""
    began = time.monotonic()
    peer.settimeout(limit_s)
    with contextlib.suppress(ConnectionResetError):
        while peer.recv(65_536):
            assert time.monotonic() - began < limit_s
    return time.monotonic() - began


def dealer(city: LocalCity, context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    made = context.socket(zmq.DEALER)
    made.linger = 0
    made.sndhwm = made.rcvhwm = 0
    made.connect(city.api)
    return made


def query(**args: object) -> bytes:
    return msgpack.packb([1, frames.QUERY, "hello", args])


def command(value: object, deadline_ns: int | None = None, identity: bytes = b"") -> bytes:
    when = boot_ns() + 5_000_000_000 if deadline_ns is None else deadline_ns
    return msgpack.packb(
        [1, frames.COMMAND, identity or os.urandom(16), "raw", "north-1", "set", "setpoint",
         value, "", 8, when, 0]
    )  # fmt: skip


def head() -> bytes:
    return msgpack.packb([1, frames.QUERY, "hello"])[1:]


HOSTILE = {
    "a hundred thousand levels": b"\x94" + head() + b"\x81\xa1a" + b"\x91" * 60_000,
    "an array of 2**32-1": b"\xdd\xff\xff\xff\xff",
    "a map of 2**32-1": b"\x94" + head() + b"\xdf\xff\xff\xff\xff",
    "bytes of 2**32-1": b"\x94" + head() + b"\x81\xa1a\xc6\xff\xff\xff\xff",
    "text of 2**32-1": b"\x94" + head() + b"\x81\xa1a\xdb\xff\xff\xff\xff",
    "an extension of 2**32-1": b"\x94" + head() + b"\x81\xa1a\xc9\xff\xff\xff\xff\x01",
    "a key that is a map": b"\x94" + head() + b"\x81\x80\x01",
    "a reserved byte": b"\xc1",
    "NaN": command(float("nan")),
    "infinity": command(float("inf")),
    "2**64-1": command(2**64 - 1),
    "-2**63": command(-(2**63)),
    "a flag for a number": command(True),
    "a deadline at the end of time": command(5.0, 2**63 - 1),
    "a kind that is a flag": msgpack.packb([1, True, "hello", {}]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_c1_one_typed_answer_and_no_room_taken_for_what_is_only_announced(
    city: LocalCity, client: Client, name: str
) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    raw = dealer(city, context)
    try:
        raw.send_multipart([b"t", HOSTILE[name]])
        assert raw.poll(5_000), "no answer"
        items = msgpack.unpackb(raw.recv_multipart()[1])
        assert items[1] in (frames.ERROR, frames.OUTCOME)
        if items[1] == frames.ERROR:
            assert items[2] in ("bad_frame", "frame", "bad_request", "usage"), items
        else:
            assert items[6] != 0 or name == "a flag for a number", items
        assert client.get("north-1/level").good
    finally:
        raw.close()
        context.term()


def test_c1_the_same_name_twice_in_a_map_is_one_answer(city: LocalCity) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    raw = dealer(city, context)
    raw.send_multipart([b"t", b"\x94" + head() + b"\x82\xa1a\x01\xa1a\x02"])
    assert raw.poll(5_000)
    assert msgpack.unpackb(raw.recv_multipart()[1])[1] in (frames.REPLY, frames.ERROR)
    raw.close()
    context.term()


@pytest.mark.parametrize("count", [0, 1, 3, 10, 1_000])
def test_c2_any_number_of_parts_is_one_refusal(city: LocalCity, client: Client, count: int) -> None:
    gateway = city.hosts["gateway-0"]._service
    before = gateway.server.malformed
    with connect(city) as peer:
        shake_hands(peer)
        peer.sendall(b"\x01\x01x" * (count - 1) + b"\x00\x01x" if count else b"\x00\x00")
        wait_until(lambda: gateway.server.malformed == before + 1)
    assert client.get("north-1/level").good


def test_c2_a_frame_that_announces_a_gigabyte_ends_its_connection_at_once(
    city: LocalCity, client: Client
) -> None:
    with connect(city) as peer:
        shake_hands(peer)
        peer.sendall(b"\x02" + struct.pack(">Q", 2**30) + bytes(1_000))
        assert closed_after(peer, 10.0) < 5.0
    assert client.get("north-1/level").good


def test_c2_a_message_that_ends_in_the_middle_is_never_seen(
    city: LocalCity, client: Client
) -> None:
    gateway = city.hosts["gateway-0"]._service
    before = (gateway.server.malformed, dict(gateway.counters))
    with connect(city) as peer:
        shake_hands(peer)
        peer.sendall(b"\x01\x01t" + b"\x00\xff"[:1] + b"\x40" + command(99.0)[:20])
    time.sleep(0.2)
    assert gateway.server.malformed == before[0]
    assert gateway.counters["commands"] == before[1]["commands"]


def test_c3_who_greets_a_byte_at_a_time_is_cut_off_in_two_seconds(
    city: LocalCity, client: Client
) -> None:
    with connect(city) as peer:
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for byte in GREETING * 4:
                peer.sendall(bytes([byte]))
                time.sleep(0.05)
            raise AssertionError("never cut off")
        assert time.monotonic() - began < 2.0 + 5.0, "all of it would take thirteen seconds"
    assert client.get("north-1/level").good


def test_c9_the_same_command_again_early_late_and_from_elsewhere_has_one_effect(
    city: LocalCity, client: Client
) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    peers = [dealer(city, context) for _ in range(4)]
    identity = os.urandom(16)
    frame = command(41.0, identity=identity)
    for peer in peers * 5:
        peer.send_multipart([b"t", frame])
    ends = set()
    for peer in peers:
        for _ in range(5):
            assert peer.poll(10_000)
            items = msgpack.unpackb(peer.recv_multipart()[1])
            ends.add((items[1], items[2], items[6]))
    expired = msgpack.unpackb(frame)
    expired[10] = boot_ns() - 1
    peers[0].send_multipart([b"t", msgpack.packb(expired)])
    assert peers[0].poll(10_000)
    assert len(ends) == 1, "all have the same answer"
    assert writes("north-1").count(41.0) == 1
    for peer in peers:
        peer.close()
    context.term()


def test_c10_a_flood_of_one_leaves_room_for_another(city: LocalCity, client: Client) -> None:
    def p90_ms() -> float:
        times = []
        for at in range(60):
            began = time.monotonic()
            assert client.set("north-2/setpoint", float(at)).applied
            times.append(time.monotonic() - began)
        return statistics.quantiles(times, n=10)[-1] * 1e3

    stop = threading.Event()

    def flood() -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        raw = dealer(city, context)
        raw.sndhwm = 100
        frame = query()
        while not stop.is_set():
            with contextlib.suppress(zmq.Again):
                for _ in range(200):
                    raw.send_multipart([b"t", frame], zmq.NOBLOCK)
            with contextlib.suppress(zmq.Again):
                while True:
                    raw.recv_multipart(zmq.NOBLOCK)
            time.sleep(0.01)
        raw.close()
        context.term()

    well = p90_ms()
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        under = p90_ms()
    finally:
        stop.set()
        thread.join(10.0)
    # One interpreter runs flood, gateway and cells here, so this only says: nobody starves.
    assert under < 10 * well + 100.0


def test_c11_a_client_that_never_reads_costs_bounded_room_and_nobody_else(
    city: LocalCity, client: Client
) -> None:
    before = resident_mb()
    with connect(city) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        shake_hands(peer)
        frame = msgpack.packb([1, frames.QUERY, "get", {"points": ["north-1/level"] * 150}])
        message = b"\x01\x01t" + b"\x02" + struct.pack(">Q", len(frame)) + frame
        peer.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            for _ in range(15):
                peer.sendall(message * 100)
                sent += 100
        assert client.set("north-3/setpoint", 12.0).applied
        assert resident_mb() - before < 60, f"after {sent} questions whose answers nobody took"


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1_024
    raise AssertionError("no VmRSS")


def test_c12_five_hundred_connections_at_once_disturb_nobody_and_leave_nothing(
    city: LocalCity, client: Client
) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    peers = [connect(city) for _ in range(500)]
    for peer in peers[::2]:
        peer.sendall(GREETING)
    for value in (31.0, 32.0, 33.0):
        assert client.set("north-1/setpoint", value, within_s=5.0).applied
    for peer in peers:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    wait_until(lambda: open_files() <= before + 5)
    assert client.get("north-1/level").good


NASTY = "north-1\x1b[2J\r\n2026-01-01 all lamps are well\x00\u202e"


def test_c14_what_a_client_says_is_no_line_of_a_log(
    city: LocalCity, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    raw = dealer(city, context)
    for frame in (
        msgpack.packb([1, frames.COMMAND, os.urandom(16), NASTY, NASTY, NASTY, NASTY, 5.0, NASTY,
                       8, boot_ns() + 10**9, 0]),
        msgpack.packb([1, frames.QUERY, NASTY, {NASTY: NASTY}]),
        msgpack.packb([1, frames.QUERY, "why", {"subject": NASTY}]),
        msgpack.packb([1, frames.QUERY, "get", {"points": ["x" * 60_000]}]),
    ):  # fmt: skip
        raw.send_multipart([b"t", frame])
        assert raw.poll(5_000)
        items = msgpack.unpackb(raw.recv_multipart()[1])
        said = [text for text in items[2:] if isinstance(text, str)]
        assert all(len(text) < 2_000 for text in said if text != "x" * 60_000), "cut short"
    said_aloud = "".join(capfd.readouterr()) + caplog.text
    assert "\x1b" not in said_aloud
    assert "all lamps are well" not in said_aloud.split("\n")
    assert not any(line.startswith("2026-01-01 all lamps") for line in said_aloud.splitlines())
    raw.close()
    context.term()
