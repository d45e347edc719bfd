"""While a cell is handed over, commands wait: none is refused, lost, doubled or overtaken."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from small_city import field, small_city, writes

from jacquemart.drivers.simulated.faults import Fault
from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome
from jacquemart.runtime.testing import LocalCity

LAMPS = 4


async def storm(api: str, until: threading.Event) -> dict[int, list[tuple[float, Outcome]]]:
    """Command every lamp with growing values, some at a time; return what became of each."""
    ends: dict[int, list[tuple[float, Outcome]]] = {n: [] for n in range(1, LAMPS + 1)}

    async def drive(client: AsyncClient, lamp: int) -> None:
        value = 0.0
        while not until.is_set():
            value += 1.0
            outcome = await client.set(f"north-{lamp}/setpoint", value % 100, within_s=8.0)
            ends[lamp].append((value % 100, outcome))

    async with AsyncClient(api) as client:
        await asyncio.gather(*(drive(client, lamp) for lamp in ends))
    return ends


def test_no_command_is_refused_while_the_zone_cell_is_away(tmp_path: Path) -> None:
    with small_city(tmp_path, lamps=LAMPS, state=tmp_path / "state") as city:
        over = threading.Event()
        found: list[dict[int, list[tuple[float, Outcome]]]] = []
        driver = threading.Thread(target=lambda: found.append(asyncio.run(storm(city.api, over))))
        driver.start()
        for _ in range(3):
            time.sleep(0.4)
            city.replace("zone-0")
        time.sleep(0.6)
        over.set()
        driver.join(30.0)
        ends = found[0]
        assert all(len(row) > 4 for row in ends.values()), "they went on"
        bad = [outcome for row in ends.values() for _, outcome in row if not outcome.applied]
        assert not bad, bad[:3]
        for lamp, row in ends.items():
            assert writes(f"north-{lamp}") == [value for value, _ in row], "once each, in order"


def test_two_commands_to_one_device_keep_their_order_through_a_hand_over(tmp_path: Path) -> None:
    with small_city(tmp_path, lamps=1, state=tmp_path / "state") as city:

        async def story() -> list[Outcome]:
            async with AsyncClient(city.api) as client:
                await client.set("north-1/setpoint", 5.0)
                away = asyncio.create_task(asyncio.to_thread(city.replace, "zone-0"))
                asked = []
                for value in range(10, 60):
                    asked.append(asyncio.ensure_future(_set(client, float(value))))
                    await asyncio.sleep(0.01)
                await away
                return await asyncio.gather(*asked)

        ends = asyncio.run(story())
        seen = writes("north-1")
        assert seen == sorted(seen), "a command never overtakes an older one"
        assert seen[-1] == 59.0
        assert {one.status.name for one in ends} <= {"APPLIED", "SUPERSEDED"}
        assert ends[-1].applied


async def _set(client: AsyncClient, value: float) -> Outcome:
    return await client.set("north-1/setpoint", value, within_s=8.0)


def test_a_question_is_answered_by_the_successor_of_the_cell_that_had_it(tmp_path: Path) -> None:
    with small_city(tmp_path, lamps=2) as city:
        failures: list[Exception] = []
        over = threading.Event()

        def ask() -> None:
            client = city.client()
            while not over.is_set():
                try:
                    assert client.ls()
                except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                    failures.append(error)

        asker = threading.Thread(target=ask)
        asker.start()
        for _ in range(2):
            time.sleep(0.3)
            city.replace("zone-0")
        over.set()
        asker.join(20.0)
        assert not failures


def bulk(city: LocalCity, value: float, found: list[BulkOutcome]) -> threading.Thread:
    """Begin a bulk command to all lamps."""
    client = city.client()
    asker = threading.Thread(
        target=lambda: found.append(client.set_all("setpoint", value, within_s=8.0))
    )
    asker.start()
    return asker


def test_a_cell_that_drains_takes_no_bulk_command_and_its_successor_does_it_once(
    tmp_path: Path,
) -> None:
    with small_city(tmp_path, lamps=LAMPS) as city:
        city.hosts["device-1"].drain(1.0)
        found: list[BulkOutcome] = []
        asker = bulk(city, 40.0, found)
        time.sleep(0.4)
        assert not found
        assert [writes(f"north-{n}") for n in range(1, LAMPS + 1)] == [[]] * LAMPS
        city.replace("device-1")
        asker.join(20.0)
        assert found[0].counts() == {"APPLIED": LAMPS}
        assert [writes(f"north-{n}") for n in range(1, LAMPS + 1)] == [[40.0]] * LAMPS


def test_a_bulk_command_waits_for_the_successor_of_a_cell_that_is_away(tmp_path: Path) -> None:
    with small_city(tmp_path, lamps=LAMPS) as city:
        for name in ("device-1", "zone-0"):
            city.lose(name)
            found: list[BulkOutcome] = []
            asker = bulk(city, 40.0, found)
            time.sleep(0.2)
            city.replace(name)
            asker.join(20.0)
            assert found[0].counts() == {"APPLIED": LAMPS}, name


def test_a_bulk_command_of_a_zone_that_leaves_ends_and_nothing_of_it_stays(tmp_path: Path) -> None:
    with small_city(tmp_path, zones=("north", "west"), lamps=2, settle_ms=5_000) as city:
        field("west").inject(Fault.STUCK)  # the command waits for its proof
        found: list[BulkOutcome] = []
        asker = bulk(city, 40.0, found)
        time.sleep(0.5)
        desk = city.hosts["zone-0"]._service._bulks
        assert any(zone == "west" for zone, _ in desk._live)
        text = (tmp_path / "city.toml").read_text().replace("[zones.west]\n", "")
        parts = text.split("\n[")
        kept = [part for part in parts if "west" not in part]
        (tmp_path / "city.toml").write_text("\n[".join(kept))
        began = time.monotonic()
        city.apply(tmp_path / "city.toml")
        asker.join(20.0)
        assert time.monotonic() - began < 5.0, "who asked is told now, and not at its deadline"
        ends = {one.device: one.status.name for one in found[0].outcomes}
        assert ends == {
            "north-1": "APPLIED", "north-2": "APPLIED",
            "west-1": "INDETERMINATE", "west-2": "INDETERMINATE",
        }  # fmt: skip
        assert not desk._live
