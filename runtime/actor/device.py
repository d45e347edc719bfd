"""The device actor: one physical device, its points, and what may be done to it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal, Protocol

from jacquemart.native.parts import Parts
from jacquemart.native.table import PointTable
from jacquemart.runtime.actor.base import RAISED, Host
from jacquemart.runtime.actor.claim_ticket import ClaimTicket
from jacquemart.runtime.actor.claimable import Claimable
from jacquemart.runtime.actor.declare import CommandSpec, Point, check_declarations
from jacquemart.runtime.actor.precedence import Precedence
from jacquemart.runtime.actor.ticket import SafeStep, Step, Ticket
from jacquemart.runtime.actor.values import check_value
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.kernel.setpoints import Setpoints
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec
from jacquemart.runtime.model.claim import LIFE_SAFETY, Claim
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.text import describe


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One line of a kind's summary in a zone: how members of a point are put together."""

    label: str
    point: str
    how: Literal["sum", "mean", "minimum", "maximum", "online"]
    unit: str = ""


class DeviceShard(Protocol):
    """What a device actor sees of the shard it lives in."""

    @property
    def table(self) -> PointTable:
        """The table that has the slots of the device."""
        ...

    @property
    def setpoints(self) -> Setpoints:
        """What its points were last set to."""
        ...

    def substitute(self, slot: int, value: float | None) -> None:
        """Show a value in place of what is read; None: show what is read again."""

    def claim_ended(self, actor: Claimable, claim: Claim, why: str) -> None:
        """Tell the zone that a claim stands no more."""
        ...

    def submit(self, actor: DeviceActor, point: int, value: float, ticket: Ticket) -> None:
        """Queue a write on the device's link; ``actor.written`` gets its verdict."""
        ...

    def link_state(self, actor: DeviceActor) -> tuple[bool, str]:
        """Return whether the device's link is up, and its last error."""
        ...

    def feeds(self, actor: DeviceActor, alive: bool) -> None:
        """Tell the devices that this one feeds whether they can be reached."""
        ...


