"""``jacquemart rsmp-site``: an emulated traffic-light controller that speaks RSMP."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import logging
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from jacquemart.cli import api, rsmp_signals, say
from jacquemart.cli.text import escape
from jacquemart.runtime.model.errors import UsageError

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.site.controller import Controller


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "rsmp-site",
        help="emulate a traffic-light controller that speaks RSMP",
        description="Run an emulated traffic-light controller, which connects to a supervisor by "
        "RSMP and can be read and commanded like a real one. No city need run. With --city and "
        "--signal it runs a declared intersection, with its interlock and monitor; its lamps "
        "are a record, and nothing is lit.",
    )
    parser.add_argument("--city", default="", metavar="FILE", help="the city file of --signal")
    parser.add_argument("--signal", default="", metavar="ID", help="run this [signals.ID]")
    parser.add_argument(
        "--latch", default="", metavar="FILE",
        help="keeps what the monitor latched (default: ID.latched beside the city file)",
    )  # fmt: skip
    parser.add_argument(
        "--reset",
        metavar="WHO",
        help="reset what the monitor latched, in the name of who has looked at the junction",
    )
    parser.add_argument("--lamps", default="", metavar="FILE", help="note all that the lamps show")
    parser.add_argument(
        "--supervisor", action="append", type=_place, metavar="HOST:PORT",
        help="where to connect; again for more (default: 127.0.0.1:12111, or as the city says)",
    )  # fmt: skip
    parser.add_argument("--site", default="", help="site id (default: SITE-1, or the city's)")
    parser.add_argument("--component", default="", help="main component (default: the site id)")
    parser.add_argument("--groups", type=int, metavar="N", help="signal groups SG1 … (default: 4)")
    parser.add_argument("--detectors", type=int, metavar="N", help="detectors DL1 … (default: 2)")
    parser.add_argument("--core", action="append", metavar="VERSION", help="speak only these")
    parser.add_argument("--sxl", default="1.2.1", metavar="VERSION", help="default: 1.2.1")
    parser.add_argument("--code-1", default="", metavar="CODE", help="default: 1111")
    parser.add_argument("--code-2", default="", metavar="CODE", help="default: 2222")
    parser.add_argument(
        "--buffer", action="append", default=[], metavar="S0001",
        help="keep this status through an outage; again for more",
    )  # fmt: skip
    parser.add_argument(
        "--alarm-input", action="append", default=[], type=_alarm_input, metavar="N=A0301",
        help="an input that raises an alarm while it is on; again for more",
    )  # fmt: skip
    parser.add_argument("--reconnect", type=float, default=10.0, metavar="S", help="default: 10")
    parser.add_argument("--watchdog", type=float, default=60.0, metavar="S", help="default: 60")
    parser.add_argument(
        "--controller", default="", metavar="MODULE:FUNCTION",
        help="makes the signals, given the numbers of groups and detectors (default: fixed time)",
    )  # fmt: skip
    api.add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until told to stop."""
    rsmp_signals.check(args)
    if args.reset is not None:
        return _reset(args)
    if args.groups is None:
        args.groups = 4
    if args.detectors is None:
        args.detectors = 2
    _check(args)
    told = logging.StreamHandler(sys.stdout)
    told.setFormatter(_JsonLines() if args.json else logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[told])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(args))
    return say.DONE


class _JsonLines(logging.Formatter):
    """One JSON object a line: what happened, and whether it is a warning."""

    def format(self, record: logging.LogRecord) -> str:
        level = record.levelname.lower()
        return json.dumps({"level": level, "event": escape(record.getMessage())})


