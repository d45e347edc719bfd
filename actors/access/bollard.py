"""An access bollard, driven by its PLC: raised, lowered, or let through.

*Theory.* A bollard that rises under a car is the worst this city can do, so raising is allowed
by ``bollard_rules`` alone, twice: when it is asked for, and right before the pulse leaves, after
loop, limit switches, fault and local mode were read again (the guards of ``raise_pulse``). All
ways lead through that second look: commands, ``set``, bulk commands, and this class itself. The
PLC must have an interlock of its own all the same: between our look and its act a car may come.

*Rules.* Lowering is always allowed but in local mode, and never waits: it takes the place of
whatever was to raise the bollard, sent or not. Raising one that is up is APPLIED without a
pulse. For so long as a movement takes after a start, nothing rises: who was here before may
have sent a pulse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Final

from jacquemart.actors.access import bollard_options
from jacquemart.actors.access.bollard_points import (
    DOWN,
    FAULT,
    GUARDS,
    LOCAL,
    LOOP,
    LOWER,
    POINTS,
    RAISE,
    UP,
)  # fmt: skip
from jacquemart.actors.access.bollard_rules import SECOND, BollardRules, Inputs, Position
from jacquemart.actors.access.passage import Passage
from jacquemart.runtime.actor import Aggregate, DeviceActor, DeviceShard, Ticket, command
from jacquemart.runtime.actor.base import Host
from jacquemart.runtime.actor.ticket import END_AFTER_DEADLINE_NS
from jacquemart.runtime.kernel.readback import Verdict
from jacquemart.runtime.model.city import DeviceSpec, TemplateSpec
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality

#: How often time is looked at: time-outs, stuck loops, readings that have become stale.
LOOK_S: Final = 1.0
#: The same while somebody passes.
PASS_LOOK_S: Final = 0.25
#: Ends of a write that certainly had no effect.
_NOTHING_DONE: Final = (Status.REJECTED, Status.EXPIRED)


class Bollard(DeviceActor):
    """One bollard, or several that one PLC moves as one."""

    __slots__ = ("_guarded", "_hand", "_marked", "_rules", "_shown", "_step", "fail_safe")

    kind = "bollard"
    points = POINTS
    watched = frozenset(GUARDS)
    summary: ClassVar[tuple[Aggregate, ...]] = (
        Aggregate("raised", UP, "sum"),
        Aggregate("lowered", DOWN, "sum"),
        Aggregate("loops occupied", LOOP, "sum"),
        Aggregate("loops stuck", "loop_stuck", "sum"),
        Aggregate("faults", FAULT, "sum"),
    )

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a template's options, as ``(key, found, allowed)``."""
        return bollard_options.check_options(options)

    def __init__(
        self, spec: DeviceSpec, template: TemplateSpec, shard: DeviceShard, base: int, host: Host
    ) -> None:
        """Bind the device; what it did before is not known."""
        super().__init__(spec, template, shard, base, host)
        self.fail_safe = bollard_options.fail_safe_of(template.options)
        times = bollard_options.times_of(template.options)
        self._rules = BollardRules(times, host.clock.boot_ns())
        self._hand: Ticket | None = None
        """The command in hand, or the last one."""
        self._step: Ticket | None = None
        """Its last write."""
        self._marked: Ticket | None = None
        """The write of the last pulse that was allowed to leave."""
        self._shown: tuple[Position | None, bool] = (None, False)
        raising = template.points[template.point_index(RAISE)]
        self._guarded = set(GUARDS) <= set(raising.guards) and raising.pulse

    def on_start(self) -> None:
        """Look, and go on looking."""
        self._look()
        self.every(LOOK_S, self._look)

    # Commands ------------------------------------------------------------------------------

    @command("raise", "raises it; refused while anything says that a vehicle may be there")
    def raise_(self, ticket: Ticket) -> float | None:
        """Raise, or say that it is raised."""
        if self._rules.is_up(self._inputs(), self._now()):
            return 1.0
        self._rules.want(up=True)
        self.write(RAISE, 1.0, ticket)
        return None  # it ends with the write

    @command("lower", "lowers it, at once: what was to raise it is given up")
    def lower(self, ticket: Ticket) -> float | Coroutine[Any, Any, None] | None:
        """Lower, or say that it is lowered."""
        self._rules.want(up=False)
        if self._rules.is_down(self._inputs(), self._now()):
            return 1.0
        if self._rules.rising:
            return self._lower_what_rises(ticket)
        self.write(LOWER, 1.0, ticket)
        return None

    async def _lower_what_rises(self, ticket: Ticket) -> None:
        """Lower it, and believe its limit switch when the pulse before can act no more.

        Until it leaves the switch, it shows "lowered" whatever it was told.
        """
        lowered = await self.attempt(LOWER, 1.0, ticket)
        ticket.dispatched_ns = lowered.stages.dispatched
        ticket.acknowledged_ns = lowered.stages.acknowledged
        limit_ns = ticket.deadline_ns + END_AFTER_DEADLINE_NS - SECOND
        while lowered.applied and self._rules.under_way and self._now() < limit_ns:
            await asyncio.sleep(PASS_LOOK_S)
            self._look()
        if not lowered.applied or self._rules.is_down(self._inputs(), self._now()):
            self._finish(ticket, lowered.status, lowered.reason, lowered.detail, lowered.value)
        elif self._rules.under_way:
            why = "the pulse that raises it may still act"
            self._finish(ticket, Status.INDETERMINATE, Reason.NO_READBACK, why)
        else:
            why = "it follows the pulse before, which raises it"
            self._finish(ticket, Status.FAILED, Reason.NOT_FOLLOWING, why)

    @command("pass", "lowers it, lets one vehicle through, and raises it again within the deadline")
    async def pass_(self, ticket: Ticket) -> None:
        """Let one vehicle through; see ``passage``."""
        self._rules.want(up=False)
        if not self._rules.is_down(self._inputs(), self._now()):
            lowered = await self.attempt(LOWER, 1.0, ticket)
            ticket.dispatched_ns = lowered.stages.dispatched
            if not lowered.applied:
                self._finish(ticket, lowered.status, lowered.reason, lowered.detail)
                return
        passage = Passage(bollard_options.passage_times_of(self.template.options), self._now())
        kept_down = "nobody came"
        while not self._rules.stuck:
            if self._too_late(ticket):
                self._leave_lowered(ticket, Reason.DEADLINE, f"no time is left; {kept_down}")
                return
            if passage.may_end(self._inputs().loop, self._now()):
                self._rules.want(up=True)
                raised = await self.attempt(RAISE, 1.0, ticket)
                if raised.status is not Status.REJECTED:
                    self._passed(ticket, raised, vehicle=passage.vehicle)
                    return
                passage.refused()
                kept_down = raised.detail
            elif passage.vehicle:
                kept_down = "the loop was not clear for long enough"
            await asyncio.sleep(PASS_LOOK_S)
        self._leave_lowered(ticket, Reason.RULE, "the loop is stuck")

    def handle(self, ticket: Ticket) -> bool:
        """Do a command; ``set`` of a pulse is the command that it stands for."""
        self._hand, self._step = ticket, None
        if ticket.verb == "set" and ticket.point in (RAISE, LOWER):
            return self._set_pulse(ticket)
        return super().handle(ticket)

    def post(self, ticket: Ticket) -> None:
        """Take a command; one that lowers goes before all that would raise."""
        if _lowers(ticket) and not self._stopped:
            self._rules.want(up=False)
            self._give_up_waiting()
            if self._give_up_in_hand():
                self._begin(ticket)
                if self._mailbox and not self._busy:
                    self.next_message()
                return
        super().post(ticket)

    def _give_up_waiting(self) -> None:
        """End what waits and would raise."""
        if not self._mailbox:
            return
        waiting = [message for message in self._mailbox.clear() if isinstance(message, Ticket)]
        for ticket in waiting:
            if _raises(ticket):
                self._displace(ticket)
            else:
                super().post(ticket)

    def _give_up_in_hand(self) -> bool:
        """End what is in hand and would raise; return whether there was something."""
        hand, step = self._hand, self._step
        if not self._busy or hand is None or hand.outcome is not None or not _raises(hand):
            return False
        if step is not None:
            hand.dispatched_ns = step.dispatched_ns or hand.dispatched_ns
        self._displace(hand)
        if step is not None and step.outcome is None:
            self._displace(step)  # if it was not sent, it never will be
        if self._task is not None:
            self._task.cancel()
        self._task = self._in_hand = self._left = self._sent = None
        self._busy = False
        return True

    def _displace(self, ticket: Ticket) -> None:
        self._finish(ticket, Status.SUPERSEDED, Reason.RULE, "a newer command lowers it")

    # Rules ---------------------------------------------------------------------------------

    def rule(self, point: str, value: float) -> str | None:
        """Forbid by what was read last."""
        if point == RAISE:
            return self._rules.why_not_raise(self._inputs(), self._now())
        if point == LOWER:
            return self._rules.why_not_lower(self._inputs())
        return f"{point} is nothing that a bollard may be told"

    def interlock(self, point: str, value: float) -> str | None:
        """Forbid by what was read right now; what is allowed counts as sent."""
        refusal = self.rule(point, value)
        if refusal is None and point == RAISE and not self._guarded:
            refusal = f"its template does not guard {RAISE} by {', '.join(GUARDS)}"
        if refusal is None:
            self._rules.sent(up=point == RAISE, now_ns=self._now())
            self._marked = self._step  # a write that was given up is not asked for
            self._look()
        return refusal

    def written(self, ticket: Ticket, verdict: Verdict, value: float | None) -> None:
        """Take the end of a pulse."""
        harmless = verdict.reason in (Reason.BUSY, Reason.REFUSED)
        if verdict.status in _NOTHING_DONE or (verdict.status is Status.FAILED and harmless):
            if ticket is self._marked:
                self._rules.not_sent(up=ticket.point == RAISE)
            if ticket.point == RAISE:
                self._rules.want(up=False)
        super().written(ticket, verdict, value)
        self._look()

    def explain(self, point: str, verdict: Verdict) -> Verdict:
        """Say why the PLC did not follow, where it tells."""
        inputs = self._inputs()
        if verdict.status is Status.FAILED and inputs.fault:
            return Verdict(Status.FAILED, Reason.DEVICE_FAULT, f"fault; {verdict.detail}")
        if verdict.reason == Reason.NOT_FOLLOWING and point == RAISE and inputs.loop:
            detail = f"a vehicle is on the loop; {verdict.detail}"
            return Verdict(verdict.status, verdict.reason, detail)
        return verdict

    # What is seen --------------------------------------------------------------------------

    def reading(self, point: str, value: float, quality: int) -> None:
        """Take a changed input."""
        self._look()

    def link_changed(self, up: bool) -> None:
        """Take note that all inputs are unknown, or will be read."""
        self._look()

    def _look(self) -> None:
        rules = self._rules
        for told in rules.look(self._inputs(), self._now()):
            detail = {"cause": told.cause, "fail_safe": self.fail_safe} if told.cause else {}
            self.emit(told.name, told.severity, **detail)
        position, stuck = rules.position, rules.stuck
        if (position, stuck) != self._shown and position is not None:
            self._shown = position, stuck
            unknown = position is Position.UNKNOWN
            quality = Quality.UNCERTAIN if unknown else Quality.GOOD
            self.publish("position", float(position), quality)
            self.publish("loop_stuck", float(stuck))

    def _inputs(self) -> Inputs:
        found = Inputs(*map(self._flag, (LOOP, UP, DOWN, FAULT, LOCAL)))
        if found.up and found.down:
            # Read at different times, they are no contradiction: it was up, and now it is down.
            # Right before it rises both are read at once.
            up_ns, down_ns = self._read_ns(UP), self._read_ns(DOWN)
            if up_ns != down_ns:
                return found._replace(up=up_ns > down_ns, down=down_ns > up_ns)
        return found

    def _read_ns(self, point: str) -> int:
        return self.shard.table.read(self._slot(point))[3]

    def _flag(self, point: str) -> bool | None:
        value = self.value(point)
        if self.quality(point) != Quality.GOOD or value not in (0.0, 1.0):
            return None
        return value == 1.0

    def _now(self) -> int:
        return self.host.clock.boot_ns()

    # Ends ----------------------------------------------------------------------------------

    def _set_pulse(self, ticket: Ticket) -> bool:
        """Do what a pulse stands for, once its value is a pulse's."""
        self._last = ticket
        if ticket.value != 1 or ticket.unit:
            return self._send(ticket)  # refused there, with the reason
        result = self.raise_(ticket) if ticket.point == RAISE else self.lower(ticket)
        return self._answered(ticket, result)

    def _send(self, ticket: Ticket) -> bool:
        self._step = ticket
        return super()._send(ticket)

    def _too_late(self, ticket: Ticket) -> bool:
        """Return whether a pulse would be sent, or have to be proven, beyond the deadline."""
        now = self._now()
        settle_ns = self.template.points[self.template.point_index(RAISE)].settle_ms * 1_000_000
        latest = min(ticket.deadline_ns, ticket.deadline_ns + END_AFTER_DEADLINE_NS - settle_ns)
        return now >= latest

    def _leave_lowered(self, ticket: Ticket, reason: str, why: str) -> None:
        status = Status.FAILED if ticket.dispatched_ns else Status.REJECTED
        if not ticket.dispatched_ns and reason == Reason.DEADLINE:
            status = Status.EXPIRED
        self.emit("bollard_left_lowered", 1, cause=why, fail_safe=self.fail_safe)
        self._finish(ticket, status, reason, f"left lowered: {why}")

    def _passed(self, ticket: Ticket, raised: Outcome, *, vehicle: bool) -> None:
        if raised.applied:
            self.emit("bollard_passed", vehicle=vehicle)
        sent = raised.status not in _NOTHING_DONE
        ticket.dispatched_ns = raised.stages.dispatched or ticket.dispatched_ns
        ticket.acknowledged_ns = raised.stages.acknowledged
        if sent or not ticket.dispatched_ns:
            self._finish(ticket, raised.status, raised.reason, raised.detail, raised.value)
        else:
            self._leave_lowered(ticket, raised.reason, raised.detail)

    def _finish(
        self, ticket: Ticket, status: Status, reason: str, detail: str, value: float | None = None
    ) -> None:
        ticket.finish(status, reason, detail, value, now_ns=self._now())


def _lowers(ticket: Ticket) -> bool:
    pulse = ticket.verb == "set" and ticket.point == LOWER and ticket.value == 1
    return pulse or ticket.verb == "lower"


def _raises(ticket: Ticket) -> bool:
    return ticket.verb in ("raise", "pass") or (ticket.verb == "set" and ticket.point == RAISE)
