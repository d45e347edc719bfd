"""What the example measures of a running city: memory, processor, and the way of one command."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import zmq

from jacquemart import Client, Status
from jacquemart.native.pump import boot_ns


def pss_mb(pids: Sequence[int]) -> float:
    """Return the proportional set size of processes together, in MB (1e6 bytes)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total / 1e6


def cpu_seconds(pids: Sequence[int]) -> float:
    """Return the processor time that processes have used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_share(pids: Sequence[int], seconds: float) -> float:
    """Return the share of one core that processes use, over some seconds from now."""
    before, started = cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pids) - before) / (time.monotonic() - started)


class NothingMeasured(RuntimeError):
    """What was to be measured did not happen; the message says why."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Our part of a command: round trip at the client, less what passed between the moment the
    driver got the write and the moment its read-back was judged. Milliseconds."""

    commands: int
    p50_ms: float
    p99_ms: float
    whole_p50_ms: float
    """The whole round trip, field included."""
    raw_p50_ms: float
    """One bare ZeroMQ round trip to an echo in another process, taken between the commands: what
    this machine takes to wake processes, now. A command makes two such round trips, through the
    gateway to the cell and back."""


class RawEcho:
    """A process that sends back what it gets, with nothing around libzmq but pyzmq."""

    CODE = (
        "import sys, zmq\n"
        "s = zmq.Context().socket(zmq.ROUTER)\n"
        "print(s.bind_to_random_port('tcp://127.0.0.1'), flush=True)\n"
        "p = zmq.Poller(); p.register(s, zmq.POLLIN); p.register(sys.stdin.fileno(), zmq.POLLIN)\n"
        "while sys.stdin.fileno() not in dict(p.poll()):\n"
        "    s.send_multipart(s.recv_multipart())\n"
    )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self.CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        port = int(self._process.stdout.readline())
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.connect(f"tcp://127.0.0.1:{port}")
        self.round_trip_ms()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self._context.term()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(5)

    def round_trip_ms(self) -> float:
        """Send 64 bytes and wait for them."""
        sent = boot_ns()
        self._socket.send(bytes(64))
        self._socket.recv()
        return (boot_ns() - sent) / 1e6


def command_latency(client: Client, lamps: Sequence[str], level: float, rounds: int) -> Latency:
    """Command lamps that are at ``level``, one after the other, through the gateway.

    The level hardly moves (0.2 %), so that the ramp is no part of what is measured.

    Raises:
        NothingMeasured: there is no lamp to command, or a command did not end APPLIED.
    """
    if not lamps or rounds < 1:
        raise NothingMeasured(f"{rounds} commands to {len(lamps)} lamps: nothing to time")
    ours: list[float] = []
    whole: list[float] = []
    raw: list[float] = []
    with RawEcho() as echo:
        for number in range(rounds):
            _command(client, lamps, level, number, ours, whole)
            raw.append(echo.round_trip_ms())
    ours.sort()
    whole.sort()
    raw.sort()
    return Latency(
        rounds,
        ours[rounds // 2],
        ours[min(rounds - 1, rounds * 99 // 100)],
        whole[rounds // 2],
        raw[rounds // 2],
    )


def _command(
    client: Client,
    lamps: Sequence[str],
    level: float,
    number: int,
    ours: list[float],
    whole: list[float],
) -> None:
    lamp = lamps[number % len(lamps)]
    target = level - 0.2 * (1 + number // len(lamps) % 2)
    sent = boot_ns()
    outcome = client.set(f"{lamp}/setpoint", target)
    back = boot_ns()
    if outcome.status is not Status.APPLIED:
        raise NothingMeasured(f"{lamp}: {outcome.status.name} {outcome.reason} {outcome.detail}")
    field = outcome.stages.finished - outcome.stages.dispatched
    ours.append((back - sent - field) / 1e6)
    whole.append((back - sent) / 1e6)
