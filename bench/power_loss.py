"""How soon is a whole city back after its power went, and is all there that it had promised?

    python bench/power_loss.py
    python bench/power_loss.py --json --scale 0.1

Runs `examples/dijon` beside its field process, which survives, as lamps do. Lights every zone at a
level of its own, holds, reserves and locks out lamps, and goes on commanding others. Then every
process of the city (warden, Ray, cells) gets SIGKILL, all in the same millisecond or two, and what
was written to the state folder and not synced is taken away. Meanwhile somebody turns some lamps
by hand. The city is started again on the same folder and held against what its clients were told.

Not simulated: another start of the host (the boot-time clock goes on), the start of the machine
itself, and a disk that breaks its word about a sync. The last line is one JSON object;
docs/guides/failover.md explains its keys. The exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import platform
import random
import shutil
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import jacquemart
from jacquemart.runtime.model.claim import HOLD
from jacquemart.runtime.model.outcome import Outcome, Status

ROOT = Path(__file__).resolve().parents[1]
DIJON = ROOT / "examples" / "dijon"
sys.path[:0] = [str(DIJON), str(ROOT / "tests" / "peers")]

import disk_shim  # noqa: E402 - of the tests
import power_scene as scene  # noqa: E402
from field_process import FieldProcess  # noqa: E402 - of the example
from generate import generate  # noqa: E402
from measure import cpu_seconds  # noqa: E402
from power_account import Account, judge  # noqa: E402
from power_disk import lose_cache  # noqa: E402
from power_journal import read as read_journals  # noqa: E402

START_S = 300.0
#: Lamps that somebody turns by hand while the city is away: held ones, and others.
BY_HAND = 20
BULK_LEVEL = 47.5
#: Before ``LOSS_S`` of single commands nothing is lost; the bulk command begins shortly before.
LOSS_S = 4.0
BULK_BEFORE_S = 0.15
_NEVER_SENT = (Status.REJECTED, Status.EXPIRED)


@dataclass
class Town:
    """The files of a city, and what is known of it."""

    folder: Path
    path: Path
    lamps: list[scene.Lamp]
    places: Mapping[str, tuple[str, int]]
    """Line -> address of its cabinet."""
    account: Account = field(default_factory=Account)
    wrong: list[str] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """Return the folder of the journals."""
        return self.folder / "state"


def build(folder: Path, scale: float, id: str) -> Town:
    """Draw the example's city into a folder, on a port that is free."""
    for name in ("templates", "simulated"):
        shutil.copytree(DIJON / name, folder / name)
    for path in DIJON.glob("*.toml"):
        shutil.copy(path, folder)
    path = folder / "city.toml"
    path.write_text(path.read_text().replace('id = "dijon"', f'id = "{id}"', 1))
    with socket.socket() as probe:
        probe.bind(("127.24.0.1", 0))
        port = int(probe.getsockname()[1])
    inventory = folder / "generated"
    generate(inventory, scale=scale, port=port)
    with open(inventory / "cabinets.csv", encoding="utf-8", newline="") as file:
        places = {row["line"]: (row["host"], int(row["port"])) for row in csv.DictReader(file)}
    return Town(folder, path, scene.lamps_of(inventory), places)


class Start:
    """One start of the city, and what it took."""

    def __init__(self, town: Town) -> None:
        self.began = time.monotonic()
        self.stages: dict[str, float] = {}
        self.devices = 0
        self.city = jacquemart.City(
            town.path, gateway_port=0, stream_port=0, state=town.state, timeout_s=START_S,
            on_progress=self._hear,
        )  # fmt: skip
        self.city.start()
        self.ready_s = time.monotonic() - self.began
        cells = self.city.cells
        self.cpu_s = {cell["name"]: round(cpu_seconds([cell["pid"]]), 2) for cell in cells}
        family = psutil.Process(self.city.warden_pid)
        pids = [family.pid, *(one.pid for one in family.children(recursive=True))]
        self.stages = dict(self.stages)  # what is told at the end is no part of the start
        self.all_cpu_s = round(cpu_seconds(pids), 2)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self.stages[event["stage"]] = round(event["seconds"], 2)
            self.devices = event.get("devices", self.devices)

    def elapsed(self) -> float:
        """Return the seconds since the command to start."""
        return time.monotonic() - self.began


