"""What do the native point table and mailbox cost, and what does plain Python cost instead?

Native and twin take turns, in one run; figures are medians of the rounds. Batches are applied
whole: checked, stored, dirty slots listed, groups marked. ``--json`` prints the figures as one
object on the last line.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
import tracemalloc
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jacquemart.native.mailbox import COMMANDS, EVENTS, SAFETY, TELEMETRY, Mailbox
from jacquemart.native.table import PointTable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "oracles"))

from oracle_table import OracleTable

SLOTS, GROUPS = 100_000, 40
TWIN_SLOTS = 4_000
Batch = tuple[Any, Any, bytes, Any, Any]  # slots, values, qualities, source_ns, receive_ns


class DequeMailbox:
    """The mailbox as one would write it in Python: a deque a lane, a dict for the keys."""

    __slots__ = ("capacities", "conflated", "dropped", "keyed", "lanes", "passed", "refused")

    def __init__(self) -> None:
        self.capacities = (64, 256, 256, 256)
        self.lanes: tuple[deque[Any], ...] = tuple(deque() for _ in range(4))
        self.keyed: dict[Any, list[Any]] = {}
        self.passed = self.dropped = self.conflated = self.refused = 0

    def post(self, lane: int, message: object, key: object = None) -> bool:
        waiting = self.lanes[lane]
        if lane == TELEMETRY and key is not None:
            entry = self.keyed.get(key)
            if entry is not None:
                entry[1] = message
                self.conflated += 1
                return True
        if len(waiting) >= self.capacities[lane]:
            if lane != TELEMETRY:
                self.refused += 1
                return False
            self.keyed.pop(waiting.popleft()[0], None)
            self.dropped += 1
        entry = [key, message]
        if lane == TELEMETRY and key is not None:
            self.keyed[key] = entry
        waiting.append(entry)
        return True

    def take(self) -> object | None:
        filled = [waiting for waiting in self.lanes if waiting]
        if not filled:
            return None
        chosen = filled[0]
        if len(filled) > 1:
            self.passed += 1
            if self.passed == 16:
                self.passed = 0
                chosen = filled[1]
        key, message = chosen.popleft()
        if key is not None:
            self.keyed.pop(key, None)
        return message


def seconds(work: Callable[..., object], *args: object) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def batches(size: int, slots: int, shuffled: bool) -> list[Batch]:
    """Cut all slots into batches, in order or at random."""
    order = list(range(slots))
    if shuffled:
        random.Random(7).shuffle(order)
    return [
        (
            array("I", order[at : at + size]),
            array("d", [0.0]) * size,
            bytes(size),
            array("q", [5]) * size,
            array("q", [6]) * size,
        )
        for at in range(0, slots - size + 1, size)
    ]


def renew(made: list[Batch], round_: int) -> None:
    """Give every row another value, so that each is a change."""
    for slots, values, *_ in made:
        values[:] = array("d", [float(round_ + 1)]) * len(slots)


def apply_all(table: Any, made: list[Batch]) -> None:
    for batch in made:
        table.apply_batch(*batch)


def update_all(table: Any, made: list[Batch]) -> None:
    for slots, values, qualities, source_ns, _ in made:
        table.update_columns(slots, values, qualities, source_ns, 9)


def update_each(table: Any, slots: int, value: float) -> None:
    for slot in range(slots):
        table.update(slot, value, 0, 5, 6)


def roll_up(table: Any) -> None:
    for group in range(GROUPS):
        table.rollup(group)


def defined(table: Any, slots: int) -> Any:
    for slot in range(slots):
        table.define(slot, slot % GROUPS, 10**9, low=-1e9, high=1e9)
    return table


def bench_table(rounds: int) -> dict[str, float]:
    """Measure updates, rollups, drains and sweeps a second, native beside twin."""
    native = defined(PointTable(SLOTS, GROUPS), SLOTS)
    twin = defined(OracleTable(TWIN_SLOTS, GROUPS), TWIN_SLOTS)
    times: dict[str, list[float]] = {}

    def note(name: str, per: int, work: Callable[..., object], *args: object) -> None:
        times.setdefault(name, []).append(seconds(work, *args) / per)

    made = {
        (size, shuffled): (batches(size, SLOTS, shuffled), batches(size, TWIN_SLOTS, shuffled))
        for size, shuffled in ((64, False), (512, False), (512, True))
    }
    for round_ in range(rounds):
        value = float(round_)
        note("update", SLOTS, update_each, native, SLOTS, value)
        note("update_twin", TWIN_SLOTS, update_each, twin, TWIN_SLOTS, value)
        for (size, shuffled), (own, other) in made.items():
            name = f"{size}_random" if shuffled else str(size)
            own_rows, other_rows = len(own) * size, len(other) * size
            renew(own, 2 * round_)
            renew(other, 2 * round_)
            note(f"apply_{name}", own_rows, apply_all, native, own)
            note(f"apply_{name}_twin", other_rows, apply_all, twin, other)
            renew(own, 2 * round_ + 1)
            note(f"columns_{name}", own_rows, update_all, native, own)
            native.drain()
            twin.drain()
        update_each(native, SLOTS, value + 0.5)
        update_each(twin, TWIN_SLOTS, value + 0.5)
        note("rollup", SLOTS, roll_up, native)
        note("rollup_twin", TWIN_SLOTS, roll_up, twin)
        note("rollup_unchanged", GROUPS, roll_up, native)
        note("drain", SLOTS, native.drain)
        note("drain_twin", TWIN_SLOTS, twin.drain)
        note("sweep", SLOTS, native.sweep, 7)
        note("snapshot", SLOTS, native.snapshot)
    median = {name: statistics.median(found) for name, found in times.items()}
    figures: dict[str, float] = {}
    for name in ("update", "apply_64", "apply_512", "apply_512_random", "drain"):
        figures[f"{name}_per_s"] = round(1 / median[name])
        figures[f"{name}_ratio"] = round(median[f"{name}_twin"] / median[name], 1)
    for name in ("columns_64", "columns_512", "columns_512_random"):
        figures[f"{name}_per_s"] = round(1 / median[name])
    figures["rollup_ns_a_member"] = round(median["rollup"] * 1e9, 2)
    figures["rollup_ratio"] = round(median["rollup_twin"] / median["rollup"], 1)
    figures["rollup_unchanged_ns"] = round(median["rollup_unchanged"] * 1e9)
    figures["sweep_ns_a_slot"] = round(median["sweep"] * 1e9, 2)
    figures["snapshot_ns_a_slot"] = round(median["snapshot"] * 1e9, 2)
    figures["bytes_a_slot"] = round(native.nbytes() / SLOTS, 1)
    plain = PointTable(SLOTS, GROUPS)
    figures["bytes_a_slot_without_ranges"] = round(plain.nbytes() / SLOTS, 1)
    return figures


def exchange(mailbox: Any, pairs: int) -> None:
    """Post and take one message at a time, as an actor that keeps up."""
    post, take = mailbox.post, mailbox.take
    for at in range(pairs):
        post(COMMANDS, at)
        take()


def crowd(mailbox: Any, pairs: int) -> None:
    """Fill three lanes, one with keys, and empty them, as an actor that lags behind."""
    post, take = mailbox.post, mailbox.take
    for at in range(pairs // 96):
        for turn in range(32):
            post(SAFETY, at)
            post(EVENTS, at)
            post(TELEMETRY, at, turn)
        for _ in range(96):
            take()


def bytes_each(kind: Callable[[], object]) -> float:
    """Return what one empty mailbox takes."""
    many: list[object] = [None] * 10_000
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for at in range(len(many)):
        many[at] = kind()
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return round(taken / len(many), 1)


def bench_mailbox(rounds: int) -> dict[str, float]:
    """Measure posts and takes a second, native beside a twin on deques."""
    pairs = 48_000
    native, twin = Mailbox(), DequeMailbox()
    figures: dict[str, float] = {}
    for name, work in (("mailbox", exchange), ("mailbox_crowded", crowd)):
        times = [(seconds(work, native, pairs), seconds(work, twin, pairs)) for _ in range(rounds)]
        own, other = (statistics.median(column) / pairs for column in zip(*times, strict=True))
        figures[f"{name}_pairs_per_s"] = round(1 / own)
        figures[f"{name}_ratio"] = round(other / own, 1)
    figures["mailbox_empty_bytes"] = bytes_each(Mailbox)
    figures["mailbox_empty_twin_bytes"] = bytes_each(DequeMailbox)
    return figures


def main() -> None:
    """Run both benches and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="default: 7")
    arguments = parser.parse_args()
    figures = {**bench_table(arguments.rounds), **bench_mailbox(arguments.rounds)}
    for name, figure in figures.items():
        print(f"{name:32}{figure:>16,}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
