"""A city of fragile devices, in this process or as one cell of a process of its own."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fragile_kind import Fragile

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.native import frames
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.city import load_city
from jacquemart.runtime.cluster.placement import place
from jacquemart.runtime.model.directory import CellConfig
from jacquemart.runtime.model.outcome import Status
from jacquemart.runtime.testing import LocalCity

CITY = """
[city]
id = "fragile-city"
[templates.fragile]
kind = "fragile_kind:Fragile"
driver = "simulated"
[templates.fragile.points.level]
poll_ms = 100
[zones.north]
[links.st-north]
driver = "simulated"
zone = "north"
timeout_ms = 200
"""


def city_file(folder: Path, devices: int) -> Path:
    """Write the city's file; its devices are ``f-1`` …"""
    rows = "".join(
        f'[[device]]\nid = "f-{n}"\ntemplate = "fragile"\nlink = "st-north"\n'
        for n in range(1, devices + 1)
    )
    path = folder / "city.toml"
    path.write_text(CITY + rows)
    return path


@contextmanager
def fragile_city(folder: Path, devices: int = 6, **options: Any) -> Iterator[LocalCity]:
    """Run the city in this process."""
    try:
        with LocalCity(city_file(folder, devices), **options) as city:
            yield city
    finally:
        SimulatedField.forget("st-north")
        Fragile.cannot_start = Fragile.odd = frozenset()
        Fragile.starts.clear()


class _Request:
    """A request that prints its answer."""

    def __init__(self, frame: bytes, done: threading.Event) -> None:
        self.frame = frame
        self._done = done

    def reply(self, frame: bytes) -> None:
        found = frames.decode_outcome(frame)
        print(Status(found.status).name, found.reason, found.detail, flush=True)
        self._done.set()


def main(folder: str, name: str, inherits: str, held_s: str, *commands: str) -> None:
    """Run one cell, and hand it commands ``device:verb:value:id``, one after the other."""
    city = load_city(Path(folder) / "city.toml")
    plan = place(city, 1, {}).cells[0]
    config = CellConfig(
        city.id, city.name, plan.name, "device", 1, city.tick_ms, city.zones, city.templates,
        plan.shards, ledger=f"{folder}/{name}", inherits=f"{folder}/{inherits}" if inherits else "",
        ends_when_held_s=float(held_s),
    )  # fmt: skip
    host = CellHost(replace(config))
    host.start()
    service = host._service
    for shard in service.shards.values():  # there is no zone here that would grant or restore
        shard.permit.gate.extend(boot_ns() + 60_000_000_000)
        shard.permit.unrestored.clear()
    print("parked", sorted(service.care.health()["parked"]), flush=True)
    for text in commands:
        device, verb, value, number = text.split(":")
        command = frames.Command(
            int(number).to_bytes(16, "big"), "tester", device, verb, "", float(value), "", 8,
            boot_ns() + 20_000_000_000, 0,
        )  # fmt: skip
        done = threading.Event()
        request = _Request(frames.encode_command(command), done)
        service.loop.call_soon_threadsafe(service.request, request)
        if not done.wait(20.0):
            print("no answer", flush=True)
    print("letters", service.care.saving.waiting, flush=True)
    host.stop(0.2)


def serve() -> None:
    """Run one cell for each line of stdin, a JSON list, in a process of its own.

    The processes are forked from this one, which has imported everything and started nothing.
    """
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            main(*json.loads(line))
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print("END", code, flush=True)


if __name__ == "__main__":
    serve()
