"""Who sends a command again says so, to whoever understands it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.runtime.client.repeats import KEPT, Repeats, marked
from jacquemart.runtime.client.requests import GatewayClock, GatewayProbe, bulk, command
from jacquemart.runtime.model.versions import MARKED_REPEATS, MINE
from jacquemart.runtime.wire import messages

ID = bytes(range(16))
times = st.integers(1, 2**64 - 1)


def jog(deadline_ns: int = 10**12, first_ns: int = 0) -> tuple[frames.Command, bytes]:
    return command(
        "lamp-1/jog", 80.0, verb="set", unit="", priority=8, deadline_ns=deadline_ns,
        principal="ann", identity=ID, first_ns=first_ns,
    )  # fmt: skip


@given(times, times)
def test_a_marked_frame_is_that_of_the_same_command_with_its_time(deadline: int, at: int) -> None:
    made, frame = jog(deadline)
    again = frames.decode_command(marked(frame, at))
    assert again == made.with_route(made.principal, made.epoch, at)
    assert again.first_ns == at
    assert marked(marked(frame, at), at + 1) == marked(frame, at), "the first time counts"


def test_what_is_no_command_is_sent_again_as_it_was() -> None:
    made = bulk("jog", 1.0, zone="*", kind="*", device="*", unit="", priority=8, deadline_ns=9,
                principal="ann", identity=ID)  # fmt: skip
    for frame in (messages.encode_bulk(made), messages.query("hello"), b""):
        assert marked(frame, 5) == frame


def test_an_identity_that_was_used_before_is_a_repeat_of_then() -> None:
    repeats = Repeats()
    assert repeats.first_ns(None, 5) == repeats.first_ns(None, 6) == 0, "each gets its own"
    assert repeats.first_ns(ID, 7) == 0
    assert repeats.first_ns(ID, 9) == 7
    for number in range(KEPT):
        repeats.first_ns(number.to_bytes(16, "little"), 10)
    assert repeats.first_ns(ID, 11) == 0, "some are forgotten, so that they do not fill the memory"
    assert repeats.first_ns(ID, 12) == 11
    assert jog(first_ns=10**12)[1] == marked(jog()[1], 10**12)


def hello(**more: Any) -> dict[str, Any]:
    return {"epoch": 4, **more}


def test_only_a_gateway_that_says_that_it_understands_gets_a_mark() -> None:
    frame = jog()[1]
    old = GatewayProbe.from_hello(hello(), GatewayClock())
    assert not old.reads_marks
    assert old.again(frame, 7) == frame
    new = GatewayProbe.from_hello(hello(wire=MINE.wire.most), GatewayClock(1_000, 3))
    assert frames.decode_command(new.again(frame, 7)).first_ns == 7 + 1_000 - 3, "never too late"
    assert new.is_another(messages.reply({**hello(wire=1), "epoch": 5}))
    assert new.again(frame, 7) == frame, "its successor is of before"
    assert new.is_another(messages.reply({**hello(wire=MARKED_REPEATS), "epoch": 6}))
    assert new.again(frame, 7) != frame


@pytest.mark.parametrize("wire", ["2", None, 1.5])
def test_a_greeting_of_another_form_is_of_before(wire: object) -> None:
    assert not GatewayProbe.from_hello(hello(wire=wire), GatewayClock()).reads_marks


def test_that_a_mark_is_not_understood_is_no_answer_to_the_command() -> None:
    probe = GatewayProbe(1)
    assert not probe.is_final(messages.error("bad_frame", "13 items", "byte 0", "12"))
    assert probe.is_final(messages.error("usage", "no"))
