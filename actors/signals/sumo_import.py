"""From the signals of a SUMO network to signal models. Pure but for reading the file.

What is taken from where stands in docs/guides/signals.md. What a model may not be (a program that
breaks the network's own right of way, or a plan that breaks its own matrices) is not made fit: it
is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jacquemart.actors.signals.checking import problems
from jacquemart.actors.signals.model import (
    LONGEST_WAIT_MS,
    Aspect,
    Group,
    Intersection,
    Plan,
    Stage,
    Step,
    Use,
)
from jacquemart.actors.signals.sumo_network import Link, Network, Program, Signal, read_network

#: Where a program never lets one follow the other directly: yellow and so much more.
ALL_RED_MS: Final = 2_000
#: How fast the slowest walk (RiLSA 2015: 1.0 to 1.5 m/s).
WALK_M_S: Final = 1.2
MIN_GREEN_MS: Final = 5_000
MAX_GREEN_MS: Final = 120_000
#: What is left of a green during which others would wait longer than anybody may: such a program
#: waits for somebody who switches, and says nothing of how long its greens should be.
SHORTENED_MS: Final = 30_000
_GO: Final = "Ggs"
_KNOWN: Final = "rRyYuGgs"


@dataclass(frozen=True, slots=True)
class Imported:
    """One signal of a network: its model, or why there is none.

    ``left_out``: programs that are no plan of it, with the reason. ``changed``: programs of which
    the plan is another, and how (program, what).
    """

    id: str
    model: Intersection | None
    reason: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    changed: tuple[tuple[str, str], ...] = ()


class _Cannot(Exception):
    """This signal has no model; the text says why."""


def intersections(path: str | Path) -> list[Imported]:
    """Return a model for each signal of a network file, or why there is none.

    Raises:
        ConfigError: the file cannot be read, or is no network.
    """
    network = read_network(path)
    return [imported(network, signal) for signal in network.signals.values()]


def imported(network: Network, signal: Signal) -> Imported:
    """Return the model of one signal. Programs that fit no model are left out, and told."""
    left_out: list[tuple[str, str]] = []
    shortened: list[tuple[str, str]] = []
    programs = []
    if not signal.programs:
        return Imported(signal.id, None, "it has no program")
    if any(way.junction in network.rail for link in signal.links.values() for way in link.ways):
        return Imported(signal.id, None, "it is a signal of a railway")
    for program in signal.programs:
        try:
            _check_letters(signal, program)
            programs.append(program)
        except _Cannot as cannot:
            left_out.append((program.id, str(cannot)))
    while programs:
        changed = list(shortened)
        try:
            model = _model(network, replace_programs(signal, programs), changed)
        except _Cannot as cannot:
            return Imported(signal.id, None, str(cannot), tuple(left_out))
        wrong = problems(model)
        if not wrong:
            return Imported(signal.id, model, "", tuple(left_out), tuple(changed))
        first = wrong[0]
        bad = next((plan for plan in model.plans if first.path[:2] == ("plans", plan.name)), None)
        told = f"{'.'.join(map(str, first.path))}: {first.found}; allowed: {first.allowed}"
        if bad is None:
            return Imported(signal.id, None, told, tuple(left_out))
        at = next(at for at, program in enumerate(programs) if program.id == bad.name)
        shorter = _shortened(programs[at], shortened)
        if shorter is not programs[at]:
            programs[at] = shorter
            continue
        left_out.append((bad.name, told))
        programs = [program for program in programs if program.id != bad.name]
    return Imported(signal.id, None, "it has no program that can be a plan", tuple(left_out))


def replace_programs(signal: Signal, programs: list[Program]) -> Signal:
    """Return the signal with only these programs."""
    return Signal(signal.id, programs, signal.links)


def _shortened(program: Program, changed: list[tuple[str, str]]) -> Program:
    """Return a program without greens that would keep others waiting too long."""
    phases = [
        (SHORTENED_MS if ms > LONGEST_WAIT_MS and set(state) & set(_GO) else ms, state)
        for ms, state in program.phases
    ]
    if phases == program.phases:
        return program
    longest = max(ms for ms, _ in program.phases)
    changed.append((
        program.id, f"greens of up to {longest / 1e3:g} s last {SHORTENED_MS / 1e3:g} s",
    ))  # fmt: skip
    return Program(program.id, program.offset_ms, phases, program.actuated)


def _open(signal: Signal, changed: list[tuple[str, str]]) -> Signal:
    """Return a signal without the links that no program ever gives green: they stay red."""
    phases = [state for program in signal.programs for _, state in program.phases]
    closed = [at for at in signal.links if not any(state[at] in _GO for state in phases)]
    if closed:
        changed.append(("", f"never green, so always red: links {', '.join(map(str, closed))}"))
    links = {at: link for at, link in signal.links.items() if at not in closed}
    if not links:
        raise _Cannot("no link of it is ever green")
    return Signal(signal.id, signal.programs, links)


def _ceding(
    signal: Signal,
    foes: Mapping[int, set[int]],
    response: Mapping[int, set[int]],
    changed: list[tuple[str, str]],
) -> Signal:
    """Return a signal in which who must give way where ways merge shows that it does.

    A program that gives full green to two turns into one lane relies on the junction's own right
    of way. The model says it: less is allowed than the program shows, never more. Two full greens
    that cross are another matter: those are a fault.
    """
    programs = []
    merge = {
        (one, other) for one in foes for other in foes[one]
        if {(way.junction, way.into) for way in signal.links[one].ways}
        & {(way.junction, way.into) for way in signal.links[other].ways}
    }  # fmt: skip
    for program in signal.programs:
        phases = []
        yields: set[int] = set()
        for ms, state in program.phases:
            cede = {
                one for one, other in merge
                if state[one] == state[other] == "G"
                and other in response[one] and one not in response[other]
            }  # fmt: skip
            yields |= cede
            phases.append((ms, "".join("g" if at in cede else x for at, x in enumerate(state))))
        if yields:
            names = ", ".join(map(str, sorted(yields)))
            changed.append((program.id, f"must give way, so full green is yielding: links {names}"))
        programs.append(Program(program.id, program.offset_ms, phases, program.actuated))
    return replace_programs(signal, programs)


def _check_letters(signal: Signal, program: Program) -> None:
    count = max(signal.links, default=-1) + 1
    if not program.phases or count == 0:
        raise _Cannot("it has no phases, or no links")
    for duration_ms, state in program.phases:
        if len(state) < count:
            raise _Cannot(f"a phase has {len(state)} letters for {count} links")
        unknown = set(state) - set(_KNOWN)
        if unknown:
            raise _Cannot(f"it shows {', '.join(sorted(unknown))}, which is no normal control")
        if duration_ms <= 0:
            raise _Cannot(f"a phase lasts {duration_ms} ms")


def _model(network: Network, signal: Signal, changed: list[tuple[str, str]]) -> Intersection:
    signal = _open(signal, changed)
    foes, response = _right_of_way(network, signal)
    signal = _ceding(signal, foes, response, changed)
    members: dict[tuple[object, ...], list[int]] = {}
    for at, link in sorted(signal.links.items()):
        shows = tuple(state[at] for one in signal.programs for _, state in one.phases)
        key = (shows, link.crossing_m > 0, frozenset(foes[at]), frozenset(response[at]))
        members.setdefault(key, []).append(at)
    links = list(members.values())
    if len(links) > 64:
        raise _Cannot(f"it has {len(links)} signal groups; at most 64")
    firsts = [some[0] for some in links]
    conflicts = {
        (one, other)
        for one, a in enumerate(firsts)
        for other, b in enumerate(firsts)
        if one != other and (b in foes[a] or a in foes[b])
    }
    cedes = {(one, other) for one, other in conflicts if firsts[other] in response[firsts[one]]}
    used = _used(signal, firsts, conflicts, cedes)
    groups = tuple(_group(signal, some) for some in links)
    stages, plans = _plans(signal, firsts, used)
    gaps = _gaps(signal, firsts, groups, conflicts, used)
    return Intersection(
        signal.id, groups, gaps, stages, plans, frozenset(used), start_red_ms=ALL_RED_MS,
        start_stage=plans[0].steps[0].stage,
    )  # fmt: skip


def _right_of_way(
    network: Network, signal: Signal
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return, for each link of a signal, its foes and to whom of them it must give way."""
    foes: dict[int, set[int]] = {at: set() for at in signal.links}
    response: dict[int, set[int]] = {at: set() for at in signal.links}
    for at, link in signal.links.items():
        if link.mixed:
            raise _Cannot(f"link {at} is for walkers and for vehicles at once")
        for way in link.ways:
            if way.request not in network.requests.get(way.junction, {}):
                raise _Cannot(f"link {at} has no right of way in junction {way.junction}")
    for at, link in signal.links.items():
        for other, there in signal.links.items():
            if other == at:
                continue
            meets, gives = _between(network, link, there)
            if meets:
                foes[at].add(other)
                foes[other].add(at)
            if gives:
                response[at].add(other)
    return foes, response


