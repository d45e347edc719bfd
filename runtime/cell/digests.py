"""Sixteen bytes that stand for a command, a part of one, or a device."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from jacquemart.native.digests import digest_each
from jacquemart.runtime.actor.ticket import Ticket

#: Bytes of a digest.
SIZE = 16
#: Principals whose hash is remembered.
_PRINCIPALS = 1_024
_begun: dict[str, Any] = {}


def digest(principal: str, id: bytes) -> bytes:
    """Return the sixteen bytes that stand for a command; of a bulk command's part: ``part_of``."""
    begun = _begun.get(principal)
    if begun is None:
        if len(_begun) >= _PRINCIPALS:
            _begun.clear()
        begun = _begun[principal] = blake2b(principal.encode() + b"\0", digest_size=SIZE)
    hashed = begun.copy()
    hashed.update(id)
    found: bytes = hashed.digest()
    return found


def part_of(principal: str, device: str, id: bytes) -> bytes:
    """Return the digest of what a bulk command means for one device."""
    return digest(f"{principal}\n{device}", id)


def parts_of(principal: str, devices: list[str], id: bytes) -> bytes:
    """Return ``part_of`` for each of many devices, one behind the other."""
    return digest_each(f"{principal}\n".encode(), devices, b"\0" + id)


def device_key(device: str) -> bytes:
    """Return the key under which the attempts of a device are counted."""
    return digest("", device.encode())


def digest_of(ticket: Ticket) -> bytes:
    """Return the digest of a command, or of its part for one device if it is a bulk command."""
    if ticket.of_bulk:
        return part_of(ticket.principal, ticket.device, ticket.id)
    return digest(ticket.principal, ticket.id)
