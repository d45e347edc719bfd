"""What a Modbus link's options may say, checked and as one value."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from jacquemart.drivers.modbus.checking import Wrong, unknown_keys, within

#: Time that one call may spend waiting for units that do not answer, ms.
SILENT_MS_A_CALL = 8_000

#: A request takes this many bits for each register that it could take (2000 to 125).
BITS_A_REGISTER = 16

_RANGES: dict[str, tuple[int, int]] = {
    "port": (1, 65_535),
    "timeout_ms": (1, 60_000),
    "connect_timeout_ms": (1, 60_000),
    "max_gap": (0, 123),
    "max_span": (4, 125),
    "unit_down_after": (1, 100),
    "unit_retry_ms": (0, 600_000),
    "link_down_after": (1, 100),
    "hole_retry_polls": (1, 1_000_000),
}


class Reach(NamedTuple):
    """How far a block read may reach, in places of its table."""

    gap: int
    """Neighbouring places that nobody asked for."""
    span: int
    """Places in all."""


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """The options of one Modbus TCP link."""

    host: str
    """Name or address of the device or gateway."""
    port: int = 502
    timeout_ms: int = 1_000
    """Longest wait for one answer, 1 to 60,000 ms."""
    connect_timeout_ms: int = 2_000
    """Longest wait for a connection, 1 to 60,000 ms."""
    max_gap: int = 8
    """Registers that nobody asked for and that a block read may take along; 16 times as many
    bits."""
    max_span: int = 125
    """Registers of one block read, 4 to 125; 16 times as many bits."""
    write_multiple: bool = True
    """Neighbouring values are written in one request (functions 15 and 16)."""
    unit_down_after: int = 2
    """Unanswered requests in a row after which a unit counts as down."""
    unit_retry_ms: int = 5_000
    """First pause between two polls of a unit that is down; it doubles up to twelvefold. 0: no
    pause."""
    link_down_after: int = 3
    """Unanswered requests in a row, with no unit left that answers, after which the connection
    is given up."""
    hole_retry_polls: int = 120
    """Polls between two looks at a place that the unit refused."""

    def timeouts_a_call(self) -> int:
        """Return how many requests of one call may stay unanswered before it ends."""
        return max(1, SILENT_MS_A_CALL // self.timeout_ms)

    def reach(self, *, bits: bool) -> Reach:
        """Return how far a block read of bits, or of registers, may reach."""
        factor = BITS_A_REGISTER if bits else 1
        return Reach(self.max_gap * factor, self.max_span * factor)


def check_link(options: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
    wrong = unknown_keys(options, ("host", *_RANGES, "write_multiple"))
    host = options.get("host")
    if not isinstance(host, str) or not host.strip() or any(c.isspace() for c in host.strip()):
        wrong.append(("host", host, "a host name or address"))
    for key, (low, high) in _RANGES.items():
        within(wrong, options, key, low, high)
    multiple = options.get("write_multiple", True)
    if not isinstance(multiple, bool):
        wrong.append(("write_multiple", multiple, "true or false"))
    return wrong


def parse_link(options: Mapping[str, Any]) -> LinkOptions:
    """Return checked options as one value; they must have passed ``check_link``."""
    return LinkOptions(**{**options, "host": str(options["host"]).strip()})


def one_name(host: str) -> str:
    """Return one text for all the forms of a host's address, and of its name, that are alike.

    No name is looked up: of two names for one host nobody knows here.
    """
    name = host.lower().removesuffix(".")
    try:
        return str(IPv4Address(socket.inet_aton(name)))  # also 127.1 and 0x7f.0.0.1
    except (OSError, UnicodeError):
        pass
    try:
        address = IPv6Address(name)
    except ValueError:
        return "127.0.0.1" if name == "localhost" else name
    return str(address.ipv4_mapped or address)
