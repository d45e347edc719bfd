"""``jacquemart stop``: stop a city of this user on this host, and wait until it is gone."""

from __future__ import annotations

import argparse
import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, say
from jacquemart.cli.text import escape
from jacquemart.runtime.model.errors import GatewayUnreachable, StartError, UsageError

if TYPE_CHECKING:
    from jacquemart.runtime.cluster.runstate import RunState

#: A city that is told to stop is gone after this time at most.
GONE_S = 30.0
_LOOK_S = 0.05


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "stop",
        help="stop a running city",
        description="Stop a city that this user runs on this host, and wait until it is gone.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("city", nargs="?", metavar="CITY", help="its id (default: the only one)")
    which.add_argument("--all", action="store_true", help="every city of this user on this host")
    parser.add_argument(
        "--wait",
        type=api.seconds,
        default=GONE_S,
        metavar="S",
        help=f"how long to wait until it is gone (default: {GONE_S:g})",
    )
    api.add_json(parser)
    parser.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class _Stopped:
    city: str
    pid: int
    seconds: float
    gone: bool


def run(args: argparse.Namespace) -> int:
    """Tell each city that is meant to stop, then wait for all."""
    from jacquemart.runtime.cluster import runstate

    states = _meant(args, runstate.running())
    began = time.monotonic()
    for state in states:
        _terminate(state)
    ended = [_await_end(state, began, args.wait) for state in states]
    if args.json:
        from dataclasses import asdict

        from jacquemart.cli import document

        document.show({"cities": [asdict(one) for one in ended]})
    else:
        for one in ended:
            if one.gone:
                print(f"{escape(one.city)} stopped in {one.seconds:.1f} s")
    left = [one for one in ended if not one.gone]
    if left and not args.json:
        names = ", ".join(f"{one.city} (pid {one.pid})" for one in left)
        raise StartError(
            f"still there after {args.wait:g} s: {names}",
            advice="wait and try again; `kill -9` of that process ends the city without its care",
        )
    return say.REFUSED if left else say.DONE


def _meant(args: argparse.Namespace, running: list[RunState]) -> list[RunState]:
    """Return the cities to stop.

    Raises:
        GatewayUnreachable: no such city runs here. UsageError: several do, none was named.
    """
    known = ", ".join(state.city for state in running)
    if args.city is not None:
        chosen = [state for state in running if state.city == args.city]
        if not chosen:
            raise GatewayUnreachable(
                f"no city {args.city!r} of this user runs on this host",
                advice=f"running: {known}" if known else "none runs",
            )
        return chosen
    if len(running) > 1 and not args.all:
        raise UsageError("several cities run here", advice=f"name one, or use --all: {known}")
    if not running and not args.all:
        raise GatewayUnreachable("no city of this user runs on this host")
    return running


def _terminate(state: RunState) -> None:
    """Send SIGTERM to the very process that the state names, never to a later one of its pid."""
    try:
        fd = os.pidfd_open(state.pid)
    except ProcessLookupError:
        return
    try:
        # Checked once the descriptor is held: from here on it cannot mean another process.
        if state.live:
            signal.pidfd_send_signal(fd, signal.SIGTERM)
    except ProcessLookupError:
        pass
    finally:
        os.close(fd)


def _await_end(state: RunState, began_s: float, wait_s: float) -> _Stopped:
    while state.live and time.monotonic() - began_s < wait_s:
        time.sleep(_LOOK_S)
    seconds = round(time.monotonic() - began_s, 3)
    return _Stopped(state.city, state.pid, seconds, not state.live)
