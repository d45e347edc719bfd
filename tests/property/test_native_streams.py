"""The native ends of a stream store and send exactly what their oracles would, and no more."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Any

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from oracle_stream import Message, OracleFeed, OracleIntake, batches_of

from jacquemart.native import frames
from jacquemart.native.pump import Pump
from jacquemart.native.stream import BatchIntake, Feed, send_batches
from jacquemart.native.table import PointTable

TOPICS = (b"r/north/0/", b"r/s/", b"r/a-zone-with-a-long-name/links/12345/")
SLOTS = 6
GOOD, BAD = 0x00, 0xC0

rows = st.lists(
    st.tuples(
        st.integers(0, SLOTS - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([GOOD, 0x40, BAD]),
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    max_size=5,
)
#: What happens on a topic; the numbers of batches are told from what was sent before.
happenings = st.lists(
    st.tuples(
        st.sampled_from(
            ["next", "next", "next", "gap", "again", "old epoch", "new epoch", "other topic",
             "heartbeat", "broken", "cut", "too far", "infinite", "nan yet good", "three parts",
             "six parts", "unknown", "arm", "pause", "look"]
        ),
        st.integers(0, len(TOPICS) - 1),
        rows,
    ),
    max_size=25,
)  # fmt: skip


def batch(topic: bytes, epoch: int, sequence: int, told: list[Any]) -> bytes:
    columns = [list(column) for column in zip(*told, strict=True)] or [[], [], [], [], []]
    slots, values, qualities, source, receive = columns
    return frames.encode_batch(
        topic.decode(), epoch, sequence, array("I", slots), array("d", values), bytes(qualities),
        array("q", source), array("q", receive),
    )  # fmt: skip


def frame_of(what: str, topic: bytes, feed: OracleFeed, sequence: int, told: list[Any]) -> bytes:
    """Return a frame as it may come, after what was sent before it."""
    epoch = feed.epoch
    whole = batch(topic, epoch, sequence, told)
    good = (0, 1.0, GOOD, 1, 1)
    found = {
        "gap": lambda: batch(topic, epoch, sequence + 1, told),
        "again": lambda: batch(topic, epoch, max(sequence - 1, 0), told),
        "old epoch": lambda: batch(topic, epoch - 1, sequence, told),
        "new epoch": lambda: batch(topic, epoch + 1, sequence, told),
        "other topic": lambda: batch(TOPICS[0] + b"x", epoch, sequence, told),
        "heartbeat": lambda: frames.encode_heartbeat(
            frames.Heartbeat(topic.decode(), epoch, sequence, 1)
        ),
        "broken": lambda: whole[:-1] if told else b"",
        "cut": lambda: whole[: len(whole) // 2],
        "too far": lambda: batch(topic, epoch, sequence, [*told, (SLOTS, 1.0, GOOD, 1, 1)]),
        "infinite": lambda: batch(topic, epoch, sequence, [good, (1, math.inf, BAD, 1, 1)]),
        "nan yet good": lambda: batch(topic, epoch, sequence, [good, (1, math.nan, GOOD, 1, 1)]),
    }.get(what, lambda: whole)
    return found()


@pytest.fixture(scope="module")
def pipe() -> Iterator[tuple[zmq.Socket[bytes], zmq.Socket[bytes]]]:
    context = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    left.bind("inproc://stream")
    right.connect("inproc://stream")
    yield left, right
    left.close(0)
    right.close(0)
    context.term()


@given(happenings)
def test_an_intake_stores_what_follows_and_hands_on_everything_else(
    pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]], story: list[tuple[str, int, list[Any]]]
) -> None:
    sender, receiver = pipe
    native, oracle = BatchIntake(receiver), OracleIntake()
    ours: list[Feed] = []
    theirs: list[OracleFeed] = []
    for topic in TOPICS:
        ours.append(Feed(topic, PointTable(SLOTS, 1)))
        theirs.append(OracleFeed(topic, PointTable(SLOTS, 1)))
        native.add(ours[-1])
        oracle.feeds[topic] = theirs[-1]
        ours[-1].arm(7, 0)
        theirs[-1].arm(7, 0)
    numbers = [0] * len(TOPICS)
    waiting: list[Message] = []
    for what, at, told in [*story, ("look", 0, [])]:
        if what == "look":
            assert native.receive(1_000) == oracle.receive(waiting)
            assert not native.more
            waiting = []
            for feed in native.touched():
                assert feed in ours
        elif what in ("arm", "pause"):
            continue_at = (7, numbers[at]) if what == "arm" else None
            for feed in (ours[at], theirs[at]):
                if continue_at is None:
                    feed.pause()
                elif not waiting:  # nobody arms a feed while he has not read what came before
                    feed.arm(*continue_at)
        else:
            topic = TOPICS[at]
            if what == "next":
                numbers[at] += 1
            frame = frame_of(what, topic, theirs[at], numbers[at] + (what != "next"), told)
            message: Message = (topic if what != "unknown" else b"q/", frame)
            if what == "three parts":
                message = (*message, b"more")
            elif what == "six parts":
                message = (*message, b"3", b"4", b"5", b"6")
            sender.send_multipart(list(message))
            waiting.append(message)
    for one, other in zip(ours, theirs, strict=True):
        assert one.table.snapshot() == other.table.snapshot()
        assert one.table.dirty_count == other.table.dirty_count
        for name in ("live", "epoch", "sequence", "batches", "readings"):
            assert getattr(one, name) == getattr(other, name), name


@given(
    told=st.lists(rows, max_size=4),
    sizes=st.integers(1, 7),
    sequence=st.sampled_from([1, 127, 128, 255, 65_535, 2**32 - 2, 2**63]),
    topic=st.sampled_from(TOPICS),
)
def test_what_is_dirty_is_sent_as_a_drain_would_tell_it(
    pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]],
    told: list[list[Any]], sizes: int, sequence: int, topic: bytes,
) -> None:  # fmt: skip
    sender, receiver = pipe
    tables = [PointTable(SLOTS, 1) for _ in range(2)]
    for table in tables:
        table.define(0, 0, 0, keep_every=True)
        for step in told:
            for row in step:
                table.update(*row)
    wanted = batches_of(tables[0], topic, 3, sequence, sizes)
    assert send_batches(Pump(sender), tables[1], topic, 3, sequence, sizes) == len(wanted)
    got = [tuple(receiver.recv_multipart(zmq.DONTWAIT)) for _ in wanted]
    assert got == wanted
    assert tables[1].dirty_count == 0
    assert tables[1].drain() is None
    assert not tables[1].urgent


def test_a_table_that_is_judged_gets_nothing_past_its_methods(
    pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]],
) -> None:
    sender, receiver = pipe
    intake, feed = BatchIntake(receiver), Feed(TOPICS[0], PointTable(SLOTS, 1))
    feed.table.judged = True
    intake.add(feed)
    feed.arm(1, 0)
    frame = batch(TOPICS[0], 1, 1, [(0, 1.0, GOOD, 1, 1)])
    sender.send_multipart([TOPICS[0], frame])
    assert intake.receive() == [(TOPICS[0], frame)]
    assert feed.batches == 0
    assert math.isnan(feed.table.value(0))


def test_a_turn_is_bounded_and_what_is_left_comes_in_the_next(
    pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]],
) -> None:
    sender, receiver = pipe
    intake, feed = BatchIntake(receiver), Feed(TOPICS[0], PointTable(40_000, 1))
    intake.add(feed)
    feed.arm(1, 0)
    told = [(slot, 1.0, GOOD, 1, 1) for slot in range(40_000)]
    for number in (1, 2, 3):
        sender.send_multipart([TOPICS[0], batch(TOPICS[0], 1, number, told)])
    assert intake.receive() == []
    assert intake.more
    assert feed.batches == 2
    assert intake.receive() == []
    assert not intake.more
    assert feed.batches == 3


def test_a_topic_that_was_removed_is_nobodys_and_may_come_again(
    pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]],
) -> None:
    sender, receiver = pipe
    intake = BatchIntake(receiver)
    feeds = [Feed(b"r/%d/" % at, PointTable(SLOTS, 1)) for at in range(50)]
    for feed in feeds:
        intake.add(feed)
        feed.arm(1, 0)

    def send() -> None:
        for feed in feeds:
            frame = batch(feed.topic, 1, 1, [(1, 2.0, GOOD, 1, 1)])
            sender.send_multipart([feed.topic, frame])

    send()
    assert intake.receive() == []
    for feed in feeds[::2]:
        intake.remove(feed)
        intake.remove(feed)
    assert set(intake.touched()) == set(feeds[1::2])
    send()
    assert len(intake.receive()) == 50  # nobody's, or told again
    assert all(feed.batches == 1 for feed in feeds)
    intake.add(feeds[0])
    feeds[0].arm(1, 0)
    send()
    assert len(intake.receive()) == 49
    assert feeds[0].batches == 2
    with pytest.raises(ValueError, match="intake already"):
        BatchIntake(sender).add(feeds[0])


@pytest.mark.parametrize("rows_a_frame", [0, -1, 2**20])
def test_a_frame_has_a_bounded_number_of_readings(
    pipe: tuple[zmq.Socket[bytes], zmq.Socket[bytes]], rows_a_frame: int
) -> None:
    with pytest.raises(ValueError, match="readings a frame"):
        send_batches(Pump(pipe[0]), PointTable(1, 1), TOPICS[0], 1, 1, rows_a_frame)


def test_a_closed_socket_clears_nothing() -> None:
    with zmq.Context() as context:
        socket = context.socket(zmq.PUB)
        pump, table = Pump(socket), PointTable(SLOTS, 1)
        table.update(0, 1.0, GOOD, 1, 1)
        socket.close(0)
        with pytest.raises(zmq.ZMQError):
            send_batches(pump, table, TOPICS[0], 1, 1)
        assert table.dirty_count == 1
