"""The options of the field process."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from field.faults import FaultShares
from field.lamp import Pace

INVENTORY = Path(__file__).resolve().parent.parent / "generated"


@dataclass(frozen=True, slots=True)
class Options:
    """How the field was started."""

    inventory: Path
    seed: int
    pace: Pace
    shares: FaultShares
    control: int
    keep_running: bool


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line; ends the process with a message if it is wrong."""
    default, pace = FaultShares(), Pace()
    parser = argparse.ArgumentParser(
        prog="field",
        description="The field of the example city: a Modbus TCP server for each cabinet.",
        epilog="It ends on SIGTERM, on Ctrl-C, and when its standard input closes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--inventory", type=Path, default=INVENTORY, help="folder of cabinets.csv and lights.csv")
    add("--seed", type=int, default=2017, help="what is broken today")
    add("--ramp-s", type=_duration, default=pace.ramp_s, help="length of a fade")
    add("--lag-ms", type=_duration, default=pace.lag_s * 1000.0, help="from write to fade")
    add("--dead-lamps", type=float, default=default.dead_lamps, help="share of all lamps")
    add("--stuck-lamps", type=float, default=default.stuck_lamps, help="share of all lamps")
    add("--lying-lamps", type=float, default=default.lying_lamps, help="share of all lamps")
    add("--dead-cabinets", type=int, default=default.dead_cabinets, help="half refuse, half hang")
    add("--mute-cabinets", type=int, default=default.mute_cabinets, help="silent after a write")
    add("--hostile", type=float, default=default.hostile_cabinets, help="share of all cabinets")
    add("--control", type=int, default=0, help="control port on loopback; 0: any")
    add("--keep-running", action="store_true", help="do not end when standard input closes")
    chosen = parser.parse_args(arguments)
    return Options(
        inventory=chosen.inventory,
        seed=chosen.seed,
        pace=Pace(lag_s=chosen.lag_ms / 1000.0, ramp_s=chosen.ramp_s),
        shares=FaultShares(
            dead_lamps=chosen.dead_lamps,
            stuck_lamps=chosen.stuck_lamps,
            lying_lamps=chosen.lying_lamps,
            dead_cabinets=chosen.dead_cabinets,
            mute_cabinets=chosen.mute_cabinets,
            hostile_cabinets=chosen.hostile,
        ),
        control=chosen.control,
        keep_running=chosen.keep_running,
    )


def _duration(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 3_600_000.0:
        raise argparse.ArgumentTypeError(f"{text!r}, allowed is a number from 0")
    return value
