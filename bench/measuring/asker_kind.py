"""A kind that commands another device, for benches: itself, or by the supervisor of its zone."""

from __future__ import annotations

import asyncio

from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command
from measuring.asking import Asking, name_of, read_order

ORDER = Argument("", 0, 9e15)
#: The event by which the supervisor of its zone is told to ask.
ZONE_ASKS = "zone_asks"


class Asker(DeviceActor):
    """Sends commands, and leaves what they took in a file."""

    kind = "asker"
    points = (Point("level", "what nobody sets"),)

    @command("ask", "commands the box, so often", takes=ORDER, volatile=True)
    async def ask(self, ticket: Ticket) -> float:
        """Do an order, and end with its number of ends."""
        order = float(ticket.value or 0.0)
        verb, count, window = read_order(order)
        done = asyncio.Event()
        asking = Asking(self, verb, count, window, done.set)
        asking.begin()
        await done.wait()
        asking.leave(name_of(order))
        return float(len(asking.times))

    @command("have_asked", "has the supervisor command it", takes=ORDER, volatile=True)
    def have_asked(self, ticket: Ticket) -> None:
        """Pass an order on, by an event of the zone."""
        self.emit(ZONE_ASKS, 0, order=float(ticket.value or 0.0))
