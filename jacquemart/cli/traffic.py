"""``jacquemart traffic``: a city with real signals and buses, in traffic that SUMO simulates."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jacquemart.cli import api, progress, say
from jacquemart.cli.end_signals import EndRequested, EndSignals
from jacquemart.cli.text import escape

if TYPE_CHECKING:
    from jacquemart.traffic.running import TrafficWorld

#: Without a terminal a frame is printed so often, s.
_PRINTED_S: Final = 10.0


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "traffic",
        help="run a city in simulated traffic",
        description="Start Eclipse SUMO without a window, put an RSMP site over each of its "
        "signals and a feed of positions over its buses, start a city that controls them, and show "
        "it until Ctrl-C or SIGTERM. Nothing is left behind. Needs the extra: "
        "pip install 'jacquemart[traffic]'.",
    )
    streets = parser.add_mutually_exclusive_group()
    streets.add_argument(
        "--network", default="arterial", metavar="FILE|NAME",
        help="a network of SUMO's (.net.xml), for which traffic is made; or one that is drawn: "
        "crossing, pair, arterial, grid (default: arterial)",
    )  # fmt: skip
    streets.add_argument(
        "--sumocfg", type=Path, metavar="FILE", help="a configuration with traffic of its own"
    )
    parser.add_argument("--seconds", type=api.seconds, metavar="S", help="end after S seconds")
    parser.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N",
        help="times real time, 0.1 to 20 (default: 1); above 1 the city has less time than a real "
        "one would",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance")
    parser.add_argument(
        "--cars", type=float, default=0.0, metavar="N",
        help="cars an hour that are made (default: by the lanes that lead in)",
    )  # fmt: skip
    parser.add_argument(
        "--headway", type=api.seconds, default=90.0, metavar="S",
        help="between two buses of a line that are made (default: 90)",
    )  # fmt: skip
    parser.add_argument(
        "--buses", type=_buses, default=24, metavar="N",
        help="how many buses the city knows at one time, 1 to 999 (default: 24)",
    )  # fmt: skip
    parser.add_argument(
        "--ask", choices=("always", "need", "never"), default="always",
        help="which buses ask for priority: need means the late ones (default: always)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", type=Path, metavar="DIR",
        help="an empty folder for the world's files, which stay: city file, streets, traffic",
    )  # fmt: skip
    parser.add_argument(
        "--interval", type=api.seconds, default=1.0, metavar="S", help="between two looks"
    )
    api.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Start field and city, show them, stop them."""
    from jacquemart.cli.notes import Notes
    from jacquemart.drivers.sumo.launch import free_port
    from jacquemart.traffic.running import TrafficWorld
    from jacquemart.traffic.world import prepare

    Notes.attach()
    ready = False
    with EndSignals() as signals, contextlib.ExitStack() as stack:
        try:
            signals.interrupt()
            folder = stack.enter_context(_folder(args.keep))
            world = prepare(
                folder, network=args.network, config=args.sumocfg, seed=args.seed,
                speed=args.speed, buses=args.buses, hourly=args.cars, headway_s=args.headway,
                rsmp_port=free_port(),
            )  # fmt: skip
            for name, why in world.left_out.items():
                say.note(f"signal {name} is left to SUMO: {why}")
            running = TrafficWorld(world, ask=args.ask, on_progress=_teller(args))
            stack.push(_patiently(running, signals))
            running.__enter__()
            ready = True
            _show(args, running)
        except EndRequested:
            pass
    return say.DONE if ready else say.INTERRUPTED


def _patiently(running: TrafficWorld, signals: EndSignals) -> Any:
    """Return what stops a world, during which signals ask for patience only."""

    def stop(*error: Any) -> None:
        signals.only_answer()
        running.__exit__(None, None, None)

    return stop


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the world a folder: a new one that goes with it, or the one that was named."""
    from jacquemart.runtime.model.errors import UsageError

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="jacquemart-traffic-") as folder:
            yield Path(folder)
        return
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise UsageError("the folder is not empty", where=str(keep))
    yield keep.absolute()


def _show(args: argparse.Namespace, running: TrafficWorld) -> None:
    """Look at it again and again, until the time is over."""
    end = time.monotonic() + args.seconds if args.seconds else float("inf")
    if not args.json:
        say.note(f"city file {running.city_file}; API {running.city.api}")
    shower = _documents if args.json else _live if sys.stdout.isatty() else _printed
    with shower() as show:
        while True:
            show(running.look())
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(args.interval, left))


@contextlib.contextmanager
def _documents() -> Iterator[Any]:
    from jacquemart.cli import document

    yield document.show


@contextlib.contextmanager
def _live() -> Iterator[Any]:
    from rich.console import Console
    from rich.live import Live

    from jacquemart.cli.traffic_frame import frame

    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        yield lambda look: live.update(frame(look), refresh=True)


@contextlib.contextmanager
def _printed() -> Iterator[Any]:
    """Print a frame now and then, and the last one at the end."""
    from rich.console import Console

    from jacquemart.cli.traffic_frame import frame

    console = Console()
    last: list[Any] = []
    due = 0.0

    def show(look: Any) -> None:
        nonlocal due
        last[:] = [look]
        if time.monotonic() >= due:
            due = time.monotonic() + _PRINTED_S
            console.print(frame(last.pop()))

    try:
        yield show
    finally:
        if last:
            console.print(frame(last[0]))


def _teller(args: argparse.Namespace) -> Any:
    """Return what shows how the city starts; with JSON only what is looked at is shown."""

    def tell(event: Any) -> None:
        if event.get("event") == "progress":
            say.note(escape(progress.line(event)))

    return None if args.json else tell


def _speed(text: str) -> float:
    from jacquemart.traffic.pace import FASTEST, SLOWEST

    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not SLOWEST <= value <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; allowed: 0.1 to 20")
    return value


def _buses(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 999:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of buses; allowed: 1 to 999")
    return int(text)
