"""Priority requests of a plain controller, one at a time (SXL 1.2.1, M0022 and S0033)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from jacquemart.drivers.rsmp.site.controller import Priority, PriorityPhase, PriorityRequest

#: A request that was active for so long without being cancelled is stale.
STALE_S: Final = 60.0
#: One that waited for so long times out.
TIMEOUT_S: Final = 120.0
#: A request is decided upon after so long, so that whoever looks once a second sees it received.
DECIDE_S: Final = 1.0
#: Ended ones are kept for so long.
KEPT_S: Final = 60.0
#: Most requests under way.
MOST: Final = 32
OPEN: Final[tuple[PriorityPhase, ...]] = ("received", "queued", "activated")


@dataclass(slots=True)
class _Waiting:
    request: PriorityRequest
    group: int
    phase: PriorityPhase
    since: float
    extended_s: float = 0.0


class PriorityQueue:
    """The requests, in the order in which they came; a higher level goes first."""

    def __init__(self, groups: Collection[int]) -> None:
        """Take requests for these groups."""
        self._groups = groups
        self._all: dict[str, _Waiting] = {}

    def request(self, request: PriorityRequest, now: float) -> str:
        """Take a request; return why not, or nothing."""
        known = self._all.get(request.id)
        is_open = known is not None and known.phase in OPEN
        if request.what != "new":
            if known is None or not is_open:
                return f"there is no request {request.id[:40]}"
            if request.what == "cancel":
                # Cancelled before it was served, it was served by nobody: that is an end, too.
                self._go(known, "completed", now)
            else:
                known.request = request
            return ""
        if is_open:
            return f"request {request.id[:40]} is there already"
        group = _group_of(request)
        if sum(one.phase in OPEN for one in self._all.values()) >= MOST:
            return f"{MOST} requests are under way"
        self._all[request.id] = _Waiting(request, group, "received", now)
        return ""

    def step(self, now: float, *, running: bool) -> int | None:
        """Come to a time; return the group whose green is to be held, or None."""
        for identity in [
            one.request.id for one in self._all.values()
            if one.phase not in OPEN and now - one.since > KEPT_S
        ]:  # fmt: skip
            del self._all[identity]
        for one in self._all.values():
            if one.phase == "activated" and (not running or now - one.since >= STALE_S):
                self._go(one, "stale", now)
            elif one.phase == "queued" and now - one.since >= TIMEOUT_S:
                self._go(one, "timeout", now)
            elif one.phase == "received" and now - one.since >= DECIDE_S:
                fits = running and one.group in self._groups
                self._go(one, "queued" if fits and self._active() else
                         "activated" if fits else "rejected", now)  # fmt: skip
        active = self._active()
        queued = [one for one in self._all.values() if one.phase == "queued"]
        if active is None and queued and running:
            active = max(queued, key=lambda one: one.request.level)
            self._go(active, "activated", now)
        return active.group if active is not None else None

    def extended(self, seconds: float) -> None:
        """Take note that the active request got so much green."""
        active = self._active()
        if active is not None:
            active.extended_s += seconds

    def all(self) -> list[Priority]:
        """Return all requests, ended ones too."""
        return [
            Priority(
                one.request.id, one.phase, one.since,
                extension_s=round(one.extended_s) if one.phase == "completed" else None,
            )
            for one in self._all.values()
        ]  # fmt: skip

    def _active(self) -> _Waiting | None:
        return next((one for one in self._all.values() if one.phase == "activated"), None)

    @staticmethod
    def _go(one: _Waiting, phase: PriorityPhase, now: float) -> None:
        one.phase, one.since = phase, now


def _group_of(request: PriorityRequest) -> int:
    """Return the group that a request is for; 0 if that is not known here."""
    for key in ("signalGroupId", "inputId", "connectionId", "approachId", "laneInId"):
        text = request.movement.get(key, "")
        digits = "".join(char for char in text[-4:] if char in "0123456789")
        if text:
            return int(digits) if digits else 0
    return 0
