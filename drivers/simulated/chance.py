"""Chance without a state: the same seed and words always give the same number."""

from __future__ import annotations

from hashlib import blake2b


def chance(seed: int, *words: str | int) -> float:
    """Return a number from 0 up to 1 (not included) that depends on its arguments only.

    Since nothing is drawn from a shared stream, what happens to one device does not depend on
    how many others there are or on who asks first.
    """
    text = "\x1f".join(map(str, (seed, *words))).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") / 2**64
