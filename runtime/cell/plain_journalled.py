"""The short way of commands through a zone: which are plain, and what the native desk asks.

A journalled command that nothing stands in the way of is taken, sent, told and written natively
(``native.desk``); nobody can tell it from one that :class:`ZoneDesk` and its kernels have carried.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jacquemart.native.calls import Calls
from jacquemart.native.desk import Desk, Route
from jacquemart.runtime.cell.zone_desk import OVERHEAD, ZoneDesk
from jacquemart.runtime.kernel.admission import (
    COMMON_SHARE,
    MOST_BYTES,
    MOST_COMMANDS,
    MOST_REMEMBERED,
)
from jacquemart.runtime.kernel.command_window import CommandWindow, EndedBody
from jacquemart.runtime.kernel.ended_commands import Ended
from jacquemart.runtime.kernel.lifecycle import OVERDUE_NS, TABLE, Do, Entry, Event, State
from jacquemart.runtime.kernel.zone_standing import Setpoint, Standing
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.record import Draft, Record, RecordKind
from jacquemart.runtime.wire.calls import Request

if TYPE_CHECKING:
    from jacquemart.runtime.cell.command_desk import CommandDesk
    from jacquemart.runtime.kernel.lifecycle import Rule

#: A socket that has had more to read for so long, turn after turn, is too far behind.
PATIENCE_NS = 500_000_000
#: What of the table the native desk does by itself: the last rule of these places.
_PLAIN = {
    (State.RECEIVED, Event.DURABLE): (State.DISPATCHED, (Do.TELL_ACCEPTED, Do.SEND)),
    (State.DISPATCHED, Event.OUTCOME): (State.ENDED, (Do.ANSWER, Do.WRITE_END)),
    (State.ENDED, Event.END_DURABLE): (State.GONE, (Do.FORGET,)),
}  # fmt: skip
#: And what it does instead of these.
_TWINS = tuple(
    (owner, name, vars(owner)[name])
    for owner, name in (
        (CommandWindow, "accept"), (CommandWindow, "end"), (CommandWindow, "trim"),
        (Standing, "set_ended"), (ZoneState, "apply"),
    )
)  # fmt: skip


def holds() -> bool:
    """Return whether the native desk does what the kernels say, as they are now.

    Not where somebody has put other rules or methods in their places.
    """

    def last(rules: tuple[Rule, ...]) -> tuple[State, tuple[Do, ...]]:
        return rules[-1].then, rules[-1].do

    return all(last(TABLE[place]) == wanted for place, wanted in _PLAIN.items()) and all(
        vars(owner)[name] is twin for owner, name, twin in _TWINS
    )


class PlainJournalled:
    """What the native desk asks of its zone cell."""

    def __init__(self, desk: CommandDesk) -> None:
        """Serve ``desk``; ``have`` follows."""
        self._desk = desk
        self._service = desk.service
        clock = desk.clock
        self.append = desk.append
        self.reached = desk.reached
        self.ended = desk.ended
        self.answered = desk.dispatcher.answered
        self.native = Desk(
            self,
            epoch=desk.service.config.epoch,
            clock=None if isinstance(clock, SystemClock) else clock,
            claims=CLAIM_VERBS,
            in_the_way=desk.dispatcher.in_the_way,
            watched=desk.watched,
            refusals=desk.refusals,
            counters=desk.service.counters,
            types={
                "entry": Entry, "draft": Draft, "record": Record, "setpoint": Setpoint,
                "ended": Ended, "body": EndedBody,
            },
            states=(State.RECEIVED, State.DISPATCHED, State.ENDED, State.GONE),
            events=(Event.DURABLE, Event.UNSENT),
            kinds=(RecordKind.ACCEPTED, RecordKind.ENDED),
            failure=JacquemartError,
            overdue_ns=OVERDUE_NS,
            patience_ns=PATIENCE_NS,
            most_live=int(MOST_COMMANDS * COMMON_SHARE),
            most_known=int(MOST_REMEMBERED * COMMON_SHARE),
            most_bytes=int(MOST_BYTES * COMMON_SHARE),
            overhead=OVERHEAD,
        )  # fmt: skip
        self.native.open = holds()

    def have(self, desks: dict[str, ZoneDesk]) -> None:
        """Have just these zones, and the devices that are at home there now."""
        self.native.have(desks, self._desk.authority.homes)

    def route_to(self, shard: str) -> Route | None:
        """Return where the commands of a shard go; None: nobody is there."""
        directory = self._service.directory
        address = directory.cells.get(directory.homes.get(shard, ""))
        if address is None:
            return None
        caller = self._service.caller(address.name)
        return Route(caller, address.epoch, address) if isinstance(caller, Calls) else None

    def failed(self, error: Exception, peer: bytes, token: bytes, frame: bytes) -> None:
        """Answer a command that failed for a fault of ours."""
        self._service.failed_request(Request(self._service.server, peer, token, frame), error)
