"""What a supervisor may ask of a site, and how it is answered. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jacquemart.drivers.rsmp.machine.session import Moment
from jacquemart.drivers.rsmp.machine.station import Refused
from jacquemart.drivers.rsmp.machine.subscriptions import MOST, Key
from jacquemart.drivers.rsmp.wire import sxl
from jacquemart.drivers.rsmp.wire.message import Message
from jacquemart.drivers.rsmp.wire.values import to_bool, to_seconds

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.machine.site import Site

_STATUSES: Final = ("StatusRequest", "StatusSubscribe", "StatusUnsubscribe")
_ALARM_WORDS: Final = ("acknowledge", "suspend", "resume", "request")


class Requests:
    """Checks and answers the requests of one supervisor."""

    def __init__(self, site: Site) -> None:
        """Answer for a site."""
        self._site = site
        self._outcome: Any = None

    def wrong(self, message: Message) -> str:
        """Return why a request is refused; empty if it will be answered.

        A command is carried out here, since a refusal is the acknowledgement itself.
        """
        if message.type in _STATUSES:
            return self._wrong_statuses(message)
        if message.type == "CommandRequest":
            return self._wrong_command(message.body)
        if message.type == "Alarm":
            return self._wrong_alarm(message.body)
        if message.type == "AggregatedStatusRequest":
            known = message.body["cId"] == self._site.station.main
            return "" if known else f"component {message.body['cId'][:60]} has no aggregated status"
        return f"a site takes no {message.type}"

    def act(self, message: Message, now: Moment) -> None:
        """Answer a request that was acknowledged."""
        body = message.body
        if message.type == "StatusRequest":
            self._respond(body, now)
        elif message.type == "StatusSubscribe":
            self._subscribe(body, now)
        elif message.type == "StatusUnsubscribe":
            for row in body["sS"]:
                self._site.subscriptions.remove((body["cId"], row["sCI"], row["n"]))
        elif message.type == "CommandRequest":
            self._command(body, now)
        elif message.type == "Alarm":
            self._alarm(body, now)
        else:
            self._site.send_aggregated(now)

    # Statuses ------------------------------------------------------------------------------

    def _wrong_statuses(self, message: Message) -> str:
        body = message.body
        kind = self._site.station.components.get(body["cId"])
        for row in body["sS"]:
            if why := sxl.status_wrong(row["sCI"], row["n"], self._site.version):
                return why
            if kind is not None and sxl.STATUSES[row["sCI"]].component != kind:
                return f"component {body['cId'][:60]} has no status {row['sCI']}"
            if message.type == "StatusSubscribe" and self._never_told(row):
                return "uRt 0 and sOc false: nothing would be sent"
        if message.type == "StatusSubscribe":
            new = len(body["sS"]) + len(self._site.subscriptions)
            return f"more than {MOST} subscriptions" if new > MOST else ""
        return ""

    def _never_told(self, row: dict[str, Any]) -> bool:
        session = self._site.session
        if session is None or not session.features.send_on_change:
            return False
        return not to_bool(row.get("sOc", True)) and not to_seconds(row["uRt"])

    def _values(self, body: dict[str, Any], rows: list[dict[str, Any]]) -> list[tuple[Key, Any]]:
        known = body["cId"] in self._site.station.components
        found = []
        for row in rows:
            key = (body["cId"], row["sCI"], row["n"])
            found.append((key, self._site.read(key) if known else None))
        return found

    def _respond(self, body: dict[str, Any], now: Moment) -> None:
        undefined = body["cId"] not in self._site.station.components
        rows = self._site.rows(self._values(body, body["sS"]), undefined=undefined)
        self._send("StatusResponse", body, {"sTs": self._stamp(now), "sS": rows}, now)

    def _subscribe(self, body: dict[str, Any], now: Moment) -> None:
        undefined = body["cId"] not in self._site.station.components
        session = self._site.session
        later = session is not None and session.features.send_on_change
        new = []
        for row in body["sS"]:
            interval_s = to_seconds(row["uRt"]) or 0.0
            on_change = bool(to_bool(row.get("sOc", False))) if later else interval_s == 0
            key = (body["cId"], row["sCI"], row["n"])
            if undefined or self._site.subscriptions.add(key, interval_s, on_change, now.mono):
                new.append(row)
        if new:
            values = self._values(body, new)
            for key, value in values:
                self._site.subscriptions.told(key, value)
                if value is None:
                    self._site.subscriptions.remove(key)  # "no subscription will be performed"
            self._site.update(body["cId"], values, now, undefined=undefined)

    # Commands ------------------------------------------------------------------------------

    def _wrong_command(self, body: dict[str, Any]) -> str:
        self._outcome = None
        kind = self._site.station.components.get(body["cId"])
        if kind is None:
            return ""  # answered with ``undefined``
        by_code: dict[str, dict[str, Any]] = {}
        for row in body["arg"]:
            arguments = by_code.setdefault(row["cCI"], {})
            if row["n"] in arguments:
                return f"{row['cCI'][:20]} has {row['n'][:40]} twice"
            arguments[row["n"]] = row["v"]
            known = sxl.COMMANDS.get(row["cCI"])
            if known is not None and row["cO"] != known.command:
                return f"the command of {row['cCI']} is {known.command}, not {row['cO'][:40]}"
        for code, arguments in by_code.items():
            word = sxl.COMMANDS[code].command if code in sxl.COMMANDS else ""
            if why := sxl.command_wrong(code, word, arguments, self._site.version):
                return why
            if sxl.COMMANDS[code].component != kind:
                return f"component {body['cId'][:60]} has no command {code}"
        if len(by_code) > 1:
            return "one command a message: of several, nobody could say which was refused"
        for code, arguments in by_code.items():
            outcome = self._site.station.command(body["cId"], code, arguments)
            if isinstance(outcome, Refused):
                return outcome.reason
            self._outcome = outcome
        return ""

    def _command(self, body: dict[str, Any], now: Moment) -> None:
        """Answer with the values as they are now.

        For an unknown component the text of the core wants null as a value and the schemas of
        the SXL refuse it; what was asked is repeated, and ``undefined`` says that it means nothing.
        """
        known = self._outcome is not None
        outcome = self._outcome or {}
        rows = [
            {
                "cCI": row["cCI"], "n": row["n"], "v": outcome.get(row["n"], row["v"]),
                "age": "recent" if known else "undefined",
            }
            for row in body["arg"]
        ]  # fmt: skip
        self._outcome = None
        self._send("CommandResponse", body, {"cTS": self._stamp(now), "rvs": rows}, now)

    # Alarms --------------------------------------------------------------------------------

    def _wrong_alarm(self, body: dict[str, Any]) -> str:
        if body["aSp"].lower() not in _ALARM_WORDS:
            return f"a site takes no alarm {body['aSp'][:40]}"
        if self._site.station.alarms.get(body["cId"], body["aCId"]) is None:
            return f"component {body['cId'][:60]} has no alarm {body['aCId'][:20]}"
        return ""

    def _alarm(self, body: dict[str, Any], now: Moment) -> None:
        alarms, what = self._site.station.alarms, body["aSp"].lower()
        at_ms = now.wall_ms + self._site.station.clock_offset_ms
        component, code = body["cId"], body["aCId"]
        if what == "request":
            alarm = alarms.get(component, code)
            if alarm is not None:
                self._site.tell("Alarm", alarm.fields("Issue"), now)
        elif what == "acknowledge":
            alarm = alarms.acknowledge(component, code, at_ms)
            if alarm is not None:
                self._site.alarm_changed(alarm, "Acknowledge", now)
        else:
            alarm = alarms.suspend(component, code, what == "suspend", at_ms)
            if alarm is not None:
                self._site.alarm_changed(alarm, "Suspend", now)

    # Inside --------------------------------------------------------------------------------

    def _send(self, kind: str, body: dict[str, Any], fields: dict[str, Any], now: Moment) -> None:
        if self._site.session is not None:
            whole = {"ntsOId": "", "xNId": "", "cId": body["cId"], **fields}
            self._site.session.send(kind, whole, now)

    def _stamp(self, now: Moment) -> str:
        session = self._site.session
        return session.stamp(now) if session is not None else ""
