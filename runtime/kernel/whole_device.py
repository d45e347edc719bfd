"""Claims on a whole device: who has locked it out, who has reserved it, and who asks for that.

A lock-out lets nothing pass but life safety, not even what its owner does. A reservation lets
nobody pass but its owner and life safety. It is never taken away, unless its owner has granted a
grace: then somebody stronger asks, and has it when that time is over. Pure.
"""

from __future__ import annotations

from jacquemart.runtime.kernel.standing import Ended, Granted, Live, Refusal, refusal_of
from jacquemart.runtime.model.claim import LIFE_SAFETY, LOCKOUT, LOCKOUT_SLOT, NEVER_PREEMPTED


class WholeDevice:
    """Lock-out and reservation of one device. Times are boot-time ns."""

    __slots__ = ("_asked_ns", "_asker", "_locked", "_reserved")

    def __init__(self) -> None:
        """Begin without any."""
        self._locked: Live | None = None
        self._reserved: Live | None = None
        self._asker: Live | None = None
        """Who gets the reservation when its owner's grace is over."""
        self._asked_ns = 0
        """When that is."""

    def claim(self, live: Live, now: int) -> Granted | Refusal:
        """Let a lock-out or reservation stand, or say who is in the way."""
        claim = live.claim
        if claim.verb == LOCKOUT:
            before = self._locked
            if before is not None and before.claim.owner != claim.owner:
                return refusal_of(before.claim)
            self._locked = live
            return Granted(before=before)
        held = self._reserved
        if held is None or held.claim.owner == claim.owner:
            self._reserved = live
            return Granted(before=held)
        return self._ask(live, held.claim.grace_ms, held, now)

    def _ask(self, live: Live, grace_ms: int, held: Live, now: int) -> Granted | Refusal:
        claim, before = live.claim, self._asker
        if grace_ms == NEVER_PREEMPTED and before is None:
            return refusal_of(held.claim)
        if claim.slot >= held.claim.slot:
            return refusal_of(held.claim)
        ended: tuple[Ended, ...] = ()
        if before is None:
            self._asked_ns = now + grace_ms * 1_000_000
        elif before.claim.owner != claim.owner:
            if claim.slot >= before.claim.slot:
                return refusal_of(before.claim)
            why = f"{claim.owner} asks at priority {claim.slot}"
            ended = (Ended(before.claim, why, claim.owner),)
        self._asker = live
        if now >= self._asked_ns:
            return Granted(ended=(*ended, *self._pass_on(now)))
        left = (self._asked_ns - now) / 1e9
        behind = refusal_of(held.claim)._replace(until=f"for {left:.1f} s more, then it is yours")
        return Granted(behind=behind, ended=ended, asked=held.claim)

    def restore(self, live: Live) -> None:
        """Let one stand that stood before. A second reservation is the one that asks for it."""
        if live.claim.verb == LOCKOUT:
            self._locked = live
        elif self._reserved is None:
            self._reserved = live
        else:
            self._asker = live  # its owner's grace is over: nobody knows since when it has asked

    def release(
        self, slot: int, principal: str, priority: int, came_ns: int = 0
    ) -> tuple[Ended, ...] | Refusal:
        """End the lock-out (slot 3) or the reservation (any other); nothing there is no fault.

        Nor is one that came after the release did: that is not meant.
        """
        if slot == LOCKOUT_SLOT:
            locked = self._locked
            if locked is None or 0 < came_ns < locked.came_ns:
                return ()
            if principal != locked.claim.owner and priority >= LOCKOUT_SLOT:
                return refusal_of(locked.claim)
            self._locked = None
            return (Ended(locked.claim, "released", principal),)
        asker, held = self._asker, self._reserved
        if asker is not None and asker.claim.owner == principal:
            self._asker = None
            return (Ended(asker.claim, "released", principal),)
        if held is None or 0 < came_ns < held.came_ns:
            return ()
        if principal != held.claim.owner and priority >= held.claim.slot:
            return refusal_of(held.claim)
        self._reserved, self._asker = asker, None
        return (Ended(held.claim, "released", principal),)

    def expire(self, now: int) -> list[Ended]:
        """End what is over, and pass a reservation on whose grace is over."""
        ended: list[Ended] = []
        for name in ("_locked", "_asker", "_reserved"):
            live: Live | None = getattr(self, name)
            if live is not None and not live.stands(now):
                setattr(self, name, None)
                ended.append(Ended(live.claim, "expired", live.claim.owner))
        return ended + self._pass_on(now)

    def _pass_on(self, now: int) -> list[Ended]:
        """Give the reservation to who has asked for it, if its time has come."""
        asker, held = self._asker, self._reserved
        if asker is None or (held is not None and now < self._asked_ns):
            return []
        self._reserved, self._asker = asker, None
        if held is None:
            return []
        return [Ended(held.claim, f"taken over by {asker.claim.owner}", asker.claim.owner)]

    def refuses(self, principal: str, priority: int, now: int) -> Refusal | None:
        """Return who keeps a principal from commanding the device; None if nobody does."""
        return self.locks(priority, now) or self.reserved_for_others(principal, priority, now)

    def locks(self, priority: int, now: int) -> Refusal | None:
        """Return the lock-out, if it keeps a priority from moving anything."""
        locked = self._locked
        if locked is None or priority <= LIFE_SAFETY or not locked.stands(now):
            return None
        return refusal_of(locked.claim)

    def reserved_for_others(self, principal: str, priority: int, now: int) -> Refusal | None:
        """Return the reservation, if it keeps a principal from moving anything."""
        held = self._reserved
        if held is None or priority <= LIFE_SAFETY or held.claim.owner == principal:
            return None
        return refusal_of(held.claim) if held.stands(now) else None

    def lives(self) -> list[Live]:
        """Return what stands: the lock-out, the reservation, and who asks for it."""
        return [live for live in (self._locked, self._reserved, self._asker) if live is not None]

    def times(self) -> list[int]:
        """Return when time alone changes something."""
        times = [live.until_ns for live in self.lives() if live.until_ns]
        if self._asker is not None and self._reserved is not None:
            times.append(self._asked_ns)
        return times
