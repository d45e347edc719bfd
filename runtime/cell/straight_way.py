"""The native way of what a cell's actors command: what ``native.sending`` has to know of them.

A command that nothing stands in the way of leaves natively, straight to the cell that has to have
it, and its end is told natively; nobody can tell it from one that ``Commanding`` has carried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jacquemart.native.calls import Calls
from jacquemart.native.sending import Issuer, Route, Sending
from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.commander import Commander
from jacquemart.runtime.actor.precedence import Precedence
from jacquemart.runtime.cell.errand import LATE_REPEAT_NS, patience_ns
from jacquemart.runtime.kernel.finding import MOST_KEPT
from jacquemart.runtime.kernel.under_way import UnderWay
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Outcome, Stages, Status

if TYPE_CHECKING:
    from jacquemart.runtime.cell.actor_command import ActorCommand, Where
    from jacquemart.runtime.cell.commanding import Commanding


def straight_way(commanding: Commanding, waiting: dict[str, list[int]]) -> Sending:
    """Return the native way for ``commanding``; ``waiting``: who waits, by place."""
    real = isinstance(commanding.clock, SystemClock)
    return Sending(
        most_routes=MOST_KEPT,
        under_way=UnderWay(),
        waiting=waiting,
        clock=None if real else commanding.clock,
        new_id=None if real else _new_id,
        shell=commanding,
        least_ns=LATE_REPEAT_NS,
        outcome_type=Outcome,
        stages_type=Stages,
        statuses={int(status): status for status in Status},
        rejected=Status.REJECTED,
        unknown=Status.INDETERMINATE,
        raised=RAISED,
    )


def _new_id() -> bytes:
    return new_command_id()  # by its name: a simulation has another one


def issuer_of(kind: type[Any]) -> Issuer:
    """Return how a type of actors commands."""
    known = {Commander._cause: "nobody", Precedence._cause: "owner"}  # noqa: SLF001 - its cell
    return Issuer(
        kind,
        by_id=kind.principal is Commander.principal,
        causes=known.get(kind._cause, "ask"),  # type: ignore[arg-type] # noqa: SLF001
    )


def learn(direct: Sending, commanding: Commanding, sent: ActorCommand, where: Where) -> None:
    """Know from now on where a command went that has left the long way."""
    command = sent.command
    key = (command.device, command.verb, command.point)
    address = commanding.owner(where)
    if address is None or direct.knows(*key):
        return
    calls = commanding.caller(address.name)
    if isinstance(calls, Calls):  # not the cell itself, which takes no socket
        patience = patience_ns(repeatable=not where.volatile)
        direct.learn(*key, Route(where, calls, address.epoch, patience))
