"""A kind with four points and a behaviour, for benches that make very many of it."""

from __future__ import annotations

from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command


class Box(DeviceActor):
    """Counts how often it was asked; may not be switched on while its door is open."""

    __slots__ = ("_asked",)

    kind = "box"
    points = (
        Point("switch", "what it shall be", low=0, high=1, writable=True, feedback="state"),
        Point("state", "what it is", low=0, high=1),
        Point("door", "whether it is open", low=0, high=1),
        Point("power", "what it takes", unit="W"),
    )

    def on_start(self) -> None:
        """Begin unasked."""
        self._asked = 0

    def rule(self, point: str, value: float) -> str | None:
        """Refuse to be switched on with an open door."""
        return "the door is open" if value and self.good("door") else None

    @command("ask", "counts and answers", takes=Argument("", 0, 1e9), volatile=True)
    def ask(self, ticket: Ticket) -> float:
        """Answer the number, and how often it was asked by now."""
        self._asked += 1
        return float(ticket.value or 0.0) + self._asked
