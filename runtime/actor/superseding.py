"""A newer setpoint takes the place of an older one that still waits in a mailbox.

Only absolute values are replaced, never pulses, and only by one that is no weaker and could be
written as such: else something that is refused later would have cancelled something good. Where
somebody has claims on the device, one principal's setpoint says nothing of another's.
"""

from __future__ import annotations

from jacquemart.native.mailbox import COMMANDS, SAFETY, Mailbox
from jacquemart.runtime.actor.ticket import Ticket

#: Commands of priority 1 and 2 (life safety) travel in a lane of their own.
SAFETY_PRIORITY = 2


def lane_of(ticket: Ticket) -> int:
    """Return the lane in which a command waits."""
    return SAFETY if ticket.priority <= SAFETY_PRIORITY else COMMANDS


def take_older(mailbox: Mailbox, newer: Ticket, *, of_all: bool) -> list[Ticket]:
    """Take from a mailbox the setpoints that ``newer`` takes the place of, and return them.

    Args:
        mailbox: in which the others keep their order.
        newer: a ``set``, which is not in it yet.
        of_all: whether it replaces those of other principals too.
    """
    found: list[Ticket] = []
    for message in mailbox.clear():
        if isinstance(message, Ticket) and _replaces(newer, message, of_all=of_all):
            found.append(message)
        elif isinstance(message, Ticket):
            mailbox.post(lane_of(message), message)
    return found


def _replaces(newer: Ticket, older: Ticket, *, of_all: bool) -> bool:
    return (
        older.verb == "set"
        and older.point == newer.point
        and older.priority >= newer.priority
        and (of_all or older.principal == newer.principal)
    )
