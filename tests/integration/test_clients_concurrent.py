"""Many requests at a time, threads, cancellation, and closing in the middle of it all."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from patience import until, wait_until
from small_city import field, small_city, writes

from jacquemart.runtime.client import AsyncClient, Client
from jacquemart.runtime.model.errors import GatewayUnreachable, UsageError
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.testing import LocalCity

LAMPS = 60
NOWHERE = "tcp://127.0.0.1:9"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCity]:
    with small_city(tmp_path_factory.mktemp("city"), lamps=LAMPS) as running:
        yield running


@pytest.fixture
def stuck(city: LocalCity) -> Iterator[str]:
    """A lamp whose commands take their whole settle time."""
    field().inject("stuck", "north-60")
    yield "north-60/setpoint"
    field().clear("stuck", "north-60")


def test_many_commands_and_questions_share_one_connection(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            lamps = range(1, LAMPS)
            outcomes, readings = await asyncio.gather(
                asyncio.gather(*(client.set(f"north-{n}/setpoint", float(n)) for n in lamps)),
                asyncio.gather(*(client.get(f"north-{n}/level") for n in lamps)),
            )
            assert [o.device for o in outcomes] == [f"north-{n}" for n in lamps]
            assert [o.value for o in outcomes] == [float(n) for n in lamps]
            assert all(o.applied for o in outcomes)
            assert [r.point for r in readings] == [f"north-{n}/level" for n in lamps]
            assert len({o.id for o in outcomes}) == LAMPS - 1

    asyncio.run(story())


def test_commands_to_one_device_are_done_in_their_order(city: LocalCity) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            before = len(writes("north-1"))
            values = [float(n) for n in range(30)]
            outcomes = await asyncio.gather(*(client.set("north-1/setpoint", v) for v in values))
            # Those that still waited when a newer one came were pointless, and were not written.
            applied = [value for value, o in zip(values, outcomes, strict=True) if o.applied]
            assert applied[-1] == values[-1]
            assert writes("north-1")[before:] == applied == sorted(applied)
            assert {o.reason for o in outcomes if not o.applied} <= {"newer"}

    asyncio.run(story())


def test_cancelling_the_wait_leaves_the_command_and_the_connection(
    city: LocalCity, stuck: str
) -> None:
    async def story() -> None:
        async with AsyncClient(city.api) as client:
            before = len(writes("north-60"))
            task = asyncio.create_task(client.set(stuck, 55.0))
            await until(lambda: len(writes("north-60")) > before)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.set("north-2/setpoint", 12.0)).applied
            give_up = time.monotonic() + 10.0
            while (last := (await client.why("north-60"))["last_command"])["status"] == "in hand":
                assert time.monotonic() < give_up
                await asyncio.sleep(0.05)
            assert (last["value"], last["status"]) == (55.0, "FAILED")
            assert writes("north-60")[before:] == [55.0]

    asyncio.run(story())


def test_closing_ends_what_is_under_way_and_says_so_to_who_comes_later(
    city: LocalCity, stuck: str
) -> None:
    async def story() -> None:
        client = AsyncClient(city.api)
        await client.connect()
        seen: set[str] = set()

        async def watch() -> None:
            async for update in client.subscribe(pattern="north-3/*"):
                seen.add(update.point)  # type: ignore[union-attr]

        watching = asyncio.create_task(watch())
        command = asyncio.create_task(client.set(stuck, 66.0))
        await until(lambda: bool(seen))
        client.close()
        client.close()
        outcome = await asyncio.wait_for(command, 5.0)
        assert outcome.status is Status.INDETERMINATE, "it is under way, and nobody will tell"
        await asyncio.wait_for(watching, 5.0)
        for late in (client.get("north-1/level"), client.set("north-1/setpoint", 1.0)):
            with pytest.raises(UsageError, match="closed"):
                await late

    asyncio.run(story())


def test_where_nobody_listens_both_clients_say_so() -> None:
    async def story() -> None:
        begun = time.monotonic()
        with pytest.raises(GatewayUnreachable, match="jacquemart run"):
            await AsyncClient(NOWHERE, timeout_s=0.3).connect()
        assert time.monotonic() - begun < 20.0

    asyncio.run(story())
    with pytest.raises(GatewayUnreachable, match="jacquemart run"):
        Client(NOWHERE, timeout_s=0.3)


def test_one_synchronous_client_serves_many_threads(city: LocalCity) -> None:
    client = city.client()
    found: dict[int, list[Outcome]] = {}

    def work(number: int) -> None:
        mine = found.setdefault(number, [])
        for value in (10.0, 20.0, 30.0):
            mine.append(client.set(f"north-{number}/setpoint", value + number))
            assert client.get(f"north-{number}/setpoint").point == f"north-{number}/setpoint"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
        assert not thread.is_alive()
    assert {
        number: [(o.device, o.value) for o in mine] for number, mine in found.items()
    } == {n: [(f"north-{n}", v + n) for v in (10.0, 20.0, 30.0)] for n in range(1, 9)}  # fmt: skip


def test_a_client_closed_by_another_thread_lets_its_waiting_request_go(
    city: LocalCity, stuck: str
) -> None:
    client = Client(city.api)
    ends: list[Outcome] = []
    before = len(writes("north-60"))
    thread = threading.Thread(target=lambda: ends.append(client.set(stuck, 77.0)))
    thread.start()
    wait_until(lambda: len(writes("north-60")) > before)
    client.close()
    thread.join(10.0)
    assert not thread.is_alive()
    assert [end.status for end in ends] == [Status.INDETERMINATE]
    with pytest.raises(UsageError, match="closed"):
        client.get("north-1/level")
    client.close()


def test_an_answer_that_comes_too_late_is_not_taken_for_another_one(
    city: LocalCity, stuck: str
) -> None:
    client = Client(city.api, timeout_s=5.0)
    device_cell = next(n for n, h in city.hosts.items() if h.config.role == "device")
    city.freeze(device_cell, 1.5)
    client.timeout_s = 0.2
    with pytest.raises(GatewayUnreachable):
        client.get("north-1/level")
    client.timeout_s = 10.0
    assert client.get("north-2/setpoint").point == "north-2/setpoint"
    client.close()
