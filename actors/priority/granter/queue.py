"""The requests of one site: who is received, queued and activated, and how each ends.

*Theory.* All activated requests have green in one stage together, so two that conflict are never
activated at once. Who is higher goes first; a lower one never goes before a higher one that it
conflicts with, even while that one still waits. An emergency does not wait for others: what
conflicts with it and is activated ends ``stale``, which is the one end of S0033 for a request that
the site removes.

*Rules.* Pure. Every change of state is one of ``TRANSITIONS``, and is told with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable

from jacquemart.actors.priority.granter.actions import Changed, Reason
from jacquemart.actors.priority.granter.entry import Entry, seconds
from jacquemart.actors.priority.granter.site import Site
from jacquemart.actors.priority.request import TRANSITIONS, Item, State
from jacquemart.runtime.model.errors import InternalError

#: Requests that a site keeps at a time; more are rejected.
MOST_REQUESTS = 64


class Queue:
    """The requests of one site, in the order of their receipt."""

    __slots__ = ("_ended", "_served", "_site", "_told", "entries")

    def __init__(self, site: Site) -> None:
        """Begin without requests."""
        self._site = site
        self.entries: dict[str, Entry] = {}
        self._ended: list[Item] = []
        self._served: dict[str, int] = {}
        """Group -> when it was helped last."""
        self._told: list[Changed] = []

    def changes(self) -> list[Changed]:
        """Return what changed since this was asked last."""
        told, self._told = self._told, []
        return told

    def items(self) -> tuple[Item, ...]:
        """Return S0033: all requests under way, and those that ended since ``sent``."""
        return (*self._ended, *(entry.item() for entry in self.entries.values()))

    def sent(self) -> None:
        """Take note that S0033 was sent: who has ended is told no more."""
        self._ended.clear()

    def active(self) -> list[Entry]:
        """Return the activated requests, highest first."""
        found = [one for one in self.entries.values() if one.state is State.ACTIVATED]
        return sorted(found, key=Entry.rank)

    def stages(self, entries: Iterable[Entry]) -> frozenset[str]:
        """Return the stages in which all of them have green."""
        found = frozenset(self._site.by_id)
        for entry in entries:
            found &= self._site.serving[entry.group]
        return found

    def move(self, entry: Entry, state: State, reason: Reason, now_ms: int) -> None:
        """Give a request another state."""
        if state not in TRANSITIONS[entry.state]:
            raise InternalError(f"{entry.state} is not followed by {state}", where=entry.request)
        entry.state, entry.since_ms = state, now_ms
        extended = reduced = None
        if state is State.ACTIVATED:
            entry.activated_ms = now_ms
        elif state is State.COMPLETED:
            extended, reduced = seconds(entry.extended_ms), seconds(entry.reduced_ms)
        if entry.ended:
            if entry.helped and reason is not Reason.OUTRANKED:
                self._served[entry.group] = now_ms
            del self.entries[entry.request]
            self._ended = [*self._ended[-MOST_REQUESTS:], entry.item()]
        self._told.append(Changed(entry.request, state, reason, now_ms, extended, reduced))

    def receive(self, entry: Entry, normal: bool, now_ms: int) -> None:
        """Take a new request: it is received, and refused at once if it must be."""
        self.entries[entry.request] = entry
        self._told.append(Changed(entry.request, State.RECEIVED, Reason.TAKEN, now_ms))
        emergency = self.emergency(entry)
        served = self._served.get(entry.group)
        if entry.group not in self._site.groups:
            self.move(entry, State.REJECTED, Reason.UNKNOWN_GROUP, now_ms)
        elif not normal:
            self.move(entry, State.REJECTED, Reason.NOT_NORMAL, now_ms)
        elif len(self.entries) > MOST_REQUESTS and not self._make_room(emergency, now_ms):
            self.move(entry, State.REJECTED, Reason.FULL, now_ms)
        elif served is not None and not emergency and now_ms - served < self._site.times.cooldown:
            self.move(entry, State.COOLDOWN, Reason.JUST_SERVED, now_ms)

    def cancel(self, request: str, now_ms: int) -> bool:
        """End a request as it should end; return whether there is one."""
        entry = self.entries.get(request)
        if entry is None:
            return False
        if entry.state is State.ACTIVATED:
            self.move(entry, State.COMPLETED, Reason.CANCELLED, now_ms)
        else:  # S0033 knows no other end for one that was queued
            self.move(entry, State.TIMEOUT, Reason.WITHDRAWN, now_ms)
        return True

    def end_all(self, reason: Reason, now_ms: int) -> None:
        """End every request: the site can serve none."""
        for entry in list(self.entries.values()):
            self._drop(entry, reason, now_ms)

    def expire(self, now_ms: int) -> None:
        """End the requests of which nothing was heard, or that took too long."""
        for entry in list(self.entries.values()):
            reason = entry.overdue(now_ms, self._site.times)
            if reason is not None:
                self._drop(entry, reason, now_ms)

    def admit(self, now_ms: int) -> list[Entry]:
        """Activate whom one can, highest first; queue the others. Return who was activated."""
        activated: list[Entry] = []
        ahead: list[Entry] = []
        waiting = [one for one in self.entries.values() if one.state is not State.ACTIVATED]
        for entry in sorted(waiting, key=Entry.rank):
            near = entry.earliest_ms - now_ms <= self._site.times.horizon
            if near and self.emergency(entry):
                self._make_way(entry, now_ms)
            active = self.active()
            if (
                near
                and self.stages([entry, *active])
                and all(self.stages([entry, other]) for other in ahead)
            ):
                self.move(entry, State.ACTIVATED, Reason.FREE, now_ms)
                activated.append(entry)
                continue
            if near:
                ahead.append(entry)
            if entry.state is State.RECEIVED:
                reason = Reason.OTHERS_FIRST if near else Reason.TOO_EARLY
                self.move(entry, State.QUEUED, reason, now_ms)
        return activated

    def emergency(self, entry: Entry) -> bool:
        """Return whether a request goes before all that are none."""
        return entry.level >= self._site.times.emergency_level

    # Inside --------------------------------------------------------------------------------

    def _make_way(self, emergency: Entry, now_ms: int) -> None:
        """End what is activated, is no emergency, and cannot have green together with one."""
        for other in reversed(self.active()):
            if self.stages([emergency, *self.active()]):
                return
            if not self.emergency(other):
                self.move(other, State.STALE, Reason.OUTRANKED, now_ms)

    def _make_room(self, emergency: bool, now_ms: int) -> bool:
        """Drop the last one that waits, for an emergency; return whether there is room."""
        waiting = [one for one in self.entries.values() if one.state is State.QUEUED]
        if not emergency or not waiting:
            return False
        last = max(waiting, key=Entry.rank)
        if self.emergency(last):
            return False
        self._drop(last, Reason.FULL, now_ms)
        return True

    def _drop(self, entry: Entry, reason: Reason, now_ms: int) -> None:
        if entry.state is State.ACTIVATED:
            self.move(entry, State.STALE, reason, now_ms)
        elif entry.state is State.QUEUED:
            self.move(entry, State.TIMEOUT, reason, now_ms)
        else:
            self.move(entry, State.REJECTED, reason, now_ms)
