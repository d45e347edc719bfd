"""A plain fixed-time controller: stages by the clock, and a green held for a vehicle.

It is there so that the RSMP site has signals to show. It knows no conflicts but those of its
plan: groups of one stage are green together, and between stages there are yellow and all red.

*Rules.*

1. From start-up, dark or yellow flash it comes back through its start-up sequence.
2. A green lasts ``MIN_GREEN_S`` at least, and ends with yellow; then all groups that change are
   red for a while. A new plan begins after the same clearance, at its first stage.
3. A priority request holds the green of its group, for ``hold_s`` at most; one at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from jacquemart.drivers.rsmp.site.controller import Mode, Priority, PriorityRequest
from jacquemart.drivers.rsmp.site.waiting import PriorityQueue

MIN_GREEN_S: Final = 6.0
YELLOW_S: Final = 3.0
ALL_RED_S: Final = 2.0
RED_YELLOW_S: Final = 1.0
#: Between the end of one green and the start of the next.
CLEARANCE_S: Final = YELLOW_S + ALL_RED_S
#: Start-up: yellow flash, yellow, red; seconds of each.
START_UP: Final = (("e", 2.0), ("f", 3.0), ("g", 4.0))
_START_UP_S: Final = sum(seconds for _, seconds in START_UP)


@dataclass(frozen=True, slots=True)
class Stage:
    """Groups (from 1) that are green together, and for how long, clearance included."""

    groups: frozenset[int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages of a cycle, in order."""

    stages: tuple[Stage, ...]

    @property
    def cycle_s(self) -> float:
        """Return the length of the cycle."""
        return sum(stage.seconds for stage in self.stages)

    def __post_init__(self) -> None:
        short = CLEARANCE_S + MIN_GREEN_S
        if len(self.stages) < 2 or any(stage.seconds < short for stage in self.stages):
            raise ValueError(f"a plan has two stages or more, each of {short:g} s at least")


_NOTHING: Final = Stage(frozenset(), 0.0)


def two_stages(groups: int, *lengths: tuple[float, float]) -> dict[int, Plan]:
    """Return plans 1, 2 … in which the odd groups are green and then the even ones."""
    odd = frozenset(range(1, groups + 1, 2))
    even = frozenset(range(2, groups + 1, 2))
    return {
        number: Plan((Stage(odd, one), Stage(even, two)))
        for number, (one, two) in enumerate(lengths, 1)
    }


