"""A connection whose far end is a test: what is sent is kept, and what comes is given."""

from __future__ import annotations

from jacquemart.native.line import Line


class FakePump:
    """Stands in the place of a pump."""

    def __init__(self) -> None:
        """Take all that is sent; nothing has come."""
        self.sent: list[tuple[bytes, ...]] = []
        self.come: list[tuple[bytes, ...]] = []
        self.takes = True

    @property
    def readable(self) -> bool:
        """Whether a message waits."""
        return bool(self.come)

    def send(self, *parts: bytes) -> bool:
        """Take a message, or have no room."""
        if self.takes:
            self.sent.append(parts)
        return self.takes

    def receive(self, most: int) -> list[tuple[bytes, ...]]:
        """Return what has come."""
        taken, self.come = self.come[:most], self.come[most:]
        return taken


class FakeLine(Line):
    """A line that is drained by the test."""

    def look_soon(self) -> None:
        """Leave it to the test."""
