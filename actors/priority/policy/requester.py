"""The requester: who comes and how a city sees it in, requests to sites out. Pure.

*Theory.* The city's half of priority. It asks for a vehicle that comes (``approach``) and may ask
(``condition``), says again when it comes, and takes the request back when the vehicle has passed or
is in doubt. What becomes of it the site says (S0033). A site that ended a request is asked again a
few times at most. Requests in a site's list that are ours and that nobody here knows are from
before a restart: they are taken back at once, so no request outlives who made it.

*Rules.* Total and deterministic; milliseconds of one clock are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jacquemart.actors.priority.approach import CheckedOut, Comes, Tidings
from jacquemart.actors.priority.approach.arrival import Arrival
from jacquemart.actors.priority.approach.declared import Approach
from jacquemart.actors.priority.approach.told import CheckedIn
from jacquemart.actors.priority.policy.condition import Situation, Why, judge
from jacquemart.actors.priority.policy.rules import Policy
from jacquemart.actors.priority.request import (
    ENDS,
    LONGEST_ETA_S,
    LONGEST_ID,
    Ask,
    Item,
    Verb,
)


@dataclass(frozen=True, slots=True)
class Send:
    """Send an M0022 to a site."""

    site: str
    ask: Ask


@dataclass(frozen=True, slots=True)
class Decided:
    """A vehicle asks at an approach, or does not, and why; worth an event."""

    vehicle: str
    approach: str
    asks: bool
    why: Why
    level: int
    arrival: Arrival
    situation: Situation


Instruction = Send | Decided


@dataclass(slots=True)
class _Pass:
    """One vehicle on one approach."""

    approach: Approach
    request: str = ""
    """Of the request that is under way; "": none is."""
    asks: int = 0
    level: int = 0
    said_ms: int = 0
    due_ms: int = 0
    """When it comes, as was said last."""
    not_before_ms: int = 0
    why: Why | None = None


class Requester:
    """Asks for the vehicles of one zone."""

    __slots__ = ("_away", "_number", "_owners", "_passes", "_policy", "_prefix", "_situations")

    def __init__(self, policy: Policy, prefix: str, incarnation: str) -> None:
        """Begin.

        Args:
            policy: the city's.
            prefix: what all requests of this zone begin with, now and after every restart.
            incarnation: another text after each restart, so that no id comes twice.
        """
        self._policy = policy
        self._prefix = prefix
        self._number = f"{incarnation}.", 0
        self._passes: dict[str, _Pass] = {}
        self._owners: dict[str, str] = {}
        """Request under way -> vehicle."""
        self._situations: dict[str, Situation] = {}
        self._away: set[str] = set()

    def knows(self, vehicle: str, situation: Situation | None) -> None:
        """Take what is known of a vehicle; None: forget it."""
        if situation is None:
            self._situations.pop(vehicle, None)
        else:
            self._situations[vehicle] = situation

    def told(self, tidings: Iterable[Tidings]) -> list[Instruction]:
        """Take what approach detection tells."""
        out: list[Instruction] = []
        for one in tidings:
            if isinstance(one, CheckedOut):
                found = self._passes.pop(one.vehicle, None)
                if found is not None:
                    out += self._cancel(found)
                continue
            if isinstance(one, CheckedIn):
                before = self._passes.pop(one.vehicle, None)
                if before is not None:
                    out += self._cancel(before)
            passing = self._passes.get(one.vehicle)
            if passing is None:
                passing = self._passes[one.vehicle] = _Pass(one.approach)
            out += self._look(passing, one)
        return out

    def status(self, site: str, items: Iterable[Item], now_ms: int) -> list[Instruction]:
        """Take the S0033 of a site."""
        out: list[Instruction] = []
        for item in items:
            vehicle = self._owners.get(item.request)
            if vehicle is None:
                if item.request.startswith(self._prefix) and item.state not in ENDS:
                    out.append(Send(site, Ask(item.request, Verb.CANCEL)))
            elif item.state in ENDS:
                self._ended(vehicle, item.request, now_ms)
        return out

    def failed(self, request: str, now_ms: int) -> None:
        """Take note that a request did not reach its site, or was refused on the way."""
        vehicle = self._owners.get(request)
        if vehicle is not None:
            self._ended(vehicle, request, now_ms)

    def reachable(self, site: str, reachable: bool) -> None:
        """Take note that a site can be reached, or cannot.

        What it was asked for before ends there by itself; it is asked anew when it is back.
        """
        if reachable:
            self._away.discard(site)
            return
        self._away.add(site)
        for passing in self._passes.values():
            if passing.approach.site == site and passing.request:
                self._owners.pop(passing.request, None)
                passing.request = ""

    def under_way(self) -> Mapping[str, str]:
        """Return the requests under way, with the vehicle of each."""
        return dict(self._owners)

    # Inside --------------------------------------------------------------------------------

    def _look(self, passing: _Pass, one: CheckedIn | Comes) -> list[Instruction]:
        policy, now = self._policy, one.at_ms
        situation = self._situations.get(one.vehicle) or Situation()
        rule = policy.rule(situation.kind, one.line)
        eta = min(LONGEST_ETA_S, max(0, round(one.arrival.expected_s)))
        if passing.request:
            moved = abs(now + eta * 1_000 - passing.due_ms) >= policy.step_s * 1_000
            if not moved and now - passing.said_ms < policy.refresh_s * 1_000:
                return []
            passing.said_ms, passing.due_ms = now, now + eta * 1_000
            ask = Ask(passing.request, Verb.UPDATE, passing.level, eta)
            return [Send(passing.approach.site, ask)]
        asks, why = judge(rule, situation)
        if asks:
            asks, why = self._ripe(passing, one, why)
        level = rule.level if rule is not None else 0
        out: list[Instruction] = []
        if why is not passing.why:
            passing.why = why
            out.append(Decided(one.vehicle, passing.approach.id, asks, why, level, one.arrival,
                               situation))  # fmt: skip
        if asks and now >= passing.not_before_ms:
            request = self._new_id(one.vehicle)
            passing.request, passing.level = request, level
            passing.asks += 1
            passing.said_ms, passing.due_ms = now, now + eta * 1_000
            self._owners[request] = one.vehicle
            ask = Ask(request, Verb.NEW, level, eta, passing.approach.group, situation.kind)
            out.append(Send(passing.approach.site, ask))
        return out

    def _ripe(self, passing: _Pass, one: CheckedIn | Comes, why: Why) -> tuple[bool, Why]:
        if one.arrival.expected_s > self._policy.ahead_s:
            return False, Why.TOO_FAR
        if one.arrival.doubt_s > self._policy.doubt_s:
            return False, Why.TOO_UNSURE
        if passing.asks >= self._policy.most_asks:
            return False, Why.ASKED_OFTEN
        if passing.approach.site in self._away:
            return False, Why.SITE_AWAY
        return True, why

    def _cancel(self, passing: _Pass) -> list[Instruction]:
        if not passing.request:
            return []
        self._owners.pop(passing.request, None)
        return [Send(passing.approach.site, Ask(passing.request, Verb.CANCEL, passing.level))]

    def _ended(self, vehicle: str, request: str, now_ms: int) -> None:
        self._owners.pop(request, None)
        passing = self._passes.get(vehicle)
        if passing is not None and passing.request == request:
            passing.request = ""
            passing.not_before_ms = now_ms + round(self._policy.again_s * 1_000)

    def _new_id(self, vehicle: str) -> str:
        incarnation, number = self._number
        self._number = incarnation, number + 1
        tail = f"{incarnation}{number}"
        room = LONGEST_ID - len(self._prefix) - len(tail) - 1
        return f"{self._prefix}{vehicle[:room]}.{tail}"
