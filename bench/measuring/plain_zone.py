"""As much of a zone cell as a plain journalled command meets, without loop, socket or disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from jacquemart.native import frames
from jacquemart.native.bundle import Packer
from jacquemart.native.desk import Desk, Route, Written
from jacquemart.runtime.kernel.admission import Admissions
from jacquemart.runtime.kernel.command_window import EndedBody
from jacquemart.runtime.kernel.ended_commands import Ended
from jacquemart.runtime.kernel.lifecycle import Entry, Event, State
from jacquemart.runtime.kernel.zone_standing import Setpoint
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.record import Draft, Record, RecordKind
from measuring.plain_gateway import DEVICE, ID, QuietCalls, QuietLine, fail

WALL_NS = 10**18
_OUTCOME = frames.encode_outcome(
    frames.OutcomeFrame(ID, DEVICE, "level", 0, "ok", "", 80.0, 10**15, 10**15, 10**15, 10**15)
)


class _Pump:
    """Keeps what it is given to send; nothing comes by itself."""

    readable = False

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, ...]] = []

    def send(self, *parts: bytes) -> bool:
        self.sent.append(parts)
        return True

    def receive(self, most: int) -> list[tuple[bytes, ...]]:
        raise SystemExit("nobody drains this")


class PlainZone:
    """A desk with one zone and one device; what it writes is on disk when that is said."""

    def __init__(self, deadline_ns: int) -> None:
        """Serve commands with this deadline."""
        self._deadline_ns = deadline_ns
        self._clients, self._cells = _Pump(), _Pump()
        self._line, self._away = QuietLine(), QuietLine()
        self._line.begin(self._clients, self._came, fail, 256)
        self._away.begin(self._cells, fail, fail, 256)
        calls = QuietCalls()
        calls.carry(self._away, fail)
        self._route = Route(calls, 3, "there")
        state = ZoneState()
        self._book = SimpleNamespace(state=state, journal=SimpleNamespace(epoch=1), fault=None)
        self._written: list[Written] = []
        self._number = 0
        self.desk = Desk(
            self, epoch=3, clock=None, claims=(), in_the_way=({},), watched=({},), refusals={},
            counters={"commands": 0},
            types={
                "entry": Entry, "draft": Draft, "record": Record, "setpoint": Setpoint,
                "ended": Ended, "body": EndedBody,
            },
            states=(State.RECEIVED, State.DISPATCHED, State.ENDED, State.GONE),
            events=(Event.DURABLE, Event.UNSENT), kinds=(RecordKind.ACCEPTED, RecordKind.ENDED),
            failure=JacquemartError, overdue_ns=0, patience_ns=10**9, most_live=10**6,
            most_known=10**6, most_bytes=2**30, overhead=500,
        )  # fmt: skip
        zone = SimpleNamespace(
            book=self._book,
            admissions=Admissions(state.commands),
            refused=(),
            unasked={},
            happen=fail,
        )
        self.desk.have({"north": zone}, {DEVICE: ("north/0", "north", None)})
        self._line.taker = self.desk

    def messages(self, first: int, count: int) -> list[tuple[bytes, bytes, bytes]]:
        """Return commands as they come, with identities from ``first`` on."""
        return [
            (b"peer1", b"token123", frames.encode_command(frames.Command(
                number.to_bytes(16, "big"), "operator", DEVICE, "set", "level", 80.0, "%", 8,
                self._deadline_ns, 3,
            )))
            for number in range(first, first + count)
        ]  # fmt: skip

    def bundle(self, first: int, count: int) -> list[tuple[bytes, bytes, bytes]]:
        """Return the same as the one message that they are together."""
        packer = Packer()
        for number, (_, _, frame) in enumerate(self.messages(first, count)):
            packer.put(b"%08d" % number, frame)
        return [(b"peer1", b"token123", packer.take())]

    def carry(self, messages: list[tuple[bytes, bytes, bytes]], count: int) -> None:
        """Have ``count`` commands come in these messages, and go all the way to their ends."""
        self._line.hand_all(messages)  # type: ignore[arg-type]
        self._on_disk()
        self._away.hand_all([(token, _OUTCOME) for token, _ in self._cells.sent])
        self._cells.sent.clear()
        self._on_disk()
        told = sum(frame is _OUTCOME for _, _, frame in self._clients.sent)
        self._clients.sent.clear()
        if told != count:
            raise SystemExit(f"{told} of {count} commands were told their ends")

    def _came(self, message: tuple[bytes, ...]) -> None:
        if not self._line.hand_bundle(message):
            fail(ValueError(f"a command went the long way: {message!r}"))

    def _on_disk(self) -> None:
        written, self._written = self._written, []
        for one in written:
            one(None)

    def append(self, zone: Any, draft: Draft, done: Any, *, hurry: bool) -> None:
        """Write a record: what a journal costs is not counted here."""
        parts: Sequence[Any] = (((draft,), done),)
        self._number += 1
        written = Written(self._book, parts, WALL_NS, Record)
        written.last = self._number
        self._written.append(written)

    def route_to(self, shard: str) -> Route:
        """Return the only way that there is."""
        return self._route

    def failed(self, error: Exception, *_: bytes) -> None:
        """Fail as well."""
        fail(error)


def through_a_desk(count: int, *, bundled: bool = False) -> Callable[[int], None]:
    """Return what has ``count`` commands come, sent, told, written and forgotten, so many times.

    With the window and the state, which are Python; without a journal.
    """
    zone = PlainZone(2**62)
    make = zone.bundle if bundled else zone.messages
    come = iter([make(first, count) for first in range(0, 400 * count, count)])

    def run(times: int) -> None:
        before = zone.desk.taken
        for _ in range(times):
            zone.carry(next(come), count)
        if zone.desk.taken - before != count * times:
            raise SystemExit("a command was not taken natively")

    return run