def _between(network: Network, link: Link, there: Link) -> tuple[bool, bool]:
    """Return whether one link meets another, and whether it must give way wherever it does."""
    meets, gives = False, True
    for way in link.ways:
        mine_gives, mine_meets = network.requests[way.junction][way.request]
        for other in there.ways:
            if other.junction != way.junction:
                continue
            theirs = network.requests[other.junction][other.request][1]
            same_lane = other.into == way.into and not link.crossing_m
            if mine_meets >> other.request & 1 or theirs >> way.request & 1 or same_lane:
                meets = True
                gives = gives and bool(mine_gives >> other.request & 1)
    return meets, meets and gives


def _used(
    signal: Signal, firsts: list[int], conflicts: set[tuple[int, int]], cedes: set[tuple[int, int]]
) -> set[tuple[int, int]]:
    """Return who gives way to whom in some phase; _Cannot: two conflict and neither does."""
    used = set()
    for program in signal.programs:
        for number, (_, state) in enumerate(program.phases):
            for one, other in conflicts:
                a, b = state[firsts[one]], state[firsts[other]]
                if a not in _GO or b not in _GO:
                    continue
                if a in "gs" and (one, other) in cedes:
                    used.add((one, other))
                elif not (b in "gs" and (other, one) in cedes):
                    raise _Cannot(
                        f"program {program.id}, phase {number}: links {firsts[one]} and "
                        f"{firsts[other]} conflict, go at once (0 s apart), and neither gives way"
                    )
    return used


