"""The hot native paths, one row each, so that their instructions can be counted.

A path's ``make`` prepares everything, and returns what does the path so many times: the count of
one time is the difference between many and few, so that what is done once falls out. A new path
is a new row in ``PATHS``; its budget comes with ``python bench/instructions.py --renew``.

Nothing here asks a clock, a random number or an address, so that every count is the same again.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

import zmq

from jacquemart.native import frames
from jacquemart.native.bundle import Packer
from jacquemart.native.digests import digest_each
from jacquemart.native.eager import begin_now
from jacquemart.native.fast_path import LONG_WAY
from jacquemart.native.interlock import Interlock
from jacquemart.native.lease import Gate
from jacquemart.native.mailbox import COMMANDS, EVENTS, SAFETY, TELEMETRY, Mailbox
from jacquemart.native.pump import Pump
from jacquemart.native.table import PointTable
from jacquemart.runtime.client.requests import GatewayClock
from measuring.bulk_cell import BulkCell
from measuring.dear_looks import dear
from measuring.plain_cell import Answers, PlainCell
from measuring.plain_gateway import PlainGateway
from measuring.plain_zone import through_a_desk
from measuring.sending_cell import SendingCell

Run = Callable[[int], object]
ID = bytes(range(16))
COMMAND = (ID, "operator", "lamp-21231-0417", "set", "level", 80.0, "%", 8, 10**15, 3)
OUTCOME = (ID, "lamp-21231-0417", "level", 0, "ok", "", 80.0, 10**15, 10**15, 10**15, 10**15)
TOPIC = "r/dijon/1/"
SLOTS, GROUPS = 8_192, 16
BURST = 64
FAR_NS = 2**62
"""A boot-time that never comes."""


class Path(NamedTuple):
    """One hot path."""

    name: str
    make: Callable[[], Run]
    items: int = 1
    """What one time handles, such as the rows of a batch: for people, who compare by item."""
    socket: bool = False
    """Whether libzmq's instructions are in it, so that it holds for one version of pyzmq."""


def calls(function: Callable[..., object], *arguments: object) -> Run:
    """Return what calls a function so many times."""

    def run(times: int) -> None:
        for _ in range(times):
            function(*arguments)

    return run


def _nothing() -> Run:
    return calls(len, ())  # what the loop and a call cost, which is in all others, too


def _encode_command() -> Run:
    return calls(frames.encode_command, frames.Command(*COMMAND))


def _decode_command() -> Run:
    return calls(frames.decode_command, frames.encode_command(frames.Command(*COMMAND)))


def _check_command() -> Run:
    return calls(frames.check, frames.encode_command(frames.Command(*COMMAND)))


def _encode_outcome() -> Run:
    return calls(frames.encode_outcome, frames.OutcomeFrame(*OUTCOME))


def _decode_outcome() -> Run:
    return calls(frames.decode_outcome, frames.encode_outcome(frames.OutcomeFrame(*OUTCOME)))


def _decode_heartbeat() -> Run:
    beat = frames.Heartbeat(TOPIC, 3, 123_456, 10**15)
    return calls(frames.decode_heartbeat, frames.encode_heartbeat(beat))


def _columns(rows: int, *, scattered: bool = False, value: float = 0.5) -> tuple[Any, ...]:
    slots = list(range(rows))
    if scattered:
        slots = random.Random(7).sample(range(SLOTS), rows)
    return (
        array("I", slots), array("d", [value]) * rows, bytes(rows),
        array("q", [5]) * rows, array("q", [6]) * rows,
    )  # fmt: skip


def _encode_batch(rows: int) -> Run:
    columns = [bytes(column) for column in _columns(rows)]
    return calls(frames.encode_batch, TOPIC, 3, 9, *columns)


def _decode_batch(rows: int) -> Run:
    frame = frames.encode_batch(TOPIC, 3, 9, *_columns(rows))

    def run(times: int) -> None:
        for _ in range(times):
            batch = frames.decode_batch(frame)
            _ = batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns

    return run


def _table() -> PointTable:
    table = PointTable(SLOTS, GROUPS)
    for slot in range(SLOTS):
        table.define(slot, slot % GROUPS, 10**9, low=-1e9, high=1e9)
    return table


def _apply(rows: int, *, scattered: bool = False) -> Run:
    """A received batch in which every row is a change, and its dirty bits cleared."""
    table = _table()
    turns = [_columns(rows, scattered=scattered, value=value) for value in (1.0, 2.0)]

    def run(times: int) -> None:
        for turn in range(times):
            table.apply_batch(*turns[turn & 1])
            table.drain()

    return run


def _columns_of_a_driver(rows: int) -> Run:
    """What a poll of so many points stores."""
    table = _table()
    turns = [_columns(rows, value=value)[:2] for value in (1.0, 2.0)]

    def run(times: int) -> None:
        for turn in range(times):
            slots, values = turns[turn & 1]
            table.update_columns(slots, values, None, None, 6)
            table.drain()

    return run


