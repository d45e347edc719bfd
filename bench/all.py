"""Run every bench in this folder, or those whose names contain one of the words given.

    python bench/all.py
    python bench/all.py native modbus

Each bench answers one question and prints its figures as JSON on its last line (``--json``). They
run one after the other, since they share the processor. The figures are shown as tables and kept
in ``results/<bench>.json`` with the machine they were taken on; ``report.py`` makes the tables of
docs/performance.md from them. Ends with 1 if a bench failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
#: Programs in this folder that measure nothing.
NO_BENCHES = ("all.py", "report.py")


class BenchError(Exception):
    """A bench failed, or said nothing that can be kept."""


def benches(words: Sequence[str]) -> list[Path]:
    """Return the benches whose name contains one of the words; all of them without any."""
    found = sorted(path for path in HERE.glob("*.py") if path.name not in NO_BENCHES)
    return [path for path in found if not words or any(word in path.stem for word in words)]


def question_of(path: Path) -> str:
    """Return the first line of a bench: its question."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return first.strip('"').strip()


def measure(path: Path) -> Any:
    """Run a bench and return its figures.

    Raises:
        BenchError: it failed, or its last line is no JSON.
    """
    done = subprocess.run(
        [sys.executable, str(path), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = done.stdout.strip().splitlines()
    if done.returncode:
        raise BenchError(f"exit code {done.returncode}")
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        raise BenchError("its last line is no JSON") from error


def keep(path: Path, figures: Any, seconds: float) -> Path:
    """Write the figures of a bench to its file of results, and return that."""
    RESULTS.mkdir(exist_ok=True)
    result = {
        "bench": path.stem,
        "taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(seconds, 1),
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "figures": figures,
    }
    kept = RESULTS / f"{path.stem}.json"
    kept.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return kept


def table(figures: Any) -> Iterator[str]:
    """Yield a document of figures as lines: rows of a list under its keys, else name and value."""
    if isinstance(figures, list):
        keys = list(figures[0]) if figures else []
        cells = [keys, *([shown(row[key]) for key in keys] for row in figures)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            yield "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        return
    rows = [(name, shown(value)) for name, value in flat(figures)]
    wide = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        yield f"{name:{wide}}  {text:>16}"


def flat(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and plain values; names inside a document get its name before theirs."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def shown(value: Any) -> str:
    """Return a figure as text."""
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benches that are meant; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="part of a bench's name")
    parser.add_argument("--list", action="store_true", help="only list them, with their questions")
    chosen = parser.parse_args(argv)
    meant = benches(chosen.words)
    if not meant:
        names = ", ".join(path.stem for path in benches(()))
        parser.error(f"no bench is called so; there are: {names}")
    failed = 0
    for path in meant:
        print(f"\n{path.stem}: {question_of(path)}", flush=True)
        if chosen.list:
            continue
        began = time.monotonic()
        try:
            figures = measure(path)
        except BenchError as error:
            failed += 1
            print(f"  failed: {error}", flush=True)
            continue
        for line in table(figures):
            print(f"  {line}")
        kept = keep(path, figures, time.monotonic() - began)
        print(f"  in {kept.relative_to(HERE.parent)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
