"""One connection of either role: versions, watchdogs and acknowledgements. Pure.

*Theory.* After the site has connected, it sends its Version and the supervisor answers with its
own; then watchdogs go both ways, and the link is ready (RSMP core 3.2.2, "Communication
establishment"). Every message is acknowledged; whoever waits too long for an acknowledgement or
for a watchdog takes the connection for broken and closes it. Sites up to 3.1.3 may send their
messages in another order, so that no order is asked of the peer here.

*Rules.*

1. Before the peer's Version is accepted nothing but a Version is acknowledged.
2. A Version that does not fit is refused with its reason, and the connection is closed.
3. What cannot be read is dropped; if its id could be read, it is refused. ``MOST_BROKEN`` of
   them without anything good between them end the connection.
4. An acknowledgement of something that was never sent has no effect but a count.
5. After ``Close`` nothing more is said or heard.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from jacquemart.drivers.rsmp.wire import shapes, stamp, versions
from jacquemart.drivers.rsmp.wire.framing import MAX_PACKET, Framing
from jacquemart.drivers.rsmp.wire.message import ACKS, Broken, Message, decode, encode

Role = Literal["site", "supervisor"]
#: Broken packets in a row after which a connection is given up.
MOST_BROKEN: Final = 20


class Moment(NamedTuple):
    """Now: seconds of a clock that never jumps, and ms since 1970 of the wall clock."""

    mono: float
    wall_ms: int


class Send(NamedTuple):
    """Send these bytes."""

    data: bytes


class Close(NamedTuple):
    """Send what is to be sent, and close the connection."""

    reason: str


class Ready(NamedTuple):
    """The handshake is over: versions agreed, watchdogs exchanged."""

    site: str
    core: str
    sxl: str


class Owner(Protocol):
    """What a role makes of the messages that are not the session's own."""

    def check(self, message: Message) -> str:
        """Return why a message is refused; empty if it is taken."""

    def act(self, message: Message, now: Moment) -> None:
        """Act on a message that was acknowledged."""

    def acknowledged(self, identity: str, kind: str, refusal: str | None) -> None:
        """Take note that a message of ours was acknowledged, or refused with a reason."""

    def ready(self, now: Moment) -> None:
        """Begin: the handshake is over."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a connection is held.

    Attributes:
        core: versions of the core that are offered.
        sxl: versions of the SXL that are accepted; a site offers the last.
        ack_timeout_s: longest wait for an acknowledgement.
        watchdog_s: period of our watchdogs; 60 s by the standard.
        watchdog_timeout_s: longest wait for one of the peer's.
        handshake_s: longest time from the connection to readiness.
        max_packet: longest packet taken, in bytes.
    """

    core: Sequence[str] = versions.CORE
    sxl: Sequence[str] = versions.SXL
    ack_timeout_s: float = 30.0
    watchdog_s: float = 60.0
    watchdog_timeout_s: float = 90.0
    handshake_s: float = 30.0
    max_packet: int = MAX_PACKET


@dataclass(slots=True)
class Counts:
    """What a connection has seen that was not right."""

    broken: int = 0
    unknown_acks: int = 0
    refused_by_us: int = 0
    refused_by_peer: int = 0
    too_early: int = 0
    reasons: list[str] = field(default_factory=list)
    """The last reasons of what was dropped or refused, at most ten."""

    def note(self, reason: str) -> None:
        """Keep a reason."""
        self.reasons = [*self.reasons[-9:], reason[:200]]


