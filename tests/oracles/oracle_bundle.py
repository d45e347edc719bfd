"""Bundles in plain Python, by msgpack: what ``native.bundle`` must equal."""

from __future__ import annotations

import msgpack

MOST = 64


def bundle(messages: list[tuple[bytes, bytes]]) -> bytes:
    """Return the frame of some messages, in any form that msgpack has."""
    items = [1, 13, *(part for message in messages for part in message)]
    return bytes(msgpack.packb(items))


def unbundle(frame: bytes) -> list[tuple[bytes, bytes]] | None:
    """Return the messages in a frame; None: it is no bundle."""
    try:
        items = msgpack.unpackb(frame, strict_map_key=False)
    except (ValueError, msgpack.exceptions.ExtraData, msgpack.exceptions.StackError):
        return None
    if (
        not isinstance(items, list)
        or items[:2] != [1, 13]
        or any(type(number) is not int for number in items[:2])
    ):
        return None
    parts = items[2:]
    if len(parts) % 2 or len(parts) > 2 * MOST or not all(type(part) is bytes for part in parts):
        return None
    messages = list(zip(parts[::2], parts[1::2], strict=True))
    return None if any(len(token) > 64 for token, _ in messages) else messages
