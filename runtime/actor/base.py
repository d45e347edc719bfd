"""The actor: one mailbox, one message at a time, timers and state of its own.

*Theory.* Everything an actor does happens on its cell's loop, one message after the other. A
plain handler runs inline and costs no task; so does an ``async`` one until it waits: then it
becomes a task, and the next message waits in the mailbox until it is done. A command that waits
there past its deadline ends EXPIRED at once, and not when its turn comes. A handler that raises
ends its own command INDETERMINATE, is told as an event, and stops nobody else; its actor restarts.

*Rules.* Never block; never touch another actor's fields (post to it); keep what must survive a
restart in ``save``/``load``.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Protocol, TypeVar, cast

from jacquemart.native.eager import Begun, begin_now
from jacquemart.native.mailbox import Mailbox
from jacquemart.runtime.actor.commander import Commander
from jacquemart.runtime.actor.declare import UNPARK, Argument, CommandSpec
from jacquemart.runtime.actor.marks import NO_MARKS, Marks
from jacquemart.runtime.actor.superseding import SAFETY_PRIORITY, lane_of
from jacquemart.runtime.actor.supervised import RAISED, plain
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS, TAKEN_BACK, Ticket, Value
from jacquemart.runtime.actor.values import check_argument
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Reason, Status

__all__ = ["CELL_STOPS", "RAISED", "SAFETY_PRIORITY", "Actor", "Handler", "Host", "command"]

#: Why commands that wait are not done when their cell ends: its successor may do them.
CELL_STOPS = "the cell is stopping"
Handler = TypeVar("Handler", bound=Callable[..., Any])


class Host(Protocol):
    """What a cell offers its actors."""

    clock: Clock
    loop: asyncio.AbstractEventLoop

    def emit(self, actor: Actor, name: str, severity: int, detail: Mapping[str, Any]) -> None:
        """Publish an event of an actor."""
        ...

    def failed(self, actor: Actor, error: BaseException) -> None:
        """Take note that a handler raised."""
        ...


def command(
    name: str,
    about: str = "",
    takes: Argument | None = None,
    *,
    volatile: bool = False,
    beside: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare a handler for a command other than ``set``.

        @command("dim_for", "dims for some time", takes=Argument("min", 1, 60))
        def dim_for(self, ticket: Ticket) -> None: ...

    The handler gets the :class:`Ticket`; what it returns (None or a number) is the value of an
    APPLIED outcome, unless it has ended the ticket itself, or ``write`` has it end with a write.

    Args:
        name: the verb; one word.
        about: one sentence for people, without a stop. With it the value is checked before the
            handler runs, which sees a number (never a word) or None.
        takes: what the value may be; None: there is none, and a command with one is REJECTED.
        volatile: it is worth nothing later, so it is never journalled.
        beside: of a device: it waits for no command in hand, which may wait a minute for its
            proof, and none waits for it. Its handler is plain, and asks nobody else to wait. If
            that raises, the command ends INDETERMINATE, and the actor goes on.
    """

    def declare(handler: Handler) -> Handler:
        spec = CommandSpec(name, handler.__name__, about, takes, volatile, beside)
        handler.__jacquemart_command__ = spec  # type: ignore[attr-defined]
        return handler

    return declare