@contextmanager
def watched_disk(town: Town) -> Iterator[Path]:
    """Have all processes that are started meanwhile tell what they do to the state folder."""
    town.state.mkdir(mode=0o700)
    trace = town.folder / "trace"
    told = {
        "LD_PRELOAD": str(disk_shim.library(town.folder)),
        "SHIM_FOLDER": str(town.state),
        "SHIM_TRACE": str(trace),
    }
    os.environ.update(told)
    try:
        yield trace
    finally:
        for name in told:
            del os.environ[name]


def cut_power(city: jacquemart.City) -> tuple[int, float]:
    """Kill all processes of a city; return how many, and within how many milliseconds."""
    warden = psutil.Process(city.warden_pid)
    family = [warden, *warden.children(recursive=True)]
    pids = [one.pid for one in family]
    began = time.perf_counter()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    took_ms = (time.perf_counter() - began) * 1e3
    _, alive = psutil.wait_procs(family, timeout=20.0)
    if any(one.status() != psutil.STATUS_ZOMBIE for one in alive):
        raise RuntimeError(f"processes of the city survive: {alive}")
    return len(pids), round(took_ms, 2)


async def until_the_loss(
    town: Town, start: Start, cast: scene.Cast, rng: random.Random
) -> tuple[scene.UnderWay, int, float]:
    """Claim, command, and cut the power in the midst of it."""
    city, account = start.city, town.account
    await scene.claim(city.api, cast, account)
    async with scene.UnderWay(city.api, cast, account, rng) as under_way:
        await asyncio.sleep(LOSS_S)
        under_way.start_bulk(BULK_LEVEL)
        await asyncio.sleep(BULK_BEFORE_S)
        killed, within_ms = cut_power(city)
    if under_way.bulk_told:
        account.setpoints.update(
            {one: {BULK_LEVEL, *account.may_be(one)} for one in dark(town, cast)}
        )
    else:
        account.bulk_unknown(dark(town, cast), BULK_LEVEL)
    return under_way, killed, within_ms


def dark(town: Town, cast: scene.Cast) -> list[str]:
    """Return the lamps of the zone with the bulk command."""
    return [lamp.id for lamp in town.lamps if lamp.zone == cast.dark]


def turn_by_hand(town: Town, lamps: Sequence[scene.Lamp], level: float) -> None:
    """Write lamps at their cabinets, past the city."""
    for lamp in lamps:
        with socket.create_connection(town.places[lamp.line], timeout=5.0) as line:
            pdu = struct.pack(">BHH", 6, lamp.number, round(level * 10))
            line.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 2) + pdu)
            if line.recv(64)[7:] != pdu:
                raise RuntimeError(f"the cabinet of {lamp.id} refuses a write")


def await_held(town: Town, start: Start, plant: FieldProcess, lamps: Sequence[scene.Lamp]) -> float:
    """Wait until lamps that were turned are back where they are held; return since when."""
    wanted = {
        device: value for (verb, device, *_), value in town.account.claims.items() if verb == HOLD
    }
    until, left = time.monotonic() + 60.0, list(lamps)
    while left and time.monotonic() < until:
        found = plant.ask("account")["lamps"]
        left = [lamp for lamp in left if found[lamp.id]["setpoint"] != wanted[lamp.id]]
        time.sleep(0.2)
    town.wrong += [f"{lamp.id}: turned by hand, and not back where it is held" for lamp in left]
    return start.elapsed()


