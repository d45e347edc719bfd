"""Does the city keep its word under every fault that a seed thinks of, and would we see it if not?

Runs trials of ``jacquemart.testing``: a whole city in one process, in virtual time, with a network,
disks and a field that fail as the seed says. ``violations`` counts seeds whose history the judge
finds at fault, ``replay_mismatches`` seeds that gave another history when they ran again, and
``planted_found`` how many of the planted bugs were found, each within ``--planted-seeds`` seeds.
``simulated_s_per_s`` is seconds of the city's life for each second of processor time.
A violation is printed at once, with its seed; every ``--report`` seeds the figures so far, so that
a run that is cut has some. ``--json`` prints the figures as one object on the last line.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from typing import NamedTuple

from jacquemart.runtime.testing.planted import PLANTED
from jacquemart.runtime.testing.simulation import trial

#: Every so many seeds, one runs twice.
REPLAY_EVERY = 20
#: So many seeds are one piece of work for a process.
PIECE = 10


class Ran(NamedTuple):
    """What came of one seed."""

    seed: int
    violations: tuple[str, ...]
    mismatch: bool
    simulated_s: float
    spent_s: float
    """Of processor time."""


def run(seed: int) -> Ran:
    """Run a trial, and some of them twice."""
    begin = time.process_time()
    found = trial(seed)
    simulated, mismatch = found.simulated_s, False
    if seed % REPLAY_EVERY == 0:
        again = trial(seed)
        simulated += again.simulated_s
        mismatch = again.digest != found.digest
    return Ran(seed, found.violations, mismatch, simulated, time.process_time() - begin)


class Figures:
    """The figures of a run so far."""

    def __init__(self) -> None:
        """Begin."""
        self.seeds = self.violations = self.mismatches = 0
        self.simulated_s = self.spent_s = 0.0
        self.clean: list[int] = []

    def take(self, ran: Ran) -> None:
        """Count a seed, and say at once what was wrong with it."""
        self.seeds += 1
        self.simulated_s += ran.simulated_s
        self.spent_s += ran.spent_s
        self.mismatches += ran.mismatch
        if ran.mismatch:
            print(f"seed {ran.seed}: another history when it ran again", flush=True)
        if ran.violations:
            self.violations += 1
            print(f"seed {ran.seed}:", *ran.violations[:5], sep="\n  ", flush=True)
        else:
            self.clean.append(ran.seed)

    def plain(self) -> dict[str, float]:
        """Return them as they are printed."""
        return {
            "seeds": self.seeds, "violations": self.violations,
            "replay_mismatches": self.mismatches,
            "simulated_s_per_s": round(self.simulated_s / max(self.spent_s, 1e-9), 1),
        }  # fmt: skip


def hunt(seeds: Sequence[int], name: str) -> tuple[str, int]:
    """Return a planted bug's name, and after how many seeds it is found; 0: it is not."""
    for count, seed in enumerate(seeds, 1):
        with PLANTED[name]():
            violations = trial(seed).violations
        if any("<locals>" in text for text in violations):
            raise RuntimeError(f"{name} does not fit the code any more: {violations}")
        if violations:
            return name, count
    return name, 0


def main() -> int:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--planted-seeds", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--report", type=int, default=200, help="say so often how far it is")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.seeds)
    figures, found = Figures(), 0
    alone = options.processes == 1
    with ThreadPool(1) if alone else get_context("spawn").Pool(options.processes) as pool:
        results: Iterator[Ran] = map(run, seeds) if alone else pool.imap(run, seeds, PIECE)
        for ran in results:
            figures.take(ran)
            if figures.seeds % options.report == 0:
                print(f"so far: {json.dumps(figures.plain())}", flush=True)
        # A seed beyond those that ran is taken for clean: the judge finds nothing in the others.
        more = range(seeds.stop, options.first + options.planted_seeds)
        hunting = [*figures.clean, *more][: options.planted_seeds]
        names = list(PLANTED) if options.planted_seeds else []
        work = partial(hunt, hunting)
        for name, after in map(work, names) if alone else pool.imap_unordered(work, names):
            found += after > 0
            print(f"{name}: {f'found after {after} seeds' if after else 'NOT FOUND'}", flush=True)
    known = {**figures.plain(), "planted": len(PLANTED), "planted_found": found}
    print(json.dumps(known) if options.json else known)
    return 1 if figures.violations or figures.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
