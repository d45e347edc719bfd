"""The signal model of one intersection: groups, matrices, stages, plans. Values only, all in ms.

Words are those of RiLSA 2015 and of RSMP's signal exchange list for traffic-light controllers 1.2:
a *signal group* is what always shows the same; an *intergreen* lasts from the end of one group's
green to the start of another's; a *stage* is a set of groups that have green together; an
*interstage* leads from one stage to the next and is computed, never declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

#: Signal groups of one intersection, at most; so many bits has a word of the interlock.
MOST_GROUPS: Final = 64
#: Nobody waits longer for green (French IISR, as quoted in the field's rules).
LONGEST_WAIT_MS: Final = 120_000
#: A controller looks at its clock so often; a longer step is not believed by the interlock.
LONGEST_STEP_MS: Final = 1_000


class Aspect(IntEnum):
    """What a signal group shows; the numbers are the interlock's."""

    DARK = 0
    RED = 1
    RED_YELLOW = 2
    GREEN = 3
    YIELD = 4
    """Green that gives way to some of those that it conflicts with."""
    YELLOW = 5
    FLASH = 6
    """Flashing yellow: there is no signal control."""


class Use(StrEnum):
    """Whom a signal group is for."""

    VEHICLE = "vehicle"
    PEDESTRIAN = "pedestrian"
    CYCLE = "cycle"
    TRAM = "tram"
    BUS = "bus"


class Mode(StrEnum):
    """How an intersection is run."""

    NORMAL = "normal"
    YELLOW_FLASH = "yellow_flash"
    DARK = "dark"


@dataclass(frozen=True, slots=True)
class Group:
    """One signal group.

    Attributes:
        name: unique in its intersection.
        use: whom it is for.
        min_green_ms: its green is never shorter, whatever is asked for.
        max_green_ms: nor ever held longer.
        yellow_ms: after green; 0: it has none (pedestrians).
        red_yellow_ms: before green; 0: it has none.
        clearance_ms: of pedestrians: the time to walk to the other side. All its intergreens
            last so long.
        in_flash: what it shows while the intersection flashes: FLASH or DARK.
        links: of a group that came from SUMO: the link indexes that it stands for.
    """

    name: str
    use: Use = Use.VEHICLE
    min_green_ms: int = 5_000
    max_green_ms: int = 120_000
    yellow_ms: int = 3_000
    red_yellow_ms: int = 0
    clearance_ms: int = 0
    in_flash: Aspect = Aspect.FLASH
    links: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A set of groups that have green together.

    ``aspects`` has GREEN, YIELD or RED for each group of the intersection.
    """

    name: str
    aspects: tuple[Aspect, ...]

    def goes(self, group: int) -> bool:
        """Return whether a group has green, yielding or not."""
        return self.aspects[group] in (Aspect.GREEN, Aspect.YIELD)


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a plan.

    Attributes:
        stage: index of the stage.
        start_ms: where in the cycle the way to this stage begins.
        on_demand: it is left out while none of its detectors calls for it.
        extend_ms: while its detectors are occupied it may last so much longer than planned.
    """

    stage: int
    start_ms: int
    on_demand: bool = False
    extend_ms: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A fixed sequence of stages, over and over.

    Attributes:
        name: unique in its intersection.
        number: as the centre asks for it (RSMP M0002), 1 to 255.
        cycle_ms: how long one round takes.
        offset_ms: when its cycle begins, counted from the coordination clock's multiples of the
            cycle.
        steps: in order, the first at 0.
        coordinated: whether it keeps to the clock. One that does not runs each step for its
            planned time, whenever it began.
    """

    name: str
    number: int
    cycle_ms: int
    steps: tuple[Step, ...]
    offset_ms: int = 0
    coordinated: bool = True

    def duration_ms(self, at: int) -> int:
        """Return for how long a step is planned, the way to it included."""
        after = self.steps[(at + 1) % len(self.steps)].start_ms
        return (after - self.steps[at].start_ms) % self.cycle_ms or self.cycle_ms


@dataclass(frozen=True, slots=True)
class Detector:
    """Something that sees who waits or comes.

    Attributes:
        name: unique in its intersection.
        groups: whose green it calls for, and extends.
        gap_ms: so long after it was left, it still extends.
        stale_after_ms: a detector that was not heard for longer calls all the time.
    """

    name: str
    groups: tuple[int, ...]
    gap_ms: int = 2_000
    stale_after_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class Intersection:
    """The whole model of one intersection.

    Attributes:
        id: its name.
        groups: in the order of the matrices' rows.
        intergreens: from (ending, starting), by index; a pair that is not there does not conflict.
        yields: pairs (who shows YIELD, to whom) that conflict and may go at once all the same.
        stages: in no order.
        plans: the first one is run when nobody says otherwise, and in local mode.
        detectors: may be none.
        start_yellow_ms: how long all are yellow at the start-up, if longer than their own yellow.
        start_red_ms: how long all are red then.
        start_stage: the stage that comes first.
    """

    id: str
    groups: tuple[Group, ...]
    intergreens: Mapping[tuple[int, int], int]
    stages: tuple[Stage, ...]
    plans: tuple[Plan, ...]
    yields: frozenset[tuple[int, int]] = frozenset()
    detectors: tuple[Detector, ...] = ()
    start_yellow_ms: int = 3_000
    start_red_ms: int = 3_000
    start_stage: int = 0

    def conflicts(self, one: int, other: int) -> bool:
        """Return whether two groups may not simply go at once."""
        return (one, other) in self.intergreens or (other, one) in self.intergreens

    def group(self, name: str) -> int:
        """Return the index of a group. KeyError: there is none of that name."""
        return _index([group.name for group in self.groups], name)

    def stage(self, name: str) -> int:
        """Return the index of a stage. KeyError: there is none of that name."""
        return _index([stage.name for stage in self.stages], name)

    def plan(self, number: int) -> Plan | None:
        """Return the plan of a number."""
        return next((plan for plan in self.plans if plan.number == number), None)


def _index(names: list[str], name: str) -> int:
    if name not in names:
        raise KeyError(name)
    return names.index(name)
