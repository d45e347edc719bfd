"""The fast path of a device cell: which commands are plain, and what it asks of the cell.

A command that nothing stands in the way of is done natively (``native.fast_path``), from its frame
to its OUTCOME; nobody can tell it from one that went the long way, through ``Intake``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jacquemart.native.fast_path import FastPath, Plan
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.digests import digest
from jacquemart.runtime.kernel.dedup import Key
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.wire.calls import Request, Server

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell

#: A kind that has one of these of its own does something else with commands: none is plain.
_OURS = (
    "post", "handle", "command_spec", "next_message", "_begin", "_answered", "_goes_on",
    "_returned", "_succeed", "_fail",
)  # fmt: skip


def plans_of(kind: type[DeviceActor]) -> Mapping[str, Plan]:
    """Return those commands of a kind that take a plain number or nothing, by verb."""
    if any(getattr(kind, name) is not getattr(DeviceActor, name) for name in _OURS):
        return {}
    found = {}
    for verb, spec in kind.command_specs.items():
        takes = spec.takes
        if spec.beside or (takes is not None and (takes.like or takes.text)):
            continue  # it does not wait its turn; each template has its own range; it is no number
        low, high = takes.limits if takes is not None else (None, None)
        found[verb] = Plan(
            spec.method,
            checked=bool(spec.about),
            takes=takes is not None,
            optional=takes is not None and takes.optional,
            whole=takes is not None and (takes.whole or bool(takes.words)),
            persists=kind.keeps_state,
            low=low,
            high=high,
            unit=takes.unit if takes is not None else "",
        )
    return found


class PlainCommands:
    """What the fast path asks of its cell."""

    def __init__(self, cell: DeviceCell) -> None:
        """Serve ``cell``, whose actors have started."""
        self._cell = cell
        inherited = cell.care.inheritance
        self._sent, self._poisoned = inherited.sent, inherited.poisoned
        self.path = FastPath(
            epoch=cell.config.epoch,
            devices=cell.devices,
            window=cell.intake.seen,
            marks=cell.ledger,
            clock=None if isinstance(cell.clock, SystemClock) else cell.clock,
            shell=self,
            ticket_type=Ticket,
            plan_for=plans_of,
            empty=(*cell.intake.to_come, inherited.attempts),
            inherits=bool(self._sent or self._poisoned),
            applied=Status.APPLIED,
            raised=RAISED,
        )

    def stands_in_the_way(self, principal: str, id: bytes) -> bool:
        """Return whether the cell before has sent a command, or died of it."""
        mark = digest(principal, id)
        return mark in self._sent or mark in self._poisoned

    def failed(
        self, error: Exception, server: Server, peer: bytes, token: bytes, frame: bytes
    ) -> None:
        """Answer a command that failed for a fault of ours."""
        self._cell.failed_request(Request(server, peer, token, frame), error)

    def ended(
        self, key: Key, ticket: Ticket, server: Server, peer: bytes, token: bytes, frame: bytes
    ) -> None:
        """Answer a command whose end did not come at once."""
        self._cell.intake.ended(key, ticket, Request(server, peer, token, frame))
