"""One frame of ``top``, drawn with rich: zones on the left, cells on the right, events below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from jacquemart.cli import events, values, zones
from jacquemart.cli.colour import event_style, quality_style
from jacquemart.cli.sample import CellLoad, Sample
from jacquemart.cli.text import escape
from jacquemart.runtime.model.event import Event

#: Lines of a panel that are not rows: its border and the table's heading.
_FRAME_LINES = 3
_EVENT_ROWS = 8
_NARROW = 110


def screen(
    now: Sample, loads: Sequence[CellLoad], trouble: str, height: int, width: int
) -> RenderableType:
    """Return a frame that fills a terminal of this many lines and columns."""
    below = min(_EVENT_ROWS, max(1, height // 4)) + 2
    room = max(1, height - 1 - below)
    layout = Layout()
    layout.split_column(
        Layout(heading(now, loads, trouble), size=1),
        Layout(name="middle", size=room),
        Layout(_panel("events", _events(now.events[: below - 2]))),
    )
    left = right = room
    if width < _NARROW:  # one above the other: cells get what they need, zones the rest
        right = min(room // 2, len(loads) + _FRAME_LINES)
        left = room - right
    parts = (
        Layout(_panel("zones", _zones(now.zones, left - _FRAME_LINES)), size=None, ratio=3),
        Layout(_panel("cells", _cells(loads, right - _FRAME_LINES)), size=None, ratio=2),
    )
    if width < _NARROW:
        parts[0].size, parts[1].size = left, right
        layout["middle"].split_column(*parts)
    else:
        layout["middle"].split_row(*parts)
    return layout


def page(now: Sample, loads: Sequence[CellLoad]) -> RenderableType:
    """Return a frame as long as it needs to be, for a file or a pipe."""
    return Group(
        heading(now, loads, ""),
        _panel("zones", _zones(now.zones, len(now.zones["zones"]) + 1)),
        _panel("cells", _cells(loads, len(loads))),
        _panel("events", _events(now.events[:_EVENT_ROWS])),
    )


def heading(now: Sample, loads: Sequence[CellLoad], trouble: str) -> Text:
    """Return the first line: the city, its devices, its time, and what is wrong."""
    kinds = now.zones["total"]["kinds"].values()
    count = sum(kind["count"] for kind in kinds)
    online = sum(kind["online"] for kind in kinds)
    memory = sum(load.rss_mb or 0.0 for load in loads)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(escape(now.zones["city"]), style="bold")
    text.append(
        f"  {online:,} of {count:,} devices online", style="" if online == count else "yellow"
    )
    text.append(f"  {len(loads)} cells, {memory:,.0f} MB")
    text.append(f"  {values.time_of_day(now.wall_ns).partition('.')[0]}", style="dim")
    if trouble:
        text.append(f"  {escape(trouble)}", style="red")
    else:
        text.append("  q ends", style="dim")
    return text


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left", padding=0)


def _zones(found: Mapping[str, Any], rows: int) -> Table:
    made = _table(("ZONE", "left"), ("DEVICES", "right"), ("ONLINE", "right"), ("WORST", "left"),
                  ("SUMMARY", "left"))  # fmt: skip
    _zone_row(made, f"all of {found['city']}", found["total"], stale=False)
    members = found["zones"]
    shown = members if len(members) < rows else members[: max(0, rows - 2)]
    for zone in shown:
        _zone_row(made, zone["zone"], zone, stale=zone["stale"])
    if len(shown) < len(members):
        made.add_row(Text(f"{len(members) - len(shown)} more", style="dim"))
    return made


def _zone_row(made: Table, name: str, zone: Mapping[str, Any], *, stale: bool) -> None:
    kinds = sorted(zone["kinds"].values(), key=lambda kind: -kind["count"])
    count = sum(kind["count"] for kind in kinds)
    online = sum(kind["online"] for kind in kinds)
    worst = max((kind["worst"] for kind in kinds), default=0)
    made.add_row(
        Text(escape(name)),
        Text(f"{count:,}"),
        Text(f"{online:,}", style="yellow" if online < count else ""),
        Text("stale", style="yellow")
        if stale
        else Text(values.quality(worst), style=quality_style(worst)),
        Text(zones.figures(kinds[0]["summary"]) if kinds else ""),
    )


def _cells(loads: Sequence[CellLoad], rows: int) -> Table:
    made = _table(("CELL", "left"), ("CPU", "right"), ("LAG", "right"), ("RSS", "right"),
                  ("CMD/S", "right"), ("", "left"))  # fmt: skip
    shown = loads if len(loads) <= rows else loads[: max(0, rows - 1)]
    for load in shown:
        made.add_row(
            Text(escape(load.name)),
            Text(_share(load.cpu_share)),
            Text(f"{load.lag_ms:.1f} ms" if load.lag_ms is not None else values.NOTHING),
            Text(f"{load.rss_mb:,.0f} MB" if load.rss_mb is not None else values.NOTHING),
            Text(f"{load.commands_per_s:,.0f}" if load.commands_per_s is not None
                 else values.NOTHING),
            Text(escape(load.note), style="red"),
        )  # fmt: skip
    if len(shown) < len(loads):
        made.add_row(Text(f"{len(loads) - len(shown)} more", style="dim"))
    return made


def _events(newest: Sequence[Event]) -> Table:
    made = Table.grid(padding=(0, 1, 0, 0), expand=True)
    made.add_column(width=8)
    made.add_column(width=7)
    made.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    for event in newest:
        made.add_row(
            Text(values.time_of_day(event.time_ns).partition(".")[0], style="dim"),
            Text(events.severity(event), style=event_style(event.severity)),
            Text(escape(f"{events.what(event)}  {events.detail(event.detail)}")),
        )
    return made


def _table(*columns: tuple[str, Any]) -> Table:
    made = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="bold")
    for title, justify in columns:
        # The last column takes what is left, and is cut where it does not fit.
        last = title == columns[-1][0]
        made.add_column(
            title, justify=justify, no_wrap=True, overflow="ellipsis", ratio=1 if last else None
        )
    return made


def _share(share: float | None) -> str:
    return values.NOTHING if share is None else f"{share * 100:.0f} %"
