"""A pump that waits: for one message, for a bounded time, and not against signals."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator

import pytest
import zmq

from jacquemart.native.pump import Pump


class Pair:
    """Two sockets of one process; the right one waits for 50 ms."""

    def __init__(self) -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.left, self.right = self.context.socket(zmq.PAIR), self.context.socket(zmq.PAIR)
        self.left.bind("inproc://waits")
        self.right.connect("inproc://waits")
        self.right.rcvtimeo = 50
        self.pump = Pump(self.right)


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.context.destroy(linger=0)


def test_what_is_there_comes_at_once_one_message_at_a_time(pair: Pair) -> None:
    for number in range(3):
        pair.left.send_multipart([b"token", bytes([number])])
    assert [pair.pump.wait_for_one() for _ in range(2)] == [(b"token", b"\0"), (b"token", b"\1")]
    assert pair.pump.receive() == [(b"token", b"\2")]
    assert pair.pump.received == 3


def test_without_a_message_the_wait_ends_with_the_sockets_time(pair: Pair) -> None:
    began = time.monotonic()
    assert pair.pump.wait_for_one() is None
    assert time.monotonic() - began >= 0.045
    assert pair.pump.received == 0


def test_a_message_that_comes_meanwhile_ends_the_wait_and_other_threads_run(pair: Pair) -> None:
    pair.right.rcvtimeo = 20_000
    later = threading.Timer(0.05, lambda: pair.left.send_multipart([b"a", b"b"]))
    later.start()  # it has to have the interpreter while the pump waits
    assert pair.pump.wait_for_one() == (b"a", b"b")
    later.join()


def test_a_message_of_more_parts_than_a_boxful_comes_whole(pair: Pair) -> None:
    parts = [bytes([n % 251]) for n in range(1_300)]
    pair.left.send_multipart(parts)
    found = None
    while found is None:
        found = pair.pump.wait_for_one()
    assert list(found) == parts


class Heard(Exception):
    """What a handler raises."""


def test_a_signal_ends_the_wait_and_its_handler_may_raise(pair: Pair) -> None:
    pair.right.rcvtimeo = 20_000
    heard: list[int] = []

    def note(number: int, _: object) -> None:
        heard.append(number)
        if len(heard) == 2:
            raise Heard

    before = signal.signal(signal.SIGUSR1, note)
    main = threading.get_ident()
    try:
        for turn in range(2):
            threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1)).start()
            if turn:
                with pytest.raises(Heard):
                    pair.pump.wait_for_one()
            else:
                assert pair.pump.wait_for_one() is None
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1] * 2
    pair.left.send_multipart([b"still", b"here"])
    assert pair.pump.wait_for_one() == (b"still", b"here")


def test_a_closed_socket_is_not_waited_for(pair: Pair) -> None:
    pair.right.close(0)
    with pytest.raises(zmq.ZMQError):
        pair.pump.wait_for_one()
