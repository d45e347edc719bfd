"""A plan as lines for a person. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jacquemart.cli.text import escape

#: So many of a list are shown, unless all are asked for.
SHOWN = 10
_SIGNS = {
    "added": "+",
    "removed": "-",
    "changed": "~",
    "moved": ">",
    "redescribed": ".",
    "reconnected": "!",
}
#: Said of links and devices that are blind for another reason than their own rows.
_WHY = {
    ("links", "changed"): "connected anew",
    ("links", "moved"): "connected anew, in another shard",
    ("devices", "redescribed"): "goes on",
    ("devices", "reconnected"): "its link is connected anew",
}


def plan_lines(plan: Mapping[str, Any], *, every: bool = False) -> Iterator[str]:
    """Yield a plan, line by line, escaped.

    Args:
        plan: as the warden tells it.
        every: show all that is named, not only the first ten of a list.
    """
    city = escape(str(plan["city"]))
    if plan["empty"]:
        yield f"{city}: nothing to do; the running city is what the file says"
        return
    yield f"{city}: plan {plan['plan']}"
    for one in plan["restart"]:
        yield escape(
            f"  cannot be applied: {one['key']} is {one['old']} and would be {one['new']};"
            f" {one['advice']}"
        )
    if plan["name"]:
        yield escape(f"  name      {plan['name']['old']} -> {plan['name']['new']}")
    for what in ("devices", "links", "zones"):
        yield from _part(what, plan[what], every=every)
    templates = plan["templates"]
    told = [f"{kind} {', '.join(names)}" for kind, names in templates.items() if names]
    if told:
        yield escape(f"  templates {'; '.join(told)}")
    if not plan["restart"]:
        yield from _consequences(plan)


def _part(what: str, part: Mapping[str, Any], *, every: bool) -> Iterator[str]:
    counts = [f"{found['count']:,} {kind}" for kind, found in part.items() if found["count"]]
    if not counts:
        return
    yield f"  {what:<9} {', '.join(counts)}"
    for kind, found in part.items():
        named = found["named"] if every else found["named"][:SHOWN]
        for one in named:
            yield escape(f"    {_SIGNS[kind]} {one['id']}  {_about(what, kind, one)}".rstrip())
        left = found["count"] - len(named)
        if left:
            yield f"    {_SIGNS[kind]} … and {left:,} more"


def _about(what: str, kind: str, one: Mapping[str, Any]) -> str:
    told: list[str] = []
    if "from_link" in one:
        told.append(f"link {one['from_link']} -> {one['link']}")
        if one["from_zone"] != one["zone"]:
            told.append(f"zone {one['from_zone']} -> {one['zone']}")
    elif one.get("keys"):
        told.append(", ".join(one["keys"]))
    elif what == "devices":
        told.append(f"{one['template']}, zone {one['zone']}, link {one['link']}")
    elif what == "links":
        told.append(f"{one['driver']}, zone {one['zone']}")
    why = _WHY.get((what, kind))
    return "; ".join([*told, why] if why else told)


def _consequences(plan: Mapping[str, Any]) -> Iterator[str]:
    blind = plan["blind"]["devices"]
    if blind:
        yield f"  blind     {blind:,} devices until {plan['blind']['until']}; no other is touched"
    else:
        yield "  blind     nothing"
    cells = plan["cells"]
    told = [f"{', '.join(cells['changed'])} take it"] if cells["changed"] else []
    told += [f"{', '.join(cells['started'])} started"] if cells["started"] else []
    told += [f"{', '.join(cells['stopped'])} stopped"] if cells["stopped"] else []
    yield escape(f"  cells     {'; '.join(told)}")
    if plan["holds"].get("known"):
        yield from _holds(plan["holds"])
    for name in ("in_flight", "holds", "alarms"):
        about = plan[name]
        if not about.get("known"):
            then = f"; {about['then']}" if about.get("then") else ""
            yield escape(f"  {name.replace('_', ' '):<9} not known: {about['why']}{then}")
    wasteful = plan["wasteful"]
    if wasteful:
        slots = sum(one["slots"] - one["used"] for one in wasteful)
        yield (
            f"  note      {slots:,} slots of {len(wasteful):,} shards are nobody's any more; a "
            "restart of the city makes them compact"
        )


def _holds(holds: Mapping[str, Any]) -> Iterator[str]:
    if not holds["count"]:
        yield "  holds     none stands on a device that is touched"
        return
    yield f"  holds     {holds['count']:,} stand on devices that are touched"
    for one in holds["named"][:SHOWN]:
        what = f"{one['device']}/{one['point']}" if one["point"] else one["device"]
        then = "ends" if one["ends"] else "goes on"
        why = f": {one['why']}" if one["why"] else ""
        yield escape(f"    ! {what}  {one['verb']} by {one['owner']}, {then}{why}")
    left = holds["count"] - len(holds["named"][:SHOWN])
    if left:
        yield f"    ! … and {left:,} more"


def result_line(result: Mapping[str, Any]) -> str:
    """Return what an applied change did, on one line, escaped."""
    devices = ", ".join(f"{count:,} {kind}" for kind, count in result["devices"].items() if count)
    cells = result["cells"]
    told = [f"{len(cells['changed'])} cells took it"]
    told += [f"{', '.join(cells['started'])} started"] if cells["started"] else []
    told += [f"{', '.join(cells['stopped'])} stopped"] if cells["stopped"] else []
    told += [f"{', '.join(cells['replaced'])} lost and replaced"] if cells["replaced"] else []
    what = f"{devices} devices" if devices else "no device"
    return escape(
        f"{result['city']} changed in {float(result['seconds']):.1f} s: {what}; {'; '.join(told)}"
    )
