"""Nobody hears that a claim stands before its end is on disk: not by asking again, not by asking
what became of it, not by trying to take it back. Nor that an accepted command was refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from patience import wait_until
from small_city import small_city, writes

from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import Client
from jacquemart.runtime.model.errors import ClockUnknown
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.model.record import RecordKind
from jacquemart.runtime.store import schema
from jacquemart.runtime.store.database import Database
from jacquemart.runtime.store.format import HEADER, Tip
from jacquemart.runtime.store.mark import MarkFile
from jacquemart.runtime.wire import far_caller

SET = "north-1/setpoint"
#: So long nobody may hear anything.
SILENT_S = 0.5


class Disk:
    """Holds the sync of the watermark behind an ENDED record up: the last one of its commit."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.held, self.free = threading.Event(), threading.Event()
        self._ended = False
        append, sync = Database.append, MarkFile.write

        def appends(database: Database, first: int, tip: Tip, wall_ns: int, body: bytes) -> None:
            self._ended = RecordKind.ENDED in kinds_in(body)
            append(database, first, tip, wall_ns, body)

        def syncs(mark: MarkFile, tip: Tip) -> None:
            if self._ended:
                self.held.set()
                assert self.free.wait(30.0), "nobody has let the disk go on"
            sync(mark, tip)

        patch.setattr(schema, "committer", lambda path, sql: None)  # that writes both in one go
        patch.setattr(Database, "append", appends)
        patch.setattr(MarkFile, "write", syncs)


def kinds_in(body: bytes) -> Iterator[int]:
    at = 0
    while at < len(body):
        _, _, _, kind, length = HEADER.unpack_from(body, at)
        yield kind
        at += HEADER.size + length


def test_a_claim_is_told_by_no_way_before_its_end_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, id = Disk(monkeypatch), new_command_id()
    with small_city(tmp_path, state=tmp_path / "state") as city, ThreadPoolExecutor(4) as pool:

        def ann() -> Client:
            return city.client(principal="ann")

        try:
            first = pool.submit(ann().hold, SET, 40.0, id=id)
            wait_until(disk.held.is_set)
            assert writes("north-1") == [40.0], "the device holds it; its owner is not told so"
            again = pool.submit(ann().hold, SET, 40.0, id=id)
            asked = pool.submit(ann().outcome_of, SET, id, wait_s=20.0)
            taken = pool.submit(ann().cancel, id)
            time.sleep(SILENT_S)
            assert not any(one.done() for one in (first, again, asked, taken))
            now = ann().outcome_of(SET, id)
            assert (now.stage, now.outcome) == ("accepted", None)
            assert ann().claims() == []
        finally:
            disk.free.set()
        told = (first.result(20.0), again.result(20.0), asked.result(20.0).outcome)
        assert [one and one.status for one in told] == [Status.APPLIED] * 3
        assert taken.result(20.0).too_late == 1
        assert [claim.id for claim in ann().claims()] == [id]
        assert writes("north-1") == [40.0]


def test_a_refusal_after_acceptance_is_told_when_it_is_on_disk_since_a_successor_would_send_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, id = Disk(monkeypatch), new_command_id()
    with small_city(tmp_path, state=tmp_path / "state") as city, ThreadPoolExecutor(2) as pool:
        zone = city.hosts["zone-0"]._service
        near, caller_of = zone.caller("device-1"), zone.caller

        class Far:
            """A caller to another host whose clock is not known."""

            def __getattr__(self, name: str) -> Any:
                return getattr(near, name)

            def call(self, frame: bytes, expires_ns: int, answer: Any) -> bool:
                if frames.kind_of(frame) != frames.COMMAND:
                    return bool(near.call(frame, expires_ns, answer))
                unknown = ClockUnknown("not known", where="far")
                zone.loop.call_soon(answer, far_caller._refusal(frame, boot_ns(), unknown))
                return True

        far = Far()
        monkeypatch.setattr(
            zone, "caller", lambda name: far if name == "device-1" else caller_of(name)
        )
        try:
            first = pool.submit(city.client(principal="ann").set, SET, 40.0, id=id)
            wait_until(disk.held.is_set)
            time.sleep(SILENT_S)
            assert not first.done()
            asked = city.client(principal="ann").outcome_of(SET, id)
            assert (asked.stage, asked.outcome) == ("accepted", None)
        finally:
            disk.free.set()
        outcome = first.result(20.0)
        assert (outcome.status, outcome.reason) == (Status.REJECTED, "clock")
        assert writes("north-1") == []
