"""``jacquemart run``: run a city until it is told to stop."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from jacquemart.cli import api, check, progress, say
from jacquemart.cli.end_signals import EndRequested, EndSignals
from jacquemart.runtime.model.errors import StartError

#: Links come up by the hundred; so often is it said how many there are.
_LINKS_EVERY_S = 1.0


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "run",
        help="run a city",
        description="Start a city, tell how it goes, and run it until Ctrl-C, SIGTERM or "
        "`jacquemart stop`. Nothing is left behind, however this process ends.",
    )
    parser.add_argument("file", metavar="FILE", help="the city file, e.g. city.toml")
    parser.add_argument(
        "--ray-address",
        metavar="A",
        help="a Ray cluster, host:port, with a node on this host (default: a Ray of its own)",
    )
    parser.add_argument(
        "--network",
        metavar="N",
        help="let device cells be on other hosts of that cluster, and meet over this private "
        "network, e.g. 10.0.0.0/24; it is neither encrypted nor authenticated yet "
        "(default: all cells are on this host)",
    )
    parser.add_argument(
        "--cells",
        type=_cells,
        metavar="N",
        help="device cells (default: as the city file says, or one a core)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        metavar="P",
        help="the API's port; 0: any free one (default: as the city file says, or 4747)",
    )
    parser.add_argument(
        "--stream-port",
        type=_port,
        metavar="P",
        help="the streams' port, likewise (default: 4748)",
    )
    parser.add_argument(
        "--state",
        metavar="DIR",
        help="the folder of the city's journals, which must survive it "
        "(default: jacquemart/CITY in $XDG_STATE_HOME, or in ~/.local/state)",
    )
    parser.add_argument(
        "--awake",
        action="store_true",
        help="keep the processors of this host from sleeping while the city runs: shorter round "
        "trips for more power; needs leave to write /dev/cpu_dma_latency (default: they sleep)",
    )
    api.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Start the city, wait, stop it."""
    from jacquemart.cli.notes import Notes
    from jacquemart.runtime.city import CityErrors
    from jacquemart.runtime.cluster import City

    Notes.attach()
    listener = _Listener(args.json)
    city = City(
        args.file,
        ray_address=args.ray_address,
        network=args.network,
        gateway_port=args.port,
        stream_port=args.stream_port,
        cells=args.cells,
        state=args.state,
        awake=args.awake,
        on_progress=listener.hear,
    )
    ready = False
    with EndSignals() as signals:
        try:
            signals.interrupt()
            city.start()
            ready = True
            listener.ended.wait()
        except EndRequested:
            pass
        except CityErrors as error:
            if args.json:
                raise
            say.lines(check.problem_lines(error))
            return say.REFUSED
        finally:
            signals.only_answer()
            city.stop()
    if listener.ended.is_set() and not listener.stopped:
        raise city.failure or StartError("the city has ended", where=args.file)
    return say.DONE if ready else say.INTERRUPTED


class _Listener:
    """Shows what the city tells. Called in a thread of the city's."""

    def __init__(self, as_json: bool) -> None:
        self.ended = threading.Event()
        """Set when the city has ended without us."""
        self.stopped = False
        """Whether it ended in order, as ``jacquemart stop`` makes it."""
        self._as_json = as_json
        self._links_s = 0.0

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event."""
        try:
            self._show(event)
        except OSError:  # nobody reads our output any more; the city goes on
            pass
        kind = event.get("event")
        if kind == "stopped":
            self.stopped = True
        if kind in ("stopped", "error"):
            self.ended.set()

    def _show(self, event: Mapping[str, Any]) -> None:
        if self._as_json:
            from jacquemart.cli import document

            document.show(event)
            return
        if event.get("stage") == "links" and event.get("cells_ready") != event.get("cells"):
            now_s = time.monotonic()
            if now_s < self._links_s + _LINKS_EVERY_S:
                return
            self._links_s = now_s
        text = progress.line(event)
        if text:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; allowed: 0 to 65535")
    return int(text)


def _cells(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= 1_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of cells; allowed: 1 to 1000")
    return int(text)
