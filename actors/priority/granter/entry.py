"""One request at the site: its state, when its vehicle comes, and what it was given."""

from __future__ import annotations

from dataclasses import dataclass

from jacquemart.actors.priority.granter.actions import Reason
from jacquemart.actors.priority.granter.site import Times
from jacquemart.actors.priority.request import ENDS, MOST_GIVEN_S, Ask, Item, State

#: A time of arrival is off by so much at least, and by a tenth early or a fifth late.
EARLY_MS = 1_000
LATE_MS = 2_000


@dataclass(slots=True)
class Entry:
    """A request that the site knows. Times are ms of the site's clock.

    M0022 says one time of arrival and no doubt of it, so doubt is assumed to grow with distance.
    """

    request: str
    group: str
    level: int
    order: int
    """Of receipt; who came first goes first among equals."""
    received_ms: int
    heard_ms: int
    earliest_ms: int
    expected_ms: int
    latest_ms: int
    state: State = State.RECEIVED
    since_ms: int = 0
    activated_ms: int = 0
    hoped_ms: int = 0
    """When its green would have begun without help; 0: it was on."""
    extended_ms: int = 0
    reduced_ms: int = 0
    helped: bool = False
    """The signals did something for it that they had not done otherwise."""
    extending: bool = False
    """The green that is on is held for it."""
    told: Reason | None = None

    @classmethod
    def of(cls, ask: Ask, order: int, now_ms: int, times: Times) -> Entry:
        """Make the entry of a new request."""
        entry = cls(ask.request, ask.group, ask.level, order, now_ms, now_ms, now_ms, now_ms,
                    now_ms + times.unknown_eta, since_ms=now_ms)  # fmt: skip
        entry.heard(ask, now_ms)
        return entry

    def heard(self, ask: Ask, now_ms: int) -> None:
        """Take the level and the time of arrival that a message says."""
        self.heard_ms = now_ms
        self.level = ask.level
        if ask.eta_s is not None:
            ahead = ask.eta_s * 1_000
            self.expected_ms = now_ms + ahead
            self.earliest_ms = max(now_ms, self.expected_ms - EARLY_MS - ahead // 10)
            self.latest_ms = self.expected_ms + LATE_MS + ahead // 5

    def rank(self) -> tuple[int, int, int]:
        """Return what requests are sorted by: level first, then arrival, then receipt."""
        return (-self.level, self.expected_ms, self.order)

    @property
    def ended(self) -> bool:
        """Return whether its state is an end state."""
        return self.state in ENDS

    def overdue(self, now_ms: int, times: Times) -> Reason | None:
        """Return why it must end now though nobody cancelled it; None if it need not."""
        if now_ms - self.heard_ms >= times.silent:
            return Reason.NOT_HEARD
        if now_ms >= self.latest_ms + times.overdue:
            return Reason.OVERDUE
        if self.state is State.ACTIVATED and now_ms - self.activated_ms >= times.active:
            return Reason.ACTIVE_TOO_LONG
        if self.state is State.QUEUED and now_ms - self.received_ms >= times.queued:
            return Reason.WAITED_TOO_LONG
        return None

    def item(self) -> Item:
        """Return its entry of S0033."""
        if self.state is not State.COMPLETED:
            return Item(self.request, self.state, self.since_ms)
        return Item(self.request, self.state, self.since_ms, seconds(self.extended_ms),
                    seconds(self.reduced_ms))  # fmt: skip


def seconds(ms: int) -> int:
    """Return whole seconds, as S0033 can say them."""
    return min(MOST_GIVEN_S, max(0, round(ms / 1_000)))
