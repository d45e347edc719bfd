"""What is effective, written and kept: the shell around ``kernel.arbitration``.

It writes what becomes effective, through the same checks and the same last look as every other
write; it tells what ends; and it looks every other second whether the field still shows what is
held, since a device that was switched off and on comes back with its own defaults.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.claim_ticket import ClaimStep
from jacquemart.runtime.actor.substitution import kept_real
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.actor.values import check_reading, check_value
from jacquemart.runtime.kernel.arbitration import Arbitration, Due
from jacquemart.runtime.kernel.standing import Ended, Live, Switch
from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.claim import HOLD, LOCKOUT, RESERVE, Claim
from jacquemart.runtime.model.outcome import Reason
from jacquemart.runtime.model.quality import Quality

if TYPE_CHECKING:
    from jacquemart.runtime.actor.claimable import Claimable

#: Pause between two looks whether the field shows what is held.
LOOK_S = 2.0
#: Pause before a value that did not get through is tried again, and its longest.
AGAIN_S = 5.0
AGAIN_AT_MOST_S = 300.0
#: A value of the device's own accord is sent within that time, or tried again.
WITHIN_NS = 10_000_000_000
#: What an event is called, by the verb of the claim.
_NAMES: Mapping[str, str] = {HOLD: "hold", RESERVE: "reservation", LOCKOUT: "lockout"}


class Effective:
    """What shall be effective of one device's claims, and is made so; see the module."""

    __slots__ = (
        "_actor",
        "_pauses",
        "_sent_ns",
        "_stopped",
        "_substituted",
        "_timer",
        "_trying",
        "kernel",
    )

    def __init__(self, actor: Claimable) -> None:
        """Begin without a claim."""
        self._actor = actor
        self.kernel = Arbitration(actor.id, self._standing)
        self._timer: tuple[float, asyncio.TimerHandle] | None = None
        """When it fires, by the loop's clock (a handle of uvloop may not know), and itself."""
        self._trying: set[str] = set()
        """Points with a write of ours on its way."""
        self._pauses: dict[str, tuple[int, float]] = {}
        """Point -> tries that led nowhere, and when to try again (loop's clock)."""
        self._sent_ns: dict[str, int] = {}
        """Point -> boot-time of the last write."""
        self._stopped = False
        self._substituted: set[str] = set()
        """Readings in whose place something else is shown."""

    def stop(self) -> None:
        """Do nothing any more; what stands, stands in the journal."""
        self._stopped = True
        if self._timer is not None:
            self._timer[1].cancel()
            self._timer = None
        for point in self._substituted:
            self._actor.substitute(point, None)
        self._substituted = set()

    # What is effective -----------------------------------------------------------------------

    def _fire(self) -> None:
        self._timer = None
        if self._stopped:
            return
        try:
            self.work()
        except RAISED as error:  # a kind's rule; its device goes on
            self._actor.host.failed(self._actor, error)
            self._soon(LOOK_S)

    def work(self) -> None:
        """End what is over, write what is effective and not written, and plan the next look."""
        now = self._now()
        self._tell(self.kernel.expire(now))
        self._substitute()
        self._compare()
        at = self._actor.host.loop.time()
        for due in self.kernel.due(now):
            waits = self._pauses.get(due.point, (0, 0.0))[1] > at
            if due.point in self._trying or waits or not self._may_tell(due.point):
                continue
            if not self._shown_already(due.point, due.value):
                self._write(due)
        self._plan()

    def _write(self, due: Due) -> None:
        actor, now, point = self._actor, self._now(), due.point
        self._trying.add(point)

        def ended(step: Ticket) -> None:
            self._trying.discard(point)
            got = step.outcome
            assert got is not None
            if got.applied:
                self._pauses.pop(point, None)
            elif got.reason == Reason.HELD:  # somebody has come in between; never in a tight loop
                tries = self._pauses.get(point, (0, 0.0))[0]
                self._pauses[point] = tries, actor.host.loop.time() + LOOK_S
            elif self._pause(point) == 1:
                actor.emit(
                    "hold_not_followed", 1, point=point, value=due.value, owner=due.owner,
                    reason=got.reason, detail=got.detail,
                )  # fmt: skip
            self._soon(0.0)

        priority = min(due.slot, 16)
        actor.write_effective(
            ClaimStep.own(actor.id, point, due.value, priority, now + WITHIN_NS, now, ended)
        )

    def shows(self, point: str) -> bool:
        """Return whether a point is a mere reading, which a hold puts another value in place of."""
        spec = self._actor.point(point)
        return spec is not None and not spec.writable

    def _substitute(self) -> None:
        """Show what is held of readings, and what is read where nobody holds it any more."""
        held = set(filter(self.shows, self.kernel.points()))
        for point in held:
            value = self.kernel.effective(point, self._now())
            if value is not None:
                self._actor.substitute(point, value)
                self.kernel.presume(point, value)
        for point in self._substituted - held:
            self._actor.substitute(point, None)
        self._substituted = held

    def _compare(self) -> None:
        """Doubt what the field does not show any more, or cannot show."""
        for point in self.kernel.points():
            wanted = self.kernel.known(point)
            if wanted is None or point in self._trying or self.kernel.in_flight(point):
                continue
            spec, value, quality, receive_ns = self._actor.shown(point)
            if quality >= Quality.STALE_AGE or not self._is_after(receive_ns, point, spec):
                continue
            if self._differs(spec, value, wanted):
                self.kernel.doubt(point)
                if point not in self._pauses:
                    self._actor.emit("hold_contradicted", 1, point=point, shown=value, held=wanted)

    def _is_after(self, receive_ns: int, point: str, spec: PointSpec) -> bool:
        """Whether a reading shows what our last write has led to.

        Its time is the wall clock's, which may have been set since: what it tells is counted back
        from now, and of a time that is yet to come nothing is known.
        """
        now, wall = self._now(), self._actor.host.clock.wall_ns()
        sent_ns = self._sent_ns.get(point)
        if sent_ns is None:
            return receive_ns <= wall
        settled = wall - now + sent_ns + spec.settle_ms * 1_000_000
        return settled < receive_ns <= wall

    def _may_tell(self, point: str) -> bool:
        """Whether it is known what the field shows, or nobody ever asks it."""
        if self.kernel.known(point) is not None:
            return True
        spec, _, quality, _ = self._actor.shown(point)
        return quality < Quality.STALE_AGE or not spec.poll_ms

    def _shown_already(self, point: str, wanted: float) -> bool:
        """Whether nobody knows what was written, and the field is right."""
        if self.kernel.known(point) is not None:
            return False
        spec, value, quality, _ = self._actor.shown(point)
        if not spec.poll_ms or quality >= Quality.STALE_AGE or self._differs(spec, value, wanted):
            return False
        self.kernel.presume(point, wanted)
        self._pauses.pop(point, None)
        return True

    @staticmethod
    def _differs(spec: PointSpec, value: float, wanted: float) -> bool:
        return abs(value - wanted) > spec.tolerance + 1e-9 * max(1.0, abs(wanted))

    def look_soon(self) -> None:
        """Look in the next turn of the loop whether there is anything to do."""
        self._soon(0.0)

    def link_came_up(self) -> None:
        """Write again what nobody reads: the device may have lost it."""
        for point in self.kernel.points():
            if not self._actor.shown(point)[0].poll_ms:
                self.kernel.doubt(point)
        self._pauses.clear()
        self._soon(0.0)

    def _pause(self, point: str, *, anew: bool = False) -> int:
        """Try a point again later, ever later; return how often it was tried.

        ``anew``: it is the first try of what somebody wants now, whatever was wanted before.
        """
        tries = 1 if anew else self._pauses.get(point, (0, 0.0))[0] + 1
        pause = min(AGAIN_S * 2.0 ** (tries - 1), AGAIN_AT_MOST_S)
        self._pauses[point] = tries, self._actor.host.loop.time() + pause
        return tries

    def _standing(self, point: str) -> float | None:
        at = self._actor.template.point_index(point)
        found = self._actor.shard.setpoints.get(self._actor.base + at)
        return found if found is not None else self._actor.template.points[at].default

    def _switch(self, spec: PointSpec, value: float) -> Switch | None:
        """Return the state that a write begins, if the point must keep one for a while."""
        if not spec.min_on_s and not spec.min_off_s:
            return None
        on, before = value != 0, self.kernel.switch(spec.name)
        was = before.on if before is not None else None
        if was is None:
            _, shown, quality, _ = self._actor.shown(spec.name)
            was = shown != 0 if quality < Quality.STALE_AGE else None
        if was == on:
            return None
        return Switch(on, value, self._now() + int((spec.min_on_s if on else spec.min_off_s) * 1e9))

    # Timers and telling ----------------------------------------------------------------------

    def _now(self) -> int:
        return self._actor.host.clock.boot_ns()

    def _plan(self) -> None:
        """Look again in time; a device without claims needs no such object any more."""
        if self.kernel.empty and not self._trying:
            self.stop()
            if self._actor.claims is self:
                self._actor.claims = None
            return
        now, next_ns = self._now(), self.kernel.next_ns()
        pause = max(0.0, (next_ns - now) / 1e9) if next_ns else None
        if any(True for _ in self.kernel.points()) or self.kernel.due(now):
            pause = min(pause if pause is not None else LOOK_S, LOOK_S)
        if pause is not None:
            self._soon(pause)

    def _soon(self, seconds: float) -> None:
        loop = self._actor.host.loop
        at = loop.time() + seconds
        if self._stopped or (self._timer is not None and self._timer[0] <= at):
            return
        if self._timer is not None:
            self._timer[1].cancel()
        self._timer = at, loop.call_later(seconds, self._fire)

    def _placed(self, claim: Claim) -> None:
        self._emit(f"{_NAMES[claim.verb]}_placed", claim)

    def _tell(self, ended: Iterable[Ended]) -> None:
        """Tell of claims that are no more: the zone, and who listens."""
        for one in ended:
            how = one.why if one.why in ("released", "expired") else "ended"
            name = f"{_NAMES[one.claim.verb]}_{how}"
            self._emit(name, one.claim, by=one.by, ended_why=one.why)
            self._actor.shard.claim_ended(self._actor, one.claim, one.why)

    def _emit(self, name: str, claim: Claim, **more: Any) -> None:
        facts = {
            "point": claim.point, "slot": claim.slot, "value": claim.value, "owner": claim.owner,
            "why": claim.why, "until_wall_ns": claim.until_wall_ns,
        }  # fmt: skip
        self._actor.emit(name, 1 if claim.verb == LOCKOUT else 0, **facts, **more)

    # Survival --------------------------------------------------------------------------------

    def restore(
        self,
        claims: Iterable[Claim],
        sets: Iterable[tuple[str, float, str, int, int]],
        above: Collection[str] | None = None,
    ) -> None:
        """Let claims stand that stood before a restart; what is over meanwhile is told.

        Args:
            claims: what stood.
            sets: the last ``set`` of points: point, value, principal, priority, POSIX ns.
            above: the points whose set stands above their holds; None: the zone's version does not
                know, so those that came after all of them.
        """
        now, wall = self._now(), self._actor.host.clock.wall_ns()
        for claim in claims:
            if claim.verb == HOLD:
                value = self._number(claim)
                if value is None:
                    self._tell([Ended(claim, "the city has changed")])
                    continue
                claim = replace(claim, value=value)
            until_ns = claim.until_boot_ns
            if claim.until_wall_ns and not until_ns:  # its zone is of an older version
                until_ns = now + claim.until_wall_ns - wall
            elif until_ns:  # the wall clock may have been set since; this one nobody sets
                claim = replace(claim, until_wall_ns=wall + until_ns - now)
            if until_ns and until_ns <= now:
                self._tell([Ended(claim, "expired", claim.owner)])
            else:
                self.kernel.restore(Live(claim, until_ns))
            if claim.verb == HOLD and claim.value is not None:
                self._keep(claim.point, claim.value, claim.since_wall_ns)
        for point, value, principal, priority, at_ns in sets:
            holds = [c for c in self.kernel.claims() if c.verb == HOLD and c.point == point]
            later = all(0 < claim.since_wall_ns < at_ns for claim in holds)
            if holds and (later if above is None else point in above):
                self.kernel.was_set(point, value, principal, priority)
            self._keep(point, value, at_ns)
        self._soon(0.0)

    def _number(self, claim: Claim) -> float | None:
        """Return what a hold keeps its point at; None: the point cannot be held at that any more.

        A journal may have a word, if nobody knew then what number it stood for.
        """
        spec = self._actor.point(claim.point)
        if spec is None or spec.pulse:
            return None
        if not spec.writable:
            why = kept_real(type(self._actor), self._actor.template, spec)
            value, wrong = check_reading(spec, claim.value, "")
            return value if wrong is None and why is None else None
        value, wrong = check_value(spec, claim.value, "")
        return value if wrong is None else None

    def _keep(self, point: str, value: float, at_ns: int) -> None:
        """Go on with a minimum time that began when ``value`` was written."""
        spec = self._actor.point(point)
        if spec is None:
            return
        minimum = spec.min_on_s if value != 0 else spec.min_off_s
        lasts = int(minimum * 1e9)
        # By the wall clock, which may have been set back: no longer than it may last at all.
        left = min(lasts, at_ns + lasts - self._actor.host.clock.wall_ns())
        known = self.kernel.switch(point)
        if left > 0 and (known is None or known.until_ns < self._now() + left):
            self.kernel.keep(point, Switch(value != 0, value, self._now() + left))
