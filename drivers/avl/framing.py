"""From bytes to lines, however they are cut. Pure, and bounded: a line without end is dropped."""

from __future__ import annotations

from collections.abc import Iterator

from jacquemart.drivers.avl.sentence import LONGEST


class Lines:
    """Puts lines together.

    Attributes:
        dropped: lines that were longer than any sentence is.
    """

    __slots__ = ("_rest", "_skipping", "dropped")

    def __init__(self) -> None:
        """Begin between two lines."""
        self._rest = b""
        self._skipping = False
        self.dropped = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes; yield the lines that are whole, without their ends and without empty ones."""
        *whole, rest = data.replace(b"\r", b"\n").split(b"\n")
        if whole:
            whole[0] = self._rest + whole[0]
            self._rest = b""
        for line in whole:
            if self._skipping or len(line) > LONGEST:
                self._skipping = False
                self.dropped += 1
            elif line:
                yield line
        self._rest += rest
        if len(self._rest) > LONGEST:
            self._rest, self._skipping = b"", True
