"""A bench for one actor: alone with its link and a field at the test's hand, in virtual time.

What is under test is what runs in a city: the real shard, link shell and writer, so that guards,
read-backs, deadlines and staleness are the real ones. Only the field is made up, and time does
not pass unless ``advance`` lets it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Self

from jacquemart.runtime.actor import DeviceActor, Ticket
from jacquemart.runtime.actor.ticket import Value
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, TemplateSpec, ZoneSpec
from jacquemart.runtime.model.clock import Clock
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.territory import Territory
from jacquemart.runtime.testing.kinds.field import Answers, BenchDriver, BenchField
from jacquemart.runtime.testing.kinds.others import Others
from jacquemart.runtime.testing.kinds.template import template_of
from jacquemart.runtime.testing.virtual_time import VirtualClock, VirtualTimeLoop

#: What passes while the bench waits for things to happen that need no time.
MOMENT_S = 0.001
SWEEP_S = 1.0
#: A link that was lost tries again after at most so long.
RECONNECT_S = 60.0
_NUMBERS = itertools.count(1)


class Said(NamedTuple):
    """An event that the actor has emitted."""

    name: str
    severity: int
    detail: Mapping[str, Any]


class KindBench:
    """``with KindBench(Fountain) as bench: bench.reading("wind", 14.0)``.

    Attributes:
        actor: the device under test, started, on a link that is up.
        writes: what was sent to the field, as ``(point, value)``, in order.
        events: what the actor has emitted.
        failures: what its code has raised; a sound kind raises nothing.
        others: all other devices: what they were commanded, and how that ends.
    """

    def __init__(
        self,
        kind: type[DeviceActor],
        template: TemplateSpec | None = None,
        *,
        start: Mapping[str, float] | None = None,
        options: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        device: str = "device-1",
    ) -> None:
        """Start a device; without a template, with one made from the declaration.

        Args:
            kind: the kind under test.
            template: its template; ``template_of`` makes others.
            start: what points hold at the start; the others their lowest value, or 0.
            options: options of the template that is made.
            parameters: what the device has for the parameters of its template.
            device: its id.
        """
        self.template = template or template_of(kind, options=options)
        loop = VirtualTimeLoop()
        self.loop: asyncio.AbstractEventLoop = loop
        self.clock: Clock = VirtualClock(loop)
        self.others = self.commanding = Others(loop, self.clock)
        self.events: list[Said] = []
        self.failures: list[BaseException] = []
        self.field = BenchField(self.loop.time)
        for point in self.template.points:
            if "derived" not in point.address:
                self.field.values[point.name] = max(0.0, point.low or 0.0)
        self.field.values.update(start or {})
        #: What a cell lets its actors ask: where zones are. Here nobody knows of any outline.
        self.territory = Territory((ZoneSpec("zone-1"),))
        link = LinkSpec("link-1", "bench", "zone-1")
        made = DeviceSpec(
            device, self.template.name, "zone-1", "link-1", parameters=parameters or {}
        )
        self.shard = Shard(
            ShardSpec("zone-1/0", "zone-1", (link,), (made,)),
            {self.template.name: self.template},
            {self.template.kind: kind},
            {"bench": self._driver},  # type: ignore[dict-item]
            self,
        )
        self.actor: DeviceActor = self.shard.actors[0]
        self._shell = self.shard.links["link-1"]
        self._tasks: list[asyncio.Task[None]] = []
        self._first = True
        self.loop.run_until_complete(self._start())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a test does ------------------------------------------------------------------------

    def reading(self, point: str, value: float, quality: Quality = Quality.GOOD) -> None:
        """Let the field show a value from now on; it is read at once.

        With a quality that is not usable, the point shows that quality, and keeps its value.
        """
        self.show({point: (value, quality)})

    def show(self, points: Mapping[str, tuple[float, Quality]]) -> None:
        """Let the field show several values at once; see ``reading``."""
        slots = [self._slot(point) for point in points]
        for point, (value, quality) in points.items():
            self.field.values[point] = value if quality < Quality.STALE_AGE else Bad(quality)
        values = [
            value if quality < Quality.STALE_AGE else self.value(point)
            for point, (value, quality) in points.items()
        ]
        qualities = [int(quality) for _, quality in points.values()]
        self._happen(lambda: self._publish(slots, values, qualities))

    def set(self, point: str, value: Value, unit: str = "", **options: Any) -> Ticket:
        """Command one point, as a client does, and let it happen; see ``command``."""
        return self.command("set", value, unit=unit, point=point, **options)

    def command(
        self,
        verb: str,
        value: Value = None,
        *,
        unit: str = "",
        point: str = "",
        within_s: float = 10.0,
        priority: int = 8,
    ) -> Ticket:
        """Send a command of the kind, and let what needs no time happen.

        ``.outcome`` of the ticket is None until it has ended: ``advance`` lets time pass.
        """
        now = self.clock.boot_ns()
        ticket = Ticket(
            next(_NUMBERS).to_bytes(16, "big"), "tester", self.actor.id, verb, point, value, unit,
            priority, now + int(within_s * 1e9), now, lambda _: None,
        )  # fmt: skip
        self._happen(lambda: self.actor.post(ticket))
        return ticket

    def advance(self, seconds: float) -> None:
        """Let time pass: polls, timers, deadlines and staleness happen meanwhile."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def link(self, up: bool) -> None:
        """Take the link down, or let it come up again; returns when that was noticed."""
        self.field.up = up
        if up:
            self.advance(RECONNECT_S)
        else:  # the next poll meets the loss: have it now
            self._happen(lambda: self._shell.feed("", alive=True))

    def answers(self, how: Answers) -> None:
        """Say what the device does with writes from now on."""
        self.field.answers = how

    def stop(self) -> None:
        """Stop the actor, as its cell does when the device leaves."""
        self._happen(self.actor.stop)

    def successor(self, state: Mapping[str, Any]) -> DeviceActor:
        """Return a new actor of the same device that has taken a saved state, not started."""
        old = self.actor
        made = type(old)(old.spec, old.template, old.shard, old.base, self)
        made.load(state)
        return made

    def close(self) -> None:
        """End everything; idempotent."""
        if self.loop.is_closed():
            return
        self._happen(self.actor.stop)
        for task in self._tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self.loop.close()

    # What a test looks at --------------------------------------------------------------------

    @property
    def writes(self) -> list[tuple[str, float]]:
        """Return what was sent to the field, in order."""
        return self.field.writes

    @property
    def said(self) -> list[str]:
        """Return the names of the events."""
        return [event.name for event in self.events]

    def value(self, point: str) -> float:
        """Return what the city knows of a point."""
        return self.shard.table.value(self._slot(point))

    def quality(self, point: str) -> Quality:
        """Return the quality of what it knows."""
        return Quality.from_code(self.shard.table.quality(self._slot(point)))

    # The host of actor and link ----------------------------------------------------------------

    def emit(self, actor: Any, name: str, severity: int, detail: Mapping[str, Any]) -> None:
        """Keep an event."""
        self.events.append(Said(name, severity, dict(detail)))

    def failed(self, actor: Any, error: BaseException) -> None:
        """Keep what the actor's code raised."""
        self.failures.append(error)

    def link_changed(self, link: Any, up: bool, detail: str) -> None:
        """Take note of nothing: the actor is told by itself."""

    def flush(self) -> None:
        """Publish nothing: nobody follows."""

    def _driver(self, link: LinkSpec, publish: Any) -> BenchDriver:
        self._publish = publish
        return BenchDriver(self.field)

    async def _start(self) -> None:
        self.actor.start()
        self._tasks.append(self.loop.create_task(self._shell.run()))
        self._tasks.append(self.loop.create_task(self._sweep()))
        # A poll has a phase of its own: by then the slowest group was read once.
        await asyncio.sleep(MOMENT_S)

    def _happen(self, act: Callable[[], object]) -> None:
        """Do something on the loop, and let what needs no time happen."""

        async def moment() -> None:
            act()
            await asyncio.sleep(MOMENT_S)

        self.loop.run_until_complete(moment())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.shard.table.sweep(self.clock.wall_ns())

    def _slot(self, point: str) -> int:
        at = self.template.point_index(point)
        if at < 0:
            known = ", ".join(spec.name for spec in self.template.points)
            raise KeyError(f"no point {point!r}; there are {known}")
        return self.actor.base + at
