"""The gateway: one ROUTER for commands and queries, one XPUB for streams; no state of its own.

It knows from the directory who owns what, hands requests on, and hands the answers back. It
binds to loopback addresses only, until the city is secured.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.cell.bulk import pattern
from jacquemart.runtime.cell.city_fan_out import ZONE_ANSWERS_AFTER_NS, CityFanOut
from jacquemart.runtime.cell.errand import Errand
from jacquemart.runtime.cell.waiting import Waiting
from jacquemart.runtime.gateway.answering import ANONYMOUS, TOPICS_TOPIC, Answering
from jacquemart.runtime.gateway.homes import Home, homes_of
from jacquemart.runtime.gateway.plain_commands import PlainCommands
from jacquemart.runtime.gateway.share import Shares
from jacquemart.runtime.gateway.streams import StreamRelay
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import (
    CellUnreachable,
    UsageError,
)
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.versions import MARKED_REPEATS
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.calls import Request, Server
from jacquemart.runtime.wire.limits import CLIENT_FRAME_LIMIT
from jacquemart.runtime.wire.publisher import StreamPublisher

#: A deadline further away than this is refused: nobody means it.
FURTHEST_DEADLINE_NS = 24 * 3_600 * 10**9


class Gateway(Answering):
    """Serves clients."""

    _relay: StreamRelay

    def bind(self) -> tuple[str, str]:
        """Open the public endpoints.

        Raises:
            ConfigError: not a loopback address. StartError: a port is taken.
        """
        spec = self.config.gateway
        sockets.require_loopback(spec.host, "gateway.host")
        self._tasks: set[asyncio.Task[None]] = set()
        self._shares = Shares(self.loop, self.clock)
        self._fan_out = CityFanOut(self)
        self.waiting = Waiting(self.loop, self.clock, self.broken)
        self._in_hand = 0
        self._idle = asyncio.Event()
        self.homes = homes_of(self.config)
        router = sockets.router(
            self.context,
            frame_limit=CLIENT_FRAME_LIMIT,
            high_water=sockets.CLIENT_HIGH_WATER,
            unread_ms=sockets.CLIENT_UNREAD_MS,
        )
        commands = sockets.bind(router, spec.host, spec.port)
        stream_socket = sockets.publisher(
            self.context,
            high_water=sockets.CLIENT_HIGH_WATER,
            unread_ms=sockets.CLIENT_UNREAD_MS,
        )
        stream = sockets.bind(stream_socket, spec.host, spec.stream_port)
        self._stream_endpoint = stream
        self._relay = StreamRelay(
            self.loop, self.context, stream_socket, self._topics({}), self.broken
        )
        self.server = Server(self.loop, router, self.request, self.broken)
        self.plain = PlainCommands(self, ANONYMOUS, FURTHEST_DEADLINE_NS).relay
        self.server.channel.taker = self.plain
        self.publisher = StreamPublisher(
            self.loop, self._relay.downstream, self.config.epoch, self.clock, self.broken
        )
        self.publisher.open_topic(TOPICS_TOPIC)
        return commands, stream

    async def stop(self, grace_s: float) -> None:
        """Stop serving, when what is in hand has ended or the time for it is over."""
        if self._in_hand + self.plain.in_hand:
            self._idle.clear()
            self.plain.on_idle = self._settled
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), 0.8 * grace_s)
        self.plain.open = False
        self.waiting.stop()
        self._shares.stop()
        for task in self._tasks:
            task.cancel()
        self._relay.close()
        await super().stop(grace_s)

    async def change(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Know other devices, shards and zones; what clients follow goes on."""
        del kinds, drivers  # a gateway knows neither
        self.homes = self.plain.homes = homes_of(config)
        self.plain.forget_ways()
        before = self._topics({})
        self.config = config
        topics = self._topics({})
        self._relay.know(topics)
        if topics != before:
            self.publisher.renumber(TOPICS_TOPIC)

    def connect(self, directory: Directory) -> None:
        """Take a newer directory."""
        super().connect(directory)
        self.plain.forget_ways()
        self.waiting.settle()
        self._relay.connect(
            {
                name: cell.stream
                for name, cell in self.directory.cells.items()
                if cell.role != "gateway"
            }
        )
        for name, cell in self.directory.cells.items():
            if cell.role != "gateway":
                self.caller(name)  # connect now, so that the first request finds it made

    def progress(self) -> dict[str, Any]:
        """Return whether the directory is here."""
        return {"ready": self.directory.version > 0, "detail": self._stream_endpoint}

    def counted(self) -> dict[str, int]:
        """Return what came, by name; also commands that the relay has taken."""
        return {**self.counters, "commands": self.counters["commands"] + self.plain.taken}

    def refusals(self) -> dict[str, int]:
        """Return what was refused or dropped, by name."""
        return {**super().refusals(), "subscriptions_refused": self._relay.refused,
                "questions_refused": self._shares.kernel.refused}  # fmt: skip

    def begun(self) -> None:
        """Take note of a command that will be answered."""
        self._in_hand += 1
        self._idle.clear()

    def done(self) -> None:
        """Take note that one was."""
        self._in_hand -= 1
        self._settled()

    def _settled(self) -> None:
        """Tell who waits for it that nothing is in hand any more, if that is so."""
        if not self._in_hand and not self.plain.in_hand:
            self._idle.set()

    # Commands ----------------------------------------------------------------------------------

    def command(self, request: Request) -> None:
        """Hand a command to who has to have it, and its outcome back.

        A journalled command goes to the zone of its device, a volatile one to its cell.
        """
        command = frames.decode_command(request.frame)
        home, received_ns = self.homes.get(command.device), self.clock.boot_ns()
        self._run(self.errand(request, command, home, received_ns), command, home, received_ns)

    def errand(
        self, request: Request, command: frames.Command, home: Home | None, received_ns: int
    ) -> Errand:
        """Return what carries a command to its zone or cell; it is in hand from now on."""
        volatile = home is not None and home.is_volatile(command.verb, command.point)
        principal = command.principal or ANONYMOUS

        def encode(cell: CellAddress) -> bytes:
            # A zone remembers, and needs no mark; an older cell does not understand it.
            marked = volatile and cell.wire_most >= MARKED_REPEATS
            first_ns = command.first_ns if marked else 0
            return frames.encode_command(command.with_route(principal, cell.epoch, first_ns))

        return self._errand(request, command, home, received_ns, encode, volatile=volatile)

    def claim(self, request: Request) -> None:
        """Hand a claim to the zone of its device, and its outcome back."""
        claim = messages.decode_claim(request.frame)
        known = frames.Command(
            claim.id, claim.principal or ANONYMOUS, claim.device, claim.verb, claim.point, None, "",
            claim.priority, claim.deadline_ns, 0,
        )  # fmt: skip

        def encode(cell: CellAddress) -> bytes:
            routed = replace(claim, principal=known.principal, epoch=cell.epoch)
            return messages.encode_claim(routed)

        home, received_ns = self.homes.get(claim.device), self.clock.boot_ns()
        errand = self._errand(request, known, home, received_ns, encode, volatile=False)
        self._run(errand, known, home, received_ns)

    def _errand(
        self, request: Request, command: frames.Command, home: Home | None, received_ns: int,
        encode: Callable[[CellAddress], bytes], *, volatile: bool,
    ) -> Errand:  # fmt: skip
        device = command.device

        def owner() -> CellAddress | None:
            return self._owner(device) if volatile else self._zone_cell(device)

        place = "" if home is None else home.shard if volatile else home.zone
        return Errand(
            self, request, command, received_ns, owner, encode, repeatable=not volatile, place=place
        )

    def _run(
        self, errand: Errand, command: frames.Command, home: Home | None, received_ns: int
    ) -> None:
        # One whose deadline is over goes on too: who has had it before knows how it ended.
        if command.deadline_ns - received_ns > FURTHEST_DEADLINE_NS:
            errand.end(Status.REJECTED, Reason.DEADLINE, "a deadline is at most 24 h away")
        elif home is None:
            errand.end(Status.REJECTED, Reason.UNKNOWN_DEVICE, f"no device {command.device!r}")
        else:
            errand.run()

    def bulk(self, request: Request) -> None:
        """Hand a bulk command to the centre, or to the zones without one; and its result back."""
        bulk = messages.decode_bulk(request.frame)
        now = self.clock.boot_ns()
        # One whose deadline is over goes on too: who has had it before knows how it ended.
        if bulk.deadline_ns > now + FURTHEST_DEADLINE_NS:
            raise UsageError(
                "the deadline of this bulk command is more than 24 h away",
                where="deadline_ns",
                advice="nothing was sent",
            )
        if not any(pattern(bulk.zone).match(zone.id) for zone in self.config.zones):
            raise UsageError(
                f"no zone matches {bulk.zone!r}", where="zone", advice="see `jacquemart zones`"
            )
        if not self.directory.version:
            raise CellUnreachable("the city is being started; nothing was sent", advice="retry")

        def reply(frame: bytes) -> None:
            self._shares.charge(request, len(frame))
            request.reply(frame)

        def without_centre(result: messages.BulkResult) -> None:
            reply(messages.encode_bulk_result(result))

        def answer(frame: bytes | None) -> None:
            if frame is not None:
                reply(frame)
            else:  # the zones know whether they have had it
                self._fan_out(bulk, without_centre, again=True)

        expires = max(now, bulk.deadline_ns) + ZONE_ANSWERS_AFTER_NS + 1_000_000_000
        centres = self.directory.of_role("centre")
        if not centres or not self.caller(centres[0].name).call(request.frame, expires, answer):
            self._fan_out(bulk, without_centre)
