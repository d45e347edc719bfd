"""The life of a journalled command in its zone: what may follow what, and what is to be done.

Pure. ``TABLE`` is the whole truth: for a state and an event the first rule that holds gives the
next state, the end (if it is one), and what the shell has to do. What has no rule changes
nothing: it comes too late. docs/guides/commands.md shows the table to people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from jacquemart.native import entry as fields
from jacquemart.runtime.model.outcome import Reason, Status

#: A command has its end so long after its deadline, whatever its cell does. The gateway has to
#: hear of it within five seconds.
OVERDUE_NS = 4_700_000_000
#: Cells that may be lost with a command, before it is taken for the reason.
MOST_LOSSES = 3


class State(IntEnum):
    """Where a command is."""

    RECEIVED = 1
    """On its way to the journal. Nothing is promised."""
    ACCEPTED = 2
    """The journal has it; no cell has it. It will have one end."""
    DISPATCHED = 3
    """With the cell of its device."""
    ASKING = 4
    """The zone was restarted, and asks the cell what became of it."""
    LAPSED = 5
    """Its deadline passed on its way to the journal: it is answered EXPIRED, whatever comes."""
    ENDED = 6
    """It has its end, and is answered; the journal does not have the end yet."""
    GONE = 7
    """The journal has its end, or it was never accepted: the window knows it, or nobody does."""


class Event(IntEnum):
    """What happens to a command."""

    DURABLE = 1
    """The journal has its ACCEPTED record."""
    NOT_DURABLE = 2
    """It certainly has not."""
    READY = 3
    """Its cell can be reached now."""
    UNSENT = 4
    """Its cell could not be reached, or has not taken it."""
    LOST_UNSENT = 5
    """Its cell was lost, and certainly had not sent it to the field."""
    LOST = 6
    """Its cell was lost, and may have sent it."""
    OUTCOME = 7
    """Its cell tells its end."""
    NEVER_SEEN = 8
    """The cell that had it, if any had, has never seen it."""
    TIME = 9
    """Some time has passed."""
    END_DURABLE = 10
    """The journal has its ENDED record."""
    END_NOT_DURABLE = 11
    """It certainly has not."""
    CANCEL = 12
    """The journal has it that whoever gave it takes it back."""


class Do(IntEnum):
    """What the shell has to do."""

    SEND = 1
    """Send it to its cell; then UNSENT, OUTCOME, LOST … follow."""
    WAIT = 2
    """Keep it until its cell can be reached (READY), or it is late (TIME)."""
    TELL_ACCEPTED = 3
    """Tell who waits for that stage."""
    ANSWER = 4
    """Tell its end to all who wait for it."""
    WRITE_END = 5
    """Append its ENDED record; END_DURABLE or END_NOT_DURABLE follows."""
    WRITE_END_LATER = 6
    """The same, after a pause."""
    DEAD_LETTER = 7
    """Append a DEAD_LETTER record."""
    FORGET = 8
    """Drop it."""
    RECALL = 9
    """Have its cell take it back, if that has not sent it; then OUTCOME follows, as ever."""


class End(NamedTuple):
    """How a command ends, where the zone itself says so."""

    status: Status
    reason: str
    detail: str


class Entry(fields.Entry):
    """One command without a durable end; its fields are native, and described there."""

    __slots__ = ()

    def __init__(
        self, key: tuple[str, bytes], digest: bytes, deadline_ns: int, received_ns: int, size: int,
        payload: Any, state: State = State.RECEIVED,
    ) -> None:  # fmt: skip
        """Begin. ``payload`` is the shell's; the kernel never looks into it."""
        self.key = key
        self.digest = digest
        self.deadline_ns = deadline_ns
        self.received_ns = received_ns
        self.size = size
        self.payload = payload
        self.state = state
        self.end: End | None = None

    @property
    def told(self) -> bytes:
        """The OUTCOME that may be told; empty while there is none, or none that will stand."""
        return b"" if self.stands_by_end and self.state is State.ENDED else self.frame


class Rule(NamedTuple):
    """If ``when`` holds: the next state, the zone's own end if it is one, and what to do."""

    when: str
    then: State
    do: tuple[Do, ...] = ()
    end: End | None = None


#: What a rule may ask, by name: of the entry and the boot-time.
CONDITIONS: Mapping[str, Callable[[Entry, int], bool]] = {
    "always": lambda entry, now: True,
    "late": lambda entry, now: now >= entry.deadline_ns,
    "overdue": lambda entry, now: now >= entry.deadline_ns + OVERDUE_NS,
    "cancelled": lambda entry, now: entry.cancelled,
    "worn": lambda entry, now: entry.losses >= MOST_LOSSES,
}

