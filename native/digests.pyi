"""Typed stub of the digests."""

def digest_each(before: bytes, texts: list[str], after: bytes) -> bytes:
    """Return the BLAKE2b digests (16 bytes) of ``before + text + after``, one behind the other.

    As ``hashlib.blake2b(…, digest_size=16)`` gives each. About 0.1 µs a text.

    Raises TypeError, UnicodeEncodeError: one is no text, or no UTF-8; the caller's bug.
    """
