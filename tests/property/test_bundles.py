"""Bundles equal their oracle, whatever their bytes are; see docs/protocol.md, BUNDLE."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracle_bundle import bundle, unbundle

from jacquemart.native import frames
from jacquemart.native.bundle import MOST_IN_ONE, Packer, bundled, unbundled

MESSAGES = st.lists(
    st.tuples(st.binary(max_size=64), st.binary(max_size=300)), max_size=MOST_IN_ONE
)


def found(frame: bytes) -> list[tuple[bytes, bytes]] | None:
    try:
        return unbundled(frame)
    except frames.MalformedFrame:
        return None


@given(MESSAGES)
def test_what_is_packed_is_found_again_by_anybody(messages: list[tuple[bytes, bytes]]) -> None:
    packer = Packer()
    for token, frame in messages:
        packer.put(token, frame)
    assert packer.count == len(messages)
    made = packer.take()
    assert packer.count == 0
    assert unbundled(made) == unbundle(made) == messages
    assert unbundled(bundle(messages)) == messages
    assert frames.check(made) == frames.BUNDLE
    assert bundled(made)
    assert bundled(bundle(messages))


@given(st.one_of(
    st.binary(max_size=60),
    st.binary(max_size=60).map(lambda rest: b"\xdc\x00\x06\x01\x0d" + rest),
    st.binary(max_size=60).map(lambda rest: b"\x94\x01\x0d" + rest),
))  # fmt: skip
@example(b"")
@example(b"\xdd\xff\xff\xff\xff\x01\x0d")
@example(b"\xdc\x00\x82\x01\x0d" + b"\xc4\x00" * 128)
@example(b"\xdc\x00\x84\x01\x0d" + b"\xc4\x00" * 130)
@example(b"\x93\x01\x0d\xc4\x00")
@example(b"\x94\x01\x0d\xc4\x00\xc4\x00\x00")
@example(b"\x94\x01\x0d\xc4\x41" + bytes(65) + b"\xc4\x00")
@example(b"\x94\x01\x0d\xa0\xc4\x00")
def test_any_bytes_are_a_bundle_for_both_or_for_none(data: bytes) -> None:
    assert found(data) == unbundle(data)


@given(MESSAGES, st.data())
def test_a_bundle_that_was_broken_on_its_way_is_refused_or_another_bundle(
    messages: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    whole = bytearray(bundle(messages))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    assert found(bytes(whole)) == unbundle(bytes(whole))
    assert found(cut) == unbundle(cut)


def test_a_packer_refuses_what_no_bundle_holds_and_keeps_the_rest() -> None:
    packer = Packer()
    packer.put(b"kept", b"frame")
    with pytest.raises(ValueError, match="65 bytes, allowed: at most 64"):
        packer.put(bytes(65), b"")
    assert unbundled(packer.take()) == [(b"kept", b"frame")]
    for _ in range(MOST_IN_ONE):
        packer.put(b"", b"")
    with pytest.raises(ValueError, match="at most 64 messages"):
        packer.put(b"", b"")
    assert len(unbundled(packer.take())) == MOST_IN_ONE


def test_what_is_wrong_with_a_bundle_is_said() -> None:
    for data, what in (
        (msgpack.packb([1, 2]), "13, a bundle"),
        (msgpack.packb([1, 13, b""]), "2 for each message"),
        (msgpack.packb([1, 13, "", b""]), "item 2"),
    ):  # fmt: skip
        with pytest.raises(frames.MalformedFrame, match=what):
            unbundled(data)
