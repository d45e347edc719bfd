"""A cell's process is frozen beyond its lease, for real: what was old is never written."""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cell_process import FENCED_CODE, ProcessCity
from hostile_modbus import HostileModbus, Request

from jacquemart.runtime.client import Client
from jacquemart.runtime.model.outcome import Outcome, Reason, Status

LAMPS = 6
#: Freezes of a cell whose successor has its shards when it wakes; more by hand.
FREEZES = int(os.environ.get("JACQUEMART_FREEZES", "2"))
CITY = """
[city]
id = "frozen"
[zones.north]
[templates.lamp]
kind = "generic"
driver = "modbus"
[templates.lamp.points.setpoint]
range = [0, 65535]
writable = true
poll_ms = 0
settle_ms = 300
address = {{ table = "holding", address = 0 }}
[templates.lamp.points.level]
poll_ms = 500
address = {{ table = "holding", address = 0 }}
[links.street]
driver = "modbus"
zone = "north"
host = "127.0.0.1"
port = {port}
timeout_ms = 4000
connect_timeout_ms = 500
"""


class Field(HostileModbus):
    """A Modbus server that notes what is written, when, and over which connection."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[int, int, int]] = []
        """Time in ns, number of the connection, value."""
        self.holding = threading.Event()
        """While set, writes are not answered."""
        self.always = self._note  # type: ignore[assignment]
        self._numbers: dict[asyncio.StreamWriter, int] = {}

    def _note(self, request: Request) -> Callable[..., object] | None:
        if request.pdu[0] not in (6, 16):
            return None
        at = 6 if request.pdu[0] == 16 else 3
        value = struct.unpack(">H", request.pdu[at : at + 2])[0]

        async def note(request: Request, writer: asyncio.StreamWriter) -> None:
            number = self._numbers.setdefault(writer, len(self._numbers))
            self.written.append((time.monotonic_ns(), number, value))
            while self.holding.is_set():  # noqa: ASYNC110 - another thread's event
                await asyncio.sleep(0.005)
            writer.write(request.frame(request.reply))

        return note


@contextmanager
def field() -> Iterator[Field]:
    """Serve in a thread of its own: this process is never frozen."""
    made, loop = Field(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.__aenter__(), loop).result(5)
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(made.__aexit__(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


@contextmanager
def city_on(field: Field, folder: Path, warden: int) -> Iterator[ProcessCity]:
    text = CITY.format(port=field.port)
    for lamp in range(LAMPS):
        text += f'[[device]]\nid = "lamp-{lamp}"\ntemplate = "lamp"\nlink = "street"\n'
        text += f"unit_id = {lamp + 1}\n"
    (folder / "city.toml").write_text(text)
    with ProcessCity(folder / "city.toml", warden=warden) as city:
        yield city


def until(true: Callable[[], object], what: str, patience_s: float = 30.0) -> None:
    give_up = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < give_up, what
        time.sleep(0.01)


class Setter(threading.Thread):
    """Sets one lamp, and keeps the outcome."""

    def __init__(self, client: Client, lamp: int, value: int, within_s: float) -> None:
        super().__init__(daemon=True)
        self.outcome: Outcome | None = None
        self._ask = client, f"lamp-{lamp}/setpoint", float(value), within_s
        self.start()

    def run(self) -> None:
        client, point, value, within_s = self._ask
        self.outcome = client.set(point, value, within_s=within_s)


def test_p7_a_frozen_cell_writes_nothing_that_waited_and_says_so(tmp_path: Path) -> None:
    with field() as served, city_on(served, tmp_path, os.getpid()) as city:
        client, cell = city.client(), city.cell
        assert client.set("lamp-0/setpoint", 1.0, within_s=10).applied
        served.holding.set()
        first = Setter(city.client(), 0, 100, 20.0)
        until(lambda: any(value == 100 for *_, value in served.written), "the first is sent")
        waiting = [Setter(city.client(), lamp, 100 + lamp, 20.0) for lamp in range(1, LAMPS)]
        until(lambda: cell.health()["counters"]["commands"] >= 1 + LAMPS, "they wait in the cell")
        cell.freeze()
        time.sleep(1.5)  # beyond the lease
        served.holding.clear()
        time.sleep(0.1)
        cell.thaw()
        for setter in (first, *waiting):
            setter.join(30)
            assert setter.outcome is not None
        until(lambda: cell.health()["leases"] == {"held": 1}, "the zone confirms the lease")
        for setter in waiting:
            assert setter.outcome is not None
            assert setter.outcome.status is Status.REJECTED, setter.outcome
            assert setter.outcome.reason == Reason.NO_LEASE, (setter.outcome, first.outcome)
        assert [value for *_, value in served.written] == [1, 100]
        counters = cell.health()["counters"]
        assert counters["leases_lost"] == counters["leases_regained"] == 1
        assert counters["writes_without_lease"] == LAMPS - 1
        until(lambda: client.set("lamp-1/setpoint", 7.0, within_s=10).applied, "it goes on", 60.0)


def test_b1_b2_no_write_of_an_old_epoch_arrives_after_its_successor_has_begun(
    tmp_path: Path,
) -> None:
    """Nobody ends the old process here, as on another host: only its lease keeps it still."""
    with field() as served, city_on(served, tmp_path, 0) as city:
        client = city.client()
        values = itertools.count(10)
        for freeze in range(FREEZES):
            old = city.cell
            until(lambda: client.set("lamp-0/setpoint", next(values), within_s=5).applied, "set")
            stop = threading.Event()

            def storm(stop: threading.Event = stop) -> None:
                busy = city.client()
                while not stop.is_set():
                    for lamp in range(1, LAMPS):
                        busy.set(f"lamp-{lamp}/setpoint", next(values), within_s=2.0)

            writers = [threading.Thread(target=storm, daemon=True) for _ in range(3)]
            for writer in writers:
                writer.start()
            time.sleep(0.3)
            old.freeze()
            frozen_ns = time.monotonic_ns()
            old_lines = {line for _, line, _ in served.written}
            taken = city.take_over(f"127.0.0.{2 + freeze}")
            assert taken is old
            city.wait_ready()
            waited_ns = time.monotonic_ns() - frozen_ns
            assert waited_ns > 1e9, "it waited for lease and margin"
            until(lambda: client.set("lamp-0/setpoint", next(values), within_s=5).applied, "set")
            old.thaw()
            code = old.process.wait(30)  # it hears of its successor, and ends
            stop.set()
            for writer in writers:
                writer.join(20)
            assert code == FENCED_CODE
            late = [row for row in served.written if row[1] in old_lines and row[0] > frozen_ns]
            # What stood in the kernel's buffers when it was frozen arrives at once, or never.
            assert [row for row in late if row[0] > frozen_ns + 200_000_000] == []
            assert {row[1] for row in served.written if row[0] > frozen_ns} - old_lines


def test_p2_without_a_warden_on_its_host_a_cell_stops_when_its_zone_cell_is_gone(
    tmp_path: Path,
) -> None:
    """Whoever replaces it elsewhere cannot end it first: only its lease keeps it still."""
    with field() as served, city_on(served, tmp_path, 0) as city:
        cell = city.cell
        city.lose("zone-0")
        until(lambda: cell.health()["leases"] == {"expired": 1}, "its lease runs out")
        city.replace("zone-0")
        until(lambda: cell.health()["leases"] == {"held": 1}, "its successor confirms")