def _group(signal: Signal, links: list[int]) -> Group:
    first = links[0]
    walks = signal.links[first].crossing_m > 0
    times: dict[str, list[int]] = {"y": [], "u": [], "G": []}
    for program in signal.programs:
        for letters, ms in _runs(program, first):
            if letters in times:
                times[letters].append(ms)
    return Group(
        f"{'walk' if walks else 'link'}_{'_'.join(map(str, links))}"[:64],
        Use.PEDESTRIAN if walks else Use.VEHICLE,
        min([MIN_GREEN_MS, *times["G"]]),
        max([MAX_GREEN_MS, *times["G"]]),
        0
        if walks
        else min(times["y"], default=0 if times["G"] and _ends(signal, first) else 3_000),
        min(times["u"], default=0),
        0,
        Aspect.DARK if walks else Aspect.FLASH,
        tuple(links),
    )


def _ends(signal: Signal, link: int) -> bool:
    return any(state[link] not in _GO for program in signal.programs for _, state in program.phases)


def _runs(program: Program, link: int) -> list[tuple[str, int]]:
    """Return how long a link shows what, round the cycle; all greens are one, "G"."""
    runs: list[tuple[str, int]] = []
    for ms, state in program.phases:
        letter = "G" if state[link] in _GO else state[link].lower()
        if runs and runs[-1][0] == letter:
            runs[-1] = letter, runs[-1][1] + ms
        else:
            runs.append((letter, ms))
    if len(runs) > 1 and runs[0][0] == runs[-1][0]:
        runs[0] = runs[0][0], runs[0][1] + runs.pop()[1]
    return runs


