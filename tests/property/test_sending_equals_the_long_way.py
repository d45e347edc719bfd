"""Nobody can tell a command that left natively from one that went the long way.

Two cells of the same kind have an actor that commands the same. One has no native way. All that
leaves, all that is heard and all that fails must be the same, and in the same order, whatever the
cells that are commanded answer, whoever is lost, parked or without a lease.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from fake_line import FakeLine, FakePump
from hypothesis import currently_in_test_context, event, given, settings
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.native.bundle import Packer, bundled, unbundled
from jacquemart.native.calls import Calls
from jacquemart.runtime.actor import DeviceActor, Ticket
from jacquemart.runtime.cell import commanding as long_way
from jacquemart.runtime.cell import straight_way
from jacquemart.runtime.cell.commanding import Commanding
from jacquemart.runtime.cell.permit import Permit
from jacquemart.runtime.kernel.under_way import UnderWay
from jacquemart.runtime.model.directory import CellAddress, Directory, Role
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.testing.virtual_time import VirtualClock, VirtualTimeLoop
from jacquemart.runtime.wire import messages

S = 1_000_000_000
HOMES = {"d0": ["east", "east/0", ["ring"], ["level"]], "d1": ["west", "west/0", ["ring"], []]}
CELLS: dict[str, Role] = {
    "zone-0": "zone", "zone-1": "zone", "device-1": "device", "device-2": "device",
    "device-3": "device",
}  # fmt: skip


def directory(version: int, epoch: int, east: str) -> Directory:
    cells = {
        name: CellAddress(name, role, epoch, f"inproc://{name}", "", 1, "here")
        for name, role in CELLS.items()
    }
    return Directory(
        version, cells, {"east/0": east, "west/0": "device-3"}, {"east": "zone-0", "west": "zone-1"}
    )


class Unbundling(FakePump):
    """Notes the messages in a bundle as if they had come alone."""

    def __init__(self) -> None:
        super().__init__()
        self.bundles: dict[bytes, list[bytes]] = {}

    def send(self, *parts: bytes) -> bool:
        """Take a message, or have no room."""
        if not bundled(parts[1]):
            return super().send(*parts)
        if self.takes:
            inside = unbundled(parts[1])
            assert len(inside) > 1, "one alone needs no bundle"
            self.bundles[parts[0]] = [token for token, _ in inside]
            self.sent += inside
            if currently_in_test_context():
                event("a bundle")
        return self.takes

    def bundle_of(self, token: bytes) -> bytes | None:
        """Return the token of a bundle that has no answer yet; None: the message was in none."""
        return next((one for one, inside in self.bundles.items() if token in inside), None)

    def answers_in_bundle(self, token: bytes, answer: bytes) -> tuple[bytes, bytes]:
        """Return an answer as the one that its bundle has at once."""
        whole = self.bundle_of(token)
        assert whole is not None
        del self.bundles[whole]
        packer = Packer()
        packer.put(token, answer)
        return whole, packer.take()


class Connection(Calls):
    """Native calls to a cell that answers what the test lets it answer."""

    def __init__(self, cell: Cell, name: str) -> None:
        self.cell, self.name = cell, name
        self.pump, self.wire = Unbundling(), FakeLine()
        self.wire.begin(self.pump, cell.strays.append, cell.broken, 256)
        self.carry(self.wire, cell.broken)
        self.bundles = cell.native

    def sweep_later(self) -> None:
        """As a caller does."""
        self.cell.loop.call_later(0.1, lambda: self.sweep(self.cell.clock.boot_ns()))

    def look_later(self) -> None:
        """As a caller does."""
        self.cell.loop.call_soon(self.look)

    def close(self) -> None:
        """As a caller does."""
        self.wire.end()
        self.end_all()


class Cell:
    """A device cell with one actor that commands, and nothing else."""

    stopping = False
    config = SimpleNamespace(name="device-1")

    def __init__(self, *, native: bool) -> None:
        self.native = native
        self.log: list[Any] = []
        self.strays: list[Any] = []
        self.loop = VirtualTimeLoop()
        self.clock = VirtualClock(self.loop)
        self.directory = directory(1, 1, "device-2")
        self.ledger = SimpleNamespace(sent=lambda digest, now: self.log.append(("marked", now)))
        self.connections: dict[str, Connection] = {}
        self.full: set[str] = set()
        self.ids: dict[bytes, int] = {}
        self.commanding = Commanding(self)  # type: ignore[arg-type]
        self.commanding.under_way = UnderWay(8, 6)
        self.commanding.direct.open = native
        self.permit = Permit(self.clock)
        host: Any = SimpleNamespace(
            commanding=self.commanding, clock=self.clock, loop=self.loop, failed=self.failed,
            emit=lambda *_: None,
        )  # fmt: skip
        spec: Any = SimpleNamespace(id="bus-1", zone="east")
        shard: Any = SimpleNamespace(permit=self.permit, spec=SimpleNamespace(id="south/0"))
        self.actor = DeviceActor(spec, SimpleNamespace(points=()), shard, 0, host)  # type: ignore[arg-type]
        self.number = 0

    # What its service offers -------------------------------------------------------------------

    def caller(self, name: str) -> Connection:
        found = self.connections.get(name)
        if found is None:
            found = self.connections[name] = Connection(self, name)
            found.pump.takes = name not in self.full
        return found

    def where(self, device: str, verb: str, point: str) -> None:
        return None

    def broken(self, error: BaseException) -> None:
        self.log.append(("broken", type(error).__name__))

    def failed(self, actor: Any, error: BaseException) -> None:
        self.log.append(("failed", type(error).__name__))

    # What happens to it --------------------------------------------------------------------------

    def command(
        self, device: Any, verb: Any, value: Any, point: str, rest: tuple[Any, ...]
    ) -> None:
        unit, priority, within_s, then = rest
        number, self.number = self.number, self.number + 1

        def heard(outcome: Outcome) -> Any:
            assert type(outcome) is Outcome
            assert type(outcome.stages) is type(Outcome(b"", "", "", Status.APPLIED).stages)
            told = (self.known(outcome.id), *outcome[1:])
            self.log.append(("heard", number, told, type(outcome.status)))
            if then == "raises":
                raise ValueError(number)
            if then == "again":
                self.command(device, verb, value, point, (unit, priority, within_s, "hears"))
            return _nothing() if then == "async" else None

        try:
            if then == "awaits":
                ticket = self.actor._owner or Ticket(
                    bytes(16), "ada", "bus-1", "go", "", None, "", 8,
                    self.clock.boot_ns() + 2 * S, self.clock.boot_ns(), lambda _: None,
                )  # fmt: skip
                self.loop.create_task(self.awaits(device, verb, value, ticket, number))
                return
            self.actor.command(
                device, verb, value, point=point, unit=unit, priority=priority, within_s=within_s,
                then=None if then == "nobody" else heard,
            )  # fmt: skip
        except UsageError as error:
            self.log.append(("refused", str(error)))

    def at_once(self, commands: list[tuple[Any, ...]]) -> None:
        """Command in one turn of the loop."""
        for _, *command in commands:
            self.command(*command)

    async def awaits(self, device: Any, verb: Any, value: Any, ticket: Ticket, number: int) -> None:
        try:
            outcome = await self.actor.commanded(device, verb, value, ticket)
        except UsageError as error:
            self.log.append(("refused", str(error)))
            return
        steps = len(ticket.steps or ())
        self.log.append(("heard", number, (self.known(outcome.id), *outcome[1:]), steps))

    def answer(self, which: int, how: tuple[str, Any]) -> None:
        """Have one of those that were asked answer, once."""
        self.look()
        waiting = [(c, t, f) for c in self.connections.values() for t, f in c.pump.sent]
        if not waiting:
            return
        connection, token, frame = waiting[which % len(waiting)]
        connection.pump.sent.remove((token, frame))
        answer = reply_to(frame, how)
        if connection.pump.bundle_of(token) is not None and which % 2:
            token, answer = connection.pump.answers_in_bundle(token, answer)
        connection.pump.come.append((token, answer))
        connection.wire.drain()
        self.look()

    def look(self) -> None:
        """Note what has left, and have zones say where devices are."""
        for connection in list(self.connections.values()):
            connection.look()  # the turn is over
            for token, frame in list(connection.pump.sent):
                if messages.kind_of(frame) == frames.QUERY:
                    connection.pump.sent.remove((token, frame))
                    connection.pump.come.append((token, home_of(connection.name, frame)))
                    connection.wire.drain()
                elif (token, connection) not in self.noted():
                    self._noted.append((token, connection))
                    sent = frames.decode_command(frame)
                    self.log.append((
                        "sent", connection.name, self.known(sent.id), sent.principal, sent.device,
                        sent.verb, sent.point, repr(sent.value), sent.unit, sent.priority,
                        sent.deadline_ns, sent.epoch, sent.first_ns,
                    ))  # fmt: skip

    def noted(self) -> list[Any]:
        self._noted: list[Any] = getattr(self, "_noted", [])
        return self._noted

    def known(self, id: bytes) -> int:
        return self.ids.setdefault(id, len(self.ids))

    def pass_time(self, seconds: float) -> None:
        """Let time pass; a lease that stands is renewed, but for a long time."""
        if self.permit.gate.until_ns and seconds < 1.0:
            self.permit.gate.extend(self.clock.boot_ns() + 3 * S)
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.look()
        self.loop.run_until_complete(asyncio.sleep(0.0))
        self.look()

    def change(self, what: tuple[Any, ...]) -> None:
        """Have something happen."""
        name, argument = what
        actor, permit = self.actor, self.permit
        if name == "lease":
            permit.gate.extend(self.clock.boot_ns() + 3 * S)
        elif name == "lease lost":
            permit.gate.close()
            permit.losses += 1
        elif name == "unrestored":
            permit.unrestored = {actor} if argument else set()
        elif name == "park":
            actor.park("it failed") if argument else actor.unpark()
        elif name == "full":
            cell = f"device-{argument + 2}"
            self.full ^= {cell}
            if cell in self.connections:
                self.connections[cell].pump.takes = cell not in self.full
        elif name == "in hand":
            ticket = Ticket(
                bytes([argument]) * 16, "ada", "bus-1", "set" if argument == 3 else "go", "", None,
                "", 8, self.clock.boot_ns() + S, self.clock.boot_ns(), lambda _: None,
            )  # fmt: skip
            actor._owner = ticket
        elif name == "ended":
            owner = actor._owner
            if owner is not None and not owner.ended:
                self.log.append(("acted", owner.acted))
                owner.finish(Status.APPLIED)
        else:
            self.new_directory(argument)
        self.look()

    def new_directory(self, number: int) -> None:
        before = self.directory
        epoch = 2 + number % 2
        self.directory = directory(
            before.version + 1, epoch, "device-3" if number > 1 else "device-2"
        )
        self.commanding.connected()
        for name, cell in before.cells.items():
            if cell != self.directory.cells[name] and name in self.connections:
                self.look()
                self.connections.pop(name).close()

    def end(self) -> None:
        """Stop, and say what is left."""
        self.actor.stop()
        self.look()
        self.pass_time(0.01)
        self.commanding.stop()
        self.log.append(("left", len(self.commanding.under_way), self.commanding.under_way.refused))
        for connection in self.connections.values():
            connection.close()
        self.loop.run_until_complete(asyncio.sleep(0.2))
        self.loop.close()
        assert not self.strays


async def _nothing() -> None:
    """Never run."""


def home_of(cell: str, frame: bytes) -> bytes:
    """Return what a zone cell says of devices."""
    zone = {"zone-0": "east", "zone-1": "west"}[cell]
    names = messages.decode_query(frame).args["devices"]
    mine = [name for name in names if name in HOMES and HOMES[name][0] == zone]
    homes = [HOMES[name] for name in mine]
    return messages.reply({"homes": homes, "of": {name: at for at, name in enumerate(mine)}})


def reply_to(frame: bytes, how: tuple[str, Any]) -> bytes:
    """Return an answer to a command."""
    command, (kind, what) = frames.decode_command(frame), how
    if kind == "frame":
        return bytes(what)
    status, reason = what
    return frames.encode_outcome(frames.OutcomeFrame(
        command.id, command.device, command.point, status, reason, "it says", 4.5, 1, 2, 0, 9,
    ))  # fmt: skip


@contextmanager
def known_ids() -> Iterator[None]:
    """Have each command an id of its own; which one is no matter."""
    numbers = iter(range(2**62))

    def new_command_id() -> bytes:
        return next(numbers).to_bytes(16, "big")

    with (
        mock.patch.object(long_way, "new_command_id", new_command_id),
        mock.patch.object(straight_way, "new_command_id", new_command_id),
    ):
        yield


REASONS = (
    Reason.MOVED, Reason.UNKNOWN_DEVICE, Reason.BUSY, Reason.NO_LEASE, Reason.CLOCK, Reason.JOURNAL,
    Reason.RULE,
)  # fmt: skip
ANSWERS = st.one_of(
    st.tuples(st.just("end"), st.tuples(st.sampled_from([*map(int, Status), 99]), st.just("ok"))),
    st.tuples(st.just("end"), st.just((int(Status.APPLIED), "ok"))),
    st.tuples(st.just("end"), st.tuples(st.just(int(Status.REJECTED)), st.sampled_from(REASONS))),
    st.tuples(st.just("frame"), st.sampled_from([
        messages.error("usage", "no"), messages.error("internal", "oh"), messages.reply(3),
        b"", b"\x9a\x01\x02nonsense", b"\x94\x01\x02nonsense",
    ])),
)  # fmt: skip
APPLIED = ("end", (int(Status.APPLIED), "ok"))
VALUES = st.sampled_from([None, 1, 2.5, True, "on", -3, 2**64 - 1, float("inf"), 2**64, [], b"x"])
MOSTLY_PLAIN = st.tuples(
    st.just(""), st.just(8), st.just(2.0), st.sampled_from(["hears", "hears", "again"])
)
RARE = st.tuples(
    st.sampled_from(["", "W", "x" * 300]), st.sampled_from([1, 2, 9, 16, 0, 17, True]),
    st.sampled_from([2.0, 3, 0.05]),
    st.sampled_from(["hears", "nobody", "raises", "async", "awaits"]),
)  # fmt: skip
COMMANDS = st.tuples(
    st.just("command"),
    st.sampled_from(["d0", "d0", "d0", "d1", "nobody"]),
    st.sampled_from(["ring", "ring", "ring", "keep", "set", "\ud800"]),
    st.one_of(st.just(1.0), VALUES),
    st.sampled_from(["", "", "level"]),
    st.one_of(MOSTLY_PLAIN, MOSTLY_PLAIN, RARE),
)
PLAIN = st.tuples(
    st.just("command"), st.sampled_from(["d0", "d1"]), st.just("ring"), st.just(1.0), st.just(""),
    MOSTLY_PLAIN,
)  # fmt: skip
STEPS = st.one_of(
    PLAIN, PLAIN, COMMANDS, COMMANDS,
    st.tuples(st.just("at once"), st.lists(st.one_of(PLAIN, COMMANDS), min_size=2, max_size=5)),
    st.tuples(st.just("answer"), st.integers(0, 9), ANSWERS),
    st.tuples(st.just("answer"), st.integers(0, 9), ANSWERS),
    st.tuples(st.just("pass"), st.sampled_from([0.0, 0.03, 0.5, 3.0, 9.0])),
    st.tuples(st.just("change"), st.tuples(
        st.sampled_from([
            "lease", "lease", "lease lost", "unrestored", "park", "full", "in hand", "ended",
            "directory",
        ]),
        st.integers(0, 3),
    )),
)  # fmt: skip


def story(steps: list[tuple[Any, ...]], *, native: bool) -> tuple[list[Any], int]:
    """Return all that was seen of a cell, and how much of it left natively."""
    with known_ids():
        cell = Cell(native=native)
        cell.change(("lease", 0))
        for device in ("d0", "d1"):  # so that it is known where they are
            cell.command(device, "ring", 1.0, "", ("", 8, 2.0, "hears"))
            cell.pass_time(0.01)
            cell.answer(0, APPLIED)
        for name, *rest in steps:
            does: dict[str, Callable[..., None]] = {
                "command": cell.command, "at once": cell.at_once, "answer": cell.answer,
                "pass": cell.pass_time, "change": cell.change,
            }  # fmt: skip
            does[name](*rest)
            cell.look()
            cell.log.append(("under way", len(cell.commanding.under_way)))
        cell.end()
    return cell.log, cell.commanding.direct.taken


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, min_size=6, max_size=30))
def test_a_cell_says_and_hears_the_same_whichever_way_its_commands_leave(
    steps: list[tuple[Any, ...]],
) -> None:
    native, taken = story(steps, native=True)
    long, none = story(steps, native=False)
    event(f"{min(taken, 5)} left natively")
    assert none == 0
    assert native == long


def test_what_nothing_stands_in_the_way_of_leaves_natively() -> None:
    plain = ("command", "d0", "ring", 1.0, "", ("", 8, 2.0, "hears"))
    log, taken = story([plain, ("answer", 0, APPLIED), plain, ("answer", 0, APPLIED)], native=True)
    assert taken == 2
    assert [one[1] for one in log if one[0] == "heard"] == [0, 1, 2, 3]
    _, taken = story([("change", ("lease lost", 0)), plain], native=True)
    assert taken == 0


PLAIN_RING = ("ring", 1.0, "", ("", 8, 2.0, "hears"))


@contextmanager
def five_in_one_turn() -> Iterator[tuple[Cell, Connection]]:
    """Have a cell that has given five commands in this turn; the first of them has left."""
    with known_ids():
        cell = Cell(native=True)
        cell.change(("lease", 0))
        cell.command("d0", *PLAIN_RING)
        cell.pass_time(0.01)
        cell.answer(0, APPLIED)
        cell.log.clear()
        connection = cell.connections["device-2"]
        connection.pump.sent.clear()
        for _ in range(5):
            cell.command("d0", *PLAIN_RING)
        assert len(connection.pump.sent) == 1, "the first waits for nobody"
        assert connection.waiting == 5
        yield cell, connection
        cell.end()


def heard(cell: Cell) -> list[tuple[int, str, str]]:
    """Return which commands have their end, and which, in their order."""
    return [(one[1], one[2][3].name, one[2][4]) for one in cell.log if one[0] == "heard"]


def test_what_is_commanded_in_one_turn_leaves_together_at_its_end() -> None:
    with five_in_one_turn() as (cell, connection):
        cell.loop.run_until_complete(asyncio.sleep(0))
        ((_, inside),) = connection.pump.bundles.items()
        assert [token for token, _ in connection.pump.sent][1:] == inside
        assert len(inside) == 4
        for _ in range(5):
            cell.answer(0, APPLIED)
        assert heard(cell) == [(number, "APPLIED", "ok") for number in range(1, 6)]


def test_no_more_than_32_wait_for_the_end_of_their_turn() -> None:
    with five_in_one_turn() as (cell, connection):
        cell.commanding.under_way = UnderWay(100, 100)
        for _ in range(30):
            cell.command("d0", *PLAIN_RING)
        assert [len(inside) for inside in connection.pump.bundles.values()] == [32]


def test_what_finds_no_room_at_the_end_of_its_turn_goes_the_long_way_in_its_order() -> None:
    with five_in_one_turn() as (cell, connection):
        connection.pump.takes = False
        cell.loop.run_until_complete(asyncio.sleep(0))
        assert len(connection.pump.sent) == 1
        assert connection.waiting == 1, "nobody waits for what has not left"
        assert len(cell.commanding.under_way) == 5
        assert not heard(cell)
        connection.pump.takes = True
        cell.pass_time(0.2)
        assert not connection.pump.bundles
        sent = [frames.decode_command(frame).id for _, frame in connection.pump.sent]
        assert sent == sorted(sent)
        assert len(set(sent)) == 5
        for _ in range(5):
            cell.answer(0, APPLIED)
        assert heard(cell) == [(number, "APPLIED", "ok") for number in range(1, 6)]


def test_a_lease_that_is_lost_before_the_end_of_the_turn_stops_what_was_held() -> None:
    with five_in_one_turn() as (cell, connection):
        cell.permit.gate.close()
        cell.permit.losses += 1
        cell.loop.run_until_complete(asyncio.sleep(0))
        assert len(connection.pump.sent) == 1
        cell.loop.run_until_complete(asyncio.sleep(0))
        assert heard(cell) == [(number, "REJECTED", "no_lease") for number in range(2, 6)]


def test_what_was_given_before_its_actor_stopped_has_left_by_then() -> None:
    with five_in_one_turn() as (cell, connection):
        cell.actor.stop()
        assert len(connection.pump.sent) == 5
        assert heard(cell) == [(number, "INDETERMINATE", "stopping") for number in range(1, 6)]


def test_a_peer_that_knows_no_bundles_gets_each_command_alone() -> None:
    with five_in_one_turn() as (cell, connection):
        cell.loop.run_until_complete(asyncio.sleep(0))
        ((whole, inside),) = connection.pump.bundles.items()
        first = connection.pump.sent[:1]
        connection.pump.sent.clear()
        refusal = messages.error("bad_frame", "frame has a wrong item 1 (kind) at byte 4", "byte 4")
        connection.pump.come.append((whole, refusal))
        connection.wire.drain()
        alone = [token for token, _ in connection.pump.sent]
        assert len(alone) == 4
        assert not {*alone} & {*inside}
        assert not connection.bundles, "it is not asked again"
        connection.pump.bundles.clear()
        connection.pump.sent[:0] = first
        for _ in range(5):
            cell.answer(0, APPLIED)
        assert heard(cell) == [(number, "APPLIED", "ok") for number in range(1, 6)]


def test_a_closed_connection_ends_what_was_held_without_sending_it() -> None:
    with five_in_one_turn() as (cell, connection):
        cell.directory = directory(2, 2, "device-2")
        cell.commanding.connected()
        del cell.connections["device-2"]
        connection.close()
        assert len(connection.pump.sent) == 1
        cell.pass_time(0.2)
        others = cell.connections["device-2"]
        assert [frames.decode_command(frame).epoch for _, frame in others.pump.sent] == [2] * 4
