"""The supervisor's side of one connection. Pure: calls in, instructions out.

*Theory.* The supervisor asks (StatusRequest, CommandRequest), subscribes, and hears what the
site tells by itself: statuses it subscribed to, alarms, the aggregated status (RSMP core 3.2.2,
"Basic structure").

*Rules.*

1. What a site says of codes or values that the SXL has not is acknowledged and dropped, value by
   value; a message whose form is wrong is refused whole.
2. A value that is ``old`` comes from the site's buffer and is told as such: history, never the
   present.
3. Nothing is asked before the handshake is over, and nothing is asked twice by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from jacquemart.drivers.rsmp.machine.asking import MOST_UNANSWERED, Kind, Question, Questions
from jacquemart.drivers.rsmp.machine.session import Moment, Session, SessionOptions
from jacquemart.drivers.rsmp.wire import stamp
from jacquemart.drivers.rsmp.wire.message import Message
from jacquemart.drivers.rsmp.wire.sxl import COMMANDS
from jacquemart.drivers.rsmp.wire.values import native, to_bool

_HEARD: Final = ("AggregatedStatus", "Alarm", "StatusResponse", "StatusUpdate", "CommandResponse")
#: Most components and codes of which a site's alarms are kept.
MOST_ALARMS: Final = 5_000


class Value(NamedTuple):
    """One value of a status as the site gave it; ``quality`` is recent, old, undefined, unknown."""

    code: str
    name: str
    value: Any
    quality: str


class Seen(NamedTuple):
    """Values that the site told by itself."""

    component: str
    at_ms: int | None
    values: list[Value]


class Answer(NamedTuple):
    """What became of a question: values, or why there are none.

    ``unknown`` means that the site may have acted on it all the same.
    """

    token: int
    values: list[Value]
    at_ms: int | None
    error: str = ""
    refused: bool = False
    unknown: bool = False


class AlarmSeen(NamedTuple):
    """The state of an alarm of a component, as the site tells it."""

    component: str
    code: str
    cause: str
    """Issue, Acknowledge or Suspend, in lower case: which of the three has changed."""
    active: bool
    acknowledged: bool
    suspended: bool
    at_ms: int | None
    category: str
    priority: str
    values: Mapping[str, str]
    buffered: bool
    """It was told late: a newer state of this alarm is known already."""


class Aggregated(NamedTuple):
    """The aggregated status: eight bits, the first the lowest."""

    component: str
    bits: int
    at_ms: int | None


class Supervisor:
    """The supervisor's side of one connection."""

    def __init__(
        self,
        options: SessionOptions,
        choose_site: Callable[[Sequence[str]], str],
        new_id: Callable[[], str],
        now: Moment,
        *,
        native_types: bool = False,
    ) -> None:
        """Begin with a connection that a site has opened.

        Args:
            choose_site: returns which of the ids a site names is one of ours, or nothing.
            native_types: a quirk of the site: it wants numbers and booleans in commands, not text.
        """
        self.session = Session("supervisor", options, self, choose_site, new_id, now)
        self.alarms: dict[tuple[str, str], AlarmSeen] = {}
        self._questions = Questions()
        self._native = native_types
        self._token = 0

    def take(self) -> list[Any]:
        """Return the instructions since the last call."""
        out, self.session.out = self.session.out, []
        return out

    def receive(self, data: bytes, now: Moment) -> None:
        """Take bytes of the site."""
        self.session.receive(data, now)

    def tick(self, now: Moment) -> None:
        """Look at the clock."""
        self.session.tick(now)
        for question in self._questions.overdue(now.mono):
            command = question.kind == "command"
            self._end(question, error="no answer in time", unknown=command)
        if self._questions.in_a_row >= MOST_UNANSWERED:
            self.session.close(f"{MOST_UNANSWERED} requests in a row were not answered")

    def due(self) -> float:
        """Return when ``tick`` is needed at the latest."""
        return min(self.session.due(), self._questions.due())

    # What is asked -------------------------------------------------------------------------

    def request(
        self, component: str, pairs: Sequence[tuple[str, str]], now: Moment, timeout_s: float
    ) -> int:
        """Ask for statuses, as (code, name); returns a token that the ``Answer`` carries."""
        question = self._question("status", component, frozenset(pairs), now, timeout_s)
        fields = {"sS": [{"sCI": code, "n": name} for code, name in pairs]}
        question.message = self._send("StatusRequest", component, fields, now)
        return question.token

    def command(
        self, component: str, code: str, arguments: Mapping[str, str], now: Moment,
        timeout_s: float,
    ) -> int:  # fmt: skip
        """Send a command with its arguments as text; returns a token, as ``request`` does."""
        names = frozenset((code, name) for name in arguments)
        question = self._question("command", component, names, now, timeout_s)
        question.sent = dict(arguments)
        known = COMMANDS[code]
        rows = [
            {"cCI": code, "n": name, "cO": known.command, "v": self._form(code, name, value)}
            for name, value in arguments.items()
        ]
        question.message = self._send("CommandRequest", component, {"arg": rows}, now)
        return question.token

    def give_up(self, token: int) -> None:
        """Wait for an answer no longer; a late one will not be taken for another's."""
        self._questions.give_up(token)

    def subscribe(
        self, component: str, wanted: Sequence[tuple[str, str, float]], now: Moment
    ) -> None:
        """Subscribe to (code, name, interval in s); 0: only when the value changes.

        Sites from core 3.1.5 on are asked to tell changes in either case.
        """
        rows = []
        for code, name, interval_s in wanted:
            row: dict[str, Any] = {"sCI": code, "n": name, "uRt": f"{interval_s:.0f}"}
            if self.session.features.send_on_change:
                row["sOc"] = True
            rows.append(row)
        self._send("StatusSubscribe", component, {"sS": rows}, now)

    def unsubscribe(self, component: str, pairs: Sequence[tuple[str, str]], now: Moment) -> None:
        """End subscriptions."""
        rows = [{"sCI": code, "n": name} for code, name in pairs]
        self._send("StatusUnsubscribe", component, {"sS": rows}, now)

    def request_aggregated(self, component: str, now: Moment) -> bool:
        """Ask for the aggregated status; False if the version has no way to."""
        if not self.session.features.aggregated_request:
            return False
        self._send("AggregatedStatusRequest", component, {}, now)
        return True

    def alarm(self, component: str, code: str, what: str, now: Moment) -> bool:
        """Acknowledge, Suspend, Resume or Request an alarm; False if the version cannot."""
        if what == "Request" and not self.session.features.alarm_request:
            return False
        fields: dict[str, Any] = {"aCId": code, "xACId": "", "xNACId": "", "aSp": what}
        if what == "Acknowledge":  # the schemas want a time here, though the text has none
            fields["aTs"] = self.session.stamp(now)
        self._send("Alarm", component, fields, now)
        return True

    # The session's owner -------------------------------------------------------------------

    def check(self, message: Message) -> str:
        """Refuse what is not for a supervisor, and alarms without their state."""
        if message.type not in _HEARD:
            return f"a supervisor takes no {message.type}"
        if message.type == "Alarm" and not all(
            isinstance(message.body.get(name), str) for name in ("aS", "ack", "sS", "aTs")
        ):
            return "Alarm without aS, ack, sS or aTs"
        return ""

    def act(self, message: Message, now: Moment) -> None:
        """Tell what a message of the site says."""
        body = message.body
        component = body.get("cId")
        component = component if isinstance(component, str) else ""
        if message.type == "AggregatedStatus":
            bits = sum(1 << n for n, one in enumerate(body["se"]) if to_bool(one))
            self.session.out.append(Aggregated(component, bits, stamp.to_ms(body["aSTS"])))
        elif message.type == "Alarm":
            self._alarm(component, body)
        elif message.type == "StatusUpdate":
            told = Seen(component, stamp.to_ms(body["sTs"]), _statuses(body["sS"]))
            self.session.out.append(told)
        elif message.type == "StatusResponse":
            self._answer("status", component, body["sTs"], _statuses(body["sS"]))
        else:
            values = [Value(v["cCI"], v["n"], v["v"], v["age"]) for v in body["rvs"]]
            self._answer("command", component, body["cTS"], values)

    def acknowledged(self, identity: str, kind: str, refusal: str | None) -> None:
        """End a question that was refused."""
        if refusal is None:
            return
        question = self._questions.refused(identity)
        if question is not None:
            self._end(question, error=refusal, refused=True)

    def ready(self, now: Moment) -> None:
        """Nothing of its own: whoever runs the machine subscribes to what it wants."""

    # Inside --------------------------------------------------------------------------------

    def _question(
        self, kind: Kind, component: str, names: frozenset[tuple[str, str]], now: Moment,
        timeout_s: float,
    ) -> Question:  # fmt: skip
        self._token += 1
        question = Question(self._token, kind, component, names, now.mono + timeout_s)
        self._questions.ask(question)
        return question

    def _send(self, kind: str, component: str, fields: dict[str, Any], now: Moment) -> str:
        whole = {"ntsOId": "", "xNId": "", "cId": component, **fields}
        return self.session.send(kind, whole, now).lower()

    def _form(self, code: str, name: str, value: str) -> Any:
        argument = COMMANDS[code].arguments.get(name)
        return native(argument.kind, value) if self._native and argument else value

    def _answer(self, kind: Kind, component: str, at: Any, values: list[Value]) -> None:
        names = {(value.code, value.name) for value in values}
        question, fits = self._questions.answered(kind, component, names)
        if question is None:
            return
        if fits:
            self._end(question, values, stamp.to_ms(at))
        else:
            error = "the answer is to another question"
            self._end(question, error=error, unknown=kind == "command")

    def _end(
        self, question: Question, values: Sequence[Value] = (), at_ms: int | None = None,
        *, error: str = "", refused: bool = False, unknown: bool = False,
    ) -> None:  # fmt: skip
        self.session.out.append(
            Answer(question.token, list(values), at_ms, error, refused, unknown)
        )

    def _alarm(self, component: str, body: Mapping[str, Any]) -> None:
        key = (component, body["aCId"])
        at_ms = stamp.to_ms(body["aTs"])
        before = self.alarms.get(key)
        older = before is not None and (at_ms or 0) < (before.at_ms or 0)
        raw = body.get("rvs")
        rows = raw if isinstance(raw, list) else []
        seen = AlarmSeen(
            component,
            key[1],
            body["aSp"].lower(),
            active=body["aS"].lower() == "active",
            acknowledged=body["ack"].lower() == "acknowledged",
            suspended=body["sS"].lower() == "suspended",
            at_ms=at_ms,
            category=str(body.get("cat", ""))[:8],
            priority=str(body.get("pri", ""))[:8],
            values={
                str(row.get("n")): str(row.get("v")) for row in rows[:50] if isinstance(row, dict)
            },
            buffered=older,
        )
        if not older and (key in self.alarms or len(self.alarms) < MOST_ALARMS):
            self.alarms[key] = seen
        self.session.out.append(seen)


def _statuses(rows: Sequence[Mapping[str, Any]]) -> list[Value]:
    return [Value(row["sCI"], row["n"], row["s"], row["q"]) for row in rows]
