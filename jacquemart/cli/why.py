"""``jacquemart why``: why a device or point is as it is, reasons first."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from jacquemart.cli import api, outcome, table, values
from jacquemart.cli.colour import BOLD, DIM, GREEN, RED, YELLOW, Paint, paint_for, quality_style
from jacquemart.cli.say import DONE
from jacquemart.cli.text import escape
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.outcome import Stages
from jacquemart.runtime.model.reading import word_of

_STAGES = ("dispatched_ns", "acknowledged_ns", "finished_ns")


def add(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "why",
        help="explain a device or point",
        description="Say why a device or point is as it is: the reasons first, then its link, "
        "what feeds it, its last command and its points.",
    )
    parser.add_argument("subject", metavar="SUBJECT", help="device or device/point")
    api.add_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the cell that owns the device."""
    with api.connect(args) as client:
        found = client.why(args.subject)
    if args.json:
        from jacquemart.cli import document

        document.show(_named(found))
        return DONE
    for line in _lines(args.subject, found, paint_for(sys.stdout)):
        print(line)
    return DONE


def _named(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer for a program: qualities as text, stages from the command's receipt."""
    named = dict(found)
    named["points"] = [{**p, "quality": values.quality(p["quality"])} for p in found["points"]]
    if found["fed_by"] is not None:
        points = {
            name: {"value": value, "quality": values.quality(code)}
            for name, (value, code) in found["fed_by"]["points"].items()
        }
        named["fed_by"] = {**found["fed_by"], "points": points}
    last = found["last_command"]
    if last is not None:
        kept = {key: value for key, value in last.items() if key != "received_ns"}
        for stage in _STAGES:
            kept[stage] = last[stage] - last["received_ns"] if last[stage] else None
        named["last_command"] = kept
    return named


def _lines(subject: str, found: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    name = f" {found['name']}," if found["name"] else ""
    about = f"{name} {found['kind']} in zone {found['zone']}"
    yield f"{paint(escape(subject), BOLD)}:{escape(about)}"
    style = GREEN if found["reasons"] == ["all is well"] else YELLOW
    for reason in found["reasons"]:
        yield "  " + paint(escape(reason), style)
    yield ""
    yield from table.lines(_details(found), paint, indent="  ")
    yield ""
    now_ns = time.time_ns()
    points = [_point(point, now_ns) for point in found["points"]]
    yield from table.lines(points, paint, right=(1,), indent="  ")


def _details(found: Mapping[str, Any]) -> Iterator[table.Row]:
    link = found["link"]
    yield ["link", _link(link["id"], link["up"], link["error"])]
    fed_by = found["fed_by"]
    if fed_by is not None:
        yield ["fed by", fed_by["device"]]
        yield ["", _link("its link", fed_by["link_up"], fed_by["error"])]
        for name, (value, code) in fed_by["points"].items():
            text = f"its {name} is {values.quantity(value, '')}, {values.quality(code)}"
            yield ["", table.Styled(text, quality_style(code))]
    for label, text in found.get("texts", {}).items():
        yield [label, text]
    for at, claim in enumerate(map(Claim.from_plain, found.get("claims", ()))):
        what = f"{claim.verb} {claim.point}".rstrip()
        value = f" at {claim.value:g}" if isinstance(claim.value, float) else ""
        why = f": {claim.why}" if claim.why else ""
        said = f"{what}{value}, slot {claim.slot}, by {claim.owner}, {claim.until_text}{why}"
        yield ["" if at else "claims", said]
    yield ["cell", found["cell"]]
    waiting = found["waiting"]
    yield ["waiting", f"{waiting} command{'' if waiting == 1 else 's'}"]
    yield from _last_command(found["last_command"])


def _link(name: str, up: bool, error: str) -> table.Cell:
    return f"{name} is up" if up else table.Styled(f"{name} is down: {error}", RED)


def _last_command(last: Mapping[str, Any] | None) -> Iterator[table.Row]:
    if last is None:
        yield ["last command", "none since this cell started"]
        return
    value = last["value"]
    shown = values.quantity(value, "") if isinstance(value, float) else str(value or "")
    asked = " ".join(word for word in (last["verb"], last["point"], shown) if word)
    yield ["last command", f"{asked}, by {last['principal']}"]
    status = str(last["status"])
    ended = [status, *(last[key] for key in ("reason", "detail") if last[key] not in ("", "ok"))]
    yield ["", table.Styled(", ".join(ended), GREEN if status == "APPLIED" else YELLOW)]
    times = outcome.stages(Stages(last["received_ns"], *(last[stage] for stage in _STAGES)))
    if times:
        yield ["", times]


def _point(point: Mapping[str, Any], now_ns: int) -> table.Row:
    low, high = point["range"]
    facts = []
    if low is not None or high is not None:
        # An open end is simply left out.
        ends = [values.quantity(end, "") if end is not None else "" for end in (low, high)]
        facts.append(f"{ends[0]}..{ends[1]}")
    if point["writable"]:
        facts.append("writable")
    if point["feedback"]:
        facts.append(f"fed back by {point['feedback']}")
    if point["poll_ms"]:
        facts.append(f"polled every {values.span(point['poll_ms'] / 1e3)}")
    words = point.get("words", ())
    if words:
        facts.append(" ".join(words))
    return [
        point["point"],
        word_of(point["value"], words) or values.quantity(point["value"], point["unit"]),
        table.Styled(values.quality(point["quality"]), quality_style(point["quality"])),
        values.age(point["source_ns"], now_ns),
        table.Styled(", ".join(facts), DIM),
    ]