def _plans(
    signal: Signal, firsts: list[int], used: set[tuple[int, int]]
) -> tuple[tuple[Stage, ...], tuple[Plan, ...]]:
    ceding = {one for one, _ in used}
    known: dict[tuple[Aspect, ...], int] = {}
    plans = []
    for number, program in enumerate(signal.programs, start=1):
        cycle = sum(ms for ms, _ in program.phases)
        begin, ends = 0, 0
        found: list[tuple[int, int]] = []  # (where its way begins, stage)
        for ms, state in program.phases:
            letters = [state[first] for first in firsts]
            if any(letter in _GO for letter in letters) and not set(letters) & set("yYu"):
                aspects = tuple(
                    Aspect.RED if letter not in _GO
                    else Aspect.YIELD if letter != "G" and at in ceding else Aspect.GREEN
                    for at, letter in enumerate(letters)
                )  # fmt: skip
                stage = known.setdefault(aspects, len(known))
                if not found or found[-1][1] != stage:
                    found.append((ends, stage))
                ends = begin + ms
            begin += ms
        if len(found) > 1 and found[0][1] == found[-1][1]:
            found.pop(0)
        elif found:
            # The way to the first one begins where the last one ends, before the cycle turns.
            found[0] = ends % cycle, found[0][1]
        if not found:
            raise _Cannot(f"program {program.id} has no green")
        shift = found[0][0]
        steps = sorted(((start - shift) % cycle, stage) for start, stage in found)
        plans.append(Plan(
            program.id, min(number, 255), cycle,
            tuple(Step(stage, start) for start, stage in steps),
            (program.offset_ms + shift) % cycle,
        ))  # fmt: skip
    stages = tuple(Stage(f"stage_{at}", aspects) for aspects, at in known.items())
    return stages, tuple(plans)


def _gaps(
    signal: Signal,
    firsts: list[int],
    groups: tuple[Group, ...],
    conflicts: set[tuple[int, int]],
    used: set[tuple[int, int]],
) -> Mapping[tuple[int, int], int]:
    """Return the intergreens: what the programs leave between two, at most what the rule says."""
    gaps = {}
    for ending, starting in conflicts:
        rule = groups[ending].yellow_ms + ALL_RED_MS
        walk_m = signal.links[firsts[ending]].crossing_m
        if walk_m:
            rule = math.ceil(walk_m / WALK_M_S * 10) * 100
        least = min(
            (_least(program, firsts[ending], firsts[starting],
                    (ending, starting) in used, (starting, ending) in used)
             for program in signal.programs), default=rule,
        )  # fmt: skip
        gaps[ending, starting] = max(min(rule, least), groups[starting].red_yellow_ms)
    return gaps


def _least(
    program: Program, ending: int, starting: int, ending_cedes: bool, starting_cedes: bool
) -> int:
    """Return the shortest time in a program from the end of one to the start of the other.

    A start beside one that goes on is no end: one of the two gives way, and what counts then is
    the end of the full green of the one that goes on giving way.
    """
    least, now, full_end, go_end = 1 << 40, 0, -(1 << 40), -(1 << 40)
    before = program.phases[-1][1]
    for ms, state in program.phases * 2:
        if before[ending] == "G" and state[ending] != "G":
            full_end = now
        if before[ending] in _GO and state[ending] not in _GO:
            go_end = now
        was, will = before[starting], state[starting]
        if will in _GO and (was not in _GO or (was != "G" and will == "G")):
            if state[ending] not in _GO:
                least = min(least, now - go_end)
            elif not (starting_cedes and will != "G") and ending_cedes:
                least = min(least, now - full_end)
        before, now = state, now + ms
    return least
