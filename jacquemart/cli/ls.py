"""``jacquemart ls``: devices, or with a slash in the pattern their points."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from jacquemart.cli import api, get, say, table, values
from jacquemart.cli.colour import DIM, paint_for, quality_style
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.model.reading import Reading, word_of

if TYPE_CHECKING:
    from jacquemart.runtime.client import Client

#: Rows of one question; the gateway's own limit. More are asked for page by page.
PAGE = 10_000
LIMIT = 1_000

_DEVICE_FIELDS = ("device", "kind", "zone", "name", "link", "fed_by", "worst")
_POINT_FIELDS = ("point", "value", "quality", "source_ns", "receive_ns", "unit", "writable")


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "ls",
        help="list devices or points",
        description="List devices (lamp-*), or points with their values (lamp-*/level, lamp-17/*).",
    )
    parser.add_argument(
        "pattern",
        nargs="?",
        default="*",
        metavar="PATTERN",
        help="device or device/point, with the wildcards * ? [abc] (default: all devices)",
    )
    parser.add_argument("--zone", default="*", help="only of this zone, or zones of a pattern")
    parser.add_argument("--kind", default="*", help="only of this kind, or kinds of a pattern")
    parser.add_argument(
        "--limit",
        type=_limit,
        default=LIMIT,
        metavar="N",
        help=f"at most N rows; 0: all (default: {LIMIT})",
    )
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask for as many pages as are wanted, and show them."""
    with api.connect(args) as client:
        of, total, rows = _ask(client, args)
    if args.json:
        from jacquemart.cli import document

        document.show({"of": of, "total": total, "rows": [_named(of, row) for row in rows]})
        return say.DONE
    paint = paint_for(sys.stdout)
    if of == "points":
        now_ns = time.time_ns()
        cells: list[table.Row] = [_point(row, now_ns) for row in rows]
        titles = ["POINT", "VALUE", "QUALITY", "AGE", ""]
        lines = table.lines(cells, paint, titles=titles, right=(1,))
    else:
        titles = ["DEVICE", "KIND", "ZONE", "NAME", "LINK", "FED BY", "WORST"]
        lines = table.lines([_device(row) for row in rows], paint, titles=titles)
    for line in lines:
        print(line)
    if len(rows) < total:
        say.note(f"{len(rows):,} of {total:,} {of}; --limit shows more")
    elif not rows:
        say.note(f"no {of} match")
    return say.DONE


def _ask(client: Client, args: argparse.Namespace) -> tuple[str, int, list[list[Any]]]:
    rows: list[list[Any]] = []
    offset = 0
    while True:
        room = args.limit - len(rows) if args.limit else PAGE
        answer = client.ls(
            args.pattern, zone=args.zone, kind=args.kind, offset=offset, limit=min(room, PAGE),
            words=True,
        )  # fmt: skip
        # Each zone cell answers a page of its own, so one question may bring several pages.
        rows.extend(answer["rows"])
        offset += min(room, PAGE)
        full = args.limit and len(rows) >= args.limit
        if full or not answer["rows"] or len(rows) >= answer["total"]:
            return answer["of"], answer["total"], rows[: args.limit or None]


def _named(of: str, row: list[Any]) -> dict[str, Any]:
    fields = _POINT_FIELDS if of == "points" else _DEVICE_FIELDS
    named = dict(zip(fields, row, strict=False))  # the words of a point are in ``word``
    code = "quality" if of == "points" else "worst"
    named[code] = values.quality(named[code])
    words = row[len(fields) :]
    if words and words[0]:
        named["word"] = word_of(named["value"], words[0])
    return named


def _device(row: list[Any]) -> table.Row:
    *texts, worst = row
    return [*texts, table.Styled(values.quality(worst), quality_style(worst))]


def _point(row: list[Any], now_ns: int) -> table.Row:
    point, value, code, source_ns, receive_ns, unit, writable, *more = row
    words = tuple(more[0]) if more else ()
    found = Reading(point, value, Quality.from_code(code), source_ns, receive_ns, unit, words)
    return [*get.row(found, now_ns), table.Styled("writable" if writable else "", DIM)]


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; allowed: 0 and above")
    return int(text)
