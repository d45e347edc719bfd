"""Typed stub of the entry."""

from collections.abc import Callable
from typing import Any, Self

class Entry:
    """One command without a durable end: its fields, shared by the native and the long way.

    ``kernel.lifecycle.Entry`` is the type that everybody uses.
    """

    def __new__(cls, *args: Any, **named: Any) -> Self: ...

    key: tuple[str, bytes]
    digest: bytes
    deadline_ns: int
    """Boot-time."""
    received_ns: int
    size: int
    """Of what must be kept for it, in bytes."""
    number: int
    """Counts the commands of its zone as they came: two may have come at the same time."""
    payload: Any
    """The shell's; the kernel never looks into it."""
    state: Any
    losses: int
    """Cells that were lost with it, and had certainly not sent it."""
    cancelled: bool
    """The journal has it that whoever gave it takes it back: no cell gets it from now on."""
    end: Any
    """The zone's own end; None while there is none, and if its cell has told the end."""
    frame: bytes
    """The OUTCOME that is its end."""
    stands_by_end: bool
    """Whether its end stands by its ENDED record alone: that of a claim, and that of a command
    which its zone refused after it was accepted. It is told when that is on disk."""
    waiters: list[Callable[[bytes], object]]
