"""The pump on real sockets: what goes in comes out, whole, in order, and never blocks."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from jacquemart.native import pump as native
from jacquemart.native.pump import Pump, Unroutable

Message = tuple[bytes, ...]


class Pair:
    """A mandatory ROUTER and a DEALER that it knows as ``peer``, over tcp."""

    def __init__(self, high_water_mark: int = 100_000) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.router = self.context.socket(zmq.ROUTER)
        self.dealer = self.context.socket(zmq.DEALER)
        for socket in (self.router, self.dealer):
            socket.linger = 0
            socket.sndhwm = socket.rcvhwm = high_water_mark
        self.router.router_mandatory = 1
        self.dealer.identity = b"peer"
        self.dealer.connect(f"tcp://127.0.0.1:{self.router.bind_to_random_port('tcp://127.0.0.1')}")
        self.up, self.down = Pump(self.dealer), Pump(self.router)
        assert self.up.send(b"hello")
        assert collect(self.down, 1) == [(b"peer", b"hello")]

    def close(self) -> None:
        self.context.destroy(linger=0)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.001)


def collect(pump: Pump, count: int) -> list[Message]:
    """Receive until ``count`` messages have come."""
    found: list[Message] = []

    def enough() -> bool:
        found.extend(pump.receive(count - len(found)))
        return len(found) >= count

    until(enough)
    return found


def test_the_library_is_the_one_that_pyzmq_uses() -> None:
    assert native.library_version() == zmq.zmq_version_info()
    paths = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines()
             if "libzmq" in line}  # fmt: skip
    assert len(paths) == 1, "a second libzmq would be a second world"


def test_boot_time_is_the_clock_of_the_host() -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    now = native.boot_ns()
    assert before <= now <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_messages_of_any_shape_come_whole_and_in_order(pair: Pair) -> None:
    messages: list[Message] = [
        (b"",), (b"", b""), (b"one",), (b"a", b"", b"c"), (bytes(300_000), b"x" * 33),
        tuple(b"%d" % n for n in range(1_500)), (b"x",) * 512, (b"y",) * 511, (b"last",),
    ]  # fmt: skip
    assert pair.up.send_many(messages) == len(messages)
    assert collect(pair.down, len(messages)) == [(b"peer", *message) for message in messages]
    for message in messages:
        assert pair.down.send(b"peer", *message)
    assert collect(pair.up, len(messages)) == messages
    assert (pair.up.sent, pair.up.received) == (len(messages) + 1, len(messages))
    assert (pair.down.sent, pair.down.received) == (len(messages), len(messages) + 1)


def test_plain_pyzmq_at_the_other_end_sees_the_same(pair: Pair) -> None:
    pair.up.send(b"a", b"b", b"")
    assert pair.router.recv_multipart() == [b"peer", b"a", b"b", b""]
    pair.router.send_multipart([b"peer", b"c", b"", b"d"])
    assert collect(pair.up, 1) == [(b"c", b"", b"d")]


def test_a_limit_is_kept_and_the_rest_waits(pair: Pair) -> None:
    pair.up.send_many([(b"%d" % n, b"x") for n in range(1_000)])
    until(lambda: pair.down.readable)
    time.sleep(0.1)
    assert pair.down.receive(0) == []
    assert [m[1] for m in pair.down.receive(3)] == [b"0", b"1", b"2"]
    assert len(pair.down.receive()) == 256
    assert [m[1] for m in collect(pair.down, 741)] == [b"%d" % n for n in range(259, 1_000)]
    assert pair.down.receive() == []
    with pytest.raises(ValueError, match="limit is -1"):
        pair.down.receive(-1)


def test_a_full_queue_refuses_the_whole_message_and_takes_it_later() -> None:
    pair = Pair(high_water_mark=10)
    try:
        body = bytes(200_000)
        names = [b"%d" % turn for turn in range(400)]
        # The network takes a few, libzmq ten at each end.
        accepted = [name for name in names if pair.up.send(name, body, b"end")]
        many: list[Message] = [(b"many%d" % n, body, b"end") for n in range(100)]
        accepted += [message[0] for message in many[: pair.up.send_many(many)]]
        assert 10 <= len(accepted) < 400
        got = collect(pair.down, len(accepted))
        until(lambda: pair.up.send(b"late", body, b"end"))
        got += collect(pair.down, 1)
        assert [m[1] for m in got] == [*accepted, b"late"]
        assert {len(m) for m in got} == {4}, "no part was sent of what was refused"
        assert pair.up.sent == len(accepted) + 2
        assert pair.down.receive() == []
    finally:
        pair.close()


def test_send_many_stops_at_the_first_that_does_not_fit() -> None:
    pair = Pair(high_water_mark=10)
    try:
        messages = [(b"peer", b"%d" % n, bytes(200_000)) for n in range(400)]
        sent = pair.down.send_many(messages)
        assert 0 < sent < 400
        rest = messages[sent:]

        def all_sent() -> bool:
            got.extend(pair.up.receive())
            del rest[: pair.down.send_many(rest)]
            return not rest and len(got) == 400

        got: list[Message] = []
        until(all_sent)
        assert [m[0] for m in got] == [b"%d" % n for n in range(400)]
        assert pair.down.unroutable == 0
    finally:
        pair.close()


def test_an_unknown_peer_is_unroutable_and_harms_no_other(pair: Pair) -> None:
    with pytest.raises(Unroutable, match="no peer b'stranger'") as caught:
        pair.down.send(b"stranger", b"a", b"b")
    assert caught.value.errno == zmq.EHOSTUNREACH
    assert isinstance(caught.value, OSError)
    sent = pair.down.send_many([(b"peer", b"1"), (b"no", b"2", b"3"), (b"peer", b"4"), (b"", b"")])
    assert sent == 4
    assert (pair.down.unroutable, pair.down.sent) == (3, 2)
    assert collect(pair.up, 2) == [(b"1",), (b"4",)]
    assert pair.down.send_many([(b"no", b"%d" % n) for n in range(1_000)]) == 1_000
    assert pair.down.unroutable == 1_003


def test_a_peer_that_left_becomes_unroutable(pair: Pair) -> None:
    pair.dealer.close(linger=0)

    def gone() -> bool:
        try:
            pair.down.send(b"peer", b"x")
        except Unroutable:
            return True
        return False

    until(gone)


def test_a_dealer_without_a_peer_does_not_fit() -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.immediate = 1
        socket.connect("tcp://127.0.0.1:1")
        pump = Pump(socket)
        assert not pump.send(b"a", b"b")
        assert pump.send_many([(b"a",)]) == 0
        assert not pump.writable
        assert pump.receive() == []
        socket.linger = 0


def test_what_is_no_message_is_refused_before_anything_is_sent(pair: Pair) -> None:
    good = (b"peer", b"x")
    for wrong, error in [
        (["peer", "x"], TypeError), (("peer",), TypeError), ((b"peer", bytearray(1)), TypeError),
        ((b"peer", None), TypeError), ((), ValueError), (b"peer", TypeError),
    ]:  # fmt: skip
        with pytest.raises(error):
            pair.down.send_many([good, wrong])  # type: ignore[list-item]
    for parts in [("peer", b"x"), (b"peer", None), ()]:
        with pytest.raises((TypeError, ValueError)):
            pair.down.send(*parts)  # type: ignore[arg-type]
    assert pair.down.sent == 0
    assert pair.down.send_many([]) == 0
    assert pair.down.send(*good)
    assert collect(pair.up, 1) == [(b"x",)]


def test_the_descriptor_is_silent_after_a_drain_and_wakes_for_the_next(pair: Pair) -> None:
    poll = select.poll()
    poll.register(pair.down.fd, select.POLLIN)
    assert pair.down.fd == pair.router.fd
    for turn in range(50):
        assert pair.down.receive() == []
        assert not pair.down.readable
        assert pair.up.send(b"%d" % turn)
        assert poll.poll(20_000), "the edge came"
        until(lambda: pair.down.readable)
        assert pair.down.receive() == [(b"peer", b"%d" % turn)]
        assert not pair.down.readable
    assert pair.up.writable
    assert pair.down.writable
