"""What does a Modbus transaction cost, beside bare pymodbus and a C program on libmodbus?

    python bench/modbus.py --json

Servers are lean and in one process of their own; all clients read the same registers of them.
Three parts, each with what people would write instead beside it:

- ``driver``: the driver behind its contract, as a link calls it (in bounded time, its answer put
  into the point table), and bare pymodbus, in turns in this process, on one connection.
  ``cpu_ratio_pymodbus`` is of 10 registers, ``rows`` has other blocks.
- ``city``: a city file with 1,000 cabinets of 10 points each, polled once a second by one device
  cell on Ray. Beside it, at the same time, another process polls the same servers as often.
  ``city_cpu_ratio_pymodbus`` is the whole process of the cell (links, table, tick, streams,
  leases) over a process with nothing but pymodbus.
- ``flat_out``: how many a second at most. ``transactions_per_s`` is what the servers of a city
  answer that wants more than one cell can poll; the others run alone, after it.

``native`` is a prototype: a poll loop in C for the plain case, one block of registers of each
server (``measuring/modbus_poll.c``). It says how far a native loop would go; no driver uses it.
C programs are compiled when they are wanted; who cannot be (``libmodbus-dev``, ``gcc``) is skipped
with its reason. Figures are processor time, of which a busy machine takes little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import uvloop
from pymodbus.client import AsyncModbusTcpClient

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from measuring.compiled import CannotCompile, compiled  # noqa: E402 - after the path
from measuring.modbus_field import ModbusField  # noqa: E402

import jacquemart  # noqa: E402
from jacquemart.drivers.modbus import ModbusDriver  # noqa: E402
from jacquemart.native.table import PointTable  # noqa: E402
from jacquemart.runtime.cell.driver_calls import DriverCalls  # noqa: E402
from jacquemart.runtime.cell.reading_plan import ReadingPlan  # noqa: E402
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec  # noqa: E402
from jacquemart.runtime.model.field import BoundPoint  # noqa: E402

REGISTERS = 10
PARTS = ("driver", "city", "flat_out")
HEAD = """
[city]
id = "bench-modbus-{pid}"
[gateway]
port = 0
stream_port = 0
[zones.north]
[templates.cabinet]
kind = "generic"
driver = "modbus"
"""
Poller = Callable[[Sequence[int], float, int], dict[str, Any]]
"""Polls ports for so many seconds, each every so many ms (0: flat out)."""


# One connection ------------------------------------------------------------------------------


async def cpu_us(read: Callable[[], Awaitable[object]], times: int) -> float:
    """Return the processor time of one call in µs."""
    start = time.process_time()
    for _ in range(times):
        await read()
    return (time.process_time() - start) / times * 1e6


async def compare(port: int, count: int, times: int, rounds: int) -> dict[str, Any]:
    """Measure one block of so many registers, driver and pymodbus in turns."""
    bare = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, reconnect_delay=0)
    await bare.connect()
    level = PointSpec("level", address={"table": "holding", "address": 0, "step": 1, "scale": 0.1})
    driver = ModbusDriver(
        LinkSpec("bench", "modbus", "zone", {"host": "127.0.0.1", "port": port}), lambda *_: None
    )
    points = []
    for index in range(count):
        device = DeviceSpec(f"lamp-{index}", "lamp", "zone", "bench", index=index)
        points.append(BoundPoint(index, device, level, driver.address_of(level, device)))
    plan = ReadingPlan(points, driver.plan(points), {})
    table, calls = PointTable(count, 1), DriverCalls("bench", blocking=False)

    async def as_a_link() -> None:
        answer = await calls.call(driver.read, plan.compiled)
        plan.store(table, answer, time.time_ns(), (), _raise)

    async def pymodbus() -> None:
        answer = await bare.read_holding_registers(0, count=count)
        if len([0.1 * raw for raw in answer.registers]) != count:
            raise SystemExit("a broken answer")

    await driver.open()
    found: dict[str, list[float]] = {"driver": [], "pymodbus": []}
    for _ in range(rounds + 1):
        found["driver"].append(await cpu_us(as_a_link, times))
        found["pymodbus"].append(await cpu_us(pymodbus, times))
    if abs(table.value(count - 1) - 0.7) > 1e-9:
        raise SystemExit("the driver has read something else")
    bare.close()
    await driver.close()
    ratios = [a / b for a, b in zip(found["driver"][1:], found["pymodbus"][1:], strict=True)]
    return {
        "registers": count,
        "pymodbus_cpu_us": round(statistics.median(found["pymodbus"][1:]), 1),
        "driver_cpu_us": round(statistics.median(found["driver"][1:]), 1),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_spread": [round(min(ratios), 2), round(max(ratios), 2)],
    }


def _raise(actor: object, error: BaseException) -> None:
    raise error


def of_driver(times: int, rounds: int) -> dict[str, Any]:
    """Measure blocks of several sizes on one connection."""
    with ModbusField(1) as field:
        rows = [
            uvloop.run(compare(field.ports[0], count, times, rounds))
            for count in (1, REGISTERS, 54, 125)
        ]
    (told,) = [row for row in rows if row["registers"] == REGISTERS]
    return {"cpu_ratio_pymodbus": told["ratio"], "rows": rows}


# What people would write instead ----------------------------------------------------------------


def process_poller(*command: str) -> Poller:
    """Return what runs a program that polls, and reads its figures."""

    def poll(ports: Sequence[int], seconds: float, period_ms: int) -> dict[str, Any]:
        done = subprocess.run(
            [*command, str(REGISTERS), str(seconds), str(period_ms)],
            input="\n".join(map(str, ports)), capture_output=True, text=True, check=False,
            timeout=seconds + 60,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{command}: {done.stdout} {done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    return poll


def pollers(folder: Path) -> tuple[dict[str, Poller], dict[str, str]]:
    """Return those that can be measured here, and of the others why not."""
    script = str(HERE / "measuring" / "modbus_pymodbus.py")
    found, absent = {"pymodbus": process_poller(sys.executable, script)}, {}
    for name, source, install, flags, libraries in (
        ("libmodbus", "modbus_libmodbus.c", "apt-get install libmodbus-dev gcc",
         ["-I/usr/include/modbus"], ["-lmodbus"]),
        ("native", "modbus_poll.c", "apt-get install gcc", [], []),
    ):  # fmt: skip
        try:
            found[name] = process_poller(str(compiled(source, folder, install, flags, libraries)))
        except CannotCompile as error:
            absent[name] = str(error)
    return found, absent


def each_us(told: dict[str, Any]) -> float:
    """Return the processor time of a transaction in µs."""
    return round(told["cpu_s"] / told["transactions"] * 1e6, 1)


# A city ------------------------------------------------------------------------------------------


def write_city(folder: Path, ports: Sequence[int], poll_ms: int) -> Path:
    """Write a city file: a link with one cabinet of ten points for each server."""
    text = HEAD.format(pid=os.getpid())
    for at in range(REGISTERS):
        text += f"[templates.cabinet.points.p{at}]\npoll_ms = {poll_ms}\n"
        text += f'address = {{ table = "holding", address = {at}, scale = 0.1 }}\n'
    for n, port in enumerate(ports):
        text += f'[links.l{n}]\ndriver = "modbus"\nzone = "north"\n'
        text += f'host = "127.0.0.1"\nport = {port}\n'
    for n in range(len(ports)):
        text += f'[[device]]\nid = "cabinet-{n}"\ntemplate = "cabinet"\nlink = "l{n}"\n'
    path = folder / "city.toml"
    path.write_text(text)
    return path


@contextmanager
def polling(ports: Sequence[int], poll_ms: int) -> Iterator[psutil.Process]:
    """Run a city with one device cell, which polls the servers; give that cell's process."""
    with tempfile.TemporaryDirectory() as name:
        path = write_city(Path(name), ports, poll_ms)
        with jacquemart.City(path, cells=1, standby=False, state="") as city:
            with city.client() as client:
                point = f"cabinet-{len(ports) - 1}/p{REGISTERS - 1}"
                if abs(client.get(point).value - 0.7) > 1e-9:
                    raise SystemExit("the city shows something else")
            (cell,) = [cell["pid"] for cell in city.cells if cell["role"] == "device"]
            yield psutil.Process(cell)


