"""Each way of a command has exactly one end, five seconds after its deadline at the latest.

The ways: a single command, a bulk command, a claim, a command of a kind in several steps, and a
volatile one. What happens to them on the way: the cell is killed (with and without a successor),
it is frozen, and the zone is replaced.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest
import small_city as streets
from patience import wait_until
from small_city import field, small_city, writes

from jacquemart.drivers.simulated.faults import Fault
from jacquemart.runtime.client import AsyncClient
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome, Status
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.store.folder import journal_path
from jacquemart.runtime.store.reader import JournalReader
from jacquemart.runtime.testing import LocalCity

WITHIN_S = 1.0
#: For the way back to the client, on a machine that does other things too.
WAY_S = 0.6
IDS = {name: bytes([at]) * 16 for at, name in enumerate(("single", "bulk", "claim", "steps"), 1)}
#: Of what was under way: FAILED, since the lamp that was stuck does not show it.
TRUE_ENDS = (Status.APPLIED, Status.FAILED, Status.INDETERMINATE, Status.EXPIRED)
FAULTS = ["nothing", "killed", "killed for good", "frozen", "zone replaced"]


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCity]:
    kind = streets.HEAD.replace('kind = "generic"', 'kind = "patient_kind:Patient"')
    monkeypatch.setattr(streets, "HEAD", kind)
    with small_city(tmp_path, lamps=6, settle_ms=300, state=tmp_path / "state") as running:
        yield running


async def timed(what: str, work: Awaitable[Outcome | BulkOutcome]) -> tuple[str, float, object]:
    begun = time.monotonic()
    found = await work
    return what, time.monotonic() - begun, found


async def all_ways(client: AsyncClient) -> dict[str, tuple[float, object]]:
    """Send one command each way, at the same time; return how long each took, and its end."""
    sent = [
        timed("single", client.set("north-1/setpoint", 10.0, within_s=WITHIN_S, id=IDS["single"])),
        timed(
            "bulk",
            client.set_all(
                "setpoint", 20.0, device="north-[23]", within_s=WITHIN_S, id=IDS["bulk"]
            ),
        ),
        timed("claim", client.hold("north-4/setpoint", 30.0, within_s=WITHIN_S, id=IDS["claim"])),
        timed("steps", client.command("north-5", "ramp", 40.0, within_s=WITHIN_S, id=IDS["steps"])),
        timed("volatile", client.command("north-6", "nudge", 50.0, within_s=WITHIN_S)),
    ]
    return {what: (took, found) for what, took, found in await asyncio.gather(*sent)}


def happens(city: LocalCity, fault: str) -> None:
    if fault == "killed":
        city.replace("device-1")
    elif fault == "killed for good":
        city.lose("device-1")
    elif fault == "frozen":
        city.freeze("device-1", WITHIN_S + 5.0 + 1.0)
    elif fault == "zone replaced":
        city.replace("zone-0")


def ends_on_disk(city: LocalCity) -> Counter[tuple[bytes, int]]:
    with JournalReader(journal_path(Path(city._state), "north")) as reader, reader.moment():
        return Counter(
            (record.body["id"], record.kind)
            for record, _ in reader.links(0)
            if record.kind in (RecordKind.ENDED, RecordKind.BULK_ENDED)
        )


@pytest.mark.parametrize("fault", FAULTS)
def test_every_accepted_command_has_one_end_in_time_whatever_is_lost(
    city: LocalCity, fault: str
) -> None:
    field().inject(Fault.STUCK)  # so that all are under way when it happens

    async def story() -> dict[str, tuple[float, object]]:
        async with AsyncClient(city.api) as client:
            sent = asyncio.ensure_future(all_ways(client))
            await asyncio.sleep(0.2)
            await asyncio.to_thread(happens, city, fault)
            field().clear(Fault.STUCK)
            return await sent

    found = asyncio.run(story())
    late = {what: took for what, (took, _) in found.items() if took > WITHIN_S + 5.0 + WAY_S}
    assert not late, late
    for what, (_, end) in found.items():
        if isinstance(end, BulkOutcome):
            assert sorted(one.device for one in end.outcomes) == ["north-2", "north-3"]
            assert {one.status for one in end.outcomes} <= set(TRUE_ENDS)
        else:
            assert isinstance(end, Outcome)
            assert end.status in TRUE_ENDS, (what, end)
            if fault == "nothing":
                assert end.applied, (what, end)
    wait_until(lambda: len(ends_on_disk(city)) == len(IDS))
    assert set(ends_on_disk(city).values()) == {1}, "one end each, and no second"
    if fault != "frozen":  # whoever wakes there is asked by another test
        for lamp in (1, 2, 3, 6):
            assert len(writes(f"north-{lamp}")) <= 1, "and no second execution"
