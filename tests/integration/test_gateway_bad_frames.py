"""What breaks the protocol is answered by name, or ends a connection; others notice nothing."""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import msgpack
import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_city import small_city

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import messages

S = 1_000_000_000
KINDS = (frames.COMMAND, frames.BULK, frames.QUERY)


class Raw:
    """A client without manners: a bare DEALER."""

    def __init__(self, api: str) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(api)

    def ask(self, *parts: bytes, wait_s: float = 10.0) -> list[bytes] | None:
        self.socket.send_multipart(parts)
        return self.socket.recv_multipart() if self.socket.poll(int(wait_s * 1e3)) else None

    def error(self, frame: bytes) -> list[str]:
        """Return code, message, where and advice of the ERROR that answers a frame."""
        answer = self.ask(b"token", frame)
        assert answer is not None, "no answer"
        assert answer[0] == b"token"
        items = msgpack.unpackb(answer[1])
        assert items[:2] == [1, frames.ERROR], items
        assert all(isinstance(text, str) for text in items[2:])
        return items[2:]  # type: ignore[no-any-return]

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    with small_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest.fixture
def raw(city: LocalCity) -> Iterator[Raw]:
    made = Raw(city.api)
    yield made
    made.close()


def command(**change: Any) -> list[Any]:
    fields: dict[str, Any] = {
        "version": 1, "kind": frames.COMMAND, "id": os.urandom(16), "principal": "raw",
        "device": "north-1", "verb": "set", "point": "setpoint", "value": 50.0, "unit": "",
        "priority": 8, "deadline_ns": boot_ns() + 5 * S, "epoch": 0,
    }  # fmt: skip
    assert set(change) <= set(fields)
    return list({**fields, **change}.values())


def bulk(**change: Any) -> list[Any]:
    fields: dict[str, Any] = {
        "version": 1, "kind": frames.BULK, "id": os.urandom(16), "principal": "raw", "zone": "*",
        "of": "*", "device": "*", "point": "setpoint", "value": 50.0, "unit": "", "priority": 8,
        "deadline_ns": boot_ns() + 5 * S,
    }  # fmt: skip
    assert set(change) <= set(fields)
    return list({**fields, **change}.values())


def query(*items: Any) -> list[Any]:
    return [1, frames.QUERY, *items]


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


