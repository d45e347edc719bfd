"""The part of an actor that is supervised: it fails, starts again, is parked, and is kept."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from jacquemart.runtime.actor.care import NOBODY, Care
from jacquemart.runtime.actor.declare import UNPARK
from jacquemart.runtime.actor.troubles import Troubles
from jacquemart.runtime.kernel.supervision import Intensity, Strategy
from jacquemart.runtime.model.claim import LIFE_SAFETY, RELEASE, RESERVE
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.text import describe

if TYPE_CHECKING:
    from jacquemart.runtime.actor.base import Host
    from jacquemart.runtime.actor.ticket import Ticket

#: What somebody's handler may raise and must not stop a cell with. A plain one can raise
#: CancelledError too, by asking a cancelled future for its result.
RAISED = (Exception, asyncio.CancelledError, SystemExit)


class Supervised:
    """What happens to an actor whose code raises; see ``kernel.supervision``."""

    __slots__ = ("_busy", "_down", "_parked", "_stopped", "_troubles")

    intensity: ClassVar[Intensity] = Intensity()
    """More failures than that park the actor. A kind may declare another one."""
    restart_strategy: ClassVar[Strategy] = Strategy.ONE_FOR_ONE
    """REST_FOR_ONE: when an actor of this kind has started again after a failure, so do the
    devices that it feeds, because what they know comes from it."""
    keeps_state: ClassVar[bool] = False
    """Whether its kind has a ``save``; set when a class is made."""

    id: str
    host: Host

    def __init__(self) -> None:
        """Begin without troubles."""
        self._busy = False
        self._stopped = ""
        """Why it takes nothing any more; empty while it does."""
        self._down = False
        """It has failed and starts again after a pause; it is busy meanwhile."""
        self._parked = ""
        self._troubles: Troubles | None = None

    # For authors of kinds ------------------------------------------------------------------

    def park_safe(self) -> None:
        """Bring the device to what is safe for it (``act``): it is about to be parked.

        A plain method; whatever it raises is told, and the actor is parked all the same. Without
        one the device stays as it is. What it sends must be safe however often it is sent.
        """

    def persist(self) -> None:
        """Have what ``save`` returns kept soon, in a tenth of a second at most.

        Call it when a timer or a reading has changed what must survive the loss of the cell;
        after each command it is looked at anyway.
        """
        self._care.changed(self)  # type: ignore[arg-type]

    @property
    def parked(self) -> str:
        """Why the actor is parked; empty if it is not."""
        return self._parked

    @property
    def halted(self) -> str:
        """Why it takes nothing any more, since it has stopped; empty while it does."""
        return self._stopped

    @property
    def failures(self) -> int:
        """How often its handlers and ``on_start`` have raised since its cell has it."""
        return self._troubles.failures if self._troubles is not None else 0

    # For its cell --------------------------------------------------------------------------

    def park(self, why: str, *, safely: bool = True) -> None:
        """Have it do nothing any more but life safety, until ``unpark``.

        Args:
            why: for people.
            safely: ask the kind for what is safe; False: it was never started.
        """
        if self._parked or self._stopped:
            return
        if safely:
            self._guard(self.park_safe)
        self._parked = why
        self._cancel_timers()
        self._sort_out(lambda ticket: ticket.priority > LIFE_SAFETY, Reason.PARKED, why)
        self.host.emit(self, "device_parked", 2, {"why": why})  # type: ignore[arg-type]
        self._care.parked(self, why)  # type: ignore[arg-type]
        if self._down:
            self._down = False
            self.next_message()  # life safety does not wait for what will not come

    def unpark(self) -> None:
        """Start it again, and forget its troubles; nothing if it is not parked."""
        if not self._parked or self._stopped:
            return
        self._parked = ""
        self._troubles = None
        self.host.emit(self, "device_unparked", 0, {})  # type: ignore[arg-type]
        self._care.unparked(self)  # type: ignore[arg-type]
        if self._busy:
            self.start_again()
        else:
            self._busy = True
            self._come_back()

    def start_again(self) -> None:
        """Start it again though it has not failed: it was given its state, or its feeder failed."""
        if self._parked or self._stopped:
            return
        self._cancel_timers()
        if self._down:
            self._come_back()  # now instead of later
            return
        try:
            plain(self.on_start)
        except RAISED as error:
            if self._busy:  # it comes to its end first; then it is as it is after any failure
                self.host.failed(self, error)  # type: ignore[arg-type]
            else:
                self.start_failed(error)

    def restore_state(self, content: Mapping[str, Any]) -> None:
        """Take back what the zone's journal has of it: saved state, and whether it is parked.

        Args:
            content: plain values: ``kind`` and ``state`` (what ``save`` returned), ``parked``
                (why; empty if it is not). What another kind has saved is left alone.
        """
        state = content.get("state")
        wanted = self._care.restored(self, content)  # type: ignore[arg-type]
        same = content.get("kind") == getattr(self, "kind", "")
        if wanted and same and isinstance(state, Mapping):
            self._guard(lambda: self.load(state))
            self.start_again()
        if content.get("parked"):
            self.park(str(content["parked"]), safely=False)

    def start_failed(self, error: BaseException) -> None:
        """Take that ``on_start`` raised when its cell started it."""
        self.host.failed(self, error)  # type: ignore[arg-type]
        self._busy = self._goes_down()

    # Inside --------------------------------------------------------------------------------

    @property
    def _care(self) -> Care:
        return getattr(self.host, "care", NOBODY)

    def _admits(self, ticket: Ticket) -> bool:
        """Return whether a parked actor takes a command; if not, it has its end now."""
        if ticket.verb == UNPARK:
            self.unpark()
            ticket.finish(Status.APPLIED, now_ns=self.host.clock.boot_ns())
            return False
        if ticket.priority <= LIFE_SAFETY or ticket.verb in (RELEASE, RESERVE):
            return True  # whose device it is, is no matter of its code
        self._refuse(ticket, Reason.PARKED, f"{self.id} is parked: {self._parked}")
        return False

    def _poisoned(self, ticket: Ticket) -> bool:
        """Return whether a command is refused for what it did before; then it has its end."""
        troubles = self._troubles
        refusal = troubles.refusal(ticket, self.host.clock.boot_ns()) if troubles else ""
        if refusal:
            self._refuse(ticket, Reason.POISON, refusal)
        return bool(refusal)

    def _fail(self, ticket: Ticket, error: BaseException) -> bool:
        """Take that a handler raised; return whether the actor takes no message for now."""
        self.host.failed(self, error)  # type: ignore[arg-type]
        letter = self._in_trouble().dead_letter(ticket, error, self.host.clock.boot_ns())
        if ticket.outcome is None:
            # A handler may have acted before it raised, so nobody may call this a definite end.
            reason = Reason.INTERNAL if letter is None else Reason.POISON
            self._end_unknown(ticket, reason, describe(error))
        if letter is not None:
            self._care.dead(self, letter)  # type: ignore[arg-type]
        return self._goes_down()

    def _goes_down(self) -> bool:
        """Start again, now or later, or be parked; return whether it is later."""
        if self._stopped or self._parked:
            return False
        self._cancel_timers()  # ``on_start`` sets them anew
        step = self._in_trouble().failed(self.host.clock.boot_ns())
        if step.parks:
            limit = self.intensity
            self.park(f"it failed more than {limit.restarts} times in {limit.within_s:g} s")
            return False
        if step.pause_s <= 0.0:
            return self._comes_up()
        self._down = True
        self.after(step.pause_s, self._come_back)
        return True

    def _comes_up(self) -> bool:
        """Start again; return whether that failed, and it is tried later."""
        try:
            plain(self.on_start)
        except RAISED as error:
            self.host.failed(self, error)  # type: ignore[arg-type]
            return self._goes_down()
        for actor in self._care.restarted(self):  # type: ignore[arg-type]
            actor.start_again()
        return False

    def _come_back(self) -> None:
        self._down = False
        if not self._comes_up():
            self.next_message()

    def _in_trouble(self) -> Troubles:
        if self._troubles is None:
            self._troubles = Troubles(self.id, self.intensity)
        return self._troubles

    # What the rest of the actor is ---------------------------------------------------------

    def on_start(self) -> None:
        """Begin; see ``Actor``."""

    def load(self, state: Mapping[str, Any]) -> None:
        """Take back; see ``Actor``."""

    def next_message(self) -> None:
        """Go on; see ``Actor``."""
        raise NotImplementedError

    def after(self, seconds: float, action: Callable[[], Any]) -> asyncio.TimerHandle:
        """Call later; see ``Actor``."""
        raise NotImplementedError

    def _cancel_timers(self) -> None:
        raise NotImplementedError

    def _sort_out(self, late: Callable[[Ticket], bool], reason: str, detail: str) -> None:
        raise NotImplementedError

    def _refuse(self, ticket: Ticket, reason: str, detail: str) -> None:
        raise NotImplementedError

    def _end_unknown(self, ticket: Ticket, reason: str, detail: str) -> None:
        raise NotImplementedError

    def _guard(self, action: Callable[[], Any]) -> None:
        try:
            plain(action)
        except RAISED as error:  # told as an event, stops nobody else
            self.host.failed(self, error)  # type: ignore[arg-type]


def plain(action: Callable[[], Any]) -> None:
    """Call what must not be ``async``: it would silently never run.

    Raises:
        UsageError: it is. Exception: what it raises.
    """
    result = action()
    if result is not None and inspect.iscoroutine(result):
        result.close()
        name = getattr(action, "__qualname__", repr(action))
        raise UsageError(f"{name} is async; timers, on_start and on_stop take plain methods")
