"""A kind that answers, for benches: a plain handler, one that is async, one that is journalled."""

from __future__ import annotations

from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command

NUMBER = Argument("", -1e9, 1e9)


class Echo(DeviceActor):
    """Gives back the number that it gets."""

    kind = "echo"
    points = (Point("level", "what nobody sets"),)

    @command("ping", "gives the number back", takes=NUMBER, volatile=True)
    def ping(self, ticket: Ticket) -> float:
        """Answer at once."""
        return float(ticket.value or 0.0)

    @command("ping_async", "gives the number back, from a coroutine", takes=NUMBER, volatile=True)
    async def ping_async(self, ticket: Ticket) -> float:
        """Answer from a coroutine."""
        return float(ticket.value or 0.0)

    @command("ping_kept", "gives the number back, journalled", takes=NUMBER)
    def ping_kept(self, ticket: Ticket) -> float:
        """Answer at once; the zone has it on disk before."""
        return float(ticket.value or 0.0)
