"""A bollard on a real link shell in virtual time, over a PLC that believes everything it is told.

The PLC here has no interlock of its own: whatever the runtime lets through, it does. It writes
down each pulse together with the reads that went before, for ``Judge`` to look at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from bench_host import BenchHost, Ends
from scripted_driver import Do, ScriptedDriver, Send

from jacquemart.actors.access import Bollard
from jacquemart.actors.access.bollard_points import (
    DOWN,
    FAULT,
    GUARDS,
    LOCAL,
    LOOP,
    LOWER,
    POINTS,
    RAISE,
    UP,
)  # fmt: skip
from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.field import Bad, BoundPoint
from jacquemart.runtime.testing.virtual_time import VirtualClock

S = 1_000_000_000
CLEAR = {LOOP: 0.0, UP: 0.0, DOWN: 1.0, FAULT: 0.0, LOCAL: 0.0}
TRAVEL_S = 4.0
"""What a movement really takes; the runtime allows it 8 s."""


@dataclass
class Seen:
    """A read that has come back, as the runtime got it."""

    began_ns: int
    ended_ns: int
    values: dict[str, float | None]


@dataclass
class Left:
    """A pulse at the moment when the driver was given it."""

    time_ns: int
    up: bool
    read: Seen | None
    """The last read before it, if no write came in between."""
    harmless: bool = False
    """The driver said that it had no effect."""


class Plc:
    """One bollard: inputs that a story sets, and a drive that does what it is told."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.inputs: dict[str, float] = {LOOP: 0.0, FAULT: 0.0, LOCAL: 0.0}
        self.jammed = False
        self.sends: list[Send] = []
        self.odd: dict[str, float] = {}
        self._moves: list[tuple[int, bool]] = []
        self._up, self._since = False, 0

    def write(self, point: str, value: float, after_s: float = 0.0) -> None:
        """Take a pulse."""
        self._moves.append((self.clock.boot_ns() + int(after_s * S), point.endswith(RAISE)))

    def truth(self, point: str) -> float:
        """Return what an input shows now."""
        name = point.rpartition("/")[2]
        if name in self.odd:
            return self.odd[name]
        if name in self.inputs:
            return self.inputs[name]
        now = self.clock.boot_ns()
        for at, up in sorted(move for move in self._moves if move[0] <= now):
            if up is not self._up and not self.jammed:
                self._up, self._since = up, at
        self._moves = [move for move in self._moves if move[0] > now]
        arrived = now - self._since >= TRAVEL_S * S
        return float(arrived and self._up is (name == UP))

    def stand(self, *, up: bool) -> None:
        """Be there already."""
        self._up, self._since, self._moves = up, -int(TRAVEL_S * S), []


class WatchedDriver(ScriptedDriver):
    """Follows its script, and remembers what was read before each pulse."""

    def __init__(self, field: Any) -> None:
        super().__init__(field)
        self.last: Seen | None = None
        self.left: list[Left] = []

    async def read(self, plan: Sequence[BoundPoint]) -> Any:
        began = self.clock.boot_ns()
        self.last = None
        answer = await super().read(plan)
        if isinstance(answer, list) and len(answer) == len(plan):
            values = {
                point.spec.name: None if isinstance(value, (Bad, str)) else value
                for point, value in zip(plan, answer, strict=True)
            }
            self.last = Seen(began, self.clock.boot_ns(), values)
        return answer

    async def write(self, writes: Sequence[tuple[BoundPoint, float]]) -> Any:
        script = self.scripts["write"]
        does = (script[0] if script else self.always["write"]).what
        harmless = does in ("busy", "refuse", "link", "unit")
        for point, _ in writes:
            up = point.spec.name == RAISE
            self.left.append(Left(self.clock.boot_ns(), up, self.last, harmless))
        self.last = None
        return await super().write(writes)


