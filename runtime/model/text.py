"""Text from outside (drivers, kinds, exceptions) made fit for the wire."""

from __future__ import annotations


def clean(text: str, limit: int = 500) -> str:
    """Return text that every encoder takes: no lone surrogates, at most ``limit`` characters."""
    short = text[:limit]
    return short if short.isascii() else short.encode("utf-8", "replace").decode("utf-8")


def describe(error: BaseException, limit: int = 300) -> str:
    """Return ``Kind: message`` of an exception, whatever its author made of ``__str__``."""
    try:
        said = str(error)
    except Exception as broken:  # noqa: BLE001 - the exception is somebody else's code too
        said = f"(its text raised {type(broken).__name__})"
    return clean(f"{type(error).__name__}: {said}" if said else type(error).__name__, limit)
