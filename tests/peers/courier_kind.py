"""A device kind that commands others: plainly, from an async handler, and from a timer."""

from __future__ import annotations

import asyncio

from jacquemart.runtime.actor import Argument, DeviceActor, Ticket, command
from jacquemart.runtime.model.outcome import Outcome


class Courier(DeviceActor):
    """A lamp that can be told of others; its template names the points."""

    __slots__ = ("heard",)

    kind = "courier"
    open_points = True

    def on_start(self) -> None:
        """Have heard nothing."""
        self.heard: list[Outcome] = []

    @command("nudge", "sets it, now or never", Argument("", 0, 100), volatile=True)
    def nudge(self, ticket: Ticket) -> None:
        """Write once."""
        self.write("setpoint", float(ticket.value or 0.0), ticket)

    @command("linger", "sets it after a while", Argument("", 0, 100), volatile=True)
    async def linger(self, ticket: Ticket) -> None:
        """Have it in hand for half a second before the write."""
        await asyncio.sleep(0.5)
        self.write("setpoint", float(ticket.value or 0.0), ticket)

    @command("echo", "gives the number back", Argument("", 0, 100), volatile=True)
    def echo(self, ticket: Ticket) -> float:
        """Answer at once."""
        return float(ticket.value or 0.0)

    @command("pass_on", "has the next one echo, and the one after that set", Argument("", 0, 100))
    async def pass_on(self, ticket: Ticket) -> float:
        """Ask two others, one after the other."""
        zone, _, number = self.id.rpartition("-")
        first = await self.commanded(f"{zone}-{int(number) + 1}", "echo", ticket.value, ticket)
        self.heard.append(first)
        second = await self.commanded(
            f"{zone}-{int(number) + 2}", "set", ticket.value, ticket, point="setpoint"
        )
        self.heard.append(second)
        if not second.applied:
            self._refuse(ticket, "rule", f"the second said {second.status.name}")
        return float(first.value or 0.0)

    @command("tell", "has another echo, and does not wait", Argument("", 0, 100), volatile=True)
    def tell(self, ticket: Ticket) -> None:
        """Command the next one, whatever becomes of it."""
        zone, _, number = self.id.rpartition("-")
        other = f"{zone}-{int(number) + 1}"
        self.command(other, "echo", ticket.value, then=self.heard.append)