def _update() -> Run:
    table = _table()

    def run(times: int) -> None:
        for turn in range(times):
            table.update(7, float(turn & 1), 0, 5, 6)

    return run


def _rollup() -> Run:
    """One changed row of a group of 512, and the aggregates of its group."""
    table = _table()

    def run(times: int) -> None:
        for turn in range(times):
            table.update(7, float(turn & 1), 0, 5, 6)
            table.rollup(7)

    return run


def _tick(rows: int) -> Run:
    """What a tick does: drain what is dirty, and make a frame of it."""
    table = _table()
    turns = [_columns(rows, value=value)[:2] for value in (1.0, 2.0)]

    def run(times: int) -> None:
        for turn in range(times):
            slots, values = turns[turn & 1]
            table.update_columns(slots, values, None, None, 6)
            columns = table.drain()
            assert columns is not None
            frames.encode_batch(TOPIC, 3, turn, *columns)

    return run


def _sweep() -> Run:
    return calls(_table().sweep, 7)


def _post_and_take() -> Run:
    mailbox, message = Mailbox(), object()

    def run(times: int) -> None:
        post, take = mailbox.post, mailbox.take
        for _ in range(times):
            post(COMMANDS, message)
            take()

    return run


def _crowded() -> Run:
    """A mailbox that lags: three lanes with 32 messages each, telemetry with keys."""
    mailbox, message = Mailbox(), object()
    keys = [f"point-{n}" for n in range(32)]

    def run(times: int) -> None:
        post, take = mailbox.post, mailbox.take
        for _ in range(times):
            for key in keys:
                post(SAFETY, message)
                post(EVENTS, message)
                post(TELEMETRY, message, key)
            for _ in range(96):
                take()

    return run


def _conflate() -> Run:
    """A reading that takes the place of one that waits."""
    mailbox, message = Mailbox(), object()
    mailbox.post(TELEMETRY, message, "level")
    return calls(mailbox.post, TELEMETRY, message, "level")


def _refuse() -> Run:
    """A command that finds its lane full."""
    mailbox, message = Mailbox(), object()
    while mailbox.post(COMMANDS, message):
        pass
    return calls(mailbox.post, COMMANDS, message)


def _gate() -> Run:
    gate = Gate()
    gate.extend(FAR_NS)
    return calls(gate.open)


#: Sockets live as long as the process, which ends without asking them.
_KEPT: list[Any] = []


def _pair(name: str = "counted") -> tuple[Pump, Pump]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (left, right):
        socket.sndhwm = socket.rcvhwm = 0
    left.bind(f"inproc://{name}")
    right.connect(f"inproc://{name}")
    _KEPT.extend((context, left, right))
    return Pump(left), Pump(right)


def _burst(parts: int) -> Run:
    """A burst out and in again: the pump's loops of sending and receiving."""
    out, into = _pair()
    messages = [(b"x" * 24,) * (parts - 1) + (b"y" * 80,)] * BURST

    def run(times: int) -> None:
        for _ in range(times):
            out.send_many(messages)
            into.receive(BURST)

    return run


def _one_by_one() -> Run:
    """One message out and in again, as a command and its answer travel."""
    out, into = _pair()

    def run(times: int) -> None:
        for _ in range(times):
            out.send(b"x" * 8, b"y" * 80)
            into.receive()

    return run


def _plain_command() -> Run:
    """A plain command from its frame to its OUTCOME, with a handler that gives its value back."""
    cell = PlainCell()
    numbers = iter(range(1, 2**62))
    # Identities differ, as they do: what was seen before is answered without a handler.
    ids = [next(numbers).to_bytes(16, "big") for _ in range(1_000)]
    sent = iter([
        frames.encode_command(
            frames.Command(id, "operator", "lamp-21231-0417", "dim", "", 80.0, "%", 8, FAR_NS, 3)
        )
        for id in ids
    ])  # fmt: skip

    def run(times: int) -> None:
        for _ in range(times):
            if cell.path.take(next(sent), None, b"peer", b"token") is LONG_WAY:
                raise SystemExit("a plain command went the long way")

    return run


def _bundle_of_commands(count: int) -> Run:
    """A bundle of plain commands, each from its frame to its OUTCOME in the bundle of answers."""
    cell, line, packer, numbers = PlainCell(), Answers(), Packer(), iter(range(2**30))
    line.taker = cell.path
    bundles = []
    for _ in range(1_000):
        for _ in range(count):
            id = next(numbers).to_bytes(16, "big")
            packer.put(id[8:], frames.encode_command(frames.Command(
                id, "operator", "lamp-21231-0417", "dim", "", 80.0, "%", 8, FAR_NS, 3,
            )))  # fmt: skip
        bundles.append(packer.take())
    sent = iter(bundles)

    def run(times: int) -> None:
        before = cell.path.taken
        for _ in range(times):
            line.hand_all([(b"peer", b"token", next(sent))])
        if cell.path.taken - before != count * times:
            raise SystemExit("a command in a bundle was not done")

    return run


