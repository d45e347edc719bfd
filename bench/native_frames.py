"""What do native frames and the pump cost, and what would msgpack and plain pyzmq cost instead?

Native and peer take turns on the same content, in one run; figures are medians of the rounds, in
CPU time of the thread, since all of it happens in one. The peer of the frames is the msgpack
package at its fastest (one Packer for all, lists made beforehand), which checks no field; the
peer of the pump is pyzmq's recv_multipart and send_multipart on the same inproc sockets.
``--json`` prints the figures as one object on the last line.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from array import array
from collections.abc import Callable
from typing import Any

import msgpack
import zmq

from jacquemart.native import frames
from jacquemart.native.pump import Pump

CALLS = 20_000
MESSAGES = 20_000
ID = bytes(range(16))
COMMAND = (ID, "operator", "lamp-21231-0417", "set", "level", 80.0, "%", 8, 10**15, 3)
OUTCOME = (ID, "lamp-21231-0417", "level", 0, "ok", "", 80.0, 10**15, 10**15, 10**15, 10**15)
BEAT = ("r/dijon/1/", 3, 123_456, 10**15)
Work = Callable[[Any], object]


def seconds(work: Work, given: Any, calls: int) -> float:
    """Return how long one call takes, on the average of ``calls``."""
    start = time.thread_time()
    for _ in range(calls):
        work(given)
    return (time.thread_time() - start) / calls


def against(
    rounds: int, native: tuple[Work, Any], peer: tuple[Work, Any], calls: int = CALLS
) -> tuple[float, float]:
    """Measure native and peer in turns; return the median ns of one call of each."""
    times = [(seconds(*native, calls), seconds(*peer, calls)) for _ in range(rounds)]
    own, other = (statistics.median(column) for column in zip(*times, strict=True))
    return own * 1e9, other * 1e9


def columns_of(batch: frames.Batch) -> object:
    """Take all columns of a batch."""
    return batch.slots, batch.values, batch.qualities, batch.source_ns, batch.receive_ns


def read_native(frame: bytes) -> object:
    return columns_of(frames.decode_batch(frame))


def read_msgpack(frame: bytes) -> object:
    items = msgpack.unpackb(frame)
    return [
        memoryview(blob).cast(code) for blob, code in zip(items[6:], "IdBqq", strict=True)
    ]  # fmt: skip


def bench_frames(rounds: int) -> dict[str, float]:
    """Measure encoding and decoding of each kind, native beside msgpack."""
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    command, outcome = frames.Command(*COMMAND), frames.OutcomeFrame(*OUTCOME)
    beat = frames.Heartbeat(*BEAT)
    rows = [[n, "lamp", {"level": 80.0, "quality": 0, "note": None}] for n in range(200)]
    cold = frames.pack(frames.SNAPSHOT, "r/dijon/1/", rows)
    cases: dict[str, tuple[tuple[Work, Any], tuple[Work, Any], int]] = {}
    for name, made, encode, decode in (
        ("command", command, frames.encode_command, frames.decode_command),
        ("outcome", outcome, frames.encode_outcome, frames.decode_outcome),
        ("heartbeat", beat, frames.encode_heartbeat, frames.decode_heartbeat),
    ):
        frame = encode(made)  # type: ignore[operator]
        cases[f"{name}_encode"] = (encode, made), (pack, unpack(frame)), CALLS
        cases[f"{name}_decode"] = (decode, frame), (unpack, frame), CALLS
    for size in (1, 64, 512):
        parts = (
            array("I", range(size)),
            array("d", [0.5]) * size,
            bytes(size),
            array("q", [5]) * size,
            array("q", [6]) * size,
        )
        blobs = [bytes(part) for part in parts]
        frame = frames.encode_batch("r/dijon/1/", 3, 9, *parts)

        def encode_batch(columns: Any) -> object:
            return frames.encode_batch("r/dijon/1/", 3, 9, *columns)

        def pack_batch(columns: Any, size: int = size) -> object:
            return pack([1, 3, "r/dijon/1/", 3, 9, size, *columns])

        cases[f"batch_{size}_encode"] = (encode_batch, blobs), (pack_batch, blobs), CALLS
        cases[f"batch_{size}_decode"] = (read_native, frame), (read_msgpack, frame), CALLS
    cases["cold_200_rows_check"] = (frames.check, cold), (unpack, cold), CALLS // 200
    cases["cold_200_rows_unpack"] = (frames.unpack, cold), (unpack, cold), CALLS // 200
    figures: dict[str, float] = {}
    for name, (native, peer, calls) in cases.items():
        own, other = against(rounds, native, peer, calls)
        figures[f"{name}_ns"] = round(own)
        figures[f"{name}_ratio"] = round(other / own, 2)
    return figures


def fill(socket: zmq.Socket[bytes], messages: list[tuple[bytes, ...]]) -> None:
    """Send with plain pyzmq, so that what is measured finds a full queue."""
    for message in messages:
        socket.send_multipart(message)


def receive_native(pump: Pump) -> int:
    got = 0
    while messages := pump.receive():
        got += len(messages)
    return got


def receive_pyzmq(socket: zmq.Socket[bytes]) -> int:
    got = 0
    while True:
        try:
            socket.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            return got
        got += 1


def send_each_native(pump: Pump, messages: list[tuple[bytes, ...]]) -> None:
    for message in messages:
        pump.send(*message)


def send_each_pyzmq(socket: zmq.Socket[bytes], messages: list[tuple[bytes, ...]]) -> None:
    for message in messages:
        socket.send_multipart(message, zmq.DONTWAIT)


def bench_pump(rounds: int) -> dict[str, float]:
    """Measure messages in and out, pump beside pyzmq, for one, two and four parts."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    left, right = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    for socket in (left, right):
        socket.sndhwm = socket.rcvhwm = 0
    left.bind("inproc://bench")
    right.connect("inproc://bench")
    out, into = Pump(left), Pump(right)
    figures: dict[str, float] = {}
    for parts in (1, 2, 4):
        messages = [(b"x" * 24,) * (parts - 1) + (b"y" * 80,)] * MESSAGES
        times: dict[str, list[float]] = {}

        def timed(
            name: str, work: Callable[..., object], *args: Any,
            times: dict[str, list[float]] = times,
        ) -> Any:  # fmt: skip
            start = time.thread_time()
            found = work(*args)
            times.setdefault(name, []).append((time.thread_time() - start) / MESSAGES)
            return found

        for _ in range(rounds):
            for name, receive, peer in (
                ("receive", receive_native, into),
                ("receive_pyzmq", receive_pyzmq, right),
            ):
                fill(left, messages)
                got = timed(name, receive, peer)  # type: ignore[arg-type]
                if got != MESSAGES:
                    raise RuntimeError(f"{got} of {MESSAGES} messages came")
            for name, send, *given in (
                ("send", send_each_native, out, messages),
                ("send_many", out.send_many, messages),
                ("send_pyzmq", send_each_pyzmq, left, messages),
            ):
                timed(name, send, *given)  # type: ignore[arg-type]
                receive_native(into)
        median = {name: statistics.median(found) for name, found in times.items()}
        for name, peer in (("receive", "receive_pyzmq"), ("send", "send_pyzmq"),
                           ("send_many", "send_pyzmq")):  # fmt: skip
            figures[f"pump_{name}_{parts}_ns"] = round(median[name] * 1e9)
            figures[f"pump_{name}_{parts}_ratio"] = round(median[peer] / median[name], 2)
    for pump in (into, out):
        asked = [seconds(lambda pump: pump.readable, pump, 10_000) for _ in range(rounds)]
        figures["pump_readable_ns"] = round(statistics.median(asked) * 1e9)
    context.destroy(linger=0)
    return figures


def main() -> None:
    """Run both benches and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="default: 7")
    arguments = parser.parse_args()
    figures = {**bench_frames(arguments.rounds), **bench_pump(arguments.rounds)}
    for name, figure in figures.items():
        print(f"{name:32}{figure:>16,}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
