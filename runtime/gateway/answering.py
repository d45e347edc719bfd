"""Questions to a gateway: answered by itself, or by whom they concern."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from jacquemart.runtime.cell.service import Service, number_arg, text_arg
from jacquemart.runtime.gateway.cancelling import cancel
from jacquemart.runtime.gateway.homes import Home
from jacquemart.runtime.gateway.share import Shares
from jacquemart.runtime.model.directory import CellAddress, Role
from jacquemart.runtime.model.errors import (
    CellUnreachable,
    JacquemartError,
    NotSent,
    UnknownDevice,
    UsageError,
)
from jacquemart.runtime.model.ids import split_point
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.versions import MINE
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Request

#: Version of the public protocol; see docs/protocol.md.
PROTOCOL = 1
QUERY_S = 5.0
#: Who commands without saying who.
ANONYMOUS = "anonymous"
#: How long a question may wait for a stage of a command.
LONGEST_WAIT_MS = 30_000
#: Questions that do something, and are not asked again when their answer is lost.
NOT_TWICE = frozenset({"replay_dead_letter", "drop_dead_letter"})
#: The topic whose number tells that there are other topics; it has heartbeats only.
TOPICS_TOPIC = "t/"


class Answering(Service):
    """The questions of a gateway, and who has the answers."""

    homes: dict[str, Home]
    _tasks: set[asyncio.Task[None]]
    _shares: Shares
    _stream_endpoint: str

    def query(self, request: Request, query: messages.Query) -> None:
        """Answer a question, or have it answered by whom it concerns."""
        asynchronous: Mapping[str, Callable[[Mapping[str, Any]], Coroutine[Any, Any, Any]]] = {
            "get": self._get,
            "why": self._why,
            "ls": self._ls,
            "outcome": self._outcome,
            "cancel": lambda args: cancel(self._ask, self.directory, args, ANONYMOUS),
            "claims": lambda args: self._of_zones("claims", args),
            "dead_letters": lambda args: self._of_zones("dead_letters", args),
            "replay_dead_letter": lambda args: self._of_zone("replay_dead_letter", args),
            "drop_dead_letter": lambda args: self._of_zone("drop_dead_letter", args),
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

        def run() -> None:
            task = self.loop.create_task(self._answer(request, query.verb, handler(query.args)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._shares.begin(request, query.verb, run)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries that the gateway answers by itself."""
        return {**super().queries(), "hello": self._hello, "topics": self._topics}

    async def _answer(self, request: Request, verb: str, work: Coroutine[Any, Any, Any]) -> None:
        try:
            frame = messages.reply(await work)
        except JacquemartError as error:
            frame = messages.error_of(error)
        except Exception as error:  # noqa: BLE001 - our bug: said to the asker
            self.broken(error)
            frame = messages.error("internal", f"{type(error).__name__}: {error}")
        request.reply(frame)
        self._shares.end(request, verb, len(frame))

    async def _ask(
        self, cell: str, verb: str, args: Mapping[str, Any], timeout_s: float = QUERY_S
    ) -> Any:
        """Ask a cell, and its successor if it is handed over meanwhile.

        Raises:
            CellUnreachable: nobody answers; try again. JacquemartError: what the cell says.
        """
        question, until_s = messages.query(verb, **args), self.loop.time() + timeout_s
        while True:
            asked = self.directory.cells.get(cell)
            if asked is None:
                raise CellUnreachable(f"{cell} is being replaced", where=cell, advice="try again")
            left_s = until_s - self.loop.time()
            try:
                frame = await self.caller(cell).ask(question, left_s)
            except NotSent:
                frame = None
                if self.directory.cells.get(cell) in (asked, None):
                    raise
            if frame is not None:
                return messages.decode_reply(frame)
            moved = self.directory.cells.get(cell) not in (asked, None)
            if not moved or verb in NOT_TWICE or self.loop.time() >= until_s:
                raise CellUnreachable(f"{cell} does not answer", where=cell, advice="try again")

    def _hello(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "protocol": PROTOCOL,
            "version": MINE.package,
            "wire": MINE.wire.most,
            "city": self.config.city,
            "name": self.config.city_name,
            "boot_ns": self.clock.boot_ns(),
            "wall_ns": self.clock.wall_ns(),
            "stream": self._stream_endpoint,
            "epoch": self.config.epoch,
            "devices": len(self.homes),
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

    async def _outcome(self, args: Mapping[str, Any]) -> Any:
        """Ask the zone what became of a command; it may wait for a stage of it."""
        wait_s = min(number_arg(args, "wait_ms", 0.0), LONGEST_WAIT_MS) / 1e3
        zone = self._zone_cell_of(text_arg(args, "device"))
        return await self._ask(zone.name, "outcome", args, QUERY_S + wait_s)

    async def _of_zone(self, verb: str, args: Mapping[str, Any]) -> Any:
        zone = self._zone_cell_of(text_arg(args, "device"))
        return await self._ask(zone.name, verb, args)

    async def _of_zones(self, verb: str, args: Mapping[str, Any]) -> dict[str, Any]:
        cells = sorted(set(self.directory.zones.values()))
        answers = await asyncio.gather(*(self._ask(cell, verb, args) for cell in cells))
        return {"rows": [row for answer in answers for row in answer["rows"]]}

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
        more = {"names": False} if args.get("names") is False else {}
        return await self._ask(cell, "snapshot", {"topic": topic, **more})

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
        home = self.homes.get(device)
        name = self.directory.homes.get(home.shard, "") if home is not None else ""
        return self.directory.cells.get(name)

    def _owner_of(self, device: str) -> CellAddress:
        owner = self._owner(device)
        if owner is not None:
            return owner
        if device in self.homes:
            raise CellUnreachable(f"the cell of {device} is being replaced", advice="try again")
        raise UnknownDevice(f"no device {device!r}", advice="see `jacquemart ls`")

    def _zone_cell(self, device: str) -> CellAddress | None:
        home = self.homes.get(device)
        name = self.directory.zones.get(home.zone, "") if home is not None else ""
        return self.directory.cells.get(name)

    def _zone_cell_of(self, device: str) -> CellAddress:
        found = self._zone_cell(device)
        if found is not None:
            return found
        if device in self.homes:
            raise CellUnreachable(f"the zone of {device} is being replaced", advice="try again")
        raise UnknownDevice(f"no device {device!r}", advice="see `jacquemart ls`")

    def _one(self, role: Role) -> str:
        cells = self.directory.of_role(role)
        if not cells:
            raise CellUnreachable(f"no {role} cell is known", advice="try again")
        return cells[0].name
