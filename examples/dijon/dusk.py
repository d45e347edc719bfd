"""Dusk in Dijon, the main job: 34,000 street lights over Modbus, each one proven.

Starts the field (a process of its own) and the city with all its equipment, shows its zones,
lets dusk fall, reports each lamp, holds the report against the field's own account lamp by lamp,
prints the figures, and stays up with its API until it is stopped. With ``--once`` it ends by
itself, with exit code 0 only if the two accounts agree to the lamp. What stands behind ``--``
goes to the field, which lists its options with ``python examples/dijon/field --help``:

    python examples/dijon/dusk.py --once -- --hostile 0.1 --dead-cabinets 40

With ``--simulated`` the field is the simulated driver's, inside the cells, so that ten times the
city fits one machine; then there is no second account to hold the report against:

    python examples/dijon/dusk.py --once --simulated --scale 10
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402 - beside this file
from accounts import Comparison, compare, tally  # noqa: E402
from field_process import FieldProcess, FieldStartError  # noqa: E402
from measure import NothingMeasured, command_latency, cpu_share, pss_mb  # noqa: E402

import jacquemart  # noqa: E402
from jacquemart.cli import colour, table, zones  # noqa: E402

LEVEL = 80.0
TOLERANCE = 0.5
LIGHTING = ("lighting_cabinet", "street_light")
#: Shown at the end, of the figures that are no counts.
FIGURES = (
    "ready_s",
    "cells_pss_mb",
    "calm_cpu_share",
    "command_p50_ms",
    "command_p99_ms",
    "raw_round_trip_p50_ms",
    "command_over_raw",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; return the exit code."""
    args = _arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    say = _Speaker(args.quiet)
    inventory = args.city.parent / "generated"
    numbers = {"seed": args.seed, "lamps": args.lamps, "cabinets": args.cabinets}
    try:
        generate.generate(inventory, **numbers, scale=args.scale, port=args.field_port)
    except ValueError as error:
        sys.stderr.write(f"dusk: {error}\n")
        return 2
    try:
        with (
            tempfile.TemporaryDirectory(prefix="dusk-") as state,  # each dusk is the first one
            _field(args, inventory, say) as field,
            _city(args, state, say) as city,
            city.client(principal="dusk") as client,
        ):
            figures, comparison = _dusk(args, say, field, city, client)
            if args.json:
                sys.stdout.write(json.dumps(figures) + "\n")
                sys.stdout.flush()
            if args.once:
                return 0 if not comparison.disagree and comparison.applied else 1
            say(f"\nThe city stays up; API {city.api}. Try, in another terminal:")
            say("  .venv/bin/jacquemart zones | top | why dij-c001-l01 | stop")
            say("Ctrl-C stops it.")
            _wait(city)
            if city.failure is not None:
                raise city.failure
    except KeyboardInterrupt:
        say("\nstopped")
        return 0 if not args.once else 130
    except (jacquemart.JacquemartError, FieldStartError, NothingMeasured) as error:
        sys.stderr.write(f"dusk: {error}\n")
        return 1
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dusk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--once", action="store_true", help="end after the report")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON, last")
    parser.add_argument("--quiet", action="store_true", help="print nothing else")
    parser.add_argument("--scale", type=float, default=1.0, help="how many times Dijon")
    parser.add_argument("--lamps", type=int, default=None, help="default: as the scale says")
    parser.add_argument("--cabinets", type=int, default=None, help="default: as the scale says")
    parser.add_argument("--simulated", action="store_true", help="no field process; see above")
    parser.add_argument("--seed", type=int, default=2017)
    parser.add_argument("--calm-s", type=float, default=8.0, help="time to measure the calm city")
    parser.add_argument("--commands", type=int, default=200, help="single commands to time")
    parser.add_argument("--cells", type=int, default=None, help="device cells (default: cores)")
    parser.add_argument("--port", type=int, default=None, help="of the API; 0: any")
    parser.add_argument("--stream-port", type=int, default=None)
    parser.add_argument(
        "--city",
        type=Path,
        default=None,
        help="the city file (default: city.toml, or city-simulated.toml, beside this program); "
        "its inventories are drawn into the folder generated/ beside it",
    )
    parser.add_argument("--awake", action="store_true", help="see `jacquemart run --awake`")
    parser.add_argument("--state", default="", help="folder of the journals (default: a new one)")
    parser.add_argument("--field-port", type=int, default=15_020, help="TCP port of every cabinet")
    parser.add_argument("field", nargs="*", metavar="FIELD-OPTION", help="for the field; after --")
    parsed = parser.parse_args(argv)
    if parsed.simulated and parsed.field:
        parser.error("a simulated field has no process that takes options")
    if parsed.city is None:
        parsed.city = HERE / ("city-simulated.toml" if parsed.simulated else "city.toml")
    return parsed