def used_s(process: psutil.Process) -> float:
    """Return the processor time of a whole process so far."""
    used = process.cpu_times()
    return float(used.user + used.system)


def of_city(field: ModbusField, seconds: float, rounds: int, folder: Path) -> dict[str, Any]:
    """Measure a city that polls once a second, beside others that do the same."""
    beside, absent = pollers(folder)
    took: dict[str, list[float]] = {name: [] for name in ("cell", *beside)}
    ratios: dict[str, list[float]] = {name: [] for name in beside}
    with polling(field.ports, 1_000) as cell:
        time.sleep(2.0)
        for _ in range(rounds):
            for name, poll in beside.items():
                answered, used, began = field.answered(), used_s(cell), time.monotonic()
                told = poll(field.ports, seconds, 1_000)
                ours = {"cpu_s": used_s(cell) - used, "seconds": time.monotonic() - began}
                # Who polls beside it makes its connections first: the cell polls meanwhile, too.
                ours["transactions"] = field.answered() - answered - told["transactions"]
                took["cell"].append(each_us(ours))
                took[name].append(each_us(told))
                ratios[name].append(each_us(ours) / each_us(told))
        answered, used = field.answered(), used_s(cell)
        time.sleep(seconds)
        alone = {"transactions": field.answered() - answered, "cpu_s": used_s(cell) - used}
    return {
        "servers": len(field.ports),
        "transactions_per_s": round(alone["transactions"] / seconds),
        "cell_cpu_share": round(alone["cpu_s"] / seconds, 3),
        "cpu_us": {name: statistics.median(times) for name, times in took.items()} | absent,
        "city_cpu_ratio_pymodbus": round(statistics.median(ratios["pymodbus"]), 2),
        "ratio_spread": [round(pick(ratios["pymodbus"]), 2) for pick in (min, max)],
    }