def _never_waits() -> Run:
    """A coroutine that is made, begun and over, with its task and its context."""
    loop: Any = object()  # its name is all that is needed of it

    async def handler() -> float:
        return 80.0

    def run(times: int) -> None:
        for _ in range(times):
            if begin_now(loop, handler()) != 80.0:
                raise SystemExit("work that never waits was not over")

    return run


def _actor_command() -> Run:
    """A command of an actor by the public way, its end heard, and both ways through a pump."""
    cell = SendingCell(*_pair("sending"))

    def run(times: int) -> None:
        heard = cell.heard
        for _ in range(times):
            cell.round_trip()
        if cell.heard != heard + times:
            raise SystemExit("a command has not come back")

    return run


def _relay() -> Run:
    """A plain command through a gateway and its OUTCOME back, with the sockets' four ends."""
    gateway = PlainGateway(*_pair(), *_pair(), deadline_ns=FAR_NS)
    return calls(gateway.carry_one)


def _say() -> Run:
    """What a client says: a command's frame, with a new identity and a deadline."""
    wording = GatewayClock().wording()
    return calls(wording.command, "operator", "lamp-1/level", "set", 80.0, 10.0, "%", 8)


def _read() -> Run:
    """What a client reads: an outcome's tuple."""
    frame = frames.encode_outcome(frames.OutcomeFrame(*OUTCOME))
    return calls(GatewayClock().wording().outcome, frame)


def _plain_parts() -> Run:
    """The native part of what a bulk command takes in a cell, for a call of the driver."""
    cell = BulkCell(512)

    def run(times: int) -> None:
        before = cell.ended
        for _ in range(times):
            cell.command()
        if cell.ended - before != 512 * times:
            raise ValueError(f"{cell.ended - before} devices ended, of {512 * times}")

    return run


def _digests() -> Run:
    return calls(digest_each, b"operator\n", [f"lamp-21231-{n:04}" for n in range(512)], bytes(17))


def _look(name: str) -> Run:
    """One of the dearest looks of the interlock at 32 groups, asked from Python."""
    lock, asked, now = dear(Interlock, name)
    if not lock.look(asked, now):
        raise SystemExit(f"the interlock refused: {name}")
    return calls(lock.look, asked, now)


PATHS: tuple[Path, ...] = (
    Path("python.loop_and_call", _nothing),
    Path("frames.encode_command", _encode_command),
    Path("frames.decode_command", _decode_command),
    Path("frames.check_command", _check_command),
    Path("frames.encode_outcome", _encode_outcome),
    Path("frames.decode_outcome", _decode_outcome),
    Path("frames.decode_heartbeat", _decode_heartbeat),
    Path("frames.encode_batch_64", lambda: _encode_batch(64), 64),
    Path("frames.encode_batch_512", lambda: _encode_batch(512), 512),
    Path("frames.decode_batch_64", lambda: _decode_batch(64), 64),
    Path("frames.decode_batch_512", lambda: _decode_batch(512), 512),
    Path("mailbox.post_and_take", _post_and_take),
    Path("mailbox.crowded_96", _crowded, 96),
    Path("mailbox.conflate", _conflate),
    Path("mailbox.refuse", _refuse),
    Path("table.update", _update),
    Path("table.apply_batch_64", lambda: _apply(64), 64),
    Path("table.apply_batch_512_scattered", lambda: _apply(512, scattered=True), 512),
    Path("table.update_columns_64", lambda: _columns_of_a_driver(64), 64),
    Path("table.tick_64", lambda: _tick(64), 64),
    Path("table.rollup_of_512", _rollup),
    Path("table.sweep_8192", _sweep, SLOTS),
    Path("lease.open", _gate),
    Path("interlock.look_32_get_ready", lambda: _look("all get ready at once"), 32),
    Path("interlock.look_32_go", lambda: _look("all go at once"), 32),
    Path("fast_path.plain_command", _plain_command),
    Path("fast_path.bundle_of_32", lambda: _bundle_of_commands(32), 32),
    Path("eager.never_waits", _never_waits),
    Path("sending.command_and_end", _actor_command, socket=True),
    Path("wording.command", _say),
    Path("wording.outcome", _read),
    Path("relay", _relay, socket=True),
    Path("desk.journalled_command", lambda: through_a_desk(1)),
    Path("desk.bundle_of_8", lambda: through_a_desk(8, bundled=True), 8),
    Path("parts.through_a_cell_512", _plain_parts, 512),
    Path("digests.each_512", _digests, 512),
    Path("pump.one_by_one", _one_by_one, socket=True),
    Path("pump.burst_of_64", lambda: _burst(1), BURST, socket=True),
    Path("pump.burst_of_64_in_3_parts", lambda: _burst(3), BURST, socket=True),
)
