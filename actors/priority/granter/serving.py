"""When a green ends, and what follows it, for those whose requests are activated.

*Theory.* Who is served wants green from a little before it comes until it has passed. If its green
is on, that is a question of holding it (*green extension*); if not, of ending those before it
sooner (*early green*) or of going to it out of order (*stage insertion*). A green that can not be
held long enough is not held at all: that would take from others and help nobody.

*Rules.* Pure. What is decided stays within the minimum and maximum greens, the changes of the
plan, what can be given back in time, and the longest wait. Strategies: Transit Signal Priority
Handbook (US FTA, 2005), chapter 5; a green is never cut below its minimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jacquemart.actors.priority.granter.actions import Reason
from jacquemart.actors.priority.granter.entry import Entry
from jacquemart.actors.priority.granter.turn import Course

#: An emergency wants its green so many times earlier than others, as all before it must leave.
EMERGENCY_LEAD = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """When the present green ends, what follows, and what each request gets by that.

    Attributes:
        plain_ms: when it would have ended without any request.
    """

    end_ms: int
    then: str
    plain_ms: int
    insert: bool = False
    reason: Reason = Reason.ON_PLAN
    request: str = ""
    told: tuple[tuple[Entry, Reason], ...] = ()


def choose(course: Course, active: Sequence[Entry], stages: frozenset[str]) -> Choice:
    """Decide about the present turn.

    Args:
        course: the turn and what binds it.
        active: the activated requests; all have green in each of ``stages``.
        stages: the stages that serve them.
    """
    plain = course.plain_end()
    if not active:
        return _unasked(course, plain)
    if course.turn.stage in stages:
        return _hold(course, active, plain)
    return _bring_forward(course, active, stages, plain)


def _unasked(course: Course, plain: int) -> Choice:
    reason = Reason.ON_PLAN
    if plain < course.wanted_end():
        reason = Reason.WAIT_LIMIT
    elif not course.accounts.settled:
        reason = Reason.COMPENSATING
    return Choice(plain, course.following, plain, reason=reason)


def _hold(course: Course, active: Sequence[Entry], plain: int) -> Choice:
    end, why, whose = plain, Reason.GREEN_ANYWAY, active[0].request
    told = []
    for entry in sorted(active, key=lambda one: (one.expected_ms, one.order)):
        most, waits, owed = course.most_end(_urgent(course, entry))
        cap = min(most, waits, owed)
        clear = course.site.times.clear
        until = min(entry.latest_ms + clear, cap)
        if entry.latest_ms + clear <= plain:
            told.append((entry, Reason.GREEN_ANYWAY))
        elif until <= max(plain, course.now_ms) or entry.expected_ms + clear > max(plain, cap):
            told.append((entry, _cause(most, waits, owed, course, plain, entry)))
        else:
            told.append((entry, Reason.EXTENDED))
            if until > end:
                end, why, whose = until, Reason.EXTENDED, entry.request
    return Choice(end, course.following, plain, reason=why, request=whose, told=tuple(told))


def _cause(most: int, waits: int, owed: int, course: Course, plain: int, entry: Entry) -> Reason:
    """Return what keeps a green from being held for an entry."""
    if entry.latest_ms + course.site.times.clear <= course.now_ms:
        return Reason.OVERDUE
    least = min(most, waits, owed)
    if least == waits:
        return Reason.WAIT_LIMIT
    return Reason.MOST_GREEN if least == most else Reason.OWED


def _bring_forward(
    course: Course, active: Sequence[Entry], stages: frozenset[str], plain: int
) -> Choice:
    first = min(active, key=lambda one: (one.expected_ms, one.order))
    urgent = any(_urgent(course, entry) for entry in active)
    lead = course.site.times.lead * (EMERGENCY_LEAD if urgent else 1)
    need = max(course.now_ms, first.expected_ms - lead)
    target, start, spare = _ahead(course, stages, plain, urgent)
    excess = start - need
    if excess <= 0:
        return _same(course, active, plain, Reason.GREEN_ANYWAY)
    now_spare = max(0, plain - max(course.now_ms, course.short_end(urgent)))
    total = now_spare + spare
    cut = min(excess, total)
    inserted = _insertion(course, active, target, need, start - cut, plain)
    if inserted is not None:
        told = tuple((entry, Reason.INSERTED) for entry in active)
        return Choice(inserted, target, plain, insert=True, reason=Reason.INSERTED,
                      request=first.request, told=told)  # fmt: skip
    if not total:
        at_least = course.turn.resume or all(
            course.accounts.shortest(name, urgent) <= course.site.by_id[name].least_ms
            for name in (course.turn.stage, *_before(course, stages))
        )
        return _same(course, active, plain, Reason.LEAST_GREEN if at_least else Reason.OWED)
    end = plain - -(-cut * now_spare // total)  # each stage on the way loses its share
    told = tuple((entry, Reason.EARLY) for entry in active)
    return Choice(end, course.following, plain, reason=Reason.EARLY, request=first.request,
                  told=told)  # fmt: skip


def _same(course: Course, active: Sequence[Entry], plain: int, reason: Reason) -> Choice:
    told = tuple((entry, reason) for entry in active)
    return Choice(plain, course.following, plain, reason=reason, request=active[0].request,
                  told=told)  # fmt: skip


def planned_start(course: Course, stages: frozenset[str]) -> int:
    """Return when the green of any of ``stages`` begins if nobody asks for anything."""
    if course.turn.stage in stages:
        return course.turn.green_ms
    return _ahead(course, stages, course.plain_end(), False)[1]


def _before(course: Course, stages: frozenset[str]) -> list[str]:
    path = course.path()
    for at, name in enumerate(path):
        if name in stages:
            return path[:at]
    return path


def _ahead(
    course: Course, stages: frozenset[str], plain: int, urgent: bool
) -> tuple[str, int, int]:
    """Return the next stage that serves, when it begins by plan, and what those before can lose."""
    site, last, clock, spare = course.site, course.turn.stage, plain, 0
    for name in course.path():
        clock += site.change_ms[last, name]
        if name in stages:
            return name, clock, spare
        nominal = course.nominal(name)
        spare += max(0, nominal - course.accounts.shortest(name, urgent))
        clock += nominal
        last = name
    raise AssertionError("every stage is on the path")  # pragma: no cover


def _insertion(
    course: Course, active: Sequence[Entry], target: str, need: int, early: int, plain: int
) -> int | None:
    """Return when to leave for an inserted ``target``; None if that is not allowed or no gain."""
    site, turn = course.site, course.turn
    urgent = any(_urgent(course, entry) for entry in active)
    change, after = site.change_ms, course.following
    if target == after or turn.resume:
        return None
    if not urgent and max(entry.level for entry in active) < site.times.insertion_level:
        return None
    if (turn.stage, target) not in change or (target, after) not in change:
        return None
    there = change[turn.stage, target]
    end = max(course.now_ms, course.short_end(urgent), need - there)
    if end > plain:  # not yet: it can be inserted behind the next stage, or come by itself
        return None
    gain = early - (end + there)
    if gain < (1 if urgent else site.times.gain):
        return None
    least = site.by_id[target].least_ms
    wanted = max(entry.expected_ms for entry in active) + site.times.clear - end - there
    green = max(least, min(wanted, site.by_id[target].most_ms))
    cost = there + green + change[target, after] - change[turn.stage, after]
    if cost > course.accounts.room_above(target, urgent):
        return None
    path = [(target, least), *course.shortest_path(urgent)]
    return end if end <= course.waits.latest_end(turn.stage, path) else None


def _urgent(course: Course, entry: Entry) -> bool:
    return entry.level >= course.site.times.emergency_level
