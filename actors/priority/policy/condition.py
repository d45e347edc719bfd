"""Whether a vehicle may ask for priority now, with the reason in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from jacquemart.actors.priority.policy.rules import Condition, Rule
from jacquemart.actors.priority.request import VehicleType


class Why(StrEnum):
    """Why a vehicle asks, or does not."""

    ALWAYS = "its kind always asks"
    LATE = "it is late"
    FULL = "it is full"
    GAP = "it is far behind the one before it"
    UNKNOWN_ASKS = "nothing is known of it, and that is enough here"
    NEVER = "its kind never asks here"
    ON_TIME = "it is neither late nor full"
    UNKNOWN = "it is not known whether it is late or full"
    BUNCHED = "it is close behind the one before it"
    TOO_FAR = "it is too far away yet"
    TOO_UNSURE = "it is not sure enough yet when it comes"
    ASKED_OFTEN = "the site has ended its requests too often"
    SITE_AWAY = "the site cannot be reached"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a vehicle besides its place; None: not known.

    Attributes:
        late_s: behind its timetable; below 0: ahead of it. late_doubt_s: by how much that is off.
        load_pct: how full it is.
        headway: its distance in time to the one before it, in planned headways.
    """

    kind: VehicleType = VehicleType.BUS
    late_s: float | None = None
    late_doubt_s: float = 0.0
    load_pct: float | None = None
    headway: float | None = None


def judge(rule: Rule | None, now: Situation) -> tuple[bool, Why]:
    """Return whether a vehicle may ask, and why (not).

    In doubt it is less late: a request takes green from others.
    """
    if rule is None or rule.ask is Condition.NEVER:
        return False, Why.NEVER
    if rule.ask is Condition.ALWAYS:
        return True, Why.ALWAYS
    if now.headway is not None and now.headway < rule.bunched:
        return False, Why.BUNCHED
    if now.late_s is not None and now.late_s - now.late_doubt_s >= rule.late_s:
        return True, Why.LATE
    if now.load_pct is not None and now.load_pct >= rule.full_pct:
        return True, Why.FULL
    if now.headway is not None and now.headway >= rule.gap:
        return True, Why.GAP
    if now.late_s is None and now.load_pct is None and now.headway is None:
        return rule.unknown, Why.UNKNOWN_ASKS if rule.unknown else Why.UNKNOWN
    return False, Why.ON_TIME
