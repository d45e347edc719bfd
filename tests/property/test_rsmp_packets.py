"""Any bytes, in any split, give the same messages, and never an exception."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.drivers.rsmp.wire import shapes, stamp
from jacquemart.drivers.rsmp.wire.framing import Framing
from jacquemart.drivers.rsmp.wire.message import Broken, Message, decode, encode

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {"mType": st.just("rSMsg"), "type": st.sampled_from([*shapes.SHAPES, "Other"]),
     "mId": st.uuids(version=4).map(str)},
    optional=dict.fromkeys(("cId", "sS", "arg", "RSMP", "siteId", "wTs", "oMId"), values),
)  # fmt: skip
noise = st.binary(max_size=40) | st.sampled_from(
    [b"\x0c", b"{", b'{"mType":"rSMsg"}\x0c', b"}\x0c"]
)


def messages_of(pieces: list[bytes], limit: int) -> list[Message | Broken]:
    framing = Framing(limit)
    return [found for piece in pieces for packet in framing.feed(piece) for found in decode(packet)]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@given(
    st.lists(noise | bodies.map(encode), max_size=5),
    st.lists(st.integers(0, 2_000), max_size=12),
    st.integers(1, 300),
)
def test_any_bytes_in_any_split_give_the_same_messages(
    parts: list[bytes], cuts: list[int], limit: int
) -> None:
    data = b"".join(parts)
    whole = messages_of([data], limit)
    assert messages_of(split(data, cuts), limit) == whole
    assert messages_of([data[n : n + 1] for n in range(len(data))], limit) == whole
    for found in whole:
        if isinstance(found, Message):
            assert isinstance(shapes.wrong(found), str)


@given(st.lists(bodies, max_size=3))
def test_what_is_written_is_read_as_it_was(written: list[dict[str, object]]) -> None:
    read = messages_of([b"".join(map(encode, written))], 1_000_000)
    assert [found.body for found in read if isinstance(found, Message)] == written


@given(st.integers(0, stamp.MAX_MS))
def test_every_time_is_read_as_it_was_written(ms: int) -> None:
    text = stamp.to_text(ms)
    assert stamp.to_ms(text) == ms
    assert len(text) == 24


@given(st.text() | values)
def test_any_value_as_a_time_is_a_time_or_none(value: object) -> None:
    found = stamp.to_ms(value)
    assert found is None or isinstance(found, int)
    assert json.dumps(found)
