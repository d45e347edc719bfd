"""Runs the hot paths under callgrind, which counts; see ``bench/instructions.py``.

Run by valgrind as ``python count_under_valgrind.py LIBRARY [NAME …]``: the library starts, clears
and dumps the counters. For each path two dumps are made, named ``few NAME`` and ``many NAME``.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measuring.hot_paths import PATHS

#: How often a path is done in the two dumps: what is left of the difference is one time.
FEW, MANY = 40, 120


def main() -> None:
    """Make all paths, then count them."""
    library = ctypes.CDLL(sys.argv[1])
    wanted = sys.argv[2:]
    made = [(path.name, path.make()) for path in PATHS if not wanted or path.name in wanted]
    for _, run in made:
        run(FEW)  # what is done for the first time is done now
    gc.collect()
    gc.disable()
    library.begin()
    for name, run in made:
        for title, times in (("few", FEW), ("many", MANY)):
            run(FEW)  # the interpreter has adapted itself to this path before both
            library.clear()
            run(times)
            library.dump(f"{title} {name}".encode())


if __name__ == "__main__":
    main()
