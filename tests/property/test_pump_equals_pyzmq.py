"""Whatever is sent, the native pump and plain pyzmq hear the same, in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import zmq
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_pump import PumpTwin

from jacquemart.native.pump import Pump

MESSAGES = st.lists(
    st.lists(st.binary(max_size=300), min_size=1, max_size=6).map(tuple), max_size=40
)


@contextmanager
def pair(name: str = "inproc://pair") -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    """Return two connected sockets of one process, so that nothing is under way."""
    context = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    try:
        left.bind(name)
        right.connect(name)
        yield left, right
    finally:
        left.close(0)
        right.close(0)
        context.term()


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.integers(1, 50))
def test_the_pump_hears_what_pyzmq_sends(messages: list[tuple[bytes, ...]], limit: int) -> None:
    with pair() as (left, right):
        twin, pump = PumpTwin(left), Pump(right)
        assert all(twin.send(*message) for message in messages)
        heard: list[tuple[bytes, ...]] = []
        while got := pump.receive(limit):
            assert len(got) <= limit
            heard += got
        assert heard == messages
        assert pump.received == len(messages)
        assert not pump.readable


@settings(max_examples=30, deadline=None)
@given(MESSAGES)
def test_who_waits_hears_the_same_one_message_at_a_time(messages: list[tuple[bytes, ...]]) -> None:
    with pair() as (left, right), pair("inproc://twin") as (other, waiting):
        right.rcvtimeo = waiting.rcvtimeo = 1
        pump, twin = Pump(right), PumpTwin(waiting)
        for message in messages:
            left.send_multipart(message)
            other.send_multipart(message)
        heard = [(pump.wait_for_one(), twin.wait_for_one()) for _ in range(len(messages) + 1)]
        assert heard == [(message, message) for message in [*messages, None]]


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.booleans())
def test_pyzmq_hears_what_the_pump_sends(messages: list[tuple[bytes, ...]], many: bool) -> None:
    with pair() as (left, right):
        pump, twin = Pump(left), PumpTwin(right)
        if many:
            assert pump.send_many(messages) == len(messages)
        else:
            assert all(pump.send(*message) for message in messages)
        assert twin.receive(1_000) == messages
        assert pump.sent == len(messages)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 30), st.lists(st.binary(max_size=50), min_size=1, max_size=4).map(tuple))
def test_both_say_at_the_same_message_that_a_queue_is_full(
    room: int, message: tuple[bytes, ...]
) -> None:
    def fits(kind: type[Pump | PumpTwin]) -> int:
        context = zmq.Context()
        left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
        try:
            for socket in (left, right):
                socket.setsockopt(zmq.SNDHWM, room)
                socket.setsockopt(zmq.RCVHWM, room)
            left.bind("inproc://pair")
            right.connect("inproc://pair")
            sender = kind(left)
            sent = 0
            while sent < 1_000 and sender.send(*message):
                sent += 1
            assert len(PumpTwin(right).receive(2_000)) == sent
            return sent
        finally:
            left.close(0)
            right.close(0)
            context.term()

    assert fits(Pump) == fits(PumpTwin)
