"""A device kind whose commands take every way to the field: one write, several steps, volatile."""

from __future__ import annotations

from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command


class Patient(DeviceActor):
    """A lamp with commands of its own; its template names the points."""

    kind = "patient"
    open_points = True

    @command("ramp", "sets it in two steps", Argument("", 0, 100))
    async def ramp(self, ticket: Ticket) -> None:
        """Write half, then all."""
        value = float(ticket.value or 0.0)
        await self.attempt("setpoint", value / 2, ticket)
        self.write("setpoint", value, ticket)

    @command("nudge", "sets it, now or never", Argument("", 0, 100), volatile=True)
    def nudge(self, ticket: Ticket) -> None:
        """Write once."""
        self.write("setpoint", float(ticket.value or 0.0), ticket)
