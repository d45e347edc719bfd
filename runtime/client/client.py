"""The synchronous client: requests on the caller's own thread, as fast as the socket allows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import requests, stages
from jacquemart.runtime.client.cancelling import Cancelling
from jacquemart.runtime.client.claims import Claiming
from jacquemart.runtime.client.letters import Lettering
from jacquemart.runtime.client.repeats import Repeats
from jacquemart.runtime.client.requests import END_AFTER_DEADLINE_S, Value
from jacquemart.runtime.client.stages import CommandState
from jacquemart.runtime.model.errors import NotSent, TooManyQuestions
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.blocking import BlockingCaller

if TYPE_CHECKING:
    from jacquemart.runtime.client.background import BackgroundStream
    from jacquemart.runtime.client.updates import Update


class Client(Claiming, Lettering, Cancelling):
    """A connection to a city's gateway. Thread-safe: one request at a time.

    Raises (every request):
        GatewayUnreachable: nobody answers there; nothing was sent, or the question is lost.
        UsageError, UnknownDevice, UnknownPoint: the caller's fault; a retry cannot help.
    """

    def __init__(
        self, api: str | None = None, *, principal: str = "", timeout_s: float = 5.0
    ) -> None:
        """Connect to ``api`` (default: ``JACQUEMART_API``, then tcp://127.0.0.1:4747).

        Args:
            principal: who commands; shown in ``why``. Not authenticated until the city is
                secured.
            timeout_s: how long to wait for an answer to a question.
        """
        self.api = api or requests.default_api()
        self.principal = principal or "anonymous"
        self.timeout_s = timeout_s
        self._caller = BlockingCaller(self.api)
        self._repeats = Repeats()
        self._streams: list[BackgroundStream] = []
        self._closed = False
        try:
            sent = boot_ns()
            self.hello: dict[str, Any] = requests.check_hello(self.query("hello"))
            self._clock = requests.GatewayClock.from_hello(sent, boot_ns(), self.hello["boot_ns"])
            self._probe = requests.GatewayProbe.from_hello(self.hello, self._clock)
            self._wording = self._clock.wording()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect; idempotent. Subscriptions end."""
        if self._closed:
            return
        self._closed = True
        for stream in self._streams:
            stream.close()
        self._caller.close()

    # Reading -------------------------------------------------------------------------------

    def get(self, point: str) -> Reading:
        """Return what is known of ``device/point`` now, with quality and times."""
        return self.get_many([point])[0]

    def get_many(self, points: list[str]) -> list[Reading]:
        """Return what is known of several points, in their order."""
        return [
            reading
            for page in requests.pages(points)
            for reading in requests.readings(self.query("get", points=page, words=True))
        ]

    def query(self, verb: str, **args: Any) -> Any:
        """Ask any question of docs/protocol.md: ls, zones, events, top, why, topics …"""
        return self._question(messages.query(verb, **args), self.timeout_s)

    def ls(self, pattern: str = "*", **filters: Any) -> Mapping[str, Any]:
        """List devices (``lamp-*``) or points (``lamp-*/level``); filters: zone, kind, limit."""
        return self.query("ls", pattern=pattern, **filters)  # type: ignore[no-any-return]

    def zones(self) -> Mapping[str, Any]:
        """Return each zone's summary and the city's."""
        return self.query("zones")  # type: ignore[no-any-return]

    def why(self, subject: str) -> Mapping[str, Any]:
        """Explain a device or point: quality, link, what feeds it, last command."""
        return self.query("why", subject=subject)  # type: ignore[no-any-return]

    def subscribe(
        self, what: str = "readings", *, zone: str = "*", pattern: str = "*"
    ) -> Iterator[Update]:
        """Yield the state now, then every change.

        Args:
            what: ``readings``, ``rollups`` or ``events``.
            zone: zone id or pattern. pattern: of ``device/point`` (readings only).

        A consumer that is too slow sees the newest value of each point, not all of them. After
        a gap, the values concerned come as STALE until they are whole again.
        """
        from jacquemart.runtime.client.background import BackgroundStream

        stream = BackgroundStream(self.api, self.principal, what, zone, pattern)
        self._streams.append(stream)
        return stream.updates()

    # Commanding ----------------------------------------------------------------------------

    def set(
        self,
        point: str,
        value: float | str,
        *,
        within_s: float = 10.0,
        unit: str = "",
        priority: int = 8,
        id: bytes | None = None,
    ) -> Outcome:
        """Write ``device/point`` and return what became of it, read back.

        Args:
            value: in the point's unit, or a word of an enumeration; ``unit`` makes the city
                check that.
            within_s: nothing is sent to the field after so many seconds.
            priority: 1 (life safety) to 16.
            id: the command's identity; the same again is not executed again.
        """
        return self.command(
            point, "set", value, within_s=within_s, unit=unit, priority=priority, id=id
        )

    def command(
        self,
        subject: str,
        verb: str,
        value: Value = None,
        *,
        within_s: float = 10.0,
        unit: str = "",
        priority: int = 8,
        id: bytes | None = None,
    ) -> Outcome:
        """Send a command of the device's kind and return what became of it.

        Args:
            subject: the device. verb: the command; ``jacquemart kinds`` shows those of a kind.
            value: what the command takes: a number, a word, or nothing.
            within_s, unit, priority, id: as of ``set``.
        """
        if id is None:
            said = self._wording.command(
                self.principal, subject, verb, value, within_s, unit, priority
            )
            if said is not None:
                answer = self._ask(said, within_s + END_AFTER_DEADLINE_S, again=True)
                outcome = self._wording.outcome(answer) if answer is not None else None
                return requests.outcome_of(said, answer) if outcome is None else outcome
        made, frame = requests.command(
            subject, value, verb=verb, unit=unit, priority=priority,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), principal=self.principal,
            identity=id, first_ns=self._probe.first_ns(self._repeats, id, boot_ns()),
        )  # fmt: skip
        return requests.outcome(made, self._ask(frame, within_s + END_AFTER_DEADLINE_S, again=True))

    def submit(
        self,
        subject: str,
        value: Value = None,
        *,
        verb: str = "set",
        within_s: float = 10.0,
        unit: str = "",
        priority: int = 8,
        id: bytes | None = None,
    ) -> CommandState:
        """Send a journalled command and return as soon as it is accepted.

        From then on it is lost by no failure, and has exactly one end, at the latest five
        seconds after its deadline: ask ``outcome_of`` for that, now or days later, also after
        a restart of the city. A command that was refused has its end at once.

        Args:
            subject: ``device/point``, or the device for a command of its kind.
            value, verb, within_s, unit, priority, id: as of ``set`` and ``command``.

        Raises:
            GatewayUnreachable: nobody answers; whether it was accepted is unknown: send it again
                with the same ``id``, or ask ``outcome_of`` later.
        """
        made, frame = requests.command(
            subject, value, verb=verb, unit=unit, priority=priority,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), principal=self.principal,
            identity=id,
        )  # fmt: skip
        try:
            self._caller.post(requests.fits(frame), self.timeout_s)
        except NotSent:
            raise requests.unreachable(self.api, self.timeout_s) from None
        return self.outcome_of(subject, made.id, stage="accepted", wait_s=self.timeout_s)

    def outcome_of(
        self, subject: str, id: bytes, *, stage: str = "ended", wait_s: float = 0.0
    ) -> CommandState:
        """Return what became of a command, or how far it is.

        Args:
            subject: what was commanded: ``device/point`` or the device.
            id: the command's identity; together with this client's ``principal``.
            stage: ``accepted`` or ``ended``: what ``wait_s`` waits for.
            wait_s: seconds, 30 at most; 0: answer at once.
        """
        device, _, point = subject.partition("/")
        asked = stages.question(device, self.principal, id, stage, wait_s)
        answer = self._question(messages.query("outcome", **asked), self.timeout_s + wait_s)
        return stages.state(device, point, id, answer)

    def set_all(
        self,
        point: str,
        value: float | str,
        *,
        zone: str = "*",
        kind: str = "*",
        device: str = "*",
        within_s: float = 10.0,
        unit: str = "",
        priority: int = 8,
        id: bytes | None = None,
    ) -> BulkOutcome:
        """Write a point of all devices that match, and return one outcome for each.

        Raises:
            CellUnreachable: nothing was sent. JacquemartError (``cell_lost``): the outcomes
            are unknown; read the points.
        """
        made = requests.bulk(
            point, value, zone=zone, kind=kind, device=device, unit=unit, priority=priority,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), principal=self.principal,
            identity=id,
        )  # fmt: skip
        started = time.monotonic()
        limit_s = within_s + 2 * END_AFTER_DEADLINE_S
        answer = self._ask(messages.encode_bulk(made), limit_s, again=True)
        if answer is None:
            raise requests.lost(self.api, limit_s)
        return requests.bulk_outcome(made, answer, time.monotonic() - started)

    # Inside --------------------------------------------------------------------------------

    def _question(self, frame: bytes, timeout_s: float) -> Any:
        """Ask, and again if the gateway has too much of this client's under way."""
        give_up = time.monotonic() + timeout_s
        while True:
            answer = self._ask(frame, timeout_s)
            if answer is None:
                raise requests.unreachable(self.api, timeout_s)
            try:
                return messages.decode_reply(answer)
            except TooManyQuestions as busy:
                pause_s = requests.pause_s(busy)
                if time.monotonic() + pause_s > give_up:
                    raise
                time.sleep(pause_s)

    def _ask(self, frame: bytes, timeout_s: float, *, again: bool = False) -> bytes | None:
        """Ask; ``again``: a gateway that comes after this one may be asked the same."""
        probe = self._probe if again else None
        try:
            return self._caller.ask(requests.fits(frame), timeout_s, self.timeout_s, probe)
        except NotSent:
            raise requests.unreachable(self.api, min(timeout_s, self.timeout_s)) from None
