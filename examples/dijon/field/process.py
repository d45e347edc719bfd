"""The process around the city: limits, signals, the ready line, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from field.bollards import Bollards, read_bollards
from field.buildings import Buildings, read_buildings
from field.city import City
from field.control import Control
from field.errors import FieldError
from field.faults import draw_faults
from field.inventory import CabinetRow, read_inventory
from field.options import Options, parse_options

FILES_A_SERVER = 4
"""Its listening socket, and room for three clients."""
FILES_BESIDES = 128


def main(arguments: Sequence[str]) -> int:
    """Run until stopped; return the exit code (2: could not start)."""
    options = parse_options(arguments)
    try:
        _run(_field(options))
    except FieldError as error:
        print(f"field: {error}", file=sys.stderr)
        return 2
    return 0


def _run(field: Coroutine[Any, Any, None]) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(field)
    else:
        uvloop.run(field)


async def _field(options: Options) -> None:
    began = time.monotonic()
    rows = read_inventory(options.inventory)
    plan = read_buildings(options.inventory)
    bollard_plan = read_bollards(options.inventory)
    _raise_file_limit(len(rows) + len(plan) + len(bollard_plan))
    loop = asyncio.get_running_loop()
    faults = draw_faults(
        options.seed,
        options.shares,
        [row.id for row in rows],
        [lamp.id for row in rows for lamp in row.lamps],
    )
    city = City(rows, faults, seed=options.seed, pace=options.pace, loop=loop)
    buildings = Buildings(plan, seed=options.seed, clock=city.clock, loop=loop, tally=city.tally)
    bollards = Bollards(
        bollard_plan, seed=options.seed, clock=city.clock, loop=loop, tally=city.tally
    )
    stopped = asyncio.Event()
    control = Control(city, buildings, bollards, stopped.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    if not options.keep_running:
        _watch_input(lambda: loop.call_soon_threadsafe(stopped.set))
    try:
        await city.open()
        await buildings.open()
        await bollards.open()
        port = await control.listen(options.control)
        # What was built stays for the whole life of the process: never look at it again.
        gc.collect()
        gc.freeze()
        _say_ready(city, rows, len(plan), len(bollard_plan), port, time.monotonic() - began)
        await stopped.wait()
    finally:
        control.close()
        city.close()
        buildings.close()
        bollards.close()
        # A turn of the loop, so that resets leave before the process does.
        await asyncio.sleep(0.01)


def _say_ready(
    city: City,
    rows: Sequence[CabinetRow],
    buildings: int,
    bollards: int,
    port: int,
    seconds: float,
) -> None:
    ready = {
        "ready": True,
        "control": port,
        "cabinets": len(rows),
        "lamps": city.lamp_count,
        "buildings": buildings,
        "bollards": bollards,
        "seconds": round(seconds, 3),
        "pid": os.getpid(),
    }
    print(json.dumps(ready), flush=True)


def _raise_file_limit(servers: int) -> None:
    needed = FILES_A_SERVER * servers + FILES_BESIDES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise FieldError(
            f"{servers} servers need {needed} open files, and the limit is {hard} (ulimit -Hn)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _watch_input(closed: Callable[[], object]) -> None:
    """Call back when standard input ends: whoever started the field has gone.

    A thread, since an event loop cannot watch every kind of file that may stand there.
    """

    def watch() -> None:
        try:
            while os.read(0, 4096):
                pass
        except OSError:
            pass
        try:
            closed()
        except RuntimeError:
            pass  # The loop has ended by itself in the meantime.

    threading.Thread(target=watch, name="stdin", daemon=True).start()
