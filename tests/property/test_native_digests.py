"""The native digests are those of hashlib, whatever the lengths of the texts."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jacquemart.native.digests import digest_each
from jacquemart.runtime.cell.digests import part_of, parts_of

SOME = st.binary(max_size=300)
TEXTS = st.lists(st.text(max_size=140), max_size=6)


@given(SOME, TEXTS, SOME)
@example(bytes(128), ["", "x" * 128, "y" * 127, "z" * 129, "é" * 64], b"")
@example(b"", ["", "x" * 128, "x" * 256, "x" * 257], bytes(128))
@example(bytes(range(127)), [""], b"\0")
def test_each_is_the_digest_of_its_text_between_the_others(
    before: bytes, texts: list[str], after: bytes
) -> None:
    wanted = [
        blake2b(before + text.encode() + after, digest_size=16).digest() for text in texts
    ]  # fmt: skip
    assert digest_each(before, texts, after) == b"".join(wanted)


@given(st.text(max_size=200), TEXTS, st.binary(min_size=16, max_size=16))
def test_parts_of_a_bulk_command_have_the_digests_that_each_of_them_has(
    principal: str, devices: list[str], id: bytes
) -> None:
    each = b"".join(part_of(principal, device, id) for device in devices)
    assert parts_of(principal, devices, id) == each


@pytest.mark.parametrize("texts", [[b"bytes"], [None], [1]])
def test_what_is_no_text_is_refused(texts: list[object]) -> None:
    with pytest.raises(TypeError):
        digest_each(b"", texts, b"")  # type: ignore[arg-type]


def test_what_is_no_utf8_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        digest_each(b"", ["\ud800"], b"")
