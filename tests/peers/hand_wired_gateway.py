"""A real gateway in virtual time, whose clients and cells are moved by hand: who tests, is both."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jacquemart.native import frames
from jacquemart.native.bundle import bundled, unbundled
from jacquemart.native.pump import Unroutable
from jacquemart.runtime.cell.assembly import make_service
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec, ZoneSpec
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory, ShardSpec
from jacquemart.runtime.model.versions import MINE
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.scheduler import Scheduler
from jacquemart.runtime.wire.substitute import (
    Kind,
    Message,
    SubstituteContext,
    SubstituteSocket,
)

MS = 1_000_000
TEMPLATES = {
    "camera": TemplateSpec(
        "camera", "camera", "simulated", (PointSpec("pan", volatile=True), PointSpec("zoom")),
        volatile=("look",),
    ),
    "lamp": TemplateSpec("lamp", "lamp", "simulated", (PointSpec("level", writable=True),)),
}  # fmt: skip
DEVICES = {"cam-1": "camera", "cam-2": "camera", "lamp-1": "lamp"}
ZONES = {"cam-1": "north", "cam-2": "south", "lamp-1": "north"}


class HandSocket(SubstituteSocket):
    """Keeps what it is given to send, and has received what it is handed."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.endpoint = ""
        self.has_room = True
        self.gone: set[bytes] = set()
        self.out: list[Message] = []
        self._in: deque[Message] = deque()
        self._taken = 0
        self._callback: Callable[[], None] | None = None

    @property
    def received(self) -> int:
        return self._taken

    @property
    def sent(self) -> int:
        return len(self.out)

    @property
    def readable(self) -> bool:
        return bool(self._in)

    def bind(self, endpoint: str) -> str:
        self.endpoint = f"bound {self.kind}"
        return self.endpoint

    def connect(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def send(self, *parts: bytes) -> bool:
        if self.kind == "router" and parts[0] in self.gone:
            raise Unroutable(113, "gone")
        if self.has_room:
            self.out.append(parts)
        return self.has_room

    def receive(self, limit: int) -> list[Message]:
        found = [self._in.popleft() for _ in range(min(limit, len(self._in)))]
        self._taken += len(found)
        return found

    def watch(self, loop: Any, callback: Callable[[], None]) -> None:
        self._callback = callback

    def unwatch(self) -> None:
        self._callback = None

    def close(self) -> None:
        self._callback = None

    def hand(self, messages: Sequence[Message]) -> None:
        """Have received them."""
        self._in.extend(messages)
        if self._callback is not None:
            self._callback()


class HandContext(SubstituteContext):
    """Makes such sockets, and keeps them all."""

    def __init__(self) -> None:
        self.sockets: list[HandSocket] = []

    def make(self, kind: Kind, *, identity: bytes, frame_limit: int, high_water: int) -> HandSocket:
        self.sockets.append(HandSocket(kind))
        return self.sockets[-1]

    def term(self) -> None: ...

    def destroy(self, linger: int | None = None) -> None: ...


@dataclass(frozen=True)
class Sent:
    """What a gateway has sent to a cell, and to which one."""

    cell: str
    token: bytes
    frame: bytes


class HandWiredGateway:
    """One gateway, what it has sent, and the strings that move it."""

    def __init__(self, *, relays: bool) -> None:
        """Start; without ``relays`` all commands go the long way."""
        self.clock = Scheduler(0)
        self.process = SimulatedProcess(self.clock, "gateway-0", 7)
        self.context = HandContext()
        self._version = 0
        self.service: Any = make_service(
            self._config(frozenset(DEVICES), TEMPLATES), self.process.loop, self.context, self.clock
        )  # fmt: skip
        self.process.inside(self.service.start)
        self.relay = self.service.server.channel.taker
        if not relays:
            self.service.server.channel.taker = None

    @property
    def clients(self) -> HandSocket:
        """The socket of its clients."""
        return next(socket for socket in self.context.sockets if socket.kind == "router")

    def to_cells(self) -> list[Sent]:
        """Return what was sent to cells so far, cell by cell, be it in bundles or alone."""
        return [
            Sent(socket.endpoint, *one)
            for socket in self.context.sockets if socket.kind == "dealer"
            for parts in socket.out
            for one in (unbundled(parts[1]) if bundled(parts[1]) else [parts])
            if frames.kind_of(one[1]) == frames.COMMAND
        ]  # fmt: skip

    def bundles(self) -> list[list[tuple[bytes, bytes]]]:
        """Return the bundles that were sent to cells so far."""
        sent = [socket.out for socket in self.context.sockets if socket.kind == "dealer"]
        return [unbundled(parts[1]) for out in sent for parts in out if bundled(parts[1])]

    def pass_ms(self, ms: float) -> None:
        """Let time pass."""
        until = self.clock.now_ns + int(ms * MS)
        self.clock.at(until, None, lambda: None)
        self.clock.run(lambda: self.clock.now_ns >= until and not self.process.queued)

    def come(self, *messages: Message) -> None:
        """Have messages of clients come, all at once: peer, token, frame; until that turn ends."""
        self.process.inside(lambda: self.clients.hand(messages))
        self.pass_ms(0)

    def answer(self, sent: Sent, frame: bytes) -> None:
        """Have the cell that was sent something answer, if it is still connected."""
        for socket in self.context.sockets:
            if socket.endpoint == sent.cell:
                self.process.inside(lambda socket=socket: socket.hand([(sent.token, frame)]))

    def find(self, homes: Mapping[str, str], epochs: Mapping[str, int]) -> None:
        """Give it a newer directory: shard or zone -> cell, and the epochs of the cells there are.

        A cell whose name begins with ``far`` is on another host.
        """
        self._version += 1
        cells = {
            name: CellAddress(
                name, "zone" if "zone" in name else "device", epoch, f"{name}@{epoch}", "", 0,
                "here", place="there" if name.startswith("far") else self.service.place,
                far_commands=f"{name}@{epoch}", far_stream="stream",
                wire_most=MINE.wire.most,
            )
            for name, epoch in epochs.items()
        }  # fmt: skip
        directory = Directory(
            self._version, cells,
            {place: cell for place, cell in homes.items() if "/" in place},
            {place: cell for place, cell in homes.items() if "/" not in place},
        )  # fmt: skip
        self.process.inside(lambda: self.service.connect(directory))

    def change(self, devices: frozenset[str], volatile: tuple[str, ...]) -> None:
        """Have the city changed: the devices that there are, and which of theirs is volatile."""
        templates = {**TEMPLATES, "camera": replace(TEMPLATES["camera"], volatile=volatile)}
        config = self._config(devices, templates)
        self.process.inside(
            lambda: self.process.loop.create_task(self.service.take(config, {}, {}))
        )
        self.pass_ms(1)

    def stop(self, grace_s: float) -> None:
        """Have it begin to stop."""
        self.process.inside(lambda: self.process.loop.create_task(self.service.stop(grace_s)))

    def _config(self, devices: frozenset[str], templates: Mapping[str, TemplateSpec]) -> CellConfig:
        shards = tuple(
            ShardSpec(f"{zone}/0", zone, (), tuple(
                DeviceSpec(id, template, zone, "link")
                for id, template in DEVICES.items() if ZONES[id] == zone and id in devices
            ))
            for zone in ("north", "south")
        )  # fmt: skip
        return CellConfig(
            "hand", "Hand", "gateway-0", "gateway", 7, 20,
            (ZoneSpec("north"), ZoneSpec("south")), templates, shards,
        )  # fmt: skip
