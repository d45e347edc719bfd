"""The pump when things end: closed sockets, ended contexts, other threads, and memory."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from jacquemart.native import pump as native
from jacquemart.native.pump import Pump

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.fixture
def context() -> Iterator[Context]:
    made: Context = zmq.Context()
    yield made
    made.destroy(linger=0)


def pipe(context: Context) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    """Return two connected PAIR sockets that hold any number of messages."""
    one, other = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (one, other):
        socket.sndhwm = socket.rcvhwm = 0
    name = f"inproc://{id(one)}"
    one.bind(name)
    other.connect(name)
    return one, other


def resident_kib() -> int:
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0])


def test_a_closed_socket_is_refused_by_every_call(context: Context) -> None:
    one, _ = pipe(context)
    pump = Pump(one)
    one.close()
    for call in (
        pump.receive, lambda: pump.send(b"x"), lambda: pump.send_many([(b"x",)]),
        lambda: pump.readable, lambda: pump.writable, lambda: pump.fd, lambda: Pump(one),
    ):  # fmt: skip
        with pytest.raises(zmq.ZMQError) as caught:
            call()
        assert caught.value.errno == zmq.ENOTSOCK


def test_an_ended_context_is_told_as_such() -> None:
    context: Context = zmq.Context()
    one, _ = pipe(context)
    one.linger = 0
    pump = Pump(one)
    ending = threading.Thread(target=context.term)
    ending.start()
    deadline = time.monotonic() + 20
    told = None
    while told is None and time.monotonic() < deadline:
        try:
            pump.receive()
            pump.send(b"x")
        except zmq.ContextTerminated as error:
            told = error
    for socket in (one, _):
        socket.close(linger=0)
    ending.join(20)
    assert not ending.is_alive()
    assert told is not None
    assert told.errno == zmq.ETERM


def test_only_a_zmq_socket_has_a_pump(context: Context) -> None:
    for wrong in (None, 7, context):
        with pytest.raises(TypeError, match="allowed: zmq"):
            Pump(wrong)  # type: ignore[arg-type]
    one, other = pipe(context)
    pump = Pump(one)
    with pytest.raises(TypeError, match="stays with its socket"):
        pump.__init__(other)
    with pytest.raises(AttributeError):
        Pump.__new__(Pump).receive()


def test_a_pump_keeps_its_socket_alive() -> None:
    context: Context = zmq.Context()
    one, other = pipe(context)
    pump = Pump(one)
    del one
    gc.collect()
    other.send(b"still here")
    assert pump.receive() == [(b"still here",)]
    context.destroy(linger=0)


def test_two_hundred_thousand_messages_leave_no_memory_behind(context: Context) -> None:
    one, other = pipe(context)
    left, right = Pump(one), Pump(other)
    messages = [(b"id", b"x" * 200, b"")] * 1_000

    def turn() -> None:
        assert left.send_many(messages) == 1_000
        for _ in range(4):
            assert left.send(b"single", b"y" * 5_000)
        assert len(right.receive(2_000)) == 1_004

    for _ in range(10):
        turn()
    before = resident_kib()
    for _ in range(200):
        turn()
    assert right.received == 210 * 1_004
    assert resident_kib() - before < 8_192, "a leak of one message part would be 12 MiB and more"


def test_a_refused_message_leaves_no_memory_behind(context: Context) -> None:
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    router.router_mandatory = 1
    unroutable, full = Pump(router), Pump(dealer)
    body = b"z" * 100_000
    before = 0
    for turn in range(1_000):
        assert unroutable.send_many([(b"nobody", body, body)]) == 1
        assert full.send_many([(body,), (body, body)]) == 0
        assert not full.send(body, body)
        if turn == 100:
            before = resident_kib()
    assert unroutable.unroutable == 1_000
    assert resident_kib() - before < 20_000


def test_a_second_thread_is_refused_while_the_first_is_inside(context: Context) -> None:
    """Two threads on one pump is a bug; it must end in an exception, not in broken memory."""
    one, other = pipe(context)
    left, right = Pump(one), Pump(other)
    got: list[int] = []
    stop = threading.Event()

    def receive() -> None:
        while not stop.is_set():
            with contextlib.suppress(RuntimeError):
                got.append(len(right.receive(64)))

    threads = [threading.Thread(target=receive) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        left.send_many([(b"a", b"b")] * 200)
    deadline = time.monotonic() + 20
    while right.received < 20_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert sum(got) == right.received == 20_000


def test_a_queue_that_was_drained_is_never_called_full(context: Context) -> None:
    """Left to itself libzmq notices only now and then that its peer has made room."""
    one, other = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (one, other):
        socket.sndhwm = socket.rcvhwm = 50
    one.bind("inproc://drained")
    other.connect("inproc://drained")
    left, right = Pump(one), Pump(other)
    for turn in range(2_000):
        assert left.send(b"%d" % turn)
        assert right.receive() == [(b"%d" % turn,)]


def test_libzmq_takes_back_a_message_whose_peer_left_between_two_parts(context: Context) -> None:
    """What ``Pump.push`` relies on: the rest is swallowed up to its end, the next one is clean."""
    dealer, router = context.socket(zmq.DEALER), context.socket(zmq.ROUTER)
    dealer.immediate, dealer.reconnect_ivl = 1, 20
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer.connect(f"tcp://127.0.0.1:{port}")
    dealer.send(b"hello")
    assert router.recv_multipart()[1:] == [b"hello"]
    ends = dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    dealer.send(b"first", zmq.SNDMORE | zmq.DONTWAIT)
    router.close(linger=0)
    assert ends.poll(20_000)
    time.sleep(0.1)
    assert dealer.get(zmq.EVENTS) is not None  # makes libzmq look at what has happened
    with contextlib.suppress(zmq.Again):  # refused, or swallowed if libzmq has seen it all
        dealer.send(b"second", zmq.SNDMORE | zmq.DONTWAIT)
    dealer.send(b"third", zmq.SNDMORE | zmq.DONTWAIT)
    dealer.send(b"last", zmq.DONTWAIT)
    router = context.socket(zmq.ROUTER)
    router.bind(f"tcp://127.0.0.1:{port}")
    pump, deadline = Pump(dealer), time.monotonic() + 20
    while not pump.send(b"next", b"message"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert router.recv_multipart()[1:] == [b"next", b"message"]


MAPS = """\
7f00-7f01 r--p 00000000 00:1f 11  /opt/a b/pyzmq.libs/libzmq-2f02442c.so.5.2.5
7f01-7f02 r-xp 00001000 00:1f 11  /opt/a b/pyzmq.libs/libzmq-2f02442c.so.5.2.5
7f02-7f03 rw-p 00000000 00:00 0   [heap]
7f03-7f04 rw-p 00000000 00:00 0
7f04-7f05 r-xp 00000000 00:1f 12  /usr/lib/libc.so.6
"""


def test_the_library_is_found_among_what_is_mapped() -> None:
    assert native._mapped(MAPS) == ["/opt/a b/pyzmq.libs/libzmq-2f02442c.so.5.2.5"]
    assert native._mapped("") == []
    maps = Path("/proc/self/maps").read_text()
    found = native._find("", maps)
    assert "libzmq" in found
    assert native._find("/no/such/module.so", maps) == found
    assert native.library_version() == zmq.zmq_version_info()


@pytest.mark.parametrize("maps", ["", MAPS, MAPS + "1-2 r--p 0 0 1 /usr/lib/libzmq.so.5\n"])
def test_a_library_that_is_not_found_is_an_import_error_with_advice(maps: str) -> None:
    with pytest.raises(ImportError, match="pip install --force-reinstall 'pyzmq"):
        native._find("", maps)
