"""The site's side of the link to one supervisor, over all its connections. Pure.

*Theory.* The site connects, and after the handshake tells in this order: its aggregated status,
all alarms (also inactive ones, or ghosts would stay), what it could not tell before (RSMP core
3.2.2, "Communication establishment"). Then it answers, and tells changes by itself.

*Rules.*

1. Alarms first, then the backlog in its own order; statuses in it are marked ``old``, alarms
   keep the times of their events. What was sent and never acknowledged is told again.
2. A subscription ends with the connection, unless its status is one that is buffered.
3. Of an unknown component the answer is ``undefined``; an unknown code or name, a missing
   argument, a wrong command word are refused (MessageNotAck) and nothing is carried out.
4. Commands are carried out once, when they come, and never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from jacquemart.drivers.rsmp.machine.alarms import Alarm, Cause
from jacquemart.drivers.rsmp.machine.backlog import SIZE, WINDOW, Backlog, Late, aged
from jacquemart.drivers.rsmp.machine.requests import Requests
from jacquemart.drivers.rsmp.machine.session import Moment, Session, SessionOptions
from jacquemart.drivers.rsmp.machine.station import Station
from jacquemart.drivers.rsmp.machine.subscriptions import Key, Subscriptions
from jacquemart.drivers.rsmp.wire import stamp
from jacquemart.drivers.rsmp.wire.message import Message
from jacquemart.drivers.rsmp.wire.values import bool_text

_KEPT: Final = ("Alarm", "AggregatedStatus", "StatusUpdate")
#: States of a priority request that are its last (SXL 1.2.1, S0033).
ENDED: Final = ("completed", "timeout", "rejected", "cooldown", "stale")


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """How a site behaves towards one supervisor.

    Attributes:
        session: how each connection is held; the site's SXL is the last of ``session.sxl``.
        buffered: codes of the statuses that are buffered during an outage.
        backlog: messages kept during an outage.
        alarms: whether this supervisor gets alarms (a secondary one does not).
    """

    session: SessionOptions = field(default_factory=SessionOptions)
    buffered: frozenset[str] = frozenset()
    backlog: int = SIZE
    alarms: bool = True


class Site:
    """The site towards one supervisor."""

    def __init__(self, station: Station, options: SiteOptions, new_id: Callable[[], str]) -> None:
        """Prepare; ``connected`` begins a connection."""
        self.session: Session | None = None
        self.station, self.options = station, options
        self.backlog = Backlog(options.backlog)
        self.subscriptions = Subscriptions()
        self.version = options.session.sxl[-1]
        self._new_id = new_id
        self._requests = Requests(self)
        self._sent: dict[str, Late] = {}
        self._told_ended: set[tuple[str, str]] = set()
        self._told_bits: list[bool] = []

    # The connection ------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Return whether the handshake of a connection is over."""
        return self.session is not None and self.session.ready and not self.session.closed

    def connected(self, now: Moment) -> None:
        """Begin a connection that was opened."""
        own = self.station.site
        self.session = Session(
            "site", self.options.session, self, lambda ids: own if own in ids else "",
            self._new_id, now,
        )  # fmt: skip
        self.session.clock_offset_ms = self.station.clock_offset_ms
        self.session.send_version([own], self.version, now)

    def disconnected(self) -> None:
        """End the connection; what was not acknowledged will be told again."""
        self.session = None
        self.backlog.put_back(self._sent.values())
        self._sent.clear()
        self.subscriptions.keep_only(lambda key: key[1] in self.options.buffered)

    def take(self) -> list[Any]:
        """Return the instructions since the last call."""
        if self.session is None:
            return []
        out, self.session.out = self.session.out, []
        return out

    def receive(self, data: bytes, now: Moment) -> None:
        """Take bytes of the supervisor."""
        if self.session is not None:
            self.session.receive(data, now)

    def tick(self, now: Moment) -> None:
        """Look at the clock, and tell what has changed or is due. Some times a second is good."""
        if self.session is not None:
            self.session.clock_offset_ms = self.station.clock_offset_ms
            self.session.tick(now)
        self._tell_aggregated(now)
        self._tell_statuses(now)
        self._tell_backlog(now)

    # What the equipment tells --------------------------------------------------------------

    def alarm_changed(self, alarm: Alarm, cause: Cause, now: Moment) -> None:
        """Tell an alarm that has changed; one that is suspended is not told as issued."""
        if self.options.alarms and not (cause == "Issue" and alarm.suspended):
            self.tell("Alarm", alarm.fields(cause), now)

    def tell(self, kind: str, fields: dict[str, Any], now: Moment) -> None:
        """Send a message, or keep it until there is a connection and its turn has come."""
        late = Late(kind, fields)
        if self.is_ready and not len(self.backlog):
            self._send_kept(late, now)
        elif self._is_kept(late):
            self.backlog.add(late if self.is_ready else aged(late))
        elif self.is_ready:
            self._send_kept(late, now)

    # The session's owner -------------------------------------------------------------------

    def check(self, message: Message) -> str:
        """Return why a message is refused."""
        return self._requests.wrong(message)

    def act(self, message: Message, now: Moment) -> None:
        """Act on a message that was acknowledged."""
        self._requests.act(message, now)

    def acknowledged(self, identity: str, kind: str, refusal: str | None) -> None:
        """Forget what has come; the next of the backlog may go."""
        self._sent.pop(identity, None)

    def ready(self, now: Moment) -> None:
        """Tell everything that a supervisor has to know when a connection begins."""
        bits = list(self.station.aggregated())
        self._send_aggregated(bits, now)
        told = []
        if self.options.alarms:
            for alarm in self.station.alarms.all():
                fields = alarm.fields("Issue")
                told.append(fields)
                self._send_kept(Late("Alarm", fields), now, again=False)
        self.backlog.forget(told)
        self._tell_backlog(now)

    # Statuses ------------------------------------------------------------------------------

    def read(self, key: Key) -> Any:
        """Return a status as it is told to this supervisor."""
        value = self.station.read(*key)
        if key[1:] == ("S0033", "status") and isinstance(value, list):
            # An ended request is told once, then it leaves the list (SXL 1.2.1, S0033).
            value = [row for row in value if (row["r"], row["s"]) not in self._told_ended]
        return value

    def rows(self, values: Sequence[tuple[Key, Any]], *, undefined: bool = False) -> list[Any]:
        """Return the values of a StatusResponse or StatusUpdate."""
        session = self.session
        features = session.features if session is not None else None
        rows = []
        for (_, code, name), value in values:
            known = value is not None and not undefined
            if isinstance(value, list) and features is not None and not features.arrays:
                known = False  # before 3.2 there is no way to say an array
            bad = "undefined" if undefined else "unknown"
            if features is not None and not features.undefined:
                bad = "unknown"
            nothing = None if features is None or features.undefined else ""
            rows.append({
                "sCI": code, "n": name,
                "s": value if known else nothing, "q": "recent" if known else bad,
            })  # fmt: skip
        return rows

    def update(
        self, component: str, values: Sequence[tuple[Key, Any]], now: Moment,
        *, undefined: bool = False,
    ) -> None:  # fmt: skip
        """Tell values by a StatusUpdate."""
        fields = {
            **_address(component), "sTs": self._stamp(now),
            "sS": self.rows(values, undefined=undefined),
        }  # fmt: skip
        for key, value in values:
            if key[1] == "S0033" and isinstance(value, list):
                self._told_ended.update((row["r"], row["s"]) for row in value if row["s"] in ENDED)
        self.tell("StatusUpdate", fields, now)

    # Inside --------------------------------------------------------------------------------

    def _tell_statuses(self, now: Moment) -> None:
        if len(self.subscriptions):
            for component, values in self.subscriptions.due(now.mono, self.read).items():
                if self.is_ready:
                    self.update(component, values, now)
                else:
                    kept = [pair for pair in values if pair[0][1] in self.options.buffered]
                    self.update(component, kept, now)

    def _tell_aggregated(self, now: Moment) -> None:
        bits = list(self.station.aggregated())
        if not self._told_bits or bits == self._told_bits:
            return
        self._told_bits = bits
        self.tell("AggregatedStatus", self._aggregated_fields(bits, now), now)

    def _send_aggregated(self, bits: list[bool], now: Moment) -> None:
        self._told_bits = bits
        late = Late("AggregatedStatus", self._aggregated_fields(bits, now))
        self._send_kept(late, now, again=False)

    def send_aggregated(self, now: Moment) -> None:
        """Send the aggregated status as it is, whether it has changed or not."""
        self._send_aggregated(list(self.station.aggregated()), now)

    def _aggregated_fields(self, bits: list[bool], now: Moment) -> dict[str, Any]:
        return {
            **_address(self.station.main), "aSTS": self._stamp(now), "fP": None, "fS": None,
            "se": bits,
        }  # fmt: skip

    def _tell_backlog(self, now: Moment) -> None:
        while self.is_ready and len(self._sent) < WINDOW:
            late = self.backlog.next()
            if late is None:
                return
            self._send_kept(late, now)

    def _send_kept(self, late: Late, now: Moment, *, again: bool = True) -> None:
        """Send a message; if it is one that is kept, remember it until it is acknowledged."""
        session = self.session
        if session is None:
            return
        fields = dict(late.fields)
        if late.kind == "AggregatedStatus" and not session.features.booleans:
            fields["se"] = [bool_text(bit).lower() for bit in fields["se"]]
        identity = session.send(late.kind, fields, now)
        if again and self._is_kept(late):
            self._sent[identity.lower()] = late

    def _is_kept(self, late: Late) -> bool:
        if late.kind == "StatusUpdate":
            return any(row["sCI"] in self.options.buffered for row in late.fields["sS"])
        return late.kind in _KEPT

    def _stamp(self, now: Moment) -> str:
        return stamp.to_text(now.wall_ms + self.station.clock_offset_ms)


def _address(component: str) -> Mapping[str, str]:
    return {"ntsOId": "", "xNId": "", "cId": component}
