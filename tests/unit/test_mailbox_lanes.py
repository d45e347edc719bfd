"""Lanes, priorities, conflation and counts of the native mailbox."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref
from typing import Any

import pytest

from jacquemart.native.mailbox import COMMANDS, EVENTS, LANES, SAFETY, TELEMETRY, Mailbox


def drain(mailbox: Mailbox) -> list[Any]:
    return list(iter(mailbox.take, None))


def test_a_lane_is_first_in_first_out() -> None:
    mailbox = Mailbox()
    for at in range(100):
        assert mailbox.post(COMMANDS, at) is True
    assert len(mailbox) == mailbox.depth(COMMANDS) == 100
    assert drain(mailbox) == list(range(100))
    assert not mailbox


def test_the_lowest_lane_goes_first() -> None:
    mailbox = Mailbox()
    for lane in (TELEMETRY, EVENTS, COMMANDS, SAFETY):
        mailbox.post(lane, lane + 10)
    assert drain(mailbox) == [10, 11, 12, 13]


def test_one_take_in_sixteen_serves_the_lane_that_waits_longest() -> None:
    mailbox = Mailbox()
    mailbox.post(SAFETY, "first")
    mailbox.post(EVENTS, "event")
    assert mailbox.take() == "first"
    mailbox.post(COMMANDS, "command")
    for _ in range(60):
        mailbox.post(SAFETY, "safety")
    taken = [mailbox.take() for _ in range(48)]
    assert [at for at, message in enumerate(taken, 1) if message == "event"] == [15]
    assert [at for at, message in enumerate(taken, 1) if message == "command"] == [31]


def test_takes_are_counted_anew_once_nobody_waits_behind() -> None:
    mailbox = Mailbox()
    for _ in range(2):
        for _ in range(11):
            mailbox.post(SAFETY, "safety")
        mailbox.post(EVENTS, "event")
        assert [mailbox.take() for _ in range(12)] == ["safety"] * 11 + ["event"]


def test_a_lane_that_is_posted_to_again_keeps_its_turn() -> None:
    mailbox = Mailbox()
    mailbox.post(EVENTS, "first event")
    for _ in range(40):
        mailbox.post(SAFETY, "safety")
    mailbox.take()
    mailbox.post(COMMANDS, "command")
    mailbox.take()
    mailbox.post(EVENTS, "second event")
    taken = [mailbox.take() for _ in range(30)]
    assert [message for message in taken if message != "safety"] == ["first event", "command"]


@pytest.mark.parametrize("lane", [SAFETY, COMMANDS, EVENTS])
def test_a_full_lane_refuses_and_counts_it(lane: int) -> None:
    mailbox = Mailbox(2, 2, 2, 2)
    assert [mailbox.post(lane, at + 1) for at in range(4)] == [True, True, False, False]
    assert (mailbox.refused, mailbox.dropped) == (2, 0)
    assert drain(mailbox) == [1, 2]
    assert mailbox.post(lane, 5)


def test_a_full_telemetry_lane_drops_its_oldest_and_counts_it() -> None:
    mailbox = Mailbox(telemetry=3)
    assert all(mailbox.post(TELEMETRY, at, f"key {at}") for at in range(5))
    assert (mailbox.refused, mailbox.dropped, mailbox.conflated) == (0, 2, 0)
    assert mailbox.post(TELEMETRY, "new", "key 0")  # was dropped, so it waits no more
    assert mailbox.dropped == 3
    assert drain(mailbox) == [3, 4, "new"]


def test_a_key_that_waits_is_replaced_in_its_place() -> None:
    mailbox = Mailbox(telemetry=2)
    for key, message in (("a", 1), ("b", 2), ("a", 3)):
        assert mailbox.post(TELEMETRY, message, key)
    assert (mailbox.conflated, mailbox.dropped) == (1, 0)
    assert drain(mailbox) == [3, 2]
    mailbox.post(TELEMETRY, 4, "a")
    assert mailbox.conflated == 1
    assert mailbox.take() == 4


def test_keys_count_only_in_the_telemetry_lane() -> None:
    mailbox = Mailbox()
    for lane in (SAFETY, COMMANDS, EVENTS):
        mailbox.post(lane, lane * 2 + 1, "key")
        mailbox.post(lane, lane * 2 + 2, ["not hashable"])
    assert drain(mailbox) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("lane", range(LANES))
def test_a_lane_of_capacity_zero_refuses_everything(lane: int) -> None:
    mailbox = Mailbox(0, 0, 0, 0)
    assert not mailbox.post(lane, "message", "key")
    assert (mailbox.refused, mailbox.dropped, len(mailbox)) == (1, 0, 0)
    assert mailbox.take() is None


def test_clear_returns_what_waited_lane_by_lane() -> None:
    mailbox = Mailbox()
    for lane in (TELEMETRY, EVENTS, SAFETY, SAFETY):
        mailbox.post(lane, f"{lane} {len(mailbox)}", "key")
    assert mailbox.clear() == ["0 2", "0 3", "2 1", "3 0"]
    assert not mailbox
    assert mailbox.clear() == []
    assert mailbox.post(TELEMETRY, "again", "key")
    assert mailbox.conflated == 0


@pytest.mark.parametrize("lane", [-1, LANES, 2**70])
def test_an_unknown_lane_is_a_value_error(lane: int) -> None:
    mailbox = Mailbox()
    with pytest.raises(ValueError):
        mailbox.post(lane, "message")
    with pytest.raises(ValueError):
        mailbox.depth(lane)


@pytest.mark.parametrize("capacity", [-1, 2**31, 2**70])
def test_an_impossible_capacity_is_a_value_error(capacity: int) -> None:
    with pytest.raises(ValueError):
        Mailbox(events=capacity)


def test_none_is_no_message() -> None:
    with pytest.raises(ValueError):
        Mailbox().post(SAFETY, None)


def test_an_unhashable_key_leaves_the_mailbox_as_it_was() -> None:
    mailbox = Mailbox()
    with pytest.raises(TypeError):
        mailbox.post(TELEMETRY, "message", ["not hashable"])
    assert not mailbox
    assert mailbox.take() is None


def test_an_empty_mailbox_takes_less_than_120_bytes() -> None:
    assert sys.getsizeof(Mailbox()) < 120
    tracemalloc.start()
    try:
        many: list[Mailbox | None] = [None] * 1000
        before = tracemalloc.get_traced_memory()[0]
        for at in range(1000):
            many[at] = Mailbox()
        assert (tracemalloc.get_traced_memory()[0] - before) / 1000 < 120
    finally:
        tracemalloc.stop()


def test_an_emptied_mailbox_gives_a_large_ring_back() -> None:
    tracemalloc.start()
    try:
        mailbox = Mailbox()
        message = object()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(256):
            mailbox.post(EVENTS, message)
        assert tracemalloc.get_traced_memory()[0] - before > 2048
        while mailbox.take():
            pass
        assert tracemalloc.get_traced_memory()[0] - before < 256
    finally:
        tracemalloc.stop()


class Message:
    """Something that can be watched, and that can point back."""

    mailbox: Mailbox | None = None


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize("lane", range(LANES))
def test_a_mailbox_that_waits_in_itself_is_collected(lane: int, key: str | None) -> None:
    mailbox, message = Mailbox(), Message()
    message.mailbox = mailbox
    mailbox.post(lane, message, key)
    watch = weakref.ref(message)
    del mailbox, message
    gc.collect()
    assert watch() is None


def test_a_message_is_let_go_when_it_is_taken_dropped_or_replaced() -> None:
    mailbox = Mailbox(telemetry=2)
    messages = [Message() for _ in range(5)]
    watches = [weakref.ref(message) for message in messages]
    for message, key in zip(messages, ["a", "b", "b", "c", None], strict=True):
        mailbox.post(TELEMETRY, message, key)
    del messages, message
    assert [watch() is None for watch in watches] == [True, True, True, False, False]
    mailbox.clear()
    assert [watch() is None for watch in watches] == [True] * 5
