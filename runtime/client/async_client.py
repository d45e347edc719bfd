"""The asyncio client: many requests at a time on one connection, and streams that heal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Self

from jacquemart.native.asking import Asking
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import requests, stages
from jacquemart.runtime.client.cancelling import AsyncCancelling
from jacquemart.runtime.client.claims import AsyncClaiming
from jacquemart.runtime.client.letters import AsyncLettering
from jacquemart.runtime.client.mirror import AsyncMirroring
from jacquemart.runtime.client.repeats import Repeats
from jacquemart.runtime.client.requests import END_AFTER_DEADLINE_S, Value
from jacquemart.runtime.client.stages import CommandState
from jacquemart.runtime.client.updates import Update, UpdateSink, topics_of
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.errors import JacquemartError, NotSent, TooManyQuestions, UsageError
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome
from jacquemart.runtime.model.reading import Reading
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.blocking import AGAIN_S, PROBE_S
from jacquemart.runtime.wire.calls import Caller
from jacquemart.runtime.wire.follower import Follower

#: The topic that tells by its number that there are other topics.
TOPICS = "t/"

#: How long to look for a gateway before saying that there is none.
CONNECT_S = 2.0

log = logging.getLogger("jacquemart.client")


class AsyncClient(AsyncClaiming, AsyncLettering, AsyncCancelling, AsyncMirroring):
    """A connection to a city's gateway, for one running loop: ``async with AsyncClient():``."""

    def __init__(
        self, api: str | None = None, *, principal: str = "", timeout_s: float = 5.0
    ) -> None:
        """See :class:`jacquemart.Client`; nothing is sent before ``connect``."""
        self.api = api or requests.default_api()
        self.principal = principal or "anonymous"
        self.timeout_s = timeout_s
        self.hello: dict[str, Any] = {}
        self._context: sockets.Context | None = None
        self._caller: Caller | None = None
        self._clock = requests.GatewayClock()
        self._repeats = Repeats()
        self._probe = requests.GatewayProbe(0)
        self._asking: Asking | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._unawaited: set[asyncio.Future[bytes | None]] = set()
        self._streams: list[tuple[Follower, UpdateSink]] = []

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def connect(self) -> None:
        """Connect and greet.

        Raises:
            GatewayUnreachable: nobody answers there.
        """
        self._context = sockets.new_context()
        loop = asyncio.get_running_loop()
        self._caller = Caller(loop, self._context, self.api, "", SystemClock(), self._broken)
        self._asking = Asking(
            self._caller, loop.create_future, requests.is_blind, END_AFTER_DEADLINE_S, AGAIN_S
        )
        try:
            sent = boot_ns()
            self.hello = requests.check_hello(await self.query("hello"))
            self._clock = requests.GatewayClock.from_hello(sent, boot_ns(), self.hello["boot_ns"])
            self._probe = requests.GatewayProbe.from_hello(self.hello, self._clock)
            self._asking.speak(self._clock.wording())
        except BaseException:
            self.close()
            raise

    def _new_sink(self, pattern: str) -> UpdateSink:
        """Return what collects a subscription's updates; ``runtime.testing`` has another."""
        return UpdateSink(pattern)

    def close(self) -> None:
        """Disconnect; idempotent. Subscriptions end, commands under way are INDETERMINATE."""
        for follower, sink in self._streams:
            follower.close()
            sink.close()
        self._streams.clear()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._caller is not None:
            self._caller.close()
            self._caller = self._asking = None
        if self._context is not None:
            self._context.term()
            self._context = None

    async def get(self, point: str) -> Reading:
        """Return what is known of ``device/point`` now."""
        return (await self.get_many([point]))[0]

    async def get_many(self, points: list[str]) -> list[Reading]:
        """Return what is known of several points, in their order."""
        return [
            reading
            for page in requests.pages(points)
            for reading in requests.readings(await self.query("get", points=page, words=True))
        ]

    async def query(self, verb: str, **args: Any) -> Any:
        """Ask any question of docs/protocol.md."""
        return await self._question(messages.query(verb, **args), self.timeout_s)

    async def ls(self, pattern: str = "*", **filters: Any) -> Mapping[str, Any]:
        """List devices or points."""
        return await self.query("ls", pattern=pattern, **filters)  # type: ignore[no-any-return]

    async def zones(self) -> Mapping[str, Any]:
        """Return each zone's summary and the city's."""
        return await self.query("zones")  # type: ignore[no-any-return]

    async def why(self, subject: str) -> Mapping[str, Any]:
        """Explain a device or point."""
        return await self.query("why", subject=subject)  # type: ignore[no-any-return]

    async def set(
        self, point: str, value: float | str, *, within_s: float = 10.0, unit: str = "",
        priority: int = 8, id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Write ``device/point`` and return what became of it; see :meth:`Client.set`."""
        return await self.command(
            point, "set", value, within_s=within_s, unit=unit, priority=priority, id=id
        )

    async def command(
        self, subject: str, verb: str, value: Value = None, *, within_s: float = 10.0,
        unit: str = "", priority: int = 8, id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Send a command of the device's kind and return what became of it.

        Cancelling the wait does not cancel the command.
        """
        if id is None and self._asking is not None:
            plain = self._asking.command(
                self.principal, subject, verb, value, within_s, unit, priority
            )
            if plain is not None:
                self._watch()
                told = await plain
                return told if type(told) is Outcome else requests.outcome_of(*told)
        made, frame = requests.command(
            subject, value, verb=verb, unit=unit, priority=priority,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), principal=self.principal,
            identity=id, first_ns=self._probe.first_ns(self._repeats, id, boot_ns()),
        )  # fmt: skip
        limit_s = within_s + END_AFTER_DEADLINE_S
        return requests.outcome(made, await self._ask_on(frame, limit_s))

    async def submit(
        self, subject: str, value: Value = None, *, verb: str = "set", within_s: float = 10.0,
        unit: str = "", priority: int = 8, id: bytes | None = None,
    ) -> CommandState:  # fmt: skip
        """Send a journalled command and return once it is accepted; see :meth:`Client.submit`."""
        made, frame = requests.command(
            subject, value, verb=verb, unit=unit, priority=priority,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), principal=self.principal,
            identity=id,
        )  # fmt: skip
        ended = asyncio.ensure_future(self._ask_on(frame, within_s + END_AFTER_DEADLINE_S))
        self._unawaited.add(ended)
        ended.add_done_callback(self._unawaited_done)
        await asyncio.sleep(0)  # it is sent before the question is
        return await self.outcome_of(subject, made.id, stage="accepted", wait_s=self.timeout_s)

    async def outcome_of(
        self, subject: str, id: bytes, *, stage: str = "ended", wait_s: float = 0.0
    ) -> CommandState:
        """Return what became of a command, or how far it is; see :meth:`Client.outcome_of`."""
        device, _, point = subject.partition("/")
        asked = stages.question(device, self.principal, id, stage, wait_s)
        answer = await self._question(messages.query("outcome", **asked), self.timeout_s + wait_s)
        return stages.state(device, point, id, answer)

    async def set_all(
        self, point: str, value: float | str, *, zone: str = "*", kind: str = "*",
        device: str = "*", within_s: float = 10.0, unit: str = "", priority: int = 8,
        id: bytes | None = None,
    ) -> BulkOutcome:  # fmt: skip
        """Write a point of all devices that match; see :meth:`Client.set_all`."""
        made = requests.bulk(
            point, value, zone=zone, kind=kind, device=device, unit=unit, priority=priority,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), principal=self.principal,
            identity=id,
        )  # fmt: skip
        limit_s = within_s + 2 * END_AFTER_DEADLINE_S
        started = time.monotonic()
        frame = await self._ask_on(messages.encode_bulk(made), limit_s)
        if frame is None:
            raise requests.lost(self.api, limit_s)
        return requests.bulk_outcome(made, frame, time.monotonic() - started)

    async def subscribe(
        self, what: str = "readings", *, zone: str = "*", pattern: str = "*"
    ) -> AsyncIterator[Update]:
        """Yield the state now, then every change; see :meth:`Client.subscribe`."""
        listed = await self.query("topics")
        known: tuple[int, int] | None = None
        if TOPICS in listed:  # else an older gateway: no city changes under it
            news = await self.query("snapshot", topic=TOPICS)
            listed, known = news["topics"], (news["epoch"], news["sequence"])
        topics_of(what, listed, lambda _: True)  # refuses what there is not
        sink = self._new_sink(pattern)
        loop = asyncio.get_running_loop()
        context = self._context
        if context is None:
            raise UsageError("this client is closed", where=self.api)

        async def ask(topic: str) -> dict[str, Any] | None:
            content = await self.query("snapshot", topic=topic)
            return content if isinstance(content, dict) else None

        follower = Follower(
            loop, context, self.hello["stream"], SystemClock(), sink, ask, self._broken
        )
        self._streams.append((follower, sink))
        followed: set[str] = set()

        def follow(there_are: Sequence[str]) -> None:
            wanted = topics_of(what, there_are, lambda z: fnmatchcase(z, zone))
            for topic in wanted:
                if topic not in followed:
                    follower.follow(topic)
                    layout = f"l/{topic[2:]}"
                    if what == "readings" and layout in there_are:
                        follower.watch(layout)
            for topic in followed.difference(wanted):
                follower.unfollow(topic)
                follower.unfollow(f"l/{topic[2:]}")
                sink.gone(topic)
            followed.clear()
            followed.update(wanted)

        try:
            follow(listed)
            if known is not None:
                sink.on_topics = follow
                follower.watch(TOPICS, known)
            while not sink.closed:
                for update in await sink.take():
                    yield update
        finally:
            follower.close()
            if (follower, sink) in self._streams:
                self._streams.remove((follower, sink))

    async def _question(self, frame: bytes, timeout_s: float) -> Any:
        """Ask, and again if the gateway has too much of this client's under way."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout_s
        while True:
            answer = await self._ask(frame, timeout_s)
            if answer is None:
                raise requests.unreachable(self.api, timeout_s)
            try:
                return messages.decode_reply(answer)
            except TooManyQuestions as busy:
                pause_s = requests.pause_s(busy)
                if loop.time() + pause_s > give_up:
                    raise
                await asyncio.sleep(pause_s)

    async def _ask(self, frame: bytes, timeout_s: float) -> bytes | None:
        if self._caller is None:
            raise UsageError("this client is closed, or was never connected", where=self.api)
        try:
            return await self._caller.ask(requests.fits(frame), timeout_s)
        except NotSent:
            raise requests.unreachable(self.api, min(timeout_s, 2.0)) from None

    async def _ask_on(self, frame: bytes, timeout_s: float) -> bytes | None:
        """Ask, and ask the gateway that comes after this one too: it may be sent twice."""
        asking, loop = self._asking, asyncio.get_running_loop()
        if asking is None:
            raise UsageError("this client is closed, or was never connected", where=self.api)
        expires_ns = boot_ns() + int(timeout_s * 1e9)
        give_up = loop.time() + min(timeout_s, CONNECT_S)
        while (answered := asking.ask(requests.fits(frame), expires_ns)) is None:
            if loop.time() > give_up:
                raise requests.unreachable(self.api, min(timeout_s, CONNECT_S))
            await asyncio.sleep(0.01)
        self._watch()
        return await answered

    def _watch(self) -> None:
        """Have somebody look whether the gateway is still who it was."""
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.get_running_loop().create_task(self._watch_gateway())

    async def _watch_gateway(self) -> None:
        """Give what has no answer to the gateway's successor, if there is one; ends when idle."""
        while (asking := self._asking) is not None and (waiting := asking.waiting):
            await asyncio.sleep(PROBE_S)
            if waiting.isdisjoint(asking.waiting):
                continue
            another, now = await self._has_another_gateway(), boot_ns()
            for asked in list(asking.waiting):
                # An answer is lost too with a connection that breaks under it.
                if (another or asked.is_due(now)) and self._caller is not None:
                    frame = self._probe.again(asked.frame, asked.first_ns)
                    asked.repeated |= self._caller.call(frame, asked.until_ns, asked.take)

    async def _has_another_gateway(self) -> bool:
        try:
            answer = await self._ask(self._probe.question, PROBE_S)
        except JacquemartError:  # nobody is there yet
            return False
        return answer is not None and self._probe.is_another(answer)

    def _unawaited_done(self, ended: asyncio.Future[bytes | None]) -> None:
        self._unawaited.discard(ended)
        if not ended.cancelled():
            ended.exception()  # whoever wants to know asks ``outcome_of``

    def _broken(self, error: BaseException) -> None:
        log.warning("%s: %s: %s", self.api, type(error).__name__, error)
