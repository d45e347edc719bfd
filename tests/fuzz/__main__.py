"""Fuzz the decoders and the city loader for a while: ``python tests/fuzz --seconds 60``.

Each input comes from a seed, so whatever is found can be had again: ``--only NAME --seed N``.
With atheris installed, ``--atheris NAME [its options]`` hands one target to it.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mutate import mutate
from targets import TARGETS


def fuzz(name: str, seed: int, seconds: float, most: int = 0) -> int:
    """Throw mutations at a target until the time is over, or ``most`` were; return how many.

    Raises:
        AssertionError: it neither returned nor raised its typed error; says with which input.
    """
    target, seeds = TARGETS[name]
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until and not (most and number >= most):
        data = mutate(random.Random(f"{name}/{seed}/{number}"), seeds)
        number += 1
        began = time.process_time()
        try:
            target(data)
        except Exception as error:
            where = f"{name}, seed {seed}, input {number}"
            raise AssertionError(
                f"{where}: {type(error).__name__}: {error}\n{data.hex()}"
            ) from error
        took = time.process_time() - began
        assert took < 5.0, f"{name}, seed {seed}, input {number} took {took:.1f} s\n{data.hex()}"
    return number


def main() -> int:
    """Run from the command line; the exit code is 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=sorted(TARGETS), action="append")
    parser.add_argument("--atheris", choices=sorted(TARGETS))
    found, more = parser.parse_known_args()
    if found.atheris:
        import atheris  # type: ignore[import-not-found]

        atheris.Setup([sys.argv[0], *more], TARGETS[found.atheris][0])
        atheris.Fuzz()
        return 0
    names = found.only or list(TARGETS)
    for name in names:
        try:
            number = fuzz(name, found.seed, found.seconds / len(names))
        except AssertionError as error:
            print(error)
            return 1
        print(f"{name:10} {number:9,} inputs, nothing found", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
