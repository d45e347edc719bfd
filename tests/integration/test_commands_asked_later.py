"""A journalled command is asked of later: while it waits, when it has ended, after a restart."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until
from small_city import field, small_city, writes

from jacquemart.drivers.simulated.faults import Fault
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.cell.outcome_query import OutcomeQuery
from jacquemart.runtime.client import AsyncClient, requests
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.testing import LocalCity


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path, lamps=3, settle_ms=20_000) as running:
        yield running


def test_a_submitted_command_is_accepted_at_once_and_ends_later(city: LocalCity) -> None:
    field().inject(Fault.STUCK)  # it is sent, and waits for its proof
    client = city.client()
    state = client.submit("north-1/setpoint", 40.0)
    assert (state.stage, state.outcome) == ("accepted", None)
    asked = client.outcome_of("north-1/setpoint", state.id)
    assert (asked.stage, asked.outcome) == ("accepted", None), asked
    field().clear(Fault.STUCK)
    ended = client.outcome_of("north-1/setpoint", state.id, wait_s=10.0)
    assert ended.stage == "ended"
    assert ended.outcome is not None
    assert (ended.outcome.status, ended.outcome.value) == (Status.APPLIED, 40.0)
    assert client.set("north-1/setpoint", 40.0, id=state.id) == ended.outcome


def test_a_question_that_was_answered_leaves_nothing_that_runs_later(
    city: LocalCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[object] = []
    end = OutcomeQuery._end

    def counted(query: OutcomeQuery, key: Any, asked: Any) -> None:
        answered.append(key)
        end(query, key, asked)

    monkeypatch.setattr(OutcomeQuery, "_end", counted)
    field().inject(Fault.STUCK)
    client = city.client()
    state = client.submit("north-1/setpoint", 40.0)
    answered.clear()
    threading.Timer(0.3, field().clear, (Fault.STUCK,)).start()
    assert client.outcome_of("north-1/setpoint", state.id, wait_s=5.5).stage == "ended"
    time.sleep(5.5)
    assert len(answered) == 1


def test_nobody_of_a_crowd_that_repeats_a_command_under_way_hears_that_it_was_refused(
    city: LocalCity,
) -> None:
    field().inject(Fault.STUCK)

    async def story() -> list[Outcome]:
        async with AsyncClient(city.api) as client:
            made, frame = requests.command(
                "north-1/setpoint", 40.0, verb="set", unit="", priority=8, principal="alice",
                deadline_ns=boot_ns() + 10_000_000_000, identity=bytes(16),
            )  # fmt: skip
            asked = [asyncio.ensure_future(client._ask(frame, 10.0)) for _ in range(300)]
            await asyncio.sleep(0.5)
            field().clear(Fault.STUCK)
            return [requests.outcome(made, answer) for answer in await asyncio.gather(*asked)]

    found = asyncio.run(story())
    assert {one.status for one in found} == {Status.APPLIED, Status.INDETERMINATE}
    assert len([one for one in found if one.applied]) == 256
    assert writes("north-1") == [40.0]


def test_a_command_that_its_device_refuses_has_its_end_and_an_unknown_one_none(
    city: LocalCity,
) -> None:
    client = city.client()
    assert client.outcome_of("north-1", bytes(16)).stage == "unknown"
    state = client.submit("north-1/setpoint", 4_000.0)
    ended = client.outcome_of("north-1/setpoint", state.id, wait_s=5.0).outcome
    assert ended is not None
    assert (ended.status, ended.reason) == (Status.REJECTED, "out_of_range")
    assert not writes("north-1")


def test_an_end_is_known_to_who_asks_by_another_client_and_to_nobody_else(city: LocalCity) -> None:
    id = bytes(range(16))
    alice = city.client(principal="alice")
    assert alice.set("north-2/setpoint", 20.0, id=id).applied
    assert city.client(principal="alice").outcome_of("north-2", id).stage == "ended"
    assert city.client(principal="bob").outcome_of("north-2", id).stage == "unknown"


def test_asyncio_clients_submit_and_ask_too(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            states = await asyncio.gather(
                *(client.submit(f"north-{n}/setpoint", 10.0 * n) for n in (1, 2, 3))
            )
            for n, state in enumerate(states, start=1):
                assert state.stage in ("accepted", "ended")
                ended = await client.outcome_of(f"north-{n}/setpoint", state.id, wait_s=10.0)
                assert ended.outcome is not None
                assert ended.outcome.value == 10.0 * n

    asyncio.run(story())


def test_what_a_restarted_zone_was_told_before_it_still_knows(tmp_path: Path) -> None:
    with small_city(tmp_path, lamps=1, state=tmp_path / "state") as city:
        client = city.client()
        ended = client.set("north-1/setpoint", 33.0)
        assert ended.applied
        city.replace("zone-0")

        def known() -> bool:
            return client.outcome_of("north-1/setpoint", ended.id).outcome == ended

        wait_until(known)
        again = client.set("north-1/setpoint", 33.0, id=ended.id)
        assert again == ended
        assert writes("north-1") == [33.0]
