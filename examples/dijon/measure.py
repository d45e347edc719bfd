"""What the example measures of a running city: memory, processor, and the way of one command."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    for number in range(rounds):
        lamp = lamps[number % len(lamps)]
        target = level - 0.2 * (1 + number // len(lamps) % 2)
        sent = boot_ns()
        outcome = client.set(f"{lamp}/setpoint", target)
        back = boot_ns()
        if outcome.status is not Status.APPLIED:
            raise NothingMeasured(
                f"{lamp}: {outcome.status.name} {outcome.reason} {outcome.detail}"
            )
        field = outcome.stages.finished - outcome.stages.dispatched
        ours.append((back - sent - field) / 1e6)
        whole.append((back - sent) / 1e6)
    ours.sort()
    whole.sort()
    return Latency(
        rounds, ours[rounds // 2], ours[min(rounds - 1, rounds * 99 // 100)], whole[rounds // 2]
    )
