"""One trial: a seed, a city, a workload, faults, healing, and the judge."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jacquemart.runtime.model.claim import RELEASE
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.simulation.actors_load import ActorsLoad
from jacquemart.runtime.testing.simulation.city import SimulatedCity
from jacquemart.runtime.testing.simulation.claims_load import ClaimsLoad
from jacquemart.runtime.testing.simulation.contention import Contention
from jacquemart.runtime.testing.simulation.faults import Fault, FaultPlan, plan
from jacquemart.runtime.testing.simulation.judge import judge, stories_of
from jacquemart.runtime.testing.simulation.judge_cancels import judge_cancels
from jacquemart.runtime.testing.simulation.judge_claims import judge_claims, judge_standing
from jacquemart.runtime.testing.simulation.judge_journals import judge_journals
from jacquemart.runtime.testing.simulation.judge_order import judge_order
from jacquemart.runtime.testing.simulation.standard import standard_city
from jacquemart.runtime.testing.simulation.workload import Workload
from jacquemart.runtime.testing.virtual_time import START_NS, Stalled

LENGTH_S = 4.0
#: In one seed of so many the actors of the city command each other's devices, too.
ACTORS_COMMAND = 4
#: In one seed of so many the cells hear each other late.
JITTER = 5
#: The lot that falls on ``device-2``.
SECOND_CELL = 0.3
#: After healing, a city must answer to everybody again within this time.
HEALED_S = 20.0
#: So long after a change, every zone shows what the field holds, and goes on to do so for longer
#: than a silent stream stays unnoticed.
SETTLED_S = 0.6
STEADY_S = 1.3
LOOK_S = 0.15
#: No call from one cell to another lives longer than that.
CALLS_END_S = 12.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a trial found."""

    seed: int
    digest: str
    """Hash of the history; the same for the same seed and the same code."""
    violations: tuple[str, ...]
    simulated_s: float
    city: SimulatedCity


def trial(seed: int) -> Found:
    """Run the standard city through the faults of a seed."""
    hosts = {"device-2": "10.0.0.2"} if seed % 3 == 0 else {}
    city = SimulatedCity(standard_city(), seed, hosts=hosts)
    violations: list[str] = []
    try:
        violations += city.run(_story)
    except Stalled as error:
        violations.append(f"stalled: {error}")
    except JacquemartError as error:  # it does not start, or a question fails
        violations.append(f"failed: {error}")
    devices = [device.id for device in city.spec.devices]
    violations += judge(city.history, city.field.log, devices)
    violations += judge_journals(city.history, city.disk)
    stories = stories_of(city.history)
    violations += judge_claims(city.history, city.field.log, stories)
    violations += judge_cancels(city.history, city.field.log, city.disk, stories, devices)
    violations += judge_order(city.field.log, city.disk)
    violations += [f"I7 left over: {text}" for text in city.left_over]
    for process in city.scheduler.processes.values():
        violations += [f"{process.name} raised {text}" for text in process.raised]
    for cell in city.warden.all_cells:
        violations += [f"{cell.config.name} failed: {text}" for text in cell.broke]
    simulated = (city.scheduler.now_ns - START_NS) / 1e9
    return Found(seed, city.digest(), tuple(violations), simulated, city)


async def _story(city: SimulatedCity) -> list[str]:
    rng = city.scheduler.chance("plan")
    planned = [*plan(rng, LENGTH_S)]
    if city.has_other_hosts:  # where nobody can kill it, a frozen cell is worth a look
        planned.append(Fault(rng.random() * LENGTH_S / 2, "freeze", 1.8, SECOND_CELL))
    if city.seed % JITTER == 2:  # what one cell says to another is late when that changes hands
        planned.append(Fault(rng.random() * LENGTH_S / 2, "delay", LENGTH_S / 2, rng.random()))
    faults = FaultPlan(city, planned)
    workload = Workload(city, city.scheduler.chance("workload"), LENGTH_S)
    names = [device.id for device in city.spec.devices]
    claims = ClaimsLoad(
        workload.clients, names, city.scheduler.chance("claims"), LENGTH_S, workload.value
    )
    until_s = asyncio.get_running_loop().time() + LENGTH_S
    contention = Contention(city, workload, city.scheduler.chance("contention"), until_s)
    loads = [contention.run(planned, SECOND_CELL), workload.run(), claims.run()]
    actors = ActorsLoad(city, city.scheduler.chance("actors"), LENGTH_S, workload.value)
    if city.seed % ACTORS_COMMAND == 1:
        loads.append(actors.run())
    work = asyncio.gather(*loads)
    await asyncio.sleep(LENGTH_S)
    faults.end()
    await work
    # What was missed meanwhile must be seen before the next write covers it.
    found = await _steady(city, HEALED_S)
    if claims.claimed:
        found += await _as_claimed(city, claims)
    return found + await _whole_again(city, workload) + actors.violations


