"""A text that was made before is the same text; whoever reads one cannot tell the difference."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.native import names

TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="ab-1", min_size=1, max_size=12),  # many that meet again, and in one place
    st.integers(0, 10_000).map("lamp-{:05d}".format),
)


@given(st.lists(TEXTS, max_size=60))
def test_a_name_is_what_its_bytes_say_whatever_was_named_before(texts: list[str]) -> None:
    for text in texts:
        found = names.again(text.encode())
        assert found == text
        assert hash(found) == hash(text)
        assert type(found) is str


def decoded(decode: Callable[[bytes], str], data: bytes) -> str | tuple[int, int]:
    """Return the text, or where it is none."""
    try:
        return decode(data)
    except UnicodeDecodeError as error:
        return error.start, error.end


@given(st.binary(max_size=90))
def test_bytes_that_are_no_text_are_refused_as_the_interpreter_refuses_them(data: bytes) -> None:
    assert decoded(names.again, data) == decoded(bytes.decode, data)


def test_a_name_that_comes_again_is_not_made_again() -> None:
    first = names.again(b"lamp-21231-0417")
    assert names.again(b"lamp-21231-0417") is first


def test_what_is_long_or_has_other_letters_is_made_each_time() -> None:
    for text in ("x" * (names.LONGEST + 1), "Rue de la Libert\u00e9"):
        assert names.again(text.encode()) is not names.again(text.encode())


def test_a_hundred_thousand_names_take_no_more_room_than_there_are_places() -> None:
    kept = [names.again(b"n-%d" % n) for n in range(100_000)]
    alive = sum(names.again(text.encode()) is text for text in reversed(kept[-names.PLACES :]))
    assert alive <= names.PLACES
    assert [text for text in kept if names.again(text.encode()) != text] == []
