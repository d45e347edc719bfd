"""Typed stub of the names."""

PLACES: int
"""Texts that are kept, at most."""
LONGEST: int
"""Bytes of one that is kept, at most."""

def again(data: bytes) -> str:
    """Return the text of UTF-8 ``data``; the same object as the last time if that is still kept.

    Only texts of ASCII are kept, each in the place that its bytes choose, until another one with
    that place comes. Raises UnicodeDecodeError.
    """