def check_ends(
    town: Town, found: Mapping[bytes, tuple[str, Status | None]], lamps: Mapping[str, Any]
) -> dict[str, int]:
    """Hold the ends of the commands that were under way against the field; count them."""
    account, lost = town.account, 0
    counts = {"applied": 0, "indeterminate": 0, "never_accepted": 0, "other": 0}
    for id, (stage, status) in found.items():
        device, value = account.flying[id]
        there = lamps[device]["setpoint"] == value
        if stage != "ended":
            counts["never_accepted"] += stage == "unknown"
            if id in account.accepted or stage == "accepted":
                lost += 1
                town.wrong.append(f"{device}: accepted, and has no end: {stage}")
            elif there:
                town.wrong.append(f"{device}: never accepted, and it is at {value}")
            continue
        name = status.name.lower() if status is not None else "other"
        counts[name if name in counts else "other"] += 1
        if (status in _NEVER_SENT and there) or (status is Status.APPLIED and not there):
            at = lamps[device]["setpoint"]
            town.wrong.append(f"{device}: {name} {value}, and the field is at {at}")
    return {"lost": lost, **{f"under_way_{name}": count for name, count in counts.items()}}


def check_bulk(town: Town, outcomes: Sequence[Outcome], lamps: Mapping[str, Any]) -> int:
    """Hold the result of the bulk command against the field; return how many it reached."""
    reached = 0
    for one in outcomes:
        there = lamps[one.device]["setpoint"] == BULK_LEVEL
        reached += there
        if (one.status in _NEVER_SENT and there) or (one.status is Status.APPLIED and not there):
            said = f"{one.status.name} {one.reason}"
            town.wrong.append(f"{one.device}: bulk {said}, and the field is {lamps[one.device]}")
    return reached


def check_writes(
    town: Town, before: Mapping[str, Any], after: Mapping[str, Any], held: Sequence[scene.Lamp]
) -> tuple[int, int]:
    """Return how many lamps were written without a hold, and how often held ones were written.

    What a hold wants and the field does not show is written again, also twice where the answer is
    late; nothing else is.
    """
    written = {name: after[name]["writes"] - before[name]["writes"] for name in after}
    by_hold = sum(written.pop(lamp.id) for lamp in held)
    found = [name for name, times in written.items() if times]
    town.wrong += [f"{name}: written by the restart, and nothing asked for it" for name in found]
    return len(found), by_hold


def quiet_account(plant: FieldProcess) -> Mapping[str, Any]:
    """Return the field's account when it has done all that was on its way when the power went."""
    seen = -1
    while True:
        lamps: Mapping[str, Any] = plant.ask("account")["lamps"]
        writes = sum(lamp["writes"] for lamp in lamps.values())
        if writes == seen:
            return lamps
        seen = writes
        time.sleep(0.5)


def measure(scale: float, holds: int, seed: int, id: str, say: bool) -> dict[str, Any]:
    """Do it all once; return the figures."""
    rng = random.Random(seed)

    def tell(text: str) -> None:
        if say:
            print(text, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="power-") as name:
        town = build(Path(name), scale, id)
        zones = dict.fromkeys(lamp.zone for lamp in town.lamps)
        levels = {zone: 50.0 + at for at, zone in enumerate(zones)}
        # So many cabinets are dead in a whole city; a small one would have no other.
        faults = () if scale >= 0.5 else ("--dead-cabinets", "0", "--mute-cabinets", "0")
        with FieldProcess.start(town.folder / "generated", *faults) as plant:
            with watched_disk(town) as trace:
                first = Start(town)
                tell(f"first start: ready in {first.ready_s:.1f} s")
                ends = asyncio.run(scene.dusk(first.city.api, levels, town.account))
                sound = {lamp for lamp, status in ends.items() if status is Status.APPLIED}
                tell(f"dusk: {len(sound):,} of {len(ends):,} lamps applied")
                cast = scene.cast_of(town.lamps, sound, holds, rng)
                under_way, killed, within_ms = asyncio.run(until_the_loss(town, first, cast, rng))
                first.city.stop()
            loss = time.monotonic()
            taken = lose_cache(town.state, list(disk_shim.read_trace(trace)))
            tell(f"power lost: {killed} processes in {within_ms} ms; {taken}")
            said = read_journals(town.state)
            held = cast.held[:BY_HAND]
            touched = _touched(cast, town)
            others = [lamp for lamp in town.lamps if lamp.id in sound and lamp.id not in touched]
            free = tuple(others[:BY_HAND])
            turn_by_hand(town, (*held, *free), 5.0)
            before = quiet_account(plant)
            second = Start(town)
            tell(f"second start: ready in {second.ready_s:.1f} s; {second.stages}")
            figures = asyncio.run(_after(town, second, cast, under_way, plant, before, held))
            second.city.stop()
    return {
        "devices": figures.pop("devices"),
        "holds": sum(place[0] == HOLD for place in town.account.claims),
        "claims": len(town.account.claims),
        "setpoints": len(town.account.setpoints),
        "ready_s": round(second.ready_s, 2),
        **figures,
        "wrong": len(town.wrong),
        "wrong_first": town.wrong[:10],
        "commands_ended_before": len(town.account.ends),
        "killed_processes": killed,
        "killed_within_ms": within_ms,
        "unsynced_bytes_taken": taken.bytes,
        "unsynced_files": taken.files,
        "untraced_files": taken.untraced,
        "journal_records": said.sequence,
        "journal_records_replayed": said.records,
        "journal_bytes": said.bytes,
        "first_ready_s": round(first.ready_s, 2),
        "stages_s": second.stages,
        "cells_cpu_s": second.cpu_s,
        "cpu_s": second.all_cpu_s,
        "first_cpu_s": first.all_cpu_s,
        "down_s": round(second.began - loss, 2),
        "seed": seed,
    }


