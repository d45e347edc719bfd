"""Write the tables and plots of the data plane in docs/performance.md, from what was measured.

    python bench/all.py commands telemetry actors bulk modbus startup
    python bench/report.py

It reads ``results/*.json``, as ``all.py`` keeps them, and writes between the two marks of the page,
and the plots beside it. What was not measured is named as such; nothing is made up, and figures are
shown as they are, with the machine and versions that they come from. ``--check`` writes nothing,
and ends with 1 if the page is not what the results say.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from measuring.bars import Bar, bars  # noqa: E402
from measuring.targets import TARGETS  # noqa: E402

BEGIN = "<!-- made by bench/report.py: begin -->"
END = "<!-- made by bench/report.py: end -->"
#: Ways of a command, in the order of the tables.
WAYS = {
    "direct": "direct",
    "async": "direct, async handler",
    "zone": "from a zone supervisor",
    "gateway": "through the gateway",
    "gateway_async": "gateway, async handler",
    "journalled": "direct, journalled",
    "zone_journalled": "zone, journalled",
    "gateway_journalled": "gateway, journalled",
}
Results = Mapping[str, Mapping[str, Any]]


class ReportError(Exception):
    """The page has no place for the tables, or a result cannot be read."""


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what was kept of the benches of the data plane, by name.

    Raises:
        ReportError: a file is no result.
    """
    found = {}
    for name in TARGETS:
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            found[name] = {**kept, "figures": dict(kept["figures"])}
        except (ValueError, KeyError, TypeError) as error:
            raise ReportError(f"{path} is no result of bench/all.py: {error!r}") from error
    return found


def page(results: Results) -> Iterator[str]:
    """Yield the lines between the marks."""
    for name, targets in TARGETS.items():
        yield f"### {name}"
        yield ""
        kept = results.get(name)
        if kept is None:
            yield f"Not measured yet: `python bench/all.py {name}`."
            yield ""
            continue
        yield provenance(kept)
        yield ""
        figures = kept["figures"]
        rows = []
        for target in targets:
            value = figures.get(target.key)
            reached = {True: "yes", False: "**no**", None: ""}
            there = isinstance(value, int | float) and not isinstance(value, bool)
            met = reached[target.met(float(value))] if there else "not measured"
            rows.append(
                (
                    f"`{target.key}`",
                    target.about,
                    number(value) if there else "",
                    target.text(),
                    met,
                )
            )
        yield from table(("key", "what", "measured", "to reach", "reached"), rows)
        yield ""
        if name == "commands":
            yield from of_commands(figures)


def provenance(kept: Mapping[str, Any]) -> str:
    """Return when, on what machine and with which versions something was measured."""
    machine, figures = kept.get("machine", {}), kept["figures"]
    versions = {"python": machine.get("python", "?"), **figures.get("versions", {})}
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    load = figures.get("machine", {}).get("load")
    busy = "" if load is None else f", load {load:.1f}"
    return (
        f"Taken {kept.get('taken_at', '?')} on {machine.get('cores', '?')} processors{busy} "
        f"({machine.get('system', '?')}; {named}); `python bench/all.py {kept.get('bench', '')}`."
    )


def of_commands(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield the round trips of all ways, pinned and free, and of the peers."""
    where = figures.get("cells_meet_on", "?")
    for way, meaning in (("pinned", "all processes on one processor"), ("free", "as they like")):
        here = figures.get(way)
        if not here:
            continue
        yield f"Round trips in µs, {way} ({meaning}), cells over {where}, raw over TCP:"
        yield ""
        rows = [
            row(text, here[name]) for name, text in WAYS.items() if isinstance(here.get(name), dict)
        ]
        loaded = here.get("loaded", {})
        rate = loaded.get("readings_per_s")
        rows += [
            row(f"{WAYS[name]}, at {rate:,} readings/s", told)
            for name, told in loaded.items()
            if isinstance(told, dict)
        ]
        if "raw_unix" in here:
            rows.append(row("raw, over UNIX sockets", here["raw_unix"]))
        rows += [
            row(f"peer: {name}", told[way])
            for name, told in figures.get("peers", {}).items()
            if way in told
        ]
        yield from table(("way", "p50", "p99", "p99.9", "raw p50", "ratio", "spread"), rows)
        yield ""
        rates = here.get("per_s")
        if rates:
            named = {**WAYS, "limit": "raw limit"}
            yield from table(
                ("pipelined", "a second"),
                [(named.get(name, name), number(rate)) for name, rate in rates.items()],
            )
            yield ""
    skipped = [
        f"{name} ({told['skipped']})"
        for name, told in figures.get("peers", {}).items()
        if "skipped" in told
    ]
    if skipped:
        yield f"Peers that were not there: {'; '.join(skipped)}."
        yield ""
    if plotted(figures):
        yield "![Round trips over the raw limit](performance/commands.svg)"
        yield ""


def row(name: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line of round trips."""
    low, high = told["ratio_spread"]
    times = (told["p50_us"], told["p99_us"], told["p999_us"], told["limit_p50_us"])
    return (name, *map(number, times), number(told["ratio"]), f"{number(low)} to {number(high)}")


def plotted(figures: Mapping[str, Any]) -> str:
    """Return the plot of all ways and peers over the raw limit, pinned; empty: there is nothing."""
    here = figures.get("pinned", {})
    limits = {target.key: target.most for target in TARGETS["commands"]}
    rows = [
        Bar(text, float(here[name]["ratio"]), target=limits.get(f"{name}_p50_ratio"))
        for name, text in WAYS.items()
        if isinstance(here.get(name), dict)
    ]
    rows += [
        Bar(name, float(told["pinned"]["ratio"]), ours=False)
        for name, told in figures.get("peers", {}).items()
        if "pinned" in told
    ]
    if not rows:
        return ""
    title = "Round trip over raw libzmq (p50, one processor; red: to reach; grey: others)"
    return bars(title, "times raw", rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for one in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in one) + " |"


def number(value: float) -> str:
    """Return a figure for people: no digits that mean nothing."""
    if isinstance(value, int) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def between(text: str, lines: Iterator[str]) -> str:
    """Return a page with other lines between its marks.

    Raises:
        ReportError: it has not exactly one of each, in their order.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ReportError(f"the page needs the lines {BEGIN!r} and {END!r}, once each")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n\n" + "\n".join(lines) + END + after


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page and its plots; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "performance.md")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it is not so")
    chosen = parser.parse_args(argv)
    try:
        results = read(chosen.results)
        old = chosen.page.read_text(encoding="utf-8")
        wanted = {chosen.page: between(old, page(results))}
    except (ReportError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    plot = plotted(results["commands"]["figures"]) if "commands" in results else ""
    if plot:
        wanted[chosen.page.parent / "performance" / "commands.svg"] = plot
    differs = [
        path
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path in differs:
        if chosen.check:
            print(f"{path} is not what the results say", file=sys.stderr)
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"written: {path}")
    return 1 if chosen.check and differs else 0


if __name__ == "__main__":
    sys.exit(main())