def flat_out(field: ModbusField, seconds: float, folder: Path) -> dict[str, Any]:
    """Measure how many transactions a second there can be, each alone."""
    others, absent = pollers(folder)
    with polling(field.ports, 1) as cell:
        time.sleep(2.0)
        answered, used, began = field.answered(), used_s(cell), time.monotonic()
        time.sleep(seconds)
        count, cpu_s = field.answered() - answered, used_s(cell) - used
        passed = time.monotonic() - began
    found: dict[str, Any] = {
        "cell": {
            "transactions_per_s": round(count / passed),
            "cpu_us": each_us({"transactions": count, "cpu_s": cpu_s}),
        }
    }
    for name, poll in others.items():
        told = poll(field.ports, seconds, 0)
        rate = round(told["transactions"] / told["seconds"])
        found[name] = {"transactions_per_s": rate, "cpu_us": each_us(told)}
    return found | absent


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--servers", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--times", type=int, default=2_000, help="transactions a round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--without", nargs="*", choices=PARTS, default=[])
    chosen = parser.parse_args()
    found: dict[str, Any] = {
        "machine": {"processors": os.cpu_count(), "load": psutil.getloadavg()[0]},
        "cpu_ratio_pymodbus": None, "city_cpu_ratio_pymodbus": None, "transactions_per_s": None,
    }  # fmt: skip
    if "driver" not in chosen.without:
        found["driver"] = of_driver(chosen.times, chosen.rounds)
        found["cpu_ratio_pymodbus"] = found["driver"]["cpu_ratio_pymodbus"]
    with tempfile.TemporaryDirectory() as name:
        if "city" not in chosen.without:
            with ModbusField(chosen.servers) as field:
                found["city"] = of_city(field, chosen.seconds, chosen.rounds, Path(name))
            found["city_cpu_ratio_pymodbus"] = found["city"]["city_cpu_ratio_pymodbus"]
        if "flat_out" not in chosen.without:
            with ModbusField(chosen.servers) as field:
                found["flat_out"] = flat_out(field, chosen.seconds, Path(name))
            found["transactions_per_s"] = found["flat_out"]["cell"]["transactions_per_s"]
    if not chosen.json:
        for part in PARTS:
            print(f"{part}: {json.dumps(found.get(part), indent=2)}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