class DeviceActor(Precedence):
    """Base of all device kinds.

    A kind declares its points (``points``), says which of them it wants to be told about
    (``watched``: names, also with ``*``), and how a zone sums it up (``summary``). Its rules are
    ``rule``, ``interlock`` and ``explain``. ``required_points`` and ``derived_points`` follow from
    ``points``; with ``open_points`` a template may have points that the kind does not declare.
    """

    __slots__ = ("base", "shard", "spec", "template")

    kind: ClassVar[str] = "generic"
    points: ClassVar[tuple[Point, ...]] = ()
    open_points: ClassVar[bool] = False
    required_points: ClassVar[Mapping[str, tuple[str, bool]]] = {}
    derived_points: ClassVar[tuple[PointSpec, ...]] = ()
    watched: ClassVar[frozenset[str]] = frozenset()
    summary: ClassVar[tuple[Aggregate, ...]] = ()
    has_safe_values: ClassVar[bool] = False
    """Whether the kind says what is safe: it has its own ``safe_values``."""
    roams: ClassVar[bool] = False
    """Its devices move between zones: ``zone`` says where one is, and so does a derived point of
    that name, a number whose words are "outside" and the city's zones."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.has_safe_values = cls.safe_values is not DeviceActor.safe_values
        if "points" in vars(cls):
            check_declarations(cls.__name__, cls.points)
            single = [point for point in cls.points if not point.family]
            cls.required_points = {
                point.name: (point.unit, point.writable)
                for point in single
                if point.required and not point.derived
            }
            cls.derived_points = tuple(point.spec() for point in single if point.derived)

    def __init__(
        self, spec: DeviceSpec, template: TemplateSpec, shard: DeviceShard, base: int, host: Host
    ) -> None:
        """Bind the device to its slots ``base`` … in the shard's table."""
        super().__init__(spec.id, host)
        self.spec = spec
        self.template = template
        self.shard = shard
        self.base = base

    # For authors of kinds ------------------------------------------------------------------

    def rule(self, point: str, value: float) -> str | None:
        """Return why this value may not be written now; None if it may."""
        return None

    def interlock(self, point: str, value: float) -> str | None:
        """Return why this value must not be sent to the field now; None if it may.

        Asked right before the driver writes, after the point's ``guards`` were read again; what
        it refuses ends REJECTED, and nothing was sent.
        """
        return None

    def reading(self, point: str, value: float, quality: int) -> None:
        """Take a changed reading of a watched point."""

    def on_closing(self) -> bool:
        """Say a last word (``act``) while the link still works: the cell is about to stop.

        Return whether anything was said; the cell then waits half a second at most for it to be
        sent. For what must not go on by itself, such as a camera that turns.
        """
        return False

    def safe_values(self) -> Mapping[str, float]:
        """Return what is safe while nobody commands the device's zone: writable point -> value.

        Asked if the template says ``on_zone_lost = "fail_safe"``, once its time has passed; the
        values are written as by ``act``, at priority 5. A point that is not named keeps what it
        has; so does everything in a kind that does not override this.
        """
        return {}

    def park_safe(self) -> None:
        """Write ``safe_values``, by default: nobody will act on the device for a while."""
        for point, value in self.safe_values().items():
            self.act(point, value, priority=5, fail_safe=True)

    def link_changed(self, up: bool) -> None:
        """Take note that the device's link came up or went down."""

    def explain(self, point: str, verdict: Verdict) -> Verdict:
        """Put a failed write into the kind's words (a lamp fault instead of "does not follow")."""
        return verdict

    def value(self, point: str) -> float:
        """Return the last value of a point; NaN if never read."""
        return self.shard.table.value(self._slot(point))

    def quality(self, point: str) -> int:
        """Return the quality byte of a point."""
        return self.shard.table.quality(self._slot(point))

    def age(self, point: str) -> float:
        """Return how many seconds ago a point was last heard; infinite if never."""
        _, _, _, receive_ns = self.shard.table.read(self._slot(point))
        now = self.host.clock.wall_ns()
        return max(0.0, (now - receive_ns) / 1e9) if receive_ns else math.inf

    def good(self, point: str) -> float | None:
        """Return the value of a point if it may be used for control, and None otherwise.

        None too without such a point, and for a value that somebody has put in place of a
        reading (GOOD_SUBSTITUTED): that is for people, and for nothing that moves.
        """
        at = self.template.point_index(point)
        quality = self.shard.table.quality(self.base + at) if at >= 0 else Quality.BAD
        if quality >= Quality.STALE_AGE or quality == Quality.GOOD_SUBSTITUTED:
            return None
        return self.shard.table.value(self.base + at)

    def texts(self) -> Mapping[str, str]:
        """Return what else people may want to know of the device, as label and text, for ``why``.

        For what is no quantity: the address of a camera's stream, a model, a telephone number.
        """
        return {}

    def publish(self, point: str, value: float, quality: int = Quality.GOOD) -> None:
        """Set a derived point of this device."""
        now = self.host.clock.wall_ns()
        self.shard.table.update(self._slot(point), value, quality, now, now)

    def write(
        self, point: str, value: float, ticket: Ticket,
        then: Callable[[Outcome], None] | None = None,
    ) -> None:  # fmt: skip
        """End a command of this kind with a write: its verdict becomes the command's, as for set.

        For a handler, plain or async; call it once, as its last act. The value is checked as if
        a client had sent it: range, reachability, ``rule``; a refusal ends the command too.
        ``then``, a plain function, gets the write's outcome before that.
        """

        def ended(step: Ticket) -> None:
            if self._sent is ticket:
                self._sent = None
            if then is not None and step.outcome is not None:
                outcome = step.outcome
                self._guard(lambda: then(outcome))
            if ticket.ended or step.outcome is None:
                return  # the handler raised meanwhile, which has ended the command
            ticket.dispatched_ns = ticket.dispatched_ns or step.dispatched_ns
            ticket.acknowledged_ns = step.acknowledged_ns
            found = step.outcome
            ticket.finish(
                found.status, found.reason, found.detail, found.value, now_ns=found.stages.finished
            )
            if self._left is ticket:
                self._left = None
                self.ended(ticket)

        self._sent = ticket
        self._send(Step(ticket.id, ticket, point, value, ended))

    async def attempt(self, point: str, value: float, ticket: Ticket) -> Outcome:
        """Write a point on the way of a command of several steps, and return what became of it.

        For async handlers. Checked as ``write`` is; the command itself goes on. Once one was sent,
        a command that ends REJECTED or EXPIRED ends FAILED (or INDETERMINATE) with what was done.
        """
        done: asyncio.Future[Outcome] = self.host.loop.create_future()

        def ended(step: Ticket) -> None:
            ticket.sent_step(step)
            if step.outcome is not None and not done.done():
                done.set_result(step.outcome)

        self._send(Step(ticket.id, ticket, point, value, ended))
        return await done

    def act(
        self,
        point: str,
        value: float,
        *,
        within_s: float = 10.0,
        priority: int = 8,
        then: Callable[[Outcome], None] | None = None,
        fail_safe: bool = False,
    ) -> None:
        """Write a point of the actor's own accord: from a timer, a reading, or ``on_stop``.

        Checked as ``write`` is. Nothing waits for it: commands go on meanwhile.

        Args:
            point: a writable point of the device.
            value: in the point's unit.
            within_s: nothing is sent later than that.
            priority: 1 (highest) to 16, as for a command.
            then: gets the outcome; a plain function.
            fail_safe: it is what ``safe_values`` or ``park_safe`` call safe, or the way back from
                there: passes another's reservation, and no lock-out. Nothing else may say so.
        """
        now = self.host.clock.boot_ns()
        deadline = now + int(within_s * 1e9)

        def ended(step: Ticket) -> None:
            if then is not None and step.outcome is not None:
                outcome = step.outcome
                self._guard(lambda: then(outcome))

        step = (SafeStep if fail_safe else Step).own(
            self.id, point, value, priority, deadline, now, ended
        )
        owner = self._cause()
        if owner is not None:
            step.cause = owner  # whoever adopts the device must not do its command again
            owner.acted = True
        self._send(step)

    @property
    def zone(self) -> str:
        """The zone that the device belongs to now: its own, unless its kind roams."""
        return self.spec.zone

    @property
    def last_ticket(self) -> Ticket | None:
        """The last command that came to this device, for ``why``."""
        last = self._last
        return last.ticket_of(self) if isinstance(last, Parts) else last

    # Inside --------------------------------------------------------------------------------

    def watched_points(self) -> Iterator[tuple[int, str]]:
        """Yield position and name of the template's points that ``watched`` means."""
        for name in self.watched:
            if "*" in name:
                for at, point in enumerate(self.template.points):
                    if fnmatchcase(point.name, name):
                        yield at, point.name
            else:
                at = self.template.point_index(name)
                if at >= 0:
                    yield at, name

    def command_spec(self, spec: CommandSpec) -> CommandSpec:
        """Return the declaration of a command as the device's template completes it."""
        if spec.takes is None or not spec.takes.like:
            return spec
        return replace(spec, takes=spec.takes.of_template(self.template))

    def handle(self, ticket: Ticket) -> bool:
        """Do ``set`` and the kind's own commands."""
        self._last = ticket
        self._rank = ticket.priority
        if ticket.verb != "set":
            if isinstance(ticket, ClaimTicket):
                return self.claiming().take(ticket)
            if self.claims is not None:
                held = self.claims.command_refusal(ticket)
                if held is not None:
                    self._refuse(ticket, Reason.HELD, held)
                    return False
            return super().handle(ticket)
        return self._send(ticket)

    def written(self, ticket: Ticket, verdict: Verdict, value: float | None) -> None:
        """Take the verdict of a write that was submitted."""
        if verdict.status is Status.FAILED or verdict.status is Status.INDETERMINATE:
            verdict = self._explained(ticket.point, verdict)
        ticket.finish(
            verdict.status,
            verdict.reason,
            verdict.detail,
            value,
            now_ns=self.host.clock.boot_ns(),
        )
        if self._beside and ticket in self._beside:
            self._beside.remove(ticket)
        elif not isinstance(ticket, Step):
            self.ended(ticket)

    def _returned(self, ticket: Ticket, result: Any) -> bool:
        if not ticket.ended and self._sent is ticket:
            self._left = ticket
            return True
        return super()._returned(ticket, result)

    def _explained(self, point: str, verdict: Verdict) -> Verdict:
        """Let the kind explain; whatever its code does, the command has its verdict."""
        try:
            found = self.explain(point, verdict)
            if isinstance(found, Verdict):
                return found
            raise TypeError(f"explain() returned {type(found).__name__}, allowed: Verdict")
        except RAISED as error:
            self.host.failed(self, error)
            return verdict

    def _slot(self, point: str) -> int:
        index = self.template.point_index(point)
        if index < 0:
            raise KeyError(f"{self.id} has no point {point!r}")
        return self.base + index

    def _send(self, ticket: Ticket) -> bool:
        """Check a write and queue it; return whether it ends later."""
        if self._parked and ticket.priority > LIFE_SAFETY:
            self._refuse(ticket, Reason.PARKED, f"{self.id} is parked: {self._parked}")
            return False
        index = self.template.point_index(ticket.point)
        if index < 0:
            known = ", ".join(point.name for point in self.template.points)
            self._refuse(ticket, Reason.UNKNOWN_POINT, f"{self.id} has: {known}")
            return False
        spec = self.template.points[index]
        value, refusal = check_value(spec, ticket.value, ticket.unit)
        if refusal is None and (self.claims is not None or spec.min_on_s or spec.min_off_s):
            held = self.claiming().refusal(ticket, spec.name, value)
            refusal = (Reason.HELD, held) if held is not None else None
        if refusal is None:
            refusal = self._unreachable(spec, index)
        if refusal is None:
            try:
                broken = self.rule(spec.name, value)
            except RAISED as error:  # nothing was sent, so this end is definite
                self._refuse(ticket, Reason.INTERNAL, f"rule failed: {describe(error)}")
                raise
            refusal = (Reason.RULE, broken) if broken is not None else None
        if refusal is not None:
            self._refuse(ticket, *refusal)
            return False
        self.shard.submit(self, index, value, ticket)
        return True

    def _unreachable(self, spec: PointSpec, index: int) -> tuple[str, str] | None:
        up, why = self.shard.link_state(self)
        feedback = self.template.point_index(spec.feedback) if spec.feedback else index
        quality = self.shard.table.quality(self.base + feedback)
        polled = self.template.points[feedback].poll_ms > 0
        if quality == Quality.BAD_FED_BY or (not up and self.spec.fed_by):
            why = why or "no power, or nothing heard of it since its link came up"
            return Reason.UNREACHABLE_BY, f"{self.spec.fed_by} is dead: {why}"
        if not up:
            return Reason.UNREACHABLE, f"link {self.spec.link} is down: {why}"
        # A point that is never polled shows what its last read-back met, however long ago.
        if polled and quality in (Quality.BAD_UNIT, Quality.BAD_COMM):
            return Reason.UNREACHABLE, f"{self.id} does not answer on {self.spec.link}"
        return None