async def _as_claimed(city: SimulatedCity, claims: ClaimsLoad) -> list[str]:
    """Find that all claims stand as they were acknowledged and are shown; then end them."""
    loop = asyncio.get_running_loop()
    until = loop.time() + HEALED_S
    while True:
        found = _not_as_held(city, claims.claimed)
        if not found or loop.time() > until:
            break
        await asyncio.sleep(LOOK_S)
    now = city.scheduler.now_ns
    books = city.cell("zone-0").service.authority.books
    journals = {id: rows for book in books.values() for id, rows in book.state.claims.items()}
    found += judge_standing(city.history, journals, now, "its zone's journal")
    known = {id: [*actor.claims.kernel.claims()] for id, actor in _actors(city) if actor.claims}
    found += judge_standing(city.history, known, now, "its cell")
    until = loop.time() + HEALED_S
    while True:
        standing = [
            c for book in books.values() for rows in book.state.claims.values() for c in rows
        ]
        if not standing:
            return found
        if loop.time() > until:
            return [*found, f"not whole again: claims are not released: {standing}"]
        by_name = {client.name: client for client in city.clients}
        work = [
            by_name[claim.owner].claim(RELEASE, claim.device, claim.point, slot=claim.slot)
            for claim in standing
        ]
        await asyncio.gather(*work)
        await asyncio.sleep(LOOK_S)


def _actors(city: SimulatedCity) -> Iterator[tuple[str, Any]]:
    for cell in city.warden.cells.values():
        if cell.config.role == "device":
            yield from cell.service.devices.items()


def _not_as_held(city: SimulatedCity, claimed: Sequence[str]) -> list[str]:
    """Return which devices are not where their strongest hold wants them."""
    found = []
    now = city.scheduler.now_ns
    for id, actor in _actors(city):
        if id not in claimed or actor.claims is None or actor.claims.kernel.whole.lives():
            continue
        wanted = actor.claims.kernel.effective("setpoint", now)
        real = city.field.device(id).values.get("setpoint")
        if wanted is not None and real != wanted:
            found.append(f"claim: {id} is held at {wanted:g}, and is at {real}")
    return found


async def _steady(city: SimulatedCity, within_s: float) -> list[str]:
    """Wait until all zones show what is so, and go on to; return what is not shown in time."""
    loop = asyncio.get_running_loop()
    began = clean = loop.time()
    since: dict[str, float] = {}
    while loop.time() - clean < STEADY_S:
        now, found = loop.time(), _blind(city)
        since = {text: since.get(text, now) for text in found}
        if any(now - begin > within_s for begin in since.values()):
            return found
        if found:
            if now - began > within_s + HEALED_S:  # it comes and goes
                return found
            clean = now
        await asyncio.sleep(LOOK_S)
    return []


async def _whole_again(city: SimulatedCity, workload: Workload) -> list[str]:
    """Have every device take a command again, and nothing wait any more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + HEALED_S
    left = [device.id for device in city.spec.devices]
    client = workload.clients[0]
    while left and loop.time() < until:
        work = [client.set(f"{id}/setpoint", workload.value(), within_s=2.0) for id in left]
        outcomes = await asyncio.gather(*work)
        left = [
            device
            for device, outcome in zip(left, outcomes, strict=True)
            if outcome is None or outcome.status is not Status.APPLIED
        ]
        await asyncio.sleep(0.1)
    found = [f"not whole again: {device} takes no command" for device in left]
    found += await _steady(city, SETTLED_S)
    waiting = _calls_waiting(city)
    if waiting:  # some may only now have begun; those that are lost are not given up at once
        await asyncio.sleep(CALLS_END_S)
        for _ in range(3):  # cells ask each other at fixed times; those calls are short
            waiting = [name for name in waiting if name in _calls_waiting(city)]
            await asyncio.sleep(0.0137)
    found += [f"I7 {name} has calls without an end" for name in waiting]
    return found


def _calls_waiting(city: SimulatedCity) -> list[str]:
    cells = city.warden.cells
    return [name for name, cell in cells.items() if cell.service.calls_waiting]


def _blind(city: SimulatedCity) -> list[str]:
    """Return what zones do not show as the field has it."""
    found = [
        f"not whole again: {name} is not ready: {progress['detail']}"
        for name, cell in city.warden.cells.items()
        if not (progress := cell.progress())["ready"]
    ]
    for name, view in city.cell("zone-0").service.views.items():
        home = city.cell(city.warden.directory.homes[name]).service
        layout, table = view.layout, home.shards[name].table
        for device, base in zip(layout.spec.devices, layout.bases, strict=True):
            for at, point in enumerate(city.spec.templates[device.template].points, base):
                shown, quality, _, _ = view.table.read(at)
                known = table.read(at)[0]
                if shown != known and not (math.isnan(shown) and math.isnan(known)):
                    found.append(
                        f"blind: zone-0 shows {device.id}/{point.name} at {shown:g}, and its cell "
                        f"knows {known:g}"
                    )
                real = city.field.device(device.id).values.get("setpoint", 0.0)
                if point.name == "level" and (quality >= Quality.STALE_AGE or shown != real):
                    found.append(
                        f"blind: zone-0 shows {device.id} at {shown:g} (quality {quality}), and "
                        f"it is at {real:g}"
                    )
    return found
