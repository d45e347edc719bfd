"""What an operator's program says to a warden: whatever it is, it is a message or refused."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster import control_wire
from jacquemart.runtime.model.errors import FrameError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("verb", "path", "folder", "plan")


def heard(content: bytes, limit: int = 1_000) -> dict[str, Any]:
    """Return what the other end understands, once this one has said all."""
    here, there = socket.socketpair()
    with here, there:
        here.sendall(content)
        here.shutdown(socket.SHUT_WR)
        return control_wire.receive(there, limit, 5.0)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_message_arrives_as_it_was_sent(message: dict[str, Any]) -> None:
    here, there = socket.socketpair()
    with here, there:
        control_wire.send(here, message)
        assert control_wire.receive(there, 1 << 20, 5.0) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_map_or_refused(content: bytes) -> None:
    try:
        found = heard(struct.pack(">I", len(content)) + content)
    except FrameError:
        return
    assert isinstance(found, dict)


@given(st.binary(max_size=8), st.integers(0, 2**32 - 1))
def test_a_length_is_not_believed(content: bytes, length: int) -> None:
    if length > 1_000:
        with pytest.raises(FrameError, match="bytes"):
            heard(struct.pack(">I", length) + content)
    elif length > len(content):
        with pytest.raises(EOFError):
            heard(struct.pack(">I", length) + content)


def test_a_message_that_does_not_end_is_given_up_in_time() -> None:
    here, there = socket.socketpair()
    with here, there:
        here.sendall(struct.pack(">I", 9) + b"abc")
        with pytest.raises(TimeoutError):
            control_wire.receive(there, 1_000, 0.05)


@given(st.dictionaries(st.sampled_from([*FIELDS, "more"]), VALUES, max_size=5))
def test_a_request_has_four_texts_and_a_known_verb_or_is_refused(found: dict[str, Any]) -> None:
    try:
        request = control_wire.check_request(found)
    except FrameError:
        return
    assert request["verb"] in ("city", "plan", "apply")
    assert set(request) == set(FIELDS)
    assert all(isinstance(value, str) for value in request.values())


def test_bytes_nested_deeper_than_any_message_are_refused() -> None:
    deep = b"\x81\xa4verb" + b"\x91" * 5_000 + b"\xc0"
    with pytest.raises(FrameError):
        heard(struct.pack(">I", len(deep)) + deep, 10_000)