class Session:
    """One connection."""

    def __init__(
        self,
        role: Role,
        options: SessionOptions,
        owner: Owner,
        choose_site: Callable[[Sequence[str]], str],
        new_id: Callable[[], str],
        now: Moment,
    ) -> None:
        """Begin with a fresh connection.

        Args:
            choose_site: given the peer's site ids, returns the one that is meant, or nothing.
            new_id: makes ids of messages (UUID version 4).
        """
        self.role: Role = role
        self.options = options
        self.out: list[Any] = []
        """What is to be done; whoever runs the session takes it after each call."""
        self.site = self.core = self.sxl = ""
        self.features = versions.Core(versions.CORE[0])
        self.ready = self.closed = False
        self.counts = Counts()
        self.clock_offset_ms = 0
        """Added to the wall clock in what we send (a site's clock can be set)."""
        self._owner, self._choose, self._new_id = owner, choose_site, new_id
        self._framing = Framing(options.max_packet)
        self._began = now.mono
        self._waiting: dict[str, tuple[float, str]] = {}
        self._version_acked = self._watchdog_sent = self._watchdog_seen = False
        self._next_watchdog = now.mono + options.watchdog_s
        self._last_seen = now.mono
        self._broken_in_a_row = 0

    # In ------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: Moment) -> None:
        """Take bytes of the peer."""
        for packet in self._framing.feed(data):
            for found in decode(packet):
                if self.closed:
                    return
                if isinstance(found, Broken):
                    self._drop(found)
                else:
                    self._broken_in_a_row = 0
                    self._take(found, now)

    def tick(self, now: Moment) -> None:
        """Look at the clock; call it at least once a second."""
        if self.closed:
            return
        options = self.options
        for deadline, kind in self._waiting.values():
            if now.mono >= deadline:
                self.close(f"no acknowledgement of our {kind} in {options.ack_timeout_s:g} s")
                return
            break  # the oldest is first
        if not self.ready:
            if now.mono - self._began >= options.handshake_s:
                self.close(f"not ready after {options.handshake_s:g} s")
            return
        if now.mono - self._last_seen >= options.watchdog_timeout_s:
            self.close(f"no watchdog in {options.watchdog_timeout_s:g} s")
        elif now.mono >= self._next_watchdog:
            self._send_watchdog(now)

    def due(self) -> float:
        """Return when ``tick`` is needed at the latest, in seconds of the monotonic clock."""
        times = [deadline for deadline, _ in self._waiting.values()][:1]
        if self.ready:
            times += [self._next_watchdog, self._last_seen + self.options.watchdog_timeout_s]
        else:
            times.append(self._began + self.options.handshake_s)
        return min(times)

    # Out -----------------------------------------------------------------------------------

    def send(self, kind: str, fields: dict[str, Any], now: Moment) -> str:
        """Send a message that is to be acknowledged; returns its id."""
        identity = self._new_id()
        self._write({"mType": "rSMsg", "type": kind, "mId": identity, **fields})
        if not self.closed:
            self._waiting[identity.lower()] = (now.mono + self.options.ack_timeout_s, kind)
        return identity

    def close(self, reason: str) -> None:
        """End the connection."""
        if not self.closed:
            self.closed = True
            self.out.append(Close(reason))

    @property
    def unacknowledged(self) -> int:
        """Return how many of our messages wait for their acknowledgement."""
        return len(self._waiting)

    def stamp(self, now: Moment) -> str:
        """Return now as a timestamp, by the clock of this side."""
        return stamp.to_text(now.wall_ms + self.clock_offset_ms)

    def send_version(self, sites: Sequence[str], sxl: str, now: Moment) -> None:
        """Send our Version."""
        fields = {
            "RSMP": [{"vers": one} for one in self.options.core],
            "siteId": [{"sId": one} for one in sites],
            "SXL": sxl,
        }
        self.send("Version", fields, now)

    # Messages ------------------------------------------------------------------------------

    def _take(self, message: Message, now: Moment) -> None:
        if message.type in ACKS:
            self._take_ack(message, now)
            return
        if not self.core and message.type != "Version":
            self.counts.too_early += 1
            return
        reason = shapes.wrong(message)
        if not reason and message.type not in ("Version", "Watchdog"):
            reason = self._owner.check(message)
        if reason:
            self._refuse(message.id, reason)
            if message.type == "Version" and not self.core:
                self.close(reason)
            return
        if message.type == "Version":
            self._take_version(message, now)
            return
        self._acknowledge(message.id)
        if message.type == "Watchdog":
            self._take_watchdog(now)
        else:
            self._owner.act(message, now)

    def _take_version(self, message: Message, now: Moment) -> None:
        if self.core:
            self._refuse(message.id, "versions were exchanged already")
            return
        core = versions.latest_shared(
            self.options.core, [one["vers"] for one in message.body["RSMP"]]
        )
        sxl = versions.normal(message.body["SXL"])
        accepted = [versions.normal(one) for one in self.options.sxl]
        sites = [one["sId"] for one in message.body["siteId"]]
        site = self._choose(sites)
        reason = ""
        if not core:
            reason = f"no common RSMP version: ours are {', '.join(self.options.core)}"
        elif sxl not in accepted:
            reason = f"SXL {str(message.body['SXL'])[:20]} is not ours: {', '.join(accepted)}"
        elif not site:
            reason = f"site id {', '.join(sites)[:80]} is not expected here"
        if reason:
            self._refuse(message.id, reason)
            self.close(reason)
            return
        self.core, self.sxl, self.site = core, sxl, site
        self.features = versions.Core(core)
        self._acknowledge(message.id)
        if self.role == "supervisor":
            self.send_version(sites, message.body["SXL"], now)
        self._go_on(now)

    def _take_watchdog(self, now: Moment) -> None:
        self._watchdog_seen = True
        self._last_seen = now.mono
        self._go_on(now)

    def _take_ack(self, message: Message, now: Moment) -> None:
        of = message.body.get("oMId")
        found = self._waiting.pop(of.lower(), None) if isinstance(of, str) else None
        if found is None:
            self.counts.unknown_acks += 1
            return
        kind = found[1]
        refusal: str | None = None
        if message.type == "MessageNotAck":
            self.counts.refused_by_peer += 1
            refusal = str(message.body.get("rea", ""))[:200] or "no reason given"
            self.counts.note(refusal)
        if kind == "Version":
            if refusal is not None:
                self.close(f"the peer refuses our Version: {refusal}")
                return
            self._version_acked = True
            self._go_on(now)
        elif kind != "Watchdog":
            self._owner.acknowledged(str(of).lower(), kind, refusal)

    def _go_on(self, now: Moment) -> None:
        """Take the next steps of the handshake that are possible."""
        if self.closed or not (self.core and self._version_acked):
            return
        if not self._watchdog_sent and (self.role == "site" or self._watchdog_seen):
            self._send_watchdog(now)
        if self._watchdog_sent and self._watchdog_seen and not self.ready:
            self.ready = True
            self._last_seen = now.mono
            self.out.append(Ready(self.site, self.core, self.sxl))
            self._owner.ready(now)

    def _send_watchdog(self, now: Moment) -> None:
        self._watchdog_sent = True
        self._next_watchdog = now.mono + self.options.watchdog_s
        self.send("Watchdog", {"wTs": self.stamp(now)}, now)

    # Plain answers -------------------------------------------------------------------------

    def _drop(self, broken: Broken) -> None:
        self.counts.broken += 1
        self.counts.note(broken.reason)
        self._broken_in_a_row += 1
        if broken.id and self.core:
            self._refuse(broken.id, broken.reason)
        if self._broken_in_a_row >= MOST_BROKEN:
            self.close(f"{MOST_BROKEN} broken packets in a row, the last: {broken.reason}")

    def _acknowledge(self, identity: str) -> None:
        self._write({"mType": "rSMsg", "type": "MessageAck", "oMId": identity})

    def _refuse(self, identity: str, reason: str) -> None:
        self.counts.refused_by_us += 1
        self.counts.note(reason)
        self._write({
            "mType": "rSMsg", "type": "MessageNotAck", "oMId": identity, "rea": reason[:500],
        })  # fmt: skip

    def _write(self, body: dict[str, Any]) -> None:
        if not self.closed:
            self.out.append(Send(encode(body)))