@dataclass
class FixedTime:
    """See the module. ``all_plans`` by number (1 to 255), ``group_count`` from 1."""

    all_plans: Mapping[int, Plan]
    group_count: int
    detector_count: int = 0
    hold_s: float = 15.0
    mode: Mode = Mode.NORMAL
    starting: bool = True
    fault: str = ""
    plan: int = 0
    commanded: bool = False
    alarms: tuple[tuple[str, int], ...] = ()
    _now: float | None = None
    _began: float = 0.0
    _held: float = 0.0
    _fresh: bool = False
    _clearing: tuple[float, str] | None = None
    _wanted: int | None = None
    _forced: dict[int, bool] = field(default_factory=dict)
    occupied: list[bool] = field(default_factory=list)
    """Whether each detector is occupied, as the street has it."""

    def __post_init__(self) -> None:
        self.plan = self.plan or min(self.all_plans)
        self._own = self.plan
        self.plans = {number: round(plan.cycle_s) for number, plan in self.all_plans.items()}
        self.occupied = [False] * self.detector_count
        self._queue = PriorityQueue(range(1, self.group_count + 1))

    # Time ----------------------------------------------------------------------------------

    def step(self, now_s: float) -> None:
        """Come to a time."""
        before, self._now = self._now, now_s
        if before is None:
            self._began = now_s
            return
        if self.starting and now_s - self._began >= _START_UP_S:
            self.starting = False
            self._begin(now_s)
        running = self.mode is Mode.NORMAL and not self.starting and not self.fault
        holding = self._queue.step(now_s, running=running)
        if not running:
            return
        if self._clearing is not None and now_s - self._clearing[0] >= CLEARANCE_S:
            self._clearing = None
            self._begin(now_s)
        if holding is not None and self._is_green(holding) and self._held < self.hold_s:
            held = min(now_s - before, self.hold_s - self._held)
            self._held += held
            self._began += held
            self._queue.extended(held)
        elif holding is None:
            self._held = 0.0
        if self._fresh and self._stage_at(self.cycle_s)[0] != 0:
            self._fresh = False
        self._change_plan()

    def _begin(self, now_s: float) -> None:
        """Begin the plan with its first stage; everything is red, so red-yellow comes next."""
        self._began = now_s - CLEARANCE_S + RED_YELLOW_S
        self._fresh = True

    def _change_plan(self) -> None:
        """Begin the wanted plan as soon as no green would become too short."""
        wanted = self._wanted
        if wanted is None or self._clearing is not None:
            return
        position, (_, since) = self.cycle_s, self._stage_at(self.cycle_s)
        if CLEARANCE_S - RED_YELLOW_S <= position - since < CLEARANCE_S + MIN_GREEN_S:
            return
        shown = self.groups()
        self._wanted = None
        self.plan = wanted
        self._clearing = (self._now or 0.0, shown)

    # What it shows -------------------------------------------------------------------------

    @property
    def cycle_s(self) -> float:
        """Return the seconds since the cycle began."""
        if self._now is None or self.mode is not Mode.NORMAL or self.starting:
            return 0.0
        return (self._now - self._began) % self.all_plans[self.plan].cycle_s

    @property
    def stage(self) -> int:
        """Return the number of the stage, from 1."""
        if self.mode is not Mode.NORMAL or self.starting or self._clearing is not None:
            return 0
        return self._stage_at(self.cycle_s)[0] + 1

    def groups(self) -> str:
        """Return a letter for each group."""
        if self.fault or self.mode is Mode.YELLOW_FLASH:
            return "c" * self.group_count
        if self.mode is Mode.DARK:
            return "b" * self.group_count
        now = self._now or 0.0
        if self.starting:
            return self._starting(now - self._began) * self.group_count
        if self._clearing is not None:
            began, shown = self._clearing
            yellow = now - began < YELLOW_S
            return "".join("N" if yellow and letter in GREEN + "N" else "B" for letter in shown)
        position = self.cycle_s
        index, since = self._stage_at(position)
        stages = self.all_plans[self.plan].stages
        before = _NOTHING if self._fresh and index == 0 else stages[index - 1]
        return "".join(
            self._letter(group, before, stages[index], position - since)
            for group in range(1, self.group_count + 1)
        )

    @staticmethod
    def _starting(seconds: float) -> str:
        for letter, length in START_UP:
            if seconds < length:
                return letter
            seconds -= length
        return START_UP[-1][0]

    @staticmethod
    def _letter(group: int, before: Stage, stage: Stage, seconds: float) -> str:
        was, shall = group in before.groups, group in stage.groups
        if seconds >= CLEARANCE_S:
            if not shall:
                return "B"
            return "1" if seconds < CLEARANCE_S + MIN_GREEN_S else "4"
        if was and shall:
            return "4"
        if was:
            return "N" if seconds < YELLOW_S else "B"
        return "0" if shall and seconds >= CLEARANCE_S - RED_YELLOW_S else "B"

    def _stage_at(self, position: float) -> tuple[int, float]:
        since = 0.0
        stages = self.all_plans[self.plan].stages
        for index, stage in enumerate(stages):
            if position < since + stage.seconds:
                return index, since
            since += stage.seconds
        return len(stages) - 1, since - stages[-1].seconds

    def _is_green(self, group: int) -> bool:
        return self._clearing is None and self.groups()[group - 1] in GREEN

    # What it is asked ----------------------------------------------------------------------

    def set_mode(self, mode: Mode) -> str:
        """Take a mode at once; back to normal through the start-up sequence."""
        if self.fault:
            return f"in fail-safe: {self.fault}"
        if mode is not self.mode:
            self.mode = mode
            if mode is Mode.NORMAL:
                self.restart()
        return ""

    def set_plan(self, plan: int | None) -> str:
        """Take a plan as soon as the greens that stand may end."""
        number = self._own if plan is None else plan
        if number not in self.all_plans:
            return f"there is no plan {number}: {', '.join(map(str, self.all_plans))}"
        self.commanded = plan is not None
        if self.starting or self.mode is not Mode.NORMAL:
            self.plan, self._wanted = number, None
        else:
            self._wanted = None if number == self.plan else number
        return ""

    @property
    def detectors(self) -> Sequence[bool]:
        """Return whether each detector is occupied, forced ones as they are forced."""
        return [self._forced.get(n, one) for n, one in enumerate(self.occupied)]

    def force_detector(self, index: int, occupied: bool | None) -> None:
        """Force a detector, or release it (None)."""
        if occupied is None:
            self._forced.pop(index, None)
        else:
            self._forced[index] = occupied

    def request_priority(self, request: PriorityRequest) -> str:
        """Queue a request."""
        return self._queue.request(request, self._now or 0.0)

    def priorities(self) -> Sequence[Priority]:
        """Return the requests."""
        return self._queue.all()

    def restart(self) -> None:
        """Begin anew with the start-up sequence."""
        self.starting = True
        self._began = self._now or 0.0
        self._clearing = self._wanted = None


GREEN: Final = "123456789"
"""Letters of S0001 that mean green."""
