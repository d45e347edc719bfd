"""More than can be carried, in every lane at once: it is refused or conflated, and counted.

The field publishes in every turn of its cell's loop, each time with another quality, which must not
wait for a tick; clients send commands ten times as fast as devices work, and hardly read the
answers. Here for some seconds; ``JACQUEMART_OVERLOAD_S=60`` holds it for a minute.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from cell_process import ProcessCity
from flood_driver import WORK_S
from patience import wait_until

from jacquemart.native import frames
from jacquemart.runtime.client import Client
from jacquemart.runtime.model.outcome import Reason, Status

PEERS = Path(__file__).resolve().parents[1] / "peers"
SECONDS = float(os.environ.get("JACQUEMART_OVERLOAD_S", "6"))
LEVELS, GUSHERS = 50, 40
ROWS = LEVELS * GUSHERS
#: Ten times what a device does, one after the other; answers are read at a tenth of that.
RATE, ANSWERS = round(10 / WORK_S), round(1 / WORK_S)
#: What the commands themselves take: a zone remembers 50,000 that have ended, the cell as many.
ROOM_MB = 90
CITY = """
[city]
id = "overload"
[zones.north]
[links.gush]
driver = "flood_driver:FloodDriver"
zone = "north"
[links.slow]
driver = "flood_driver:FloodDriver"
zone = "north"
[templates.worker]
kind = "flood_driver:Worker"
driver = "flood_driver:FloodDriver"
points.setpoint = { writable = true, range = [0, 100], poll_ms = 500, settle_ms = 500 }
[templates.gusher]
kind = "generic"
driver = "flood_driver:FloodDriver"
points.on = { writable = true, range = [0, 2], settle_ms = 500 }
points.told = { poll_ms = 200 }
"""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCity]:
    folder = tmp_path_factory.mktemp("overload")
    text = CITY + "".join(f"points.level{n} = {{ poll_ms = 60000 }}\n" for n in range(LEVELS))
    for n in range(GUSHERS):
        text += f'[[device]]\nid = "gusher-{n}"\ntemplate = "gusher"\nlink = "gush"\n'
    for name in ("worker", "poked", "set", "vital"):
        text += f'[[device]]\nid = "{name}"\ntemplate = "worker"\nlink = "slow"\n'
    path = folder / "city.toml"
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(PEERS), os.environ.get("PYTHONPATH", ""))))
        with ProcessCity(path, state=folder / "state") as running:
            yield running


class Memory:
    """Resident memory of processes, looked at four times a second."""

    def __init__(self, **pids: int) -> None:
        self.seen: dict[str, list[float]] = {name: [] for name in pids}
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}

    def look(self) -> None:
        for name, process in self._processes.items():
            self.seen[name].append(process.memory_info().rss / 2**20)

    def grown(self) -> dict[str, float]:
        """Return by how many MB it grew from the first third, when all queues are full, on."""
        return {
            name: max(seen[2 * len(seen) // 3 :]) - max(seen[: len(seen) // 3])
            for name, seen in self.seen.items()
        }


class Subscriber:
    """Counts the rows that come of the gushers' levels, by any means as fast as it can."""

    def __init__(self, city: ProcessCity) -> None:
        self.rows = self.lost = 0
        self._last: dict[str, int] = {}
        self._stop = False
        self._socket = zmq.Context().socket(zmq.SUB)
        self._socket.linger = 0
        self._socket.connect(city.directory.cells["gateway-0"].stream)
        self._socket.subscribe("r/")
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            if not self._socket.poll(50):
                continue
            frame = self._socket.recv_multipart()[1]
            if frames.kind_of(frame) == frames.BATCH:
                batch = frames.decode_batch(frame)
                self.lost += batch.sequence - self._last.get(batch.topic, batch.sequence - 1) - 1
                self._last[batch.topic] = batch.sequence
                self.rows += batch.count

    def end(self) -> None:
        self._stop = True
        self._thread.join()
        self._socket.close()


@contextmanager
def floods(city: ProcessCity) -> Iterator[dict[str, dict[str, Any]]]:
    """Flood three devices with commands; what became of them is there when it ends."""
    verbs = {"worker": "work", "poked": "poke", "set": "set"}
    running = {
        device: subprocess.Popen(
            [
                *(sys.executable, str(PEERS / "flood_client.py"), city.api, device, verb),
                *(str(RATE), str(ANSWERS), str(SECONDS)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for device, verb in verbs.items()
    }
    found: dict[str, dict[str, Any]] = {}
    try:
        yield found
        for device, process in running.items():
            found[device] = json.loads(process.communicate(timeout=SECONDS + 90.0)[0])
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def told(client: Client) -> tuple[float, float]:
    """Return how many readings the field says it has published, and the newest of them."""
    published, level = client.get("gusher-0/told"), client.get(f"gusher-{GUSHERS - 1}/level0")
    return published.value, level.value


@pytest.mark.timeout(SECONDS + 170)
def test_with_ten_times_too_much_lanes_fill_telemetry_conflates_and_memory_stays_flat(
    city: ProcessCity,
) -> None:
    client = city.client(timeout_s=20.0)
    memory = Memory(device_cell=city.cell.process.pid, all_others=os.getpid())
    subscriber = Subscriber(city)
    assert client.set("gusher-0/on", 2.0).status is Status.APPLIED
    vital: Counter[str] = Counter()
    began = time.monotonic()
    with floods(city) as ended:
        while (passed := time.monotonic() - began) < SECONDS:
            memory.look()
            if len(memory.seen["all_others"]) % 8 == 0:
                value = round(passed) % 100
                found = client.set("vital/setpoint", value, priority=1, within_s=10.0)
                vital[found.status.name] += 1
            time.sleep(0.25)
    assert client.set("gusher-0/on", 0.0, within_s=20.0).status is Status.APPLIED
    published = 0.0

    def newest_is_there() -> bool:
        nonlocal published
        published, level = told(client)
        return published == level * ROWS

    wait_until(newest_is_there)
    cell = city.cell.health()["counters"]
    subscriber.end()

    # Telemetry: nearly all of it is conflated and counted, the newest is never lost.
    assert published > 10 * subscriber.rows > 0
    assert cell["values_conflated"] > 0.9 * published
    assert subscriber.rows + cell["values_conflated"] > 0.99 * published or subscriber.lost
    # Commands: lanes are full, and whoever is over is told so. Each has its one end, or its
    # sender took so few answers that they were dropped, counted.
    for device in ("worker", "poked"):
        assert ended[device]["ended"].get("REJECTED busy", 0) > 0, ended
    assert ended["set"]["ended"].get("SUPERSEDED newer", 0) > 0, ended
    unanswered = sum(one["sent"] - one["answered"] for one in ended.values())
    gateway = city.hosts["gateway-0"].health()["counters"]
    assert unanswered == gateway["replies_dropped"], ended
    for one in ended.values():
        assert one["errors"] == 0
        assert f"INDETERMINATE {Reason.CELL_LOST}" not in one["ended"]
    assert vital == Counter(APPLIED=vital.total()), "life safety has a lane of its own"
    assert vital.total() > 0
    # Memory.
    assert max(memory.grown().values()) < ROOM_MB, (memory.grown(), memory.seen)
    # Afterwards it is a city like any other.
    assert client.command("worker", "work", 7.0, within_s=20.0).value == 7.0
    wait_until(lambda: client.get("set/setpoint").good)
