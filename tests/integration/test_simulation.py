"""Whole cities in virtual time: no violation, the same again, and planted bugs found."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from jacquemart.runtime.testing.planted import PLANTED
from jacquemart.runtime.testing.simulation import SimulatedCity, trial
from jacquemart.runtime.testing.simulation.standard import standard_city

#: Clean seeds, in parts; bench/simulation.py runs more.
SEEDS, PART = 300, 50
#: Planted bug -> it is found within so many seeds.
FOUND_SOON = {
    "a_repeated_id_is_executed_again": 20,
    "applied_without_readback": 40,
    "accepted_before_it_is_on_disk": 60,
    "a_lockout_is_not_looked_at": 15,
    "a_lease_never_ends": 31,
    "an_actor_hears_nothing_of_what_was_lost": 40,
    "what_waits_never_expires": 40,
    "what_was_sent_may_be_taken_back": 60,
}


@pytest.mark.parametrize("first", range(0, SEEDS, PART))
def test_no_seed_loses_doubles_delays_or_invents_a_command(first: int) -> None:
    begin = time.process_time()
    for seed in range(first, first + PART):
        found = trial(seed)
        assert not found.violations, f"seed {seed}: {found.violations}\n{found.city.history.text()}"
    print(f"{PART} seeds in {time.process_time() - begin:.1f} s of processor time")


def test_a_seed_gives_the_same_history_in_another_process_with_other_hashes() -> None:
    code = (
        "from jacquemart.runtime.testing.simulation import trial\n"
        "print(*(trial(seed).digest for seed in (0, 3, 5)))"
    )
    mine = " ".join(trial(seed).digest for seed in (0, 3, 5))
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment,
            check=True,
        )  # fmt: skip
        assert done.stdout.strip() == mine


def test_another_seed_gives_another_history() -> None:
    assert trial(1).digest != trial(2).digest


@pytest.mark.parametrize("name", FOUND_SOON)
def test_a_planted_bug_is_found(name: str) -> None:
    for seed in range(FOUND_SOON[name]):
        with PLANTED[name]():
            violations = trial(seed).violations
        assert not any("<locals>" in text for text in violations), "it does not fit the code"
        if violations:
            return
    pytest.fail(f"{name} is not found")


def test_a_frozen_cell_on_another_host_writes_nothing_after_its_successor() -> None:
    async def story(city: SimulatedCity) -> list[tuple[str, int]]:
        client = city.client()
        device = next(d.id for d in city.spec.devices if d.zone == "south")
        await client.set(f"{device}/setpoint", 1)
        city.freeze("device-2", 5.0)
        work = [client.set(f"{device}/setpoint", value, within_s=9.0) for value in (2, 3)]
        await asyncio.gather(*work)
        await asyncio.sleep(6.0)
        await city.wait_ready()
        await client.set(f"{device}/setpoint", 4)
        return [(write.cell, write.epoch) for write in city.field.log if write.device == device]

    city = SimulatedCity(standard_city(), 1, hosts={"device-2": "10.0.0.2"})
    wrote = city.run(story)
    assert [epoch for _, epoch in wrote] == sorted(epoch for _, epoch in wrote)
    assert wrote[0][1] == 1
    assert wrote[-1][1] > 1
    assert city.left_over == []


def test_a_cell_whose_zone_does_not_know_what_became_of_claims_begins_with_what_that_says() -> None:
    async def story(city: SimulatedCity) -> list[list[set[tuple[str, str]]]]:
        client = city.client()
        city.warden.keep_away("device-2", 3.0)
        city.kill("device-2")
        # One is accepted before a restart of the zone, and released; the other is never released.
        tasks = [
            asyncio.ensure_future(client.claim("lockout", f"south-{n}", slot=3, within_s=9.0))
            for n in (1, 2)
        ]
        await asyncio.sleep(0.2)
        tasks.append(asyncio.ensure_future(client.claim("release", "south-1", slot=3)))
        await asyncio.sleep(0.2)
        city.kill("zone-0")
        await asyncio.gather(*tasks)
        await city.wait_ready()
        await asyncio.sleep(1.0)
        book = city.cell("zone-0").service.authority.books["south"]
        devices = city.cell("device-2").service.devices
        found = []
        for n in (1, 2):
            actor = devices[f"south-{n}"]
            standing = book.state.claims.get(actor.id, ())
            live = actor.claims.kernel.claims() if actor.claims is not None else ()
            found.append([{(one.owner, one.verb) for one in rows} for rows in (standing, live)])
        return found

    for seed in range(4):
        city = SimulatedCity(standard_city(), seed, hosts={"device-2": "10.0.0.2"})
        (zone_1, cell_1), (zone_2, cell_2) = city.run(story)
        assert zone_1 == cell_1 == set()
        assert zone_2 == cell_2 == {("client-1", "lockout")}


def test_cells_that_hear_each_other_late_keep_the_order_of_commands() -> None:
    async def story(city: SimulatedCity) -> float:
        client, begun = city.client(), city.scheduler.now_ns
        city.network.jitter_s = 0.4
        work = [client.set("south-1/setpoint", value, within_s=9.0) for value in range(1, 9)]
        await asyncio.gather(*work)
        city.network.mend_all()
        assert city.network.jitter_s == 0.0
        return (city.scheduler.now_ns - begun) / 1e9

    city = SimulatedCity(standard_city(), 7)
    assert city.run(story) > 0.4, "the way to the zone, to the cell and back"
    values = [write.value for write in city.field.log if write.device == "south-1"]
    assert values == sorted(values)
    assert values[-1] == 8
