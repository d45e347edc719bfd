"""A real zone cell in virtual time, whose clients, cells and journal are moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hand_wired_gateway import MS, HandContext, HandSocket, Sent

from jacquemart.native import frames
from jacquemart.runtime.cell.assembly import find_parts, make_service, populate
from jacquemart.runtime.model.city import DeviceSpec, PointSpec, TemplateSpec, ZoneSpec
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory, ShardSpec
from jacquemart.runtime.model.errors import JournalFull
from jacquemart.runtime.model.versions import MINE
from jacquemart.runtime.store.memory import MemoryJournal
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.scheduler import Scheduler
from jacquemart.runtime.wire.substitute import Message

TEMPLATES = {
    "lamp": TemplateSpec("lamp", "generic", "simulated", (PointSpec("level", writable=True),))
}
DEVICES = {"lamp-1": "north", "lamp-2": "north", "lamp-3": "south"}
SHARDS = {"north/0": "north", "south/0": "south"}
EPOCH = 7


class HandWiredZone:
    """One zone cell, what it has sent and written, and the strings that move it."""

    def __init__(self, *, plain: bool) -> None:
        """Start; without ``plain`` all commands go the long way."""
        self.clock = Scheduler(0)
        self.process = SimulatedProcess(self.clock, "zone-0", EPOCH)
        self.context = HandContext()
        self._version = 0
        config = CellConfig(
            "hand", "Hand", "zone-0", "zone", EPOCH, 20,
            (ZoneSpec("north"), ZoneSpec("south")), TEMPLATES,
            tuple(
                ShardSpec(shard, zone, (), tuple(
                    DeviceSpec(id, "lamp", zone, "link")
                    for id, home in DEVICES.items() if home == zone
                ))
                for shard, zone in SHARDS.items()
            ),
        )  # fmt: skip
        self.service: Any = make_service(config, self.process.loop, self.context, self.clock)
        self.process.inside(self.service.start)
        self.process.inside(lambda: populate(self.service, config, find_parts(config)))
        if not plain:
            self.service.plain.open = False
        self.pass_ms(1)

    @property
    def clients(self) -> HandSocket:
        """The socket of those who ask it."""
        return next(socket for socket in self.context.sockets if socket.kind == "router")

    def journal(self, zone: str) -> MemoryJournal:
        """Return the journal of a zone."""
        journal = self.service.authority.books[zone].journal
        assert isinstance(journal, MemoryJournal)
        return journal

    def refuse(self, zone: str, *, full: bool) -> None:
        """Have a journal full, or not any more."""
        self.journal(zone).fault = JournalFull("no room is left", where=zone) if full else None

    def to_cells(self) -> list[Sent]:
        """Return what was sent to cells so far, cell by cell."""
        return [
            Sent(socket.endpoint, *parts)
            for socket in self.context.sockets if socket.kind == "dealer"
            for parts in socket.out
            if frames.kind_of(parts[1]) in (frames.COMMAND, frames.CLAIM)
        ]  # fmt: skip

    def pass_ms(self, ms: float) -> None:
        """Let time pass."""
        until = self.clock.now_ns + int(ms * MS)
        self.clock.at(until, None, lambda: None)
        self.clock.run(lambda: self.clock.now_ns >= until and not self.process.queued)

    def come(self, *messages: Message) -> None:
        """Have messages come, all at once: peer, token, frame."""
        self.process.inside(lambda: self.clients.hand(messages))

    def answer(self, sent: Sent, frame: bytes) -> None:
        """Have the cell that was sent something answer, if it is still connected."""
        for socket in self.context.sockets:
            if socket.endpoint == sent.cell:
                self.process.inside(lambda socket=socket: socket.hand([(sent.token, frame)]))

    def find(self, homes: Mapping[str, str], epochs: Mapping[str, int]) -> None:
        """Give it a newer directory: shard -> cell, and the epochs of the cells there are."""
        self._version += 1
        cells = {
            name: CellAddress(
                name, "device", epoch, f"{name}@{epoch}", f"{name}@{epoch}/stream", 0, "here",
                place="there" if name.startswith("far") else self.service.place,
                far_commands=f"{name}@{epoch}", far_stream="stream", wire_most=MINE.wire.most,
            )
            for name, epoch in epochs.items()
        }  # fmt: skip
        zones = dict.fromkeys(SHARDS.values(), "zone-0")
        directory = Directory(self._version, cells, dict(homes), zones)
        self.process.inside(lambda: self.service.connect(directory))
