"""One frame of ``jacquemart traffic``, drawn with rich: signals, buses, figures, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from jacquemart.cli.text import escape

#: Words of the kind ``signal_controller`` for its point ``state``.
STATES: Final = ("starting", "normal", "flash", "dark", "fault")
#: A style for each letter that SUMO shows.
_LAMPS: Final = {
    "G": "green", "g": "green", "y": "yellow", "r": "red", "u": "yellow", "o": "yellow dim",
}  # fmt: skip
_PHASES: Final = {"activated": "green", "queued": "yellow", "received": "yellow"}
MOST_EVENTS: Final = 6
MOST_LAMPS: Final = 16


def frame(look: Mapping[str, Any]) -> RenderableType:
    """Return a frame of what ``TrafficWorld.look`` has returned."""
    return Group(_heading(look), _signals(look), _buses(look), _figures(look), _events(look))


def _heading(look: Mapping[str, Any]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(clock(look["time_s"]), style="bold")
    text.append(f"  {look['times_real_time']:.2f} times real time")
    if look["lost_s"]:
        text.append(f"  {look['lost_s']:.1f} s could not be kept up with", style="yellow")
    faults = [name for name, one in look["signals"].items() if one["fault"]]
    told = f"  faults: {', '.join(faults)}" if faults else "  no fault"
    text.append(escape(told), style="red" if faults else "green")
    text.append("  Ctrl-C ends", style="dim")
    return text


def _signals(look: Mapping[str, Any]) -> RenderableType:
    table = _table("signal", "RSMP", "state", "plan", "stage", "lamps", "granted", "asked for")
    known = look["city"]["signals"]
    for name, one in look["signals"].items():
        city = known.get(name, {})
        state = city.get("state")
        counts = one["counts"]
        table.add_row(
            escape(name),
            Text("up", "green") if one["connected"] else Text("down", "red"),
            STATES[int(state)] if state is not None and state < len(STATES) else "?",
            "?" if city.get("plan_state") is None else f"{city['plan_state']:.0f}",
            f"{one['stage'] or '-'}",
            _lamps(one["shown"]),
            f"{counts.get('activated', 0)}",
            _requests(one["requests"]),
        )
    return Panel(table, title="signals", title_align="left")


def _table(*titles: str) -> Table:
    """Return a table of which only the last column gives way."""
    table = Table(box=None, pad_edge=False, expand=True)
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True, min_width=len(title))
    table.add_column(titles[-1], overflow="ellipsis", ratio=1, max_width=200)
    return table


def _lamps(letters: str) -> Text:
    text = Text()
    for letter in letters[:MOST_LAMPS]:
        text.append(letter, style=_LAMPS.get(letter, "dim"))
    if len(letters) > MOST_LAMPS:
        text.append("…")
    return text


def _requests(requests: Sequence[Mapping[str, Any]]) -> Text:
    """Return for whom there are requests: the numbers of the groups, by what became of them."""
    text = Text(no_wrap=True, overflow="ellipsis")
    for phase, style in _PHASES.items():
        groups = sorted(one["group"] for one in requests if one["phase"] == phase)
        if groups:
            text.append(f"{phase} {' '.join(map(str, groups))}  ", style=style)
    return text


def _buses(look: Mapping[str, Any]) -> RenderableType:
    table = _table("bus", "line", "place", "speed", "late", "last decided for it")
    last = {one["detail"].get("vehicle"): one for one in reversed(look["city"]["events"])}
    for name, one in look["buses"].items():
        city = look["city"]["buses"].get(name, {})
        seen = city.get("latitude") is not None
        place = f"{city['latitude']:.5f} {city['longitude']:.5f}" if seen else "not seen yet"
        table.add_row(
            escape(name), f"{one['line']}", place, f"{one['speed_mps'] * 3.6:.0f} km/h",
            "?" if city.get("delay") is None else f"{city['delay']:.0f} s",
            _line(event_text(last[name])) if name in last else "",
        )  # fmt: skip
    title = "buses"
    if look["unknown_buses"]:
        title += f" (and {look['unknown_buses']} that the city does not know)"
    return Panel(table, title=title, title_align="left")


def _figures(look: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for title in ("seen by another client", "arrived", "lost each", "under way", "longest wait"):
        table.add_column(title, no_wrap=True)
    for name, words in (("bus", "buses"), ("other", "all others")):
        one = look["observed"].get(name)
        if one is None:
            table.add_row(words, "", "", "", "")
        else:
            table.add_row(
                words, f"{one['arrived']}", f"{one['mean_loss_s']:.1f} s", f"{one['under_way']}",
                f"{one['longest_wait_s']:.0f} s",
            )  # fmt: skip
    return Panel(table, title="what traffic loses", title_align="left")


def _events(look: Mapping[str, Any]) -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("what", overflow="ellipsis")
    for one in look["city"]["events"][:MOST_EVENTS]:
        table.add_row(_line(event_text(one)))
    return Panel(table, title="priority", title_align="left")


def _line(text: str) -> Text:
    return Text(escape(text), no_wrap=True, overflow="ellipsis")


def event_text(one: Mapping[str, Any]) -> str:
    """Return an event of priority as a line."""
    about = one["detail"]
    words = [one["event"].removeprefix("priority_").replace("_", " ")]
    if one["subject"] != "priority" and "vehicle" in about:
        words.append(f"by {one['subject']} to {about['vehicle']}")
    else:
        words += [f"{about[key]}" for key in ("vehicle", "signal") if key in about]
    if "group" in about:
        words.append(f"group {about['group']}")
    if "eta_s" in about:
        words.append(f"in {about['eta_s']} s")
    if "why" in about:
        words.append(f"({about['why']})")
    return " ".join(words)


def clock(seconds: float) -> str:
    """Return simulated time as hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3_600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
