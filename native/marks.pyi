"""Typed stub of the marks."""

import mmap
from typing import Any

class Marks:
    """What a cell leaves behind of the messages in its hands: stores into mapped memory.

    One writer, the cell's loop; about 0.1 µs a message. What is written stays in the file however
    the process ends. Until ``attach`` nothing is kept, and nothing fails.
    """

    def attach(
        self, pages: mmap.mmap | bytearray, *, entries: int, at_entries: int, entry_size: int,
        text_size: int, kept_free: int, at_running: int, at_count: int, at_ring: int,
        ring_size: int, at_blocks: int, block_size: int,
    ) -> None:  # fmt: skip
        """Write to ``pages`` from now on.

        Args:
            pages: zeroed; kept alive until ``detach``.
            entries, at_entries, entry_size, text_size: of messages in hand: how many, where (byte)
                and how large; an entry is stamp, length, text, stamp.
            kept_free: entries that a message whose handler goes on later leaves free.
            at_running, at_count, at_blocks: places in numbers of eight bytes.
            at_ring, ring_size: digests of what was sent: where (byte), and how many.
            block_size: digests in a block, of each of which the time is kept.

        Raises ValueError: it does not fit; the caller's bug.
        """
    def detach(self) -> None:
        """Write to nowhere; idempotent."""
    def content_of(self, message: Any) -> bytes:
        """Return what is kept of a message that is no Ticket, or too long for an entry.

        Subclasses override this.
        """
    def handling(self, message: Any) -> int:
        """Note that a handler begins with a message; return a token; -1: nothing is kept of it."""
    def returned(self, token: int, *, later: bool) -> int:
        """Note that the handler is off the stack; ``later``: it goes on as a task.

        Return the token that is still good; -1: the message is not marked any more.
        """
    def handled(self, token: int) -> None:
        """Note that a message is not in hand any more."""
    def sent(self, command: bytes, now_ns: int) -> None:
        """Note, right before a driver's call, that a command goes to the field.

        Args:
            command: its digest, 16 bytes.
            now_ns: boot-time clock.
        """
    def sent_each(self, commands: bytes, now_ns: int) -> None:
        """Note many, right before the driver's call in which they go to the field.

        ``commands``: their digests, one behind the other. ValueError: they are no whole ones.
        """
    def next_stamp(self) -> int:
        """Return a stamp that no entry has."""
    @property
    def open(self) -> bool:
        """Whether anything is kept."""
    @property
    def unmarked(self) -> int:
        """Messages that found no free entry."""
    @property
    def sent_count(self) -> int:
        """How many digests were written since the ring was begun."""
    @sent_count.setter
    def sent_count(self, count: int) -> None: ...