async def _serve(args: argparse.Namespace) -> None:
    from jacquemart.drivers.rsmp.connection import moment
    from jacquemart.drivers.rsmp.machine.session import SessionOptions
    from jacquemart.drivers.rsmp.machine.site import SiteOptions
    from jacquemart.drivers.rsmp.site.runner import SiteRunner, Towards
    from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions
    from jacquemart.drivers.rsmp.wire import versions

    made = _made(args)
    tlc = Tlc(
        TlcOptions(
            made.site, made.component, made.groups, made.detectors, codes=made.codes,
            alarm_inputs=dict(args.alarm_input),
        ),
        made.controller, moment(),
    )  # fmt: skip
    session = SessionOptions(
        core=tuple(args.core or versions.CORE), sxl=(versions.normal(args.sxl),),
        watchdog_s=args.watchdog, watchdog_timeout_s=args.watchdog * 1.5 + 1.0,
    )  # fmt: skip
    places = args.supervisor or [made.supervisor]
    towards = [
        Towards(
            tlc, SiteOptions(session, frozenset(args.buffer), alarms=place is places[0]),
            _always(place), args.reconnect,
        )
        for place in places
    ]  # fmt: skip
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    runner = SiteRunner(tlc, towards)
    runner.start()
    beside = asyncio.create_task(made.signals.run()) if made.signals is not None else None
    try:
        await stop.wait()
    finally:
        await runner.stop()
        if beside is not None:
            beside.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beside


def _always(place: tuple[str, int]) -> Callable[[], tuple[str, int]]:
    return lambda: place


class _Made(NamedTuple):
    """What runs, and how RSMP calls it."""

    controller: Controller
    site: str
    component: str
    groups: tuple[str, ...]
    detectors: tuple[str, ...]
    codes: tuple[str, str]
    supervisor: tuple[str, int]
    signals: rsmp_signals.Signals | None = None


def _made(args: argparse.Namespace) -> _Made:
    here = ("127.0.0.1", 12111)
    if not args.city:
        site = args.site or "SITE-1"
        return _Made(
            _controller(args), site, args.component or site,
            tuple(f"SG{n + 1}" for n in range(args.groups)),
            tuple(f"DL{n + 1}" for n in range(args.detectors)),
            (args.code_1 or "1111", args.code_2 or "2222"), here,
        )  # fmt: skip
    found = rsmp_signals.declared(args)
    signals = rsmp_signals.Signals(found, rsmp_signals.latch_path(args), args.lamps)
    return _Made(
        signals.controller, args.site or found.site, args.component or found.component,
        tuple(group.name for group in found.model.groups),
        tuple(detector.name for detector in found.model.detectors),
        (args.code_1 or found.codes[0], args.code_2 or found.codes[1]),
        found.supervisor or here, signals,
    )  # fmt: skip


def _reset(args: argparse.Namespace) -> int:
    fault = rsmp_signals.reset(args)
    text = f"{args.signal}: reset; it was latched for: {fault}" if fault else (
        f"{args.signal}: nothing is latched"
    )  # fmt: skip
    print(json.dumps({"signal": args.signal, "latched": fault}) if args.json else escape(text))
    return say.DONE if fault else say.REFUSED


def _controller(args: argparse.Namespace) -> Controller:
    if not args.controller:
        from jacquemart.drivers.rsmp.site.fixed_time import FixedTime, two_stages

        plans = two_stages(args.groups, (20.0, 20.0), (30.0, 20.0), (20.0, 40.0))
        return FixedTime(plans, args.groups, args.detectors)
    module, _, name = args.controller.partition(":")
    try:
        make = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"--controller {args.controller}: {error}") from error
    made: Controller = make(args.groups, args.detectors)
    return made


def _check(args: argparse.Namespace) -> None:
    from jacquemart.drivers.rsmp.wire import versions
    from jacquemart.drivers.rsmp.wire.sxl import STATUSES

    for one in (*(args.core or ()),):
        if one not in versions.CORE:
            raise UsageError(f"no core {one}", advice=f"there are: {', '.join(versions.CORE)}")
    if versions.normal(args.sxl) not in versions.SXL:
        raise UsageError(f"no SXL {args.sxl}", advice=f"there are: {', '.join(versions.SXL)}")
    if not 2 <= args.groups <= 255 or not 0 <= args.detectors <= 255:
        raise UsageError("2 to 255 groups and 0 to 255 detectors")
    if args.reconnect <= 0 or args.watchdog <= 0:
        raise UsageError("--reconnect and --watchdog are longer than nothing")
    for code in args.buffer:
        if code not in STATUSES:
            raise UsageError(f"no status {code}")


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _alarm_input(text: str) -> tuple[int, str]:
    from jacquemart.drivers.rsmp.wire.sxl import ALARMS

    number, _, code = text.partition("=")
    if not number.isdigit() or code not in ALARMS:
        raise argparse.ArgumentTypeError(f"{text!r} is not NUMBER=A0301")
    return int(number), code
