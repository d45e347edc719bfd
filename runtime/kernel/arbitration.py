"""Who may move one device, and where its points shall stand: claims against each other.

*Theory.* A point stands where its strongest live claim wants it: the hold in the lowest slot, else
the last ``set`` (the standing setpoint), else its default. A ``set`` that is stronger than every
hold goes through, and stands above them as if it were in the slot of its priority, until a later
set or a release there. Minimum on and off times are slot 6: what is weaker waits for their end.
A lock-out (slot 3) and another's reservation let nothing pass but life safety (slots 1 and 2); a
value that becomes effective meanwhile is written when they end.

Pure: times are boot-time ns that the caller gives. What must be written follows from what was
written last (``due``), so that an event lost between two others changes nothing in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from jacquemart.runtime.kernel.standing import (
    STANDING_SLOT,
    Ended,
    Granted,
    Live,
    Override,
    Refusal,
    Switch,
    Top,
    refusal_of,
)
from jacquemart.runtime.kernel.whole_device import WholeDevice
from jacquemart.runtime.model.claim import HOLD, MINIMUM_SLOT, Claim


class Due(NamedTuple):
    """A value that must be written now."""

    point: str
    value: float
    slot: int
    """Of what wants it; ``STANDING_SLOT`` for a setpoint or default."""
    owner: str


@dataclass(slots=True)
class _Flight:
    """A write between the driver and its proof; what to go back to if nothing took effect."""

    key: object
    written: float | None
    switch: Switch | None


class Arbitration:
    """The claims of one device."""

    __slots__ = (
        "_falling", "_flights", "_holds", "_overrides", "_standing", "_switches", "_written",
        "device", "whole",
    )  # fmt: skip

    def __init__(self, device: str, standing: Callable[[str], float | None]) -> None:
        """Begin without a claim.

        Args:
            device: its id, in whose name minimum times are kept.
            standing: gives the last set of a point, or its default, or None.
        """
        self.device = device
        self._standing = standing
        self._holds: dict[str, dict[int, Live]] = {}
        self._overrides: dict[str, Override] = {}
        self.whole = WholeDevice()
        """Its lock-out and its reservation."""
        self._switches: dict[str, Switch] = {}
        self._written: dict[str, float] = {}
        self._falling: dict[str, str] = {}
        """Points whose claim has ended and whose next value is not written yet -> who ended it."""
        self._flights: dict[str, _Flight] = {}

    # Claims ----------------------------------------------------------------------------------

    def claim(self, claim: Claim, until_ns: int, now: int, came_ns: int = 0) -> Granted | Refusal:
        """Let a claim stand, or say who is in the way. Call ``expire`` before.

        Args:
            claim: a hold, reservation or lock-out.
            until_ns: when its lease ends; 0: never.
            now: boot-time ns.
            came_ns: when it came; others that came before may still wait.
        """
        live = Live(claim, until_ns, came_ns)
        if claim.verb != HOLD:
            return self.whole.claim(live, now)
        refusal = self.whole.reserved_for_others(claim.owner, claim.slot, now)
        if refusal is not None:
            return refusal
        before = self._holds.get(claim.point, {}).get(claim.slot)
        if before is not None and before.claim.owner != claim.owner:
            return refusal_of(before.claim)
        self.restore(live)
        self._falling.pop(claim.point, None)
        behind = self._stronger(claim, now)
        if behind is None:
            self.doubt(claim.point)  # written anew, so that its outcome is true
        return Granted(behind=behind, before=before)

    def restore(self, live: Live) -> None:
        """Let a claim stand that stood before, whoever may be in the way."""
        claim = live.claim
        if claim.verb == HOLD:
            self._holds.setdefault(claim.point, {})[claim.slot] = live
        else:
            self.whole.restore(live)

    def withdraw(self, claim: Claim, before: Live | None) -> None:
        """Take a hold back of which nothing was sent; what stood in its slot stands again."""
        slots = self._holds.get(claim.point, {})
        if claim.slot in slots and slots[claim.slot].claim.id == claim.id:
            if before is not None:
                slots[claim.slot] = before
            else:
                del slots[claim.slot]
            if not slots:
                del self._holds[claim.point]
                self._overrides.pop(claim.point, None)

    def release(
        self, point: str, slot: int, principal: str, priority: int, came_ns: int = 0
    ) -> tuple[Ended, ...] | Refusal:
        """End what stands in a slot; nothing there is no fault. Call ``expire`` before.

        A lock-out, and what is life safety's, overtakes a release that waits: it is not meant.

        Args:
            point: empty: the device's lock-out (slot 3), or its reservation (any other slot).
            slot: the slot to clear.
            principal: who asks: its owner, or
            priority: somebody stronger than the slot.
            came_ns: when the release came; 0: after all that stands.
        """
        if not point:
            return self.whole.release(slot, principal, priority, came_ns)
        live = self._holds.get(point, {}).get(slot)
        if live is not None and 0 < came_ns < live.came_ns:
            return ()
        over = self._overrides.get(point)
        if live is not None:
            if principal != live.claim.owner and priority >= slot:
                return refusal_of(live.claim)
            del self._holds[point][slot]
            self._tidy(point, principal, slot)
            return (Ended(live.claim, "released", principal),)
        if over is not None and over.priority == slot:
            if principal != over.principal and priority >= slot:
                return over.refusal()
            del self._overrides[point]
            self._tidy(point, principal)
        return ()

    def expire(self, now: int) -> list[Ended]:
        """End all whose lease is over, and pass a reservation on whose grace is over."""
        ended: list[Ended] = []
        for point in list(self._holds):
            slots = self._holds[point]
            for slot in [slot for slot, live in slots.items() if not live.stands(now)]:
                claim = slots.pop(slot).claim
                ended.append(Ended(claim, "expired", claim.owner))
                self._tidy(point, claim.owner, claim.slot)
        for point in [point for point, switch in self._switches.items() if now >= switch.until_ns]:
            del self._switches[point]
        ended.extend(self.whole.expire(now))
        return ended

    def _tidy(self, point: str, cause: str, slot: int = 0) -> None:
        """Take note that ``cause`` has ended something on a point: the hold of a slot, if given.

        What was set there before it goes with it, and not when it was made: it may be refused yet.
        """
        self._falling[point] = cause
        over = self._overrides.get(point)
        if over is not None and over.priority == slot:
            del self._overrides[point]
        if not self._holds.get(point):
            self._holds.pop(point, None)
            self._overrides.pop(point, None)  # it is the standing setpoint

    # Questions -------------------------------------------------------------------------------

    def admits(
        self, point: str, principal: str, priority: int, now: int, value: float | None = None,
        *, fail_safe: bool = False,
    ) -> Refusal | None:  # fmt: skip
        """Return who keeps a principal from writing ``value``; None if nobody does.

        Args:
            point: empty: may it command the device at all?
            fail_safe: it is the device's own, to what is safe: no reservation keeps it from that.
        """
        refusal = self.whole.locks(priority, now)
        if refusal is None and not fail_safe:
            refusal = self.whole.reserved_for_others(principal, priority, now)
        if refusal is not None or not point:
            return refusal
        slots = self._holds.get(point)
        if slots:
            for slot in sorted(slots):
                live = slots[slot]
                if slot > priority:
                    break
                if live.stands(now) and (live.claim.owner != principal or slot < priority):
                    return refusal_of(live.claim)
            over = self._overrides.get(point)
            if over is not None and over.priority < priority:
                return over.refusal()
        switch = self._switches.get(point)
        if switch is not None and value is not None and priority >= MINIMUM_SLOT:
            return switch.refusal(self.device, value, now)
        return None

    def confirms(self, point: str, value: float, now: int) -> Refusal | None:
        """Return why a value may not be written as the effective one; None if it may."""
        top = self._top(point, now)
        if top is None or top.value != value:
            return Refusal(self.device, "wants another value by now", STANDING_SLOT, "", "")
        return self._blocked(point, top, now)

    def effective(self, point: str, now: int) -> float | None:
        """Return where a point shall stand; None: nobody wants anything."""
        top = self._top(point, now)
        return top.value if top is not None else None

    def held(self, point: str, now: int) -> float | None:
        """Return what the strongest hold wants, whatever stands above; None: nobody holds it."""
        slots = self._holds.get(point, {})
        best = min((slot for slot, live in slots.items() if live.stands(now)), default=0)
        return slots[best].claim.value if best else None

    def above(self, point: str) -> str:
        """Return who has set a point above its holds; empty: nobody."""
        over = self._overrides.get(point)
        return over.principal if over is not None else ""

    def step_back(self, point: str) -> None:
        """Let what the device has set above the holds of a point of its own accord be no more."""
        if self.above(point) == self.device:
            del self._overrides[point]

    def due(self, now: int) -> list[Due]:
        """Return what must be written: effective, not written yet, and not kept from moving."""
        found: list[Due] = []
        for point in dict.fromkeys((*self._holds, *self._falling)):
            if point in self._flights:
                continue
            top = self._top(point, now)
            if top is None or self._written.get(point) == top.value:
                self._falling.pop(point, None)
            elif self._blocked(point, top, now) is None:
                found.append(Due(point, top.value, top.slot, top.owner))
        return found

    def next_ns(self) -> int:
        """Return when to ask ``expire`` and ``due`` again because of time alone; 0: never.

        It may have passed since they were asked.
        """
        lives = [live for slots in self._holds.values() for live in slots.values()]
        times = [live.until_ns for live in lives if live.until_ns]
        times += self.whole.times()
        moving = (*self._holds, *self._falling)
        times += [s.until_ns for p, s in self._switches.items() if p in moving]
        return min(times, default=0)

    @property
    def empty(self) -> bool:
        """Whether nothing is left to decide here."""
        return not (
            self._holds or self.whole.lives() or self._falling or self._switches or self._flights
        )

    def claims(self) -> Iterator[Claim]:
        """Yield what stands: the lock-out, the reservation, who asks for it, and the holds."""
        for live in self.whole.lives():
            yield live.claim
        for slots in self._holds.values():
            for slot in sorted(slots):
                yield slots[slot].claim

    def points(self) -> Iterator[str]:
        """Yield the points that somebody holds."""
        yield from self._holds

    def _top(self, point: str, now: int) -> Top | None:
        slots = self._holds.get(point)
        best = min((s for s, live in slots.items() if live.stands(now)), default=0) if slots else 0
        over = self._overrides.get(point) if best else None
        if over is not None and over.priority < best:
            top = Top(over.value, over.priority, over.principal)
        elif best and slots:
            claim = slots[best].claim
            assert claim.value is not None
            top = Top(claim.value, best, claim.owner)
        else:
            value = self._standing(point)
            if value is None:
                return None
            top = Top(value, STANDING_SLOT, self.device)
        switch = self._switches.get(point)
        if switch is not None and top.slot > MINIMUM_SLOT and switch.keeps_from(top.value, now):
            return Top(switch.value, MINIMUM_SLOT, self.device)
        return top

    def _stronger(self, claim: Claim, now: int) -> Refusal | None:
        """Return what a hold must wait for."""
        locked = self.whole.locks(claim.slot, now)
        if locked is not None:
            return locked
        slots = self._holds[claim.point]
        best = min(slot for slot, live in slots.items() if live.stands(now) or slot == claim.slot)
        over = self._overrides.get(claim.point)
        if over is not None and over.priority < best:
            return over.refusal()
        if best < claim.slot:
            return refusal_of(slots[best].claim)
        switch = self._switches.get(claim.point)
        if switch is not None and claim.slot > MINIMUM_SLOT and claim.value is not None:
            return switch.refusal(self.device, claim.value, now)
        return None

    def _blocked(self, point: str, top: Top, now: int) -> Refusal | None:
        """Return who keeps an effective value from being written now."""
        locked = self.whole.locks(top.slot, now)
        if locked is not None:
            return locked
        cause = self._falling.get(point, top.owner)
        return self.whole.reserved_for_others(cause, top.slot, now)

    # What was written ------------------------------------------------------------------------

    def sent(self, point: str, value: float, key: object, switch: Switch | None) -> None:
        """Take note that a value leaves for the field now.

        Args:
            key: tells this write from others.
            switch: the state that it brings about, if the point has minimum times and it is
                another one than before.
        """
        before = self._switches.get(point)
        if point not in self._flights:
            self._flights[point] = _Flight(key, self._written.get(point), before)
        self._written[point] = value
        if switch is not None:
            self._switches[point] = switch
        elif before is not None and before.on == (value != 0):
            self._switches[point] = replace(before, value=value)

    def landed(self, point: str, key: object, *, took: bool) -> bool:
        """Take note of a write's end; return whether it was one that ``sent`` knows.

        Args:
            took: whether it took effect, or may have.
        """
        flight = self._flights.get(point)
        if flight is None or flight.key is not key:
            return False
        del self._flights[point]
        if not took:
            _put(self._written, point, flight.written)
            _put(self._switches, point, flight.switch)
        return True

    def was_set(self, point: str, value: float, principal: str, priority: int) -> bool:
        """Take note that a ``set`` took effect; return whether it was the value of a hold.

        The owner of a hold who sets at its slot changes the hold; anybody else who was admitted
        is stronger than all holds, and stands above them.
        """
        slots = self._holds.get(point)
        if not slots:
            self._falling.pop(point, None)
            return False
        live = slots.get(priority)
        if live is not None and live.claim.owner == principal:
            slots[priority] = live._replace(claim=replace(live.claim, value=value))
            return True
        strongest = min(slots)
        if principal == self.device and slots[strongest].claim.value == value:
            self._overrides.pop(point, None)  # of its own accord it has gone back to the hold
        elif priority < strongest:
            self._overrides[point] = Override(value, principal, priority)
        return False

    def presume(self, point: str, value: float) -> None:
        """Take it that a point already is where the field shows it."""
        self._written[point] = value

    def doubt(self, point: str) -> None:
        """Have the effective value of a point written again: the field shows another one."""
        if point not in self._flights:
            self._written.pop(point, None)

    def known(self, point: str) -> float | None:
        """Return what was written last; None: nobody knows."""
        return self._written.get(point)

    def in_flight(self, point: str) -> bool:
        """Return whether a write of the point is between the driver and its proof."""
        return point in self._flights

    def switch(self, point: str) -> Switch | None:
        """Return the state that a point was written to last, if it has minimum times."""
        return self._switches.get(point)

    def switch_refusal(self, point: str, now: int) -> Refusal | None:
        """Return why a point may not be switched over now, if it has just been switched."""
        switch = self._switches.get(point)
        return switch.refusal(self.device, float(not switch.on), now) if switch else None

    def keep(self, point: str, switch: Switch) -> None:
        """Take a state over that was written before."""
        self._switches[point] = switch


def _put(where: dict[str, float] | dict[str, Switch], point: str, value: object) -> None:
    if value is None:
        where.pop(point, None)
    else:
        where[point] = value  # type: ignore[assignment]