_ENDING = (Do.ANSWER, Do.WRITE_END)
_EXPIRED = End(Status.EXPIRED, Reason.DEADLINE, "its deadline passed before a cell had it")
_LATE_DISK = End(Status.EXPIRED, Reason.DEADLINE, "its deadline passed before the journal had it")
_UNKNOWN = End(
    Status.INDETERMINATE, Reason.CELL_LOST, "its cell was lost, and may have sent it before"
)
_SILENT = End(Status.INDETERMINATE, Reason.CELL_LOST, "its cell did not answer")
_POISON = End(
    Status.REJECTED, Reason.POISON, f"{MOST_LOSSES} cells were lost with it; it was never sent"
)

_WITHDRAWN = End(
    Status.CANCELLED, Reason.WITHDRAWN, "whoever gave it took it back before it was sent"
)

_expired = Rule("late", State.ENDED, _ENDING, _EXPIRED)
_unknown = Rule("always", State.ENDED, _ENDING, _UNKNOWN)
_silent = Rule("overdue", State.ENDED, _ENDING, _SILENT)
_cancelled = Rule("cancelled", State.ENDED, _ENDING, _WITHDRAWN)
_told = Rule("always", State.ENDED, _ENDING)
_waits = Rule("always", State.ACCEPTED, (Do.WAIT,))
_recalled = (Do.RECALL,)
_lost_unsent = (
    _expired,
    _cancelled,
    Rule("worn", State.ENDED, (*_ENDING, Do.DEAD_LETTER), _POISON),
    _waits,
)

S, E = State, Event
TABLE: Mapping[tuple[State, Event], tuple[Rule, ...]] = {
    (S.RECEIVED, E.DURABLE): (
        _expired,
        Rule("cancelled", State.ENDED, (Do.TELL_ACCEPTED, *_ENDING), _WITHDRAWN),
        Rule("always", S.DISPATCHED, (Do.TELL_ACCEPTED, Do.SEND)),
    ),
    (S.RECEIVED, E.NOT_DURABLE): (Rule("always", S.GONE, (Do.ANSWER, Do.FORGET)),),
    (S.RECEIVED, E.TIME): (Rule("late", S.LAPSED, (Do.ANSWER,), _LATE_DISK),),
    (S.RECEIVED, E.CANCEL): (Rule("always", S.RECEIVED),),
    (S.LAPSED, E.DURABLE): (Rule("always", S.ENDED, (Do.WRITE_END,)),),
    (S.LAPSED, E.NOT_DURABLE): (Rule("always", S.GONE, (Do.FORGET,)),),
    (S.ACCEPTED, E.READY): (_expired, Rule("always", S.DISPATCHED, (Do.SEND,))),
    (S.ACCEPTED, E.TIME): (_expired,),
    (S.ACCEPTED, E.CANCEL): (_expired, Rule("always", S.ENDED, _ENDING, _WITHDRAWN)),
    (S.DISPATCHED, E.UNSENT): (_expired, _cancelled, _waits),
    (S.DISPATCHED, E.LOST_UNSENT): _lost_unsent,
    (S.DISPATCHED, E.LOST): (_unknown,),
    (S.DISPATCHED, E.OUTCOME): (_told,),
    (S.DISPATCHED, E.TIME): (_silent,),
    (S.DISPATCHED, E.CANCEL): (Rule("always", S.DISPATCHED, _recalled),),
    (S.ASKING, E.OUTCOME): (_told,),
    (S.ASKING, E.NEVER_SEEN): (_expired, _cancelled, Rule("always", S.DISPATCHED, (Do.SEND,))),
    (S.ASKING, E.LOST_UNSENT): _lost_unsent,
    (S.ASKING, E.LOST): (_unknown,),
    (S.ASKING, E.TIME): (_silent,),
    (S.ASKING, E.CANCEL): (Rule("always", S.ASKING, _recalled),),
    (S.ENDED, E.END_DURABLE): (Rule("always", S.GONE, (Do.FORGET,)),),
    (S.ENDED, E.END_NOT_DURABLE): (Rule("always", S.ENDED, (Do.WRITE_END_LATER,)),),
}


def step(entry: Entry, event: Event, now: int) -> tuple[Do, ...]:
    """Take an event at boot-time ``now``; return what is to be done, in order.

    Of an OUTCOME the shell sets ``entry.frame`` first. Where the zone itself ends the command,
    ``entry.end`` says how, and ``frame`` is the shell's to make.
    """
    if event is Event.LOST_UNSENT:
        entry.losses += 1
    elif event is Event.CANCEL:
        entry.cancelled = True
    for rule in TABLE.get((entry.state, event), ()):
        if rule.when == "always" or CONDITIONS[rule.when](entry, now):
            entry.state = rule.then
            if rule.end is not None:
                entry.end = rule.end
            return rule.do
    return ()
