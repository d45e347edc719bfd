"""The gateway: one ROUTER for commands and queries, one XPUB for streams; no state of its own.

It knows from the directory who owns what, hands requests on, and hands the answers back. It
binds to loopback addresses only, until the city is secured.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.cell.bulk import pattern
from jacquemart.runtime.cell.fan_out import ANSWER_AFTER_DEADLINE_NS
from jacquemart.runtime.cell.service import Service, text_arg
from jacquemart.runtime.gateway.streams import StreamRelay
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory, Role
from jacquemart.runtime.model.errors import (
    CellUnreachable,
    JacquemartError,
    UnknownDevice,
    UsageError,
)
from jacquemart.runtime.model.ids import split_point
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.calls import Request, Server
from jacquemart.runtime.wire.limits import CLIENT_FRAME_LIMIT
from jacquemart.runtime.wire.publisher import StreamPublisher

#: Version of the public protocol; see docs/protocol.md.
PROTOCOL = 1
QUERY_S = 5.0
#: The topic whose number tells that there are other topics; it has heartbeats only.
TOPICS_TOPIC = "t/"
#: A deadline further away than this is refused: nobody means it.
FURTHEST_DEADLINE_NS = 24 * 3_600 * 10**9


class Gateway(Service):
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
        self._homes = _homes(self.config)
        router = sockets.router(
            self.context,
            frame_limit=CLIENT_FRAME_LIMIT,
            high_water=sockets.CLIENT_HIGH_WATER,
        )
        commands = sockets.bind(router, spec.host, spec.port)
        stream_socket = sockets.publisher(self.context, high_water=sockets.CLIENT_HIGH_WATER)
        stream = sockets.bind(stream_socket, spec.host, spec.stream_port)
        self._stream_endpoint = stream
        self._relay = StreamRelay(
            self.loop, self.context, stream_socket, self._topics({}), self.broken
        )
        self.server = Server(self.loop, router, self.request, self.broken)
        self.publisher = StreamPublisher(
            self.loop, self._relay.downstream, self.config.epoch, self.clock, self.broken
        )
        self.publisher.open_topic(TOPICS_TOPIC)
        return commands, stream

    async def stop(self, grace_s: float) -> None:
        """Stop serving."""
        for task in self._tasks:
            task.cancel()
        self._relay.close()
        await super().stop(grace_s)

    async def change(
        self, config: CellConfig, kinds: Mapping[str, type[Any]], drivers: Mapping[str, type[Any]]
    ) -> None:
        """Know other devices, shards and zones; what clients follow goes on."""
        del kinds, drivers  # a gateway knows neither
        self._homes = _homes(config)
        before = self._topics({})
        self.config = config
        topics = self._topics({})
        self._relay.know(topics)
        if topics != before:
            self.publisher.renumber(TOPICS_TOPIC)

    def connect(self, directory: Directory) -> None:
        """Take a newer directory."""
        super().connect(directory)
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

    def refusals(self) -> dict[str, int]:
        """Return what was refused or dropped, by name."""
        return {**super().refusals(), "subscriptions_refused": self._relay.refused}

    # Commands ----------------------------------------------------------------------------------

    def command(self, request: Request) -> None:
        """Hand a command to the cell that owns its device, and its outcome back."""
        command = frames.decode_command(request.frame)
        received = self.clock.boot_ns()

        def end(status: Status, reason: str, detail: str) -> None:
            outcome = frames.OutcomeFrame(
                command.id, command.device, command.point, status, reason, detail, None,
                received, 0, 0, self.clock.boot_ns(),
            )  # fmt: skip
            request.reply(frames.encode_outcome(outcome))

        if command.deadline_ns <= received:
            late = (received - command.deadline_ns) / 1e6
            end(Status.EXPIRED, Reason.DEADLINE, f"{late:.0f} ms late at the gateway")
            return
        if command.deadline_ns - received > FURTHEST_DEADLINE_NS:
            end(Status.REJECTED, Reason.DEADLINE, "a deadline is at most 24 h away")
            return
        address = self._owner(command.device)
        if address is None:
            if command.device in self._homes:
                end(Status.REJECTED, Reason.CELL_LOST, "its cell is being replaced; retry")
            else:
                end(Status.REJECTED, Reason.UNKNOWN_DEVICE, f"no device {command.device!r}")
            return

        def answer(frame: bytes | None) -> None:
            if frame is None:
                end(Status.INDETERMINATE, Reason.CELL_LOST, f"{address.name} did not answer")
            else:
                request.reply(frame)

        routed = command.with_route(command.principal or "anonymous", address.epoch)
        sent = self.caller(address.name).call(
            frames.encode_command(routed),
            command.deadline_ns + ANSWER_AFTER_DEADLINE_NS,
            answer,
        )
        if not sent:
            end(Status.REJECTED, Reason.CELL_LOST, f"{address.name} is not reachable; retry")

    def bulk(self, request: Request) -> None:
        """Hand a bulk command to the centre, and its result back."""
        bulk = messages.decode_bulk(request.frame)
        now = self.clock.boot_ns()
        if not now < bulk.deadline_ns <= now + FURTHEST_DEADLINE_NS:
            raise UsageError(
                "the deadline of this bulk command has passed or is more than 24 h away",
                where="deadline_ns",
                advice="nothing was sent",
            )
        centre = self._one("centre")
        if not any(pattern(bulk.zone).match(zone.id) for zone in self.config.zones):
            raise UsageError(
                f"no zone matches {bulk.zone!r}", where="zone", advice="see `jacquemart zones`"
            )

        def answer(frame: bytes | None) -> None:
            if frame is None:
                frame = messages.error(
                    "cell_lost", "the centre did not answer; the outcomes are unknown", centre
                )
            request.reply(frame)

        expires = bulk.deadline_ns + ANSWER_AFTER_DEADLINE_NS + 2_000_000_000
        if not self.caller(centre).call(request.frame, expires, answer):
            raise CellUnreachable("the centre is not reachable; nothing was sent", where=centre)

    # Queries -----------------------------------------------------------------------------------

    def query(self, request: Request, query: messages.Query) -> None:
        """Answer a question, or have it answered by whom it concerns."""
        asynchronous: Mapping[str, Callable[[Mapping[str, Any]], Coroutine[Any, Any, Any]]] = {
            "get": self._get,
            "why": self._why,
            "ls": self._ls,
            "zones": lambda args: self._ask(self._one("centre"), "zones", args),
            "events": lambda args: self._ask(self._one("centre"), "events", args),
            "snapshot": self._snapshot,
            "top": self._top,
        }
        handler = asynchronous.get(query.verb)
        if handler is None:
            if query.verb not in self.queries():
                known = ", ".join(sorted({*self.queries(), *asynchronous}))
                raise UsageError(
                    f"unknown query {query.verb[:80]!r}", where="verb", advice=f"known: {known}"
                )
            super().query(request, query)
            return
        task = self.loop.create_task(self._answer(request, handler(query.args)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries that the gateway answers by itself."""
        return {**super().queries(), "hello": self._hello, "topics": self._topics}

    async def _answer(self, request: Request, work: Coroutine[Any, Any, Any]) -> None:
        try:
            frame = messages.reply(await work)
        except JacquemartError as error:
            frame = messages.error_of(error)
        except Exception as error:  # noqa: BLE001 - our bug: said to the asker
            self.broken(error)
            frame = messages.error("internal", f"{type(error).__name__}: {error}")
        request.reply(frame)

    async def _ask(self, cell: str, verb: str, args: Mapping[str, Any]) -> Any:
        frame = await self.caller(cell).ask(messages.query(verb, **args), QUERY_S)
        if frame is None:
            raise CellUnreachable(f"{cell} does not answer", where=cell, advice="try again")
        return messages.decode_reply(frame)

    def _hello(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "city": self.config.city,
            "name": self.config.city_name,
            "boot_ns": self.clock.boot_ns(),
            "wall_ns": self.clock.wall_ns(),
            "stream": self._stream_endpoint,
            "epoch": self.config.epoch,
            "devices": len(self._homes),
            "zones": [[zone.id, zone.name] for zone in self.config.zones],
        }

    def _topics(self, _: Mapping[str, Any]) -> list[str]:
        zones = [zone.id for zone in self.config.zones]
        return [
            TOPICS_TOPIC,
            *(f"l/{shard.id}/" for shard in self.config.shards),
            *(f"r/{shard.id}/" for shard in self.config.shards),
            *(f"z/{zone}/" for zone in zones),
            *(f"e/{zone}/" for zone in zones),
            "c/",
        ]

    async def _get(self, args: Mapping[str, Any]) -> list[Any]:
        points = args.get("points")
        if not isinstance(points, list) or not all(isinstance(p, str) for p in points):
            raise UsageError("argument 'points' must be a list of device/point")
        words = args.get("words") is True
        by_cell: dict[str, list[str]] = {}
        for text in points:
            by_cell.setdefault(self._owner_of(split_point(text)[0]).name, []).append(text)
        answers = await asyncio.gather(
            *(self._get_from(cell, wanted, words=words) for cell, wanted in by_cell.items())
        )
        rows = {row[0]: row for rows in answers for row in rows}
        return [rows[text] for text in points]

    async def _get_from(self, cell: str, points: list[str], *, words: bool) -> list[list[Any]]:
        try:
            asked = {"points": points, "words": words}
            rows: list[list[Any]] = await self._ask(cell, "get", asked)
            return rows
        except CellUnreachable:  # one cell that is away hides no other's values
            more: list[Any] = [[]] if words else []
            return [[text, math.nan, Quality.BAD_CELL, 0, 0, "", *more] for text in points]

    async def _why(self, args: Mapping[str, Any]) -> Any:
        subject = text_arg(args, "subject")
        owner = self._owner_of(subject.partition("/")[0])
        return await self._ask(owner.name, "why", {"subject": subject})

    async def _ls(self, args: Mapping[str, Any]) -> dict[str, Any]:
        cells = sorted(set(self.directory.zones.values()))
        answers = await asyncio.gather(*(self._ask(cell, "ls", args) for cell in cells))
        return {
            "total": sum(answer["total"] for answer in answers),
            "rows": [row for answer in answers for row in answer["rows"]],
            "of": answers[0]["of"] if answers else "devices",
        }

    async def _snapshot(self, args: Mapping[str, Any]) -> Any:
        topic = text_arg(args, "topic")
        if topic == TOPICS_TOPIC:
            return {
                "topic": topic,
                "epoch": self.config.epoch,
                "sequence": self.publisher.sequence(topic),
                "topics": self._topics({}),
            }
        kind, _, rest = topic.partition("/")
        name = rest[:-1] if rest.endswith("/") else ""
        if kind in ("r", "f", "l"):
            cell = self.directory.homes.get(name)
        elif kind in ("z", "e"):
            cell = self.directory.zones.get(name)
        else:
            cell = self._one("centre") if topic == "c/" else None
        if cell is None:
            raise UsageError(f"no topic {topic!r}", advice="ask 'topics' for those there are")
        return await self._ask(cell, "snapshot", {"topic": topic})

    async def _top(self, _: Mapping[str, Any]) -> dict[str, Any]:
        others = [cell for cell in self.directory.cells.values() if cell.role != "gateway"]
        answers = await asyncio.gather(
            *(self._ask(cell.name, "health", {}) for cell in others), return_exceptions=True
        )
        cells = [self.health()]
        for cell, answer in zip(others, answers, strict=True):
            if isinstance(answer, dict):
                cells.append(answer)
            else:
                cells.append({"name": cell.name, "role": cell.role, "pid": cell.pid,
                              "error": str(answer)})  # fmt: skip
        return {"directory": self.directory.version, "cells": cells}

    # Who owns what -------------------------------------------------------------------------------

    def _owner(self, device: str) -> CellAddress | None:
        home = self.directory.homes.get(self._homes.get(device, ""), "")
        return self.directory.cells.get(home)

    def _owner_of(self, device: str) -> CellAddress:
        owner = self._owner(device)
        if owner is not None:
            return owner
        if device in self._homes:
            raise CellUnreachable(f"the cell of {device} is being replaced", advice="try again")
        raise UnknownDevice(f"no device {device!r}", advice="see `jacquemart ls`")

    def _one(self, role: Role) -> str:
        cells = self.directory.of_role(role)
        if not cells:
            raise CellUnreachable(f"no {role} cell is known", advice="try again")
        return cells[0].name


def _homes(config: CellConfig) -> dict[str, str]:
    """Return the shard of each device."""
    return {device.id: shard.id for shard in config.shards for device in shard.devices}