class BollardBench:
    """One bollard on one link. ``async with`` runs the link's task."""

    def __init__(self, clock: VirtualClock, *, up: bool = False, **options: Any) -> None:
        self.clock = clock
        self.host, self.ends = BenchHost(clock), Ends(clock)
        self.plc = Plc(clock)
        self.plc.stand(up=up)
        self.driver = WatchedDriver(self.plc)
        self.options = options
        self.born: list[int] = []
        self._task: asyncio.Task[None] | None = None
        self._build()

    def _build(self) -> None:
        points = tuple(point.spec() for point in POINTS)
        template = TemplateSpec("bollard", "bollard", "scripted", points, self.options)
        device = DeviceSpec("b-1", "bollard", "north", "line")
        self.shard = Shard(
            ShardSpec("north/0", "north", (LinkSpec("line", "scripted", "north"),), (device,)),
            {"bollard": template},
            {"bollard": Bollard},
            {"scripted": lambda link, publish: self.driver},  # type: ignore[dict-item]
            self.host,
        )
        self.shell = self.shard.links["line"]
        actor = self.shard.actors[0]
        assert isinstance(actor, Bollard)
        self.bollard = actor
        self.born.append(self.clock.boot_ns())

    async def __aenter__(self) -> Self:
        self.bollard.start()
        self._task = asyncio.create_task(self.shell.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End the link, then the actor, as a cell does."""
        if self._task is not None:
            task, self._task = self._task, None
            assert not task.done(), "a link's task never ends by itself"
            task.cancel()
            await asyncio.wait([task])
        self.bollard.stop()

    async def restart(self) -> None:
        """Another cell takes over: a new actor and a new link, and the same PLC."""
        await self.stop()
        self._build()
        await self.__aenter__()

    def tell(self, verb: str, **options: Any) -> Ticket:
        """Command the bollard: ``raise``, ``lower``, ``pass``, or ``set`` with a point."""
        options.setdefault("value", 1.0 if verb == "set" else None)
        options.setdefault("point", "")
        ticket = self.ends.ticket(options.pop("value"), device="b-1", verb=verb, **options)
        self.bollard.post(ticket)
        return ticket

    def pulses(self) -> list[str]:
        """Return what reached the PLC, in order."""
        return [s.point.rpartition("/")[2].removesuffix("_pulse") for s in self.plc.sends]

    def position(self) -> str:
        """Return what the bollard shows."""
        words = ("lowered", "raised", "moving", "unknown", "fault")
        return words[int(self.bollard.value("position"))]

    def events(self) -> list[str]:
        """Return the names of what was told, in order."""
        return [name for _, name, _, _ in self.host.events]


def always(driver: ScriptedDriver, call: str, what: str, seconds: float = 0.0) -> None:
    """Let a call do this from now on."""
    driver.always[call] = Do(what, seconds)


class Judge:
    """Says of each pulse whether it may have left; knows nothing of the rules' code."""

    def __init__(self, bench: BollardBench) -> None:
        self.bench = bench
        self.asked: list[tuple[int, bool]] = []
        """When a command came, and whether it would raise."""

    def tell(self, verb: str, **options: Any) -> Ticket:
        up = verb in ("raise", "pass") or options.get("point") == RAISE
        self.asked.append((self.bench.clock.boot_ns(), up))
        return self.bench.tell(verb, **options)

    def check(self) -> None:
        """Look at all pulses that have left."""
        before: Left | None = None
        ups = 0
        for left in self.bench.driver.left:
            if left.up:
                ups += not left.harmless  # what was certainly never sent is no pulse
                self._check_raise(left, before)
            if not left.harmless:
                before = left
        assert ups <= sum(up for _, up in self.asked), "more pulses than commands"

    def _check_raise(self, left: Left, before: Left | None) -> None:
        now = left.time_ns
        assert left.read is not None, "nothing was read right before"
        assert set(left.read.values) == set(GUARDS), "something else was read right before"
        assert left.read.values == CLEAR, "it rises all the same"
        assert now - left.read.began_ns <= S, "what was read is old"
        born = max(at for at in self.bench.born if at <= now)
        assert now - born >= 8 * S, "who was here before may have sent a pulse"
        asked = [up for at, up in self.asked if at <= left.read.began_ns]
        assert asked and asked[-1], "the newest command lowers it"  # noqa: PT018
        if before is not None and before.up:
            assert now - before.time_ns >= 8 * S or self._was_up(before.time_ns, now), (
                "the pulse before has no known end"
            )

    def _was_up(self, since: int, now: int) -> bool:
        """Return whether it was up in between; a movement takes its time, so it was read so."""
        lowered = [x for x in self.bench.driver.left if since < x.time_ns < now and not x.up]
        return bool(lowered) or self.bench.plc.truth(UP) == 1.0


__all__ = ["LOWER", "RAISE", "BollardBench", "Judge", "always"]