GOOD = msgpack.packb(query("hello", {}))
BROKEN: dict[str, tuple[bytes, str, str]] = {
    "empty": (b"", "empty", "byte 0"),
    "no array": (msgpack.packb("hello"), "array", "byte 0"),
    "a map": (msgpack.packb({1: 7}), "array", "byte 0"),
    "cut in the header": (GOOD[:1], "", "byte"),
    "cut in the middle": (GOOD[:-3], "", "byte"),
    "something behind it": (GOOD + b"\x00", "", "byte"),
    "another version": (msgpack.packb([2, 7, "hello", {}]), "version", "byte 1"),
    "a version that is text": (msgpack.packb(["1", 7, "hello", {}]), "version", "byte 1"),
    "an unknown kind": (msgpack.packb([1, 99, "hello", {}]), "kind", "byte 2"),
    "a kind that is no request": (msgpack.packb([1, 8, 5]), "kind 8", "position 1"),
    "too deep": (msgpack.packb(query("hello", {"a": deep(40)})), "deep", "byte"),
    "an extension type": (
        msgpack.packb(query("hello", {"a": msgpack.ExtType(4, b"x")})), "", "byte"),
    "text that is not UTF-8": (b"\x94\x01\x07\xa2\xff\xfe\x80", "", "byte"),
    "a query without arguments": (msgpack.packb(query("hello")), "3 positions", "frame"),
    "a query with too many": (msgpack.packb(query("hello", {}, 1)), "5 positions", "frame"),
    "a verb that is no text": (msgpack.packb(query(5, {})), "'verb'", "position 2"),
    "arguments that are no map": (msgpack.packb(query("ls", [])), "'args'", "position 3"),
    "argument names that are no text": (msgpack.packb(query("ls", {5: 1})), "", ""),
    "a short command": (msgpack.packb(command()[:-1]), "", "byte"),
    "a long command": (msgpack.packb([*command(), 0, 0]), "", "byte"),
    "a short id": (msgpack.packb(command(id=b"123")), "id", "byte"),
    "an id that is text": (msgpack.packb(command(id="x" * 16)), "id", "byte"),
    "a value that is a list": (msgpack.packb(command(value=[1])), "value", "byte"),
    "priority 0": (msgpack.packb(command(priority=0)), "priority", "byte"),
    "priority 17": (msgpack.packb(command(priority=17)), "priority", "byte"),
    "a negative deadline": (msgpack.packb(command(deadline_ns=-1)), "deadline", "byte"),
    "a deadline that is text": (msgpack.packb(command(deadline_ns="now")), "deadline", "byte"),
    "a device name too long": (msgpack.packb(command(device="x" * 256)), "device", "byte"),
    "a short bulk": (msgpack.packb(bulk()[:-1]), "11 positions", "frame"),
    "a long bulk": (msgpack.packb([*bulk(), 1]), "13 positions", "frame"),
    "a bulk value that is a list": (msgpack.packb(bulk(value=[80])), "'value'", "position 8"),
    "a bulk value too long": (msgpack.packb(bulk(value="x" * 1_025)), "'value'", "position 8"),
    "a bulk zone that is a number": (msgpack.packb(bulk(zone=5)), "'zone'", "position 4"),
    "a bulk priority out of range": (msgpack.packb(bulk(priority=99)), "'priority'", "position"),
    "a bulk id too short": (msgpack.packb(bulk(id=b"1")), "'id'", "position 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_frame_is_refused_with_what_and_where(raw: Raw, name: str) -> None:
    frame, what, where = BROKEN[name]
    code, message, place, _ = raw.error(frame)
    assert code == "bad_frame"
    assert what in message
    assert where in place
    assert message
    assert raw.ask(b"t", GOOD) is not None, "the same connection goes on"


@pytest.mark.parametrize(
    "parts",
    [(GOOD,), (b"",), (b"t", GOOD, b"more"), (b"x" * 65, GOOD), tuple([b"part"] * 1_000),
     (b"", b"", b"")],
    ids=["one", "one empty", "three", "token too long", "a thousand", "three empty"],
)  # fmt: skip
def test_a_request_of_a_wrong_number_of_parts_is_refused(raw: Raw, parts: tuple[bytes]) -> None:
    answer = raw.ask(*parts)
    assert answer is not None
    version, kind, code, message, where, _ = msgpack.unpackb(answer[-1])
    assert (version, kind, code, where) == (1, frames.ERROR, "bad_frame", "request")
    assert "two parts" in message
    assert raw.ask(b"t", GOOD) is not None


def test_a_token_comes_back_as_it_went_whatever_it_is(raw: Raw) -> None:
    for token in (b"", b"\x00", os.urandom(64)):
        answer = raw.ask(token, GOOD)
        assert answer is not None
        assert answer[0] == token


def test_a_frame_too_big_ends_its_connection_and_no_other(city: LocalCity, raw: Raw) -> None:
    client = city.client()
    padding = "x" * (64 * 1024 - len(msgpack.packb(query("hello", {"p": ""}))) - 4)
    largest = msgpack.packb(query("hello", {"p": padding}))
    assert 64 * 1024 - 8 <= len(largest) <= 64 * 1024
    assert raw.ask(b"t", largest) is not None
    monitor = raw.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    raw.socket.send_multipart([b"t", largest + b"x" * 1_000])
    assert monitor.poll(10_000), "the connection is closed"
    raw.socket.disable_monitor()
    monitor.close()
    assert client.get("north-1/level").good
    assert raw.ask(b"t", GOOD) is not None, "who connects again is served again"


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: city\r\n\r\n", b"\xff" * 10_000, b"\x00" * 64,
         b"\xff" + random.Random(7).randbytes(4_096),
     b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00NULL", b""],
    ids=["http", "ones", "zeros", "random", "half a greeting", "silence"],
)  # fmt: skip
def test_garbage_before_the_handshake_is_cut_off_and_the_city_serves_others(
    city: LocalCity, garbage: bytes
) -> None:
    client = city.client()
    host, port = city.api.removeprefix("tcp://").split(":")
    with socket.create_connection((host, int(port)), timeout=10.0) as peer:
        peer.sendall(garbage)
        assert client.get("north-1/level").good
        if garbage.startswith(b"GET"):  # looks like ZMTP 1.0, which knows no handshake
            peer.shutdown(socket.SHUT_WR)
        give_up = time.monotonic() + 10.0
        try:
            while peer.recv(65_536):  # libzmq greets first, and then hangs up
                assert time.monotonic() < give_up
        except ConnectionResetError:
            pass  # cut off as well
    assert client.get("north-1/level").good


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    frame=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda tail: b"\x94\x01" + tail),
        st.sampled_from(KINDS).flatmap(
            lambda kind: st.lists(
                st.one_of(st.none(), st.integers(-1, 2**64 - 1), st.floats(), st.text(max_size=9),
                          st.binary(max_size=17), st.dictionaries(st.text(max_size=3), st.none())),
                max_size=12,
            ).map(lambda items: msgpack.packb([1, kind, *items]))
        ),
    )
)  # fmt: skip
def test_any_bytes_have_one_answer(raw: Raw, frame: bytes) -> None:
    answer = raw.ask(b"token", frame)
    assert answer is not None, frame
    assert answer[0] == b"token"
    items = msgpack.unpackb(answer[1])
    assert items[1] in (frames.ERROR, frames.OUTCOME, frames.REPLY, frames.BULK_OUTCOME)
    assert items[2] != "internal", items


def test_the_city_serves_others_while_one_floods_it_with_rubbish(city: LocalCity) -> None:
    stop = threading.Event()

    def flood() -> None:
        raw = Raw(city.api)
        while not stop.is_set():
            for _ in range(50):
                raw.socket.send_multipart([b"t", os.urandom(50)], zmq.NOBLOCK)
            while raw.socket.poll(20):
                raw.socket.recv_multipart()
        raw.close()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        client = city.client()
        for value in (10.0, 20.0, 30.0):
            assert client.set("north-2/setpoint", value).applied
    finally:
        stop.set()
        thread.join(10.0)
    assert not thread.is_alive()


def test_malformed_frames_are_counted_where_an_operator_sees_them(
    city: LocalCity, raw: Raw
) -> None:
    def bad_frames() -> int:
        cells = city.client().query("top")["cells"]
        (gateway,) = (cell for cell in cells if cell["role"] == "gateway")
        return int(gateway["counters"]["bad_frames"])

    before = bad_frames()
    raw.error(b"")
    raw.error(messages.reply(5))
    assert bad_frames() == before + 2
