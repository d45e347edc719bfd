"""``jacquemart top``: the city live in a terminal."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, say
from jacquemart.runtime.model.errors import JacquemartError

if TYPE_CHECKING:
    from jacquemart.cli.sample import CellLoad, Sample
    from jacquemart.runtime.client import AsyncClient

#: Keys that end it; the last one says that the terminal is gone.
_ENDING = frozenset("qQ\x04")


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "top",
        help="show the city live",
        description="Show zones, cells and the newest events, anew every second; q or Ctrl-C "
        "ends. Without a terminal, one frame is printed.",
    )
    parser.add_argument("--once", action="store_true", help="print one frame and end")
    parser.add_argument(
        "--interval",
        type=api.seconds,
        default=1.0,
        metavar="S",
        help="seconds between two frames, and over which rates are taken (default: 1)",
    )
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show one frame, or frame after frame."""
    import asyncio

    if args.json or args.once or not sys.stdout.isatty():
        return asyncio.run(_once(args))
    return asyncio.run(_live(args))


async def _once(args: argparse.Namespace) -> int:
    import asyncio

    from jacquemart.cli import sample

    async with api.connect_async(args) as client:
        before = await sample.take(client)
        await asyncio.sleep(args.interval)  # rates need two looks
        now = await sample.take(client)
    loads = sample.loads(now, before)
    if args.json:
        _document(now, loads)
        return say.DONE
    from rich.console import Console

    from jacquemart.cli import frame

    Console().print(frame.page(now, loads))
    return say.DONE


def _document(now: Sample, loads: list[CellLoad]) -> None:
    from dataclasses import asdict

    from jacquemart.cli import document, zones

    document.show(
        {
            **zones.named(now.zones),
            "time_ns": now.wall_ns,
            "directory": now.directory,
            "cells": [asdict(load) for load in loads],
            "events": [document.event(event) for event in now.events],
        }
    )


async def _live(args: argparse.Namespace) -> int:
    import asyncio

    from jacquemart.cli.keys import Keys

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    async with api.connect_async(args) as client:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, ended.set)
        with Keys(sys.stdin.fileno()) as keys:

            def pressed() -> None:
                if _ENDING.intersection(keys.read()):
                    loop.remove_reader(keys.fd)
                    ended.set()

            if keys.terminal:
                loop.add_reader(keys.fd, pressed)
            drawing = asyncio.create_task(_draw(client, args.interval))
            waiting = asyncio.create_task(ended.wait())
            await asyncio.wait((drawing, waiting), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            drawing.cancel()
            # An error of the drawing is raised here; its cancelling is the usual end.
            await asyncio.gather(drawing, return_exceptions=not drawing.done())
            if keys.terminal:
                loop.remove_reader(keys.fd)
    return say.DONE


async def _draw(client: AsyncClient, interval_s: float) -> None:
    """Draw until cancelled. A city that does not answer is shown as it was, and said so."""
    import asyncio

    from rich.console import Console
    from rich.live import Live

    from jacquemart.cli import frame, sample

    console = Console()
    now = await sample.take(client)
    before: Sample | None = None
    trouble = ""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            loads = sample.loads(now, before)
            height, width = console.size.height, console.size.width
            live.update(frame.screen(now, loads, trouble, height, width), refresh=True)
            await asyncio.sleep(interval_s)
            try:
                newer = await sample.take(client)
            except JacquemartError as error:
                trouble = error.message
            else:
                before, now, trouble = now, newer, ""