def _touched(cast: scene.Cast, town: Town) -> set[str]:
    some = (*cast.held, *cast.reserved, *cast.locked, *cast.commanded)
    return {lamp.id for lamp in some} | set(dark(town, cast))


async def _after(
    town: Town, start: Start, cast: scene.Cast, under_way: scene.UnderWay, plant: FieldProcess,
    before: Mapping[str, Any], held: Sequence[scene.Lamp],
) -> dict[str, Any]:  # fmt: skip
    api, account = start.city.api, town.account
    town.wrong += await scene.refused(api, cast)
    in_force_s = start.elapsed()
    said = read_journals(town.state)
    verdict = judge(account, said.setpoints, said.claims)
    town.wrong += verdict.wrong
    back_s = await_held(town, start, plant, held)
    flying = {id: device for id, (device, _) in account.flying.items()}
    last = max((under_way.deadlines[id] for id in flying), default=0.0)
    patience = max(0.0, last - time.monotonic()) + scene.END_AFTER_S
    found = await scene.ends(api, flying, patience)
    ends_s = start.elapsed()
    again = await scene.bulk_again(api, cast.dark, BULK_LEVEL, under_way.bulk_id)
    lamps = plant.ask("account")["lamps"]
    unasked, by_hold = check_writes(town, before, lamps, cast.held)
    counts = check_ends(town, found, lamps)
    reached = check_bulk(town, again, lamps)
    fallen = await _released(town, api, cast, plant)
    return {
        "devices": start.devices,
        "claims_kept": verdict.claims_kept,
        "holds_kept": verdict.holds_kept,
        "setpoints_kept": verdict.setpoints_kept,
        "holds_in_force_s": round(in_force_s, 2),
        "by_hand_back_s": round(back_s, 2),
        "ends_s": round(ends_s, 2),
        "fallen_back": fallen,
        "unasked_writes": unasked,
        "writes_by_holds": by_hold,
        "bulk_reached_before": reached,
        **counts,
    }


async def _released(town: Town, api: str, cast: scene.Cast, plant: FieldProcess) -> int:
    """Release the holds; return how many lamps went to what they had been set to before."""
    ends = {one.device: one for one in await scene.release(api, cast.held)}
    lamps = plant.ask("account")["lamps"]
    fallen = 0
    for lamp in cast.held:
        at, end = lamps[lamp.id]["setpoint"], ends[lamp.id]
        if at in town.account.may_be(lamp.id):
            fallen += 1
        elif end.status is Status.APPLIED:
            town.wrong.append(f"{lamp.id}: released and applied, and it is at {at}")
    return fallen


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print only the JSON object")
    parser.add_argument("--scale", type=float, default=1.0, help="how many times Dijon")
    parser.add_argument("--holds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--id", default="dijon", help="of the city")
    args = parser.parse_args()
    figures = measure(args.scale, args.holds, args.seed, args.id, not args.json)
    figures["machine"] = {
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    if not args.json:
        for name, value in figures.items():
            print(f"{name:26s}{value}")
    print(json.dumps(figures))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