class _Speaker:
    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def __call__(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)

    def progress(self, event: dict[str, Any]) -> None:
        """Show one step of the start, or what happens later."""
        facts = {k: v for k, v in event.items() if k not in ("event", "stage", "seconds")}
        if event["event"] != "progress":
            return
        words = "  ".join(f"{name} {value}" for name, value in facts.items())
        self(f"{event['seconds']:6.1f} s  {event['stage']:10s}{words}"[:110])


@contextlib.contextmanager
def _field(
    args: argparse.Namespace, inventory: Path, say: _Speaker
) -> Iterator[FieldProcess | None]:
    """Run the field beside the city; None if it is simulated."""
    if args.simulated:
        yield None
        return
    with FieldProcess.start(inventory, "--seed", str(args.seed), *args.field) as field:
        ready = field.ready
        say(f"field     {ready['lamps']:,} lamps behind {ready['cabinets']:,} cabinets, "
            f"{ready['buildings']:,} buildings and {ready['bollards']:,} bollards answer, "
            f"in process {field.process.pid}")  # fmt: skip
        yield field


def _city(args: argparse.Namespace, state: str, say: _Speaker) -> jacquemart.City:
    return jacquemart.City(
        args.city,
        gateway_port=args.port,
        stream_port=args.stream_port,
        cells=args.cells,
        state=args.state or state,
        awake=args.awake,
        on_progress=say.progress,
    )


def _dusk(
    args: argparse.Namespace,
    say: _Speaker,
    field: FieldProcess | None,
    city: jacquemart.City,
    client: jacquemart.Client,
) -> tuple[dict[str, Any], Comparison]:
    pids = [cell["pid"] for cell in city.cells]
    say(f"ready     in {city.ready_s:.1f} s; {len(pids)} cells\n")
    _show_zones(say, client)
    say(f"\nmeasuring the calm city for {args.calm_s:g} s …")
    calm = cpu_share(pids, args.calm_s)
    say(f"dusk      all lamps to {LEVEL:g} %")
    report = client.set_all("setpoint", LEVEL, kind="street_light", within_s=10.0)
    if field is not None:
        comparison = compare(report.outcomes, field.ask("account"), LEVEL, TOLERANCE)
    else:
        comparison = tally(report.outcomes)
    time.sleep(0.5)
    say("")
    _show_zones(say, client)
    lamps = [outcome.device for outcome in report.outcomes if outcome.applied]
    random.Random(args.seed).shuffle(lamps)
    latency = command_latency(client, lamps[: args.commands], LEVEL, args.commands)
    figures = {
        **comparison.figures(),
        "seconds": round(report.seconds, 3),
        "ready_s": round(city.ready_s, 2),
        "cells_pss_mb": round(pss_mb(pids), 1),
        "calm_cpu_share": round(calm, 4),
        "command_p50_ms": round(latency.p50_ms, 3),
        "command_p99_ms": round(latency.p99_ms, 3),
        "command_whole_p50_ms": round(latency.whole_p50_ms, 3),
        "raw_round_trip_p50_ms": round(latency.raw_p50_ms, 3),
        "command_over_raw": round(latency.p50_ms / latency.raw_p50_ms, 2),
    }
    if field is None:
        figures["disagree"] = None  # there is no other account
    _report(say, comparison, figures)
    return figures, comparison


def _report(say: _Speaker, found: Comparison, figures: dict[str, Any]) -> None:
    say(f"\nreported whole in {figures['seconds']:.2f} s, for {found.lamps:,} lamps:")
    for word in ("applied", "failed", "unreachable", "indeterminate", "other"):
        say(f"  {word:14s}{getattr(found, word):8,}")
    for reason, number in found.reasons.most_common():
        say(f"    {reason:30s}{number:8,}")
    if figures["disagree"] is not None:
        say(f"the field's own account disagrees on {len(found.disagree):,} lamps")
    for line in found.disagree[:20]:
        say(f"  {line}")
    say("\nfigures")
    for name in FIGURES:
        say(f"  {name:24s}{figures[name]:>10}")


def _show_zones(say: _Speaker, client: jacquemart.Client) -> None:
    found = client.zones()
    for zone in found["zones"]:  # what dusk is about; the city's total has every kind
        zone["kinds"] = {kind: zone["kinds"][kind] for kind in LIGHTING if kind in zone["kinds"]}
    rows = zones.rows(found)
    paint = colour.paint_for(sys.stdout)
    for line in table.lines(rows, paint, titles=zones.TITLES, right=zones.COUNTS):
        say(line)


def _wait(city: jacquemart.City) -> None:
    while not city.wait(1.0):
        pass


if __name__ == "__main__":
    sys.exit(main())
