"""The reference of kinds as text: rows for tables, and the page docs/reference/kinds.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jacquemart.cli import values

_HEAD = """\
# Kinds

What each kind of this package declares. This page is written by `make reference` from the
declarations; `jacquemart kinds NAME` shows the same of any installed kind.

A template has every point that is not marked *optional* or *derived*. `name_*` is a family: a
template may have as many members as its equipment has. Points take commands where they are
*writable*, in the range and unit given. The guide [kinds](../guides/kinds.md) explains the rest.
"""


def point_row(point: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    """Return a point's name, unit, values, facts, and what it is."""
    facts = []
    if point["writable"]:
        facts.append("pulse" if point["pulse"] else "writable")
    if point["derived"]:
        facts.append("derived")
    elif not point["required"]:
        facts.append("optional")
    if point["feedback"]:
        facts.append(f"fed back by {point['feedback']}")
    if point["guards"]:
        facts.append(f"guarded by {', '.join(point['guards'])}")
    if point["keep"] == "every":
        facts.append("every value kept")
    if point["urgent"]:
        facts.append("urgent")
    if point["volatile"]:
        facts.append("volatile")
    for key, state in (("min_on_s", "on"), ("min_off_s", "off")):
        if point[key]:
            facts.append(f"{state} for {values.span(point[key])} at least")
    if point["default"] is not None:
        facts.append(f"{point['default']:g} when nobody holds it")
    if point["withheld_unless"]:
        facts.append(f"only while {point['withheld_unless']}")
    if point["protected"]:
        facts.append("nobody writes it")
    if point["poll_ms"]:
        facts.append(f"read every {values.span(point['poll_ms'] / 1e3)}")
    if point["stale_after_ms"]:
        facts.append(f"stale after {values.span(point['stale_after_ms'] / 1e3)}")
    return point["point"], point["unit"], _values(point), ", ".join(facts), point["about"]


def command_row(command: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a command's name, what it takes, and what it does."""
    takes = command["takes"]
    if takes is None:
        what = "nothing"
    elif takes["like"]:
        what = f"what {takes['like']} takes"
    elif takes["text"]:
        what = f"a text of up to {takes['text']:,} characters"
    else:
        what = " ".join(part for part in (_values(takes) or "a number", takes["unit"]) if part)
    if takes is not None and takes["optional"]:
        what += ", or nothing"
    about = command["about"] + (" (volatile)" if command["volatile"] else "")
    return command["command"], what, about


def page(kinds: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of some kinds, in Markdown."""
    return "\n".join([_HEAD, *(_section(kind) for kind in kinds)])


def _section(kind: Mapping[str, Any]) -> str:
    parts = [f"## `{kind['kind']}`\n\n{kind['about']}\n"]
    rules = kind["rules"].replace("``", "`")
    if rules:
        parts.append(f"{rules}\n")
    if kind["points"]:
        rows = [(f"`{name}`", *rest) for name, *rest in map(point_row, kind["points"])]
        parts.append(_table(("point", "unit", "values", "", "what it is"), rows))
    if kind["open_points"]:
        parts.append("A template may have any other point too.\n")
    if kind["commands"]:
        told = [(f"`{name}`", *rest) for name, *rest in map(command_row, kind["commands"])]
        parts.append(_table(("command", "takes", "what it does"), told))
    if kind["summary"]:
        lines = [f"{one['label']} ({one['how']} of `{one['point']}`)" for one in kind["summary"]]
        parts.append(f"In a zone's summary: {', '.join(lines)}.\n")
    return "\n".join(parts)


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return "\n".join([line(titles), "|" + "---|" * len(titles), *map(line, rows)]) + "\n"


def _values(found: Mapping[str, Any]) -> str:
    """Return what values there may be: words, a range, or nothing said."""
    if found["words"]:
        return " ".join(f"{at} {word}," for at, word in enumerate(found["words"])).rstrip(",")
    low, high = found["range"]
    if found.get("type") == "flag":
        return "0 or 1"
    whole = "whole, " if found.get("type") == "count" else ""
    if low is not None and high is not None:
        return f"{whole}{low:g} to {high:g}"
    if low is not None:
        return f"{whole}from {low:g}"
    return f"{whole}up to {high:g}" if high is not None else whole.rstrip(", ")
