"""Claims are done under the lease of their device's shard, or not at all."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from bench_host import how, outcome_of
from claim_bench import Bench, on_bench
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.actor.claims import DeviceClaims
from jacquemart.runtime.cell.claiming import AGAIN_S, CellClaims
from jacquemart.runtime.kernel.dedup import DedupWindow
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.testing.simulation import SimulatedCity
from jacquemart.runtime.testing.simulation.standard import standard_city
from jacquemart.runtime.testing.virtual_time import run
from jacquemart.runtime.wire import messages

LOST = "the lease ran out while nobody looked"
STEPS = st.tuples(st.sampled_from(("hold", "release", "reserve", "lockout")), st.booleans())


@settings(max_examples=25)
@given(st.lists(STEPS, min_size=1, max_size=6))
def test_what_comes_to_its_turn_without_the_lease_changes_nothing(
    steps: list[tuple[str, bool]],
) -> None:
    async def story(bench: Bench) -> None:
        for verb, leased in steps:
            claims = bench.lamp.claims
            before = set(claims.kernel.claims()) if claims is not None else set()
            ends, sent = len(bench.host.ended), len(bench.sent())
            lacks = None if leased else LOST
            point = "setpoint" if verb == "hold" else ""
            value = 40.0 if verb == "hold" else None
            slot = 3 if verb in ("lockout", "release") else 8
            made = bench.claim(
                verb, value, point=point, priority=slot, lacks=lambda lacks=lacks: lacks
            )
            await asyncio.sleep(2.0)
            if leased:
                assert outcome_of(made).reason != "no_lease"
                continue
            assert how(made) == ("REJECTED", "no_lease")
            assert outcome_of(made).detail == LOST
            claims = bench.lamp.claims
            assert (set(claims.kernel.claims()) if claims is not None else set()) == before
            assert (len(bench.host.ended), len(bench.sent())) == (ends, sent)

    on_bench(story)


def test_the_lease_is_looked_at_when_its_turn_comes_and_not_when_it_came() -> None:
    async def story(bench: Bench) -> None:
        lost: list[str] = []
        bench.do("two_steps")  # the device is busy with it
        waits = bench.claim("reserve", lacks=lambda: lost[0] if lost else None)
        await asyncio.sleep(0.1)
        assert waits.outcome is None
        lost.append(LOST)
        await asyncio.sleep(6.0)
        assert how(waits) == ("REJECTED", "no_lease")
        assert bench.lamp.claims is None

    on_bench(story)


def claims_of(city: SimulatedCity, device: str) -> list[list[Any]]:
    """Return what stands for a device in its zone's journal, and in its cell."""
    zone = city.cell("zone-0").service.authority.books["south"].state
    actor = city.cell("device-2").service.devices[device]
    live = actor.claims.kernel.claims() if actor.claims is not None else ()
    return [
        sorted((one.owner, one.verb, one.id) for one in rows)
        for rows in (zone.claims.get(device, ()), live)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_frozen_cell_that_wakes_ends_no_claim_of_its_successor(seed: int) -> None:
    """It finds a setpoint, a release and a lock-out, which waits for nobody, and so comes first."""

    async def story(city: SimulatedCity) -> list[list[Any]]:
        client = city.client()
        await client.set("south-1/setpoint", 1)
        city.freeze("device-2", 1.8)
        work = [asyncio.ensure_future(client.set("south-1/setpoint", 2, within_s=9.0))]
        await asyncio.sleep(0.1)
        for verb in ("release", "lockout"):
            work.append(asyncio.ensure_future(client.claim(verb, "south-1", slot=3, within_s=9.0)))
            await asyncio.sleep(0.1)
        found = await asyncio.gather(*work)
        assert [one is not None and one.applied for one in found[1:]] == [True, True]
        await asyncio.sleep(3.0)
        await city.wait_ready()
        return claims_of(city, "south-1")

    city = SimulatedCity(standard_city(), seed, hosts={"device-2": "10.0.0.2"})
    zone, cell = city.run(story)
    assert zone == cell
    assert [(owner, verb) for owner, verb, _ in zone] == [("client-1", "lockout")]
    assert "fenced" in city.history.text()
    ended = [r for r in city.disk.journals["south"].records if r.kind is RecordKind.CLAIM_ENDED]
    assert ended == []


def test_a_claim_that_comes_without_a_lease_is_done_when_that_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[bool] = []
    take = DeviceClaims.take

    def watched(self: Any, ticket: Any) -> bool:
        done.append(self._actor.shard.permit.gate.open())
        return take(self, ticket)

    monkeypatch.setattr(DeviceClaims, "take", watched)

    async def story(city: SimulatedCity) -> list[tuple[str, str] | None]:
        client = city.client()
        await client.set("south-1/setpoint", 1)
        city.network.cut("device-2", "zone-0")
        await asyncio.sleep(0.9)  # its lease has run out, and nobody has given it up yet
        work = [
            asyncio.ensure_future(client.claim(verb, "south-1", slot=3, within_s=9.0))
            for verb in ("lockout", "reserve", "release")
        ]
        await asyncio.sleep(0.02)
        gate = city.cell("device-2").service.devices["south-1"].shard.permit.gate
        assert not gate.open()
        city.network.mend("device-2", "zone-0")
        found = await asyncio.gather(*work)
        assert not done or all(done)
        return [one and (one.status.name, one.reason) for one in found]

    city = SimulatedCity(standard_city(), 1, hosts={"device-2": "10.0.0.2"})
    assert city.run(story) == [("APPLIED", "ok")] * 3
    assert done == [True] * 3, "each was done once, under the lease"


def test_ends_that_a_zone_does_not_believe_are_forgotten_or_told_again() -> None:
    async def story(clock: Any) -> list[list[bytes]]:
        told: list[list[bytes]] = []
        answers = [{"taken": 1, "old": [1], "again": [0]}, 1]

        async def ask(frame: bytes, within_s: float) -> bytes:
            question = messages.decode_query(frame)
            assert question.args["cell"] == "device-1", "it says who it is"
            told.append([end["id"] for end in question.args["ended"]])
            return messages.reply(answers.pop(0))

        actor = SimpleNamespace(id="lamp-1", spec=SimpleNamespace(zone="north"))
        who = {"cell": "device-1", "epoch": 5, "presence": ["a", 1, 2, 3], "renews": False}
        cell: Any = SimpleNamespace(
            devices={"lamp-1": actor}, loop=asyncio.get_running_loop(),
            directory=SimpleNamespace(zones={"north": "zone-0"}),
            caller=lambda name: SimpleNamespace(ask=ask),
            leases=SimpleNamespace(who=lambda: who),
        )  # fmt: skip
        claims = CellClaims(cell, DedupWindow(), lambda *ended: None)
        for number in range(3):
            claim = Claim("lockout", "lamp-1", "", 3, None, "ann", "works", id=bytes([number]))
            claims.ended(actor, claim, "expired")  # type: ignore[arg-type]
        await asyncio.sleep(AGAIN_S / 2)
        assert claims.waiting == 1
        await asyncio.sleep(AGAIN_S)
        assert claims.waiting == 0, "a zone of an older version takes them all"
        return told

    assert run(story) == [[b"\0", b"\1", b"\2"], [b"\0"]]