class Actor(Commander):
    """Base of everything with a mailbox. Subclass and override the ``on_…`` methods."""

    __slots__ = (
        "_expiry", "_in_hand", "_mailbox", "_mark", "_marks", "_task", "_timers", "host", "id",
    )  # fmt: skip

    #: Command name -> method name, gathered from ``@command`` when a class is made.
    commands: ClassVar[Mapping[str, str]] = {}
    #: Command name -> its declaration.
    command_specs: ClassVar[Mapping[str, CommandSpec]] = {}
    #: Whether one of them goes beside others.
    has_beside: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.keeps_state = cls.save is not Actor.save
        found = dict(cls.command_specs)
        for attribute, member in vars(cls).items():
            spec = getattr(member, "__jacquemart_command__", None)
            if spec is None:
                continue
            name = spec.name
            if name in found and found[name].method != attribute:
                raise UsageError(f"command {name!r} is declared twice", where=cls.__name__)
            found[name] = replace(spec, method=attribute)
        cls.command_specs = found
        cls.commands = {name: spec.method for name, spec in found.items()}
        cls.has_beside = any(spec.beside for spec in found.values())

    def __init__(self, id: str, host: Host) -> None:
        """Make the actor known by ``id`` on a cell. Do no work here; see ``on_start``."""
        super().__init__()
        self.id = id
        self.host = host
        self._mailbox: Mailbox | None = None
        self._timers: set[asyncio.TimerHandle] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._in_hand: Ticket | None = None
        self._expiry: tuple[int, asyncio.TimerHandle] | None = None
        self._marks: Marks = getattr(host, "ledger", NO_MARKS)
        self._mark = -1
        """Of the message whose handler goes on as a task."""

    # Lifecycle ---------------------------------------------------------------------------

    def on_start(self) -> None:
        """Begin: called once before the first message, and again after a failed handler.

        The timers from before are cancelled then, so set here those that are always wanted.
        """

    def on_stop(self) -> None:
        """End: called once; timers are cancelled already."""

    def save(self) -> Mapping[str, Any]:
        """Return the state that must survive a move or restart, as plain values.

        Asked for after each command and on ``persist``; kept in the zone's journal.
        """
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back what ``save`` returned; called before ``on_start``."""

    def start(self) -> None:
        """Start the actor (its cell does)."""
        plain(self.on_start)

    def stop(self, why: str = CELL_STOPS) -> None:
        """Stop it (its cell does): end what waits as REJECTED, and what runs as INDETERMINATE.

        Idempotent. A command that comes later is REJECTED.
        """
        if self._stopped:
            return
        self._stopped = why
        self._cancel_timers()
        if self._expiry is not None:
            self._expiry[1].cancel()
            self._expiry = None
        if self._task is not None:
            self._task.cancel()
            if self._in_hand is not None and not self._in_hand.ended:
                self._end_unknown(self._in_hand, Reason.STOPPING, "the handler was cancelled")
            self._unmark()
        if self._mailbox is not None:
            for message in self._mailbox.clear():
                if isinstance(message, Ticket):
                    self._refuse(message, Reason.STOPPING, why)
        self._carried.stopped(self)
        self._guard(self.on_stop)

    # Messages ----------------------------------------------------------------------------

    def post(self, ticket: Ticket) -> None:
        """Hand the actor a command; it ends sooner or later, at once as BUSY if a lane is full."""
        if self._stopped:
            self._refuse(ticket, Reason.STOPPING, self._stopped)
            return
        if self._parked and not self._admits(ticket):
            return
        if not self._busy and not self._mailbox:
            self._begin(ticket)
            if self._mailbox and not self._busy:
                self.next_message()
            return
        if self._mailbox is None:
            self._mailbox = Mailbox()
        elif ticket.verb == "set" and self._mailbox:
            self._supersede(ticket)
        lane = lane_of(ticket)
        if self._mailbox.post(lane, ticket):
            self._expire_at(ticket.deadline_ns)
        else:
            self._refuse(ticket, Reason.BUSY, f"{self._mailbox.depth(lane)} commands wait already")

    def _supersede(self, newer: Ticket) -> None:
        """End what waits and is pointless now that ``newer`` has come; device actors do."""

    def next_message(self) -> None:
        """Go on with the mailbox: the message in hand has ended."""
        self._busy = False
        self._task = self._in_hand = None
        while not self._busy and self._mailbox:
            message = self._mailbox.take()
            if isinstance(message, Ticket):
                self._begin(message)

    def withdraw(self, meant: Callable[[Ticket], bool]) -> int:
        """End as CANCELLED those that are meant and wait in the mailbox; return how many."""
        if not self._mailbox:
            return 0
        found = self._take_out(meant)
        now = self.host.clock.boot_ns()
        for ticket in found:
            ticket.finish(Status.CANCELLED, Reason.WITHDRAWN, TAKEN_BACK, now_ns=now)
        return len(found)

    @property
    def waiting(self) -> int:
        """Messages in the mailbox."""
        return len(self._mailbox) if self._mailbox is not None else 0

    # Timers and events ---------------------------------------------------------------------

    def after(self, seconds: float, action: Callable[[], Any]) -> asyncio.TimerHandle:
        """Call ``action``, a plain method, once, ``seconds`` from now.

        Not if the actor stops or restarts before.
        """
        if self._timers is None:
            self._timers = set()

        def fire() -> None:
            if self._timers is not None:
                self._timers.discard(handle)
            self._guard(action)

        handle = self.host.loop.call_later(seconds, fire)
        if self._stopped:
            handle.cancel()
        else:
            self._timers.add(handle)
        return handle

    def every(self, seconds: float, action: Callable[[], Any]) -> None:
        """Call ``action``, a plain method, each ``seconds`` until the actor stops or restarts.

        An exception does not end it.
        """

        def again() -> None:
            self.after(seconds, again)
            self._guard(action)

        self.after(seconds, again)

    def emit(self, name: str, severity: int = 0, **detail: Any) -> None:
        """Publish an event with this actor as its subject."""
        self.host.emit(self, name, severity, detail)

    # Inside ------------------------------------------------------------------------------

    def handle(self, ticket: Ticket) -> bool:
        """Do a command; return whether it ends later (then call ``next_message`` yourself).

        Looks the handler up and runs it. Subclasses add verbs of their own.
        """
        spec = self.command_specs.get(ticket.verb)
        if ticket.verb == UNPARK:
            self._succeed(ticket, None)  # it is not parked
            return False
        if spec is None:
            known = ", ".join(sorted(self.commands)) or "none but set"
            self._refuse(
                ticket, Reason.UNKNOWN_COMMAND, f"{ticket.verb!r} is unknown; known: {known}"
            )
            return False
        value, refusal = check_argument(self.command_spec(spec), ticket.value, ticket.unit)
        if refusal is not None:
            self._refuse(ticket, *refusal)
            return False
        ticket.value = cast("Value", value)
        return self._answered(ticket, getattr(self, spec.method)(ticket))

    def _answered(self, ticket: Ticket, result: Any) -> bool:
        """Take what a handler, plain or async, gave back; return whether its command ends later."""
        if inspect.iscoroutine(result):
            result = begin_now(self.host.loop, result)
            if type(result) is Begun:
                return self._goes_on(ticket, result)
        return self._returned(ticket, result)

    def _goes_on(self, ticket: Ticket, work: Begun[Any]) -> bool:
        """Take that an async handler waits; return that its command ends later."""
        self._in_hand = ticket
        self._task = work.task
        work.go_on(self._finish_later(ticket, work))
        if self._stopped:  # by what it did before it waited
            self._task.cancel()
            if not ticket.ended:
                self._end_unknown(ticket, Reason.STOPPING, "the handler was cancelled")
        return True

    def command_spec(self, spec: CommandSpec) -> CommandSpec:
        """Return the declaration of a command as it holds for this actor."""
        return spec

    def _returned(self, ticket: Ticket, result: Any) -> bool:
        """Take what a handler returned; return whether its command ends later all the same."""
        self._succeed(ticket, result)
        return False

    def _begin(self, ticket: Ticket) -> None:
        now = self.host.clock.boot_ns()
        if now >= ticket.deadline_ns:
            self._expire(ticket, now)
            return
        if self._troubles is not None and self._poisoned(ticket):
            return
        self._busy = True  # also while a failure is told: nothing may come in between
        later = False
        mark = self._marks.handling(ticket)
        try:
            later = self.handle(ticket)
            if self._troubles is not None and self._task is None:
                self._troubles.handled(ticket)
        except RAISED as error:
            later = self._fail(ticket, error)
        if self.keeps_state:
            self.persist()
        self._mark = self._marks.returned(mark, later=self._task is not None)
        self._busy = later

    def _unmark(self) -> None:
        self._marks.handled(self._mark)
        self._mark = -1

    async def _finish_later(self, ticket: Ticket, work: Begun[Any]) -> None:
        left_ns = ticket.deadline_ns + END_AFTER_DEADLINE_NS - self.host.clock.boot_ns()
        try:
            async with asyncio.timeout(left_ns / 1e9) as patience:
                result = await work
            self._unmark()
            if self._troubles is not None:
                self._troubles.handled(ticket)
            if self.keeps_state:
                self.persist()
            if self._returned(ticket, result):
                self._task = self._in_hand = None
                return
        except RAISED as error:
            self._unmark()
            task = asyncio.current_task()
            if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
                if not ticket.ended:
                    self._end_unknown(ticket, Reason.STOPPING, "the handler was cancelled")
                raise
            if isinstance(error, TimeoutError) and patience.expired() and not ticket.ended:
                self._end_unknown(ticket, Reason.NO_ANSWER, "the handler did not come to an end")
            self._task = self._in_hand = None
            if self._fail(ticket, error):
                return
        self.next_message()

    def _expire_at(self, deadline_ns: int) -> None:
        """Look at the mailbox when the first deadline in it passes."""
        if self._expiry is not None:
            if self._expiry[0] <= deadline_ns:
                return
            self._expiry[1].cancel()
        left_ns = max(0, deadline_ns - self.host.clock.boot_ns())
        timer = self.host.loop.call_later(left_ns / 1e9, self._expire_waiting)
        self._expiry = deadline_ns, timer

    def _expire_waiting(self) -> None:
        self._expiry = None
        if not self._mailbox:
            return
        now = self.host.clock.boot_ns()
        for ticket in self._take_out(lambda ticket: now >= ticket.deadline_ns):
            self._expire(ticket, now)

    def _sort_out(self, late: Callable[[Ticket], bool], reason: str, detail: str) -> None:
        for ticket in self._take_out(late):
            self._refuse(ticket, reason, detail)

    def _take_out(self, meant: Callable[[Ticket], bool]) -> list[Ticket]:
        """Take those that are meant out of the mailbox; the others wait on, in their order."""
        out: list[Ticket] = []
        for message in self._mailbox.clear() if self._mailbox else ():
            if not isinstance(message, Ticket):
                continue
            if meant(message):
                out.append(message)
            elif self._mailbox is not None:
                self._mailbox.post(lane_of(message), message)
                self._expire_at(message.deadline_ns)
        return out

    def _expire(self, ticket: Ticket, now_ns: int) -> None:
        late_ms = (now_ns - ticket.deadline_ns) / 1e6
        ticket.finish(Status.EXPIRED, Reason.DEADLINE, f"{late_ms:.0f} ms late", now_ns=now_ns)

    def _succeed(self, ticket: Ticket, result: Any) -> None:
        if not ticket.ended:
            value = float(result) if isinstance(result, (int, float)) else None
            ticket.finish(Status.APPLIED, value=value, now_ns=self.host.clock.boot_ns())

    def _refuse(self, ticket: Ticket, reason: str, detail: str) -> None:
        ticket.finish(Status.REJECTED, reason, detail, now_ns=self.host.clock.boot_ns())

    def _end_unknown(self, ticket: Ticket, reason: str, detail: str) -> None:
        ticket.finish(Status.INDETERMINATE, reason, detail, now_ns=self.host.clock.boot_ns())

    def _cancel_timers(self) -> None:
        for timer in self._timers or ():
            timer.cancel()
        self._timers = None
