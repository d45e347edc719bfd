"""A bulk command that comes to a zone cell before that knows where its devices are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from patience import wait_until
from small_city import small_city, writes

from jacquemart.native.pump import boot_ns
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.blocking import BlockingCaller

ID = bytes(range(16))


@pytest.fixture
def city(tmp_path: Path) -> Iterator[LocalCity]:
    with small_city(tmp_path, lamps=3, settle_ms=1_500, state=tmp_path / "state") as running:
        yield running


def test_it_waits_for_the_directory_and_is_done_once_although_the_zone_recovers_then(
    city: LocalCity,
) -> None:
    old = city.hosts["zone-0"].config
    city.lose("zone-0")
    address = city._start(replace(old, epoch=old.epoch + 1))
    bulk = messages.Bulk(
        ID, "ada", "north", "*", "*", "setpoint", 36.0, "", 8, boot_ns() + 30 * 10**9
    )
    answers: list[bytes | None] = []

    def ask() -> None:
        caller = BlockingCaller(address.commands)
        answers.append(caller.ask(messages.encode_bulk(bulk), 20.0, 2.0))
        caller.close()

    asking = threading.Thread(target=ask)
    asking.start()
    zone = city.hosts["zone-0"]._service
    wait_until(lambda: bool(zone._bulks._live))
    time.sleep(0.1)
    assert not answers, "nobody knows yet where its devices are, and there is time"
    cells = {**city.directory.cells, "zone-0": address}
    directory = replace(city.directory, version=city.directory.version + 1, cells=cells)
    for host in city.hosts.values():
        host.connect(directory)
    asking.join(20.0)
    assert answers[0] is not None
    assert set(messages.decode_bulk_result(answers[0]).statuses) == {0}
    time.sleep(1.0)  # what was accepted before a restart goes out again half a second later
    assert [writes(f"north-{n}") for n in range(1, 4)] == [[36.0]] * 3


def test_one_of_before_the_restart_is_known_again_and_neither_accepted_nor_done_twice(
    city: LocalCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = city.hosts["zone-0"].config
    bulk = messages.Bulk(
        ID, "ada", "north", "*", "*", "setpoint", 36.0, "", 8, boot_ns() + 30 * 10**9
    )
    answers: list[bytes | None] = []

    def ask(endpoint: str, wait_s: float) -> None:
        caller = BlockingCaller(endpoint)
        answers.append(caller.ask(messages.encode_bulk(bulk), wait_s, wait_s))
        caller.close()

    first = threading.Thread(target=ask, args=(city.directory.cells["zone-0"].commands, 1.0))
    city.freeze("device-1", 0.5)
    first.start()
    before = city.hosts["zone-0"]._service.authority.books["north"]
    wait_until(lambda: bool(before.state.bulks.running))
    city.lose("zone-0")
    address = city._start(replace(old, epoch=old.epoch + 1))
    zone = city.hosts["zone-0"]._service
    kept: list[RecordKind] = []
    append = zone.authority.append
    monkeypatch.setattr(
        zone.authority,
        "append",
        lambda zone, drafts, done: (
            kept.extend(draft.kind for draft in drafts),
            append(zone, drafts, done),
        ),
    )
    again = threading.Thread(target=ask, args=(address.commands, 20.0))
    again.start()
    wait_until(lambda: bool(zone._bulks._live))
    cells = {**city.directory.cells, "zone-0": address}
    directory = replace(city.directory, version=city.directory.version + 1, cells=cells)
    for host in city.hosts.values():
        host.connect(directory)
    first.join(20.0)
    again.join(20.0)
    assert answers[-1] is not None
    result = messages.decode_bulk_result(answers[-1])
    wait_until(lambda: RecordKind.BULK_ENDED in kept)
    assert RecordKind.BULK_ACCEPTED not in kept
    # Refused where the lease was lost meanwhile: then nothing was written.
    told = [[36.0] if status == 0 else [] for status in result.statuses]
    assert [writes(device) for device in result.devices] == told, result
