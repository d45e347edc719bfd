"""When a cell counts as late, as lost, and when to start it again. Pure.

Theory: three signals are kept apart. The end of the process is certain and acted on at once. A
late answer proves nothing (a loaded host, a long collection): it is reported after
``report_after`` misses and only after ``lose_after`` misses, counted in the warden's own turns so
that a stall of the whole host counts once, the cell is replaced. A cell that dies again and
again soon after it was replaced is started after a growing pause.

A frozen process is the third: one that has not stamped for ``SILENT_S`` while the warden itself
looked on time. Turns in which the warden was late count for nobody: what stalls the warden stalls
the cells, and a stall of the whole host must not kill anybody. A silent process that the kernel
has ready to run is starved and not frozen, and has ``STARVED_S``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

#: A process that has not stamped for so long, while the warden looked on time, is frozen …
SILENT_S = 0.8
#: … unless it wants to run and is not let: then after this long.
STARVED_S = 4.0
#: A look that comes later than this after the last one says nothing about anybody.
ON_TIME_S = 0.3


class Stage(Enum):
    """Where a cell is in its life."""

    PAUSED = "paused"
    STARTING = "starting"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Start:
    """Start a new incarnation of the cell."""

    cell: str


@dataclass(frozen=True, slots=True)
class Replace:
    """End what is left of the cell, then wait for ``due``."""

    cell: str
    reason: str
    pause_s: float


@dataclass(frozen=True, slots=True)
class Late:
    """Tell that a cell's answers are late."""

    cell: str
    misses: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """Tell that a late cell answers again."""

    cell: str


Instruction = Start | Replace | Late | Recovered


@dataclass(slots=True)
class _State:
    stage: Stage = Stage.STARTING
    misses: int = 0
    losses: float = 0.0
    """How often it was lost lately: one more each time, one less for each ``steady_s`` that it
    ran."""
    since_s: float = 0.0
    due_s: float = 0.0


class CellWatch:
    """Decides for all cells of a city. Times are seconds of any monotonic clock."""

    def __init__(
        self,
        *,
        report_after: int = 3,
        lose_after: int = 10,
        longest_pause_s: float = 30.0,
        steady_s: float = 5.0,
        free_losses: int = 3,
    ) -> None:
        """Watch no cell yet.

        Args:
            report_after: misses in a row after which a cell is reported late, 1 or more.
            lose_after: misses in a row after which it is replaced.
            longest_pause_s: longest pause before a new start.
            steady_s: so long must a cell run to make up for one loss.
            free_losses: losses without a pause, as long as they are not made up for.
        """
        self._report_after = report_after
        self._lose_after = lose_after
        self._longest_pause_s = longest_pause_s
        self._steady_s = steady_s
        self._free_losses = free_losses
        self._states: dict[str, _State] = {}

    def stage(self, cell: str) -> Stage | None:
        """Return where a cell is in its life; None: it is not watched."""
        state = self._states.get(cell)
        return state.stage if state is not None else None

    @property
    def settled(self) -> bool:
        """Return whether every cell runs."""
        return all(state.stage is Stage.RUNNING for state in self._states.values())

    def started(self, cell: str, now_s: float) -> None:
        """Note that a start of the cell is under way."""
        state = self._states.setdefault(cell, _State())
        state.stage, state.misses, state.since_s = Stage.STARTING, 0, now_s

    def forget(self, cell: str) -> None:
        """Watch a cell no longer: it is ended for good."""
        self._states.pop(cell, None)

    def arrived(self, cell: str, now_s: float) -> None:
        """Note that the cell gave its address."""
        state = self._states[cell]
        state.stage, state.misses, state.since_s = Stage.RUNNING, 0, now_s

    def answered(self, cell: str) -> list[Instruction]:
        """Note an answer in time."""
        state = self._states.get(cell)
        if state is None:
            return []
        late = state.misses >= self._report_after
        state.misses = 0
        return [Recovered(cell)] if late else []

    def missed(self, cell: str, now_s: float) -> list[Instruction]:
        """Note a turn of the warden in which the cell owed an answer and gave none."""
        state = self._states.get(cell)
        if state is None or state.stage is not Stage.RUNNING:
            return []
        state.misses += 1
        if state.misses >= self._lose_after:
            return self.lost(cell, f"no answer {state.misses} times in a row", now_s)
        return [Late(cell, state.misses)] if state.misses == self._report_after else []

    def lost(self, cell: str, reason: str, now_s: float) -> list[Instruction]:
        """Note that the cell ended, failed to start, or is given up. Twice is once."""
        state = self._states.get(cell)
        if state is None or state.stage is Stage.PAUSED:
            return []
        if state.stage is Stage.RUNNING:
            ran = max(0.0, now_s - state.since_s) / self._steady_s
            state.losses = max(0.0, state.losses - ran)
        over = round(state.losses) - self._free_losses
        pause = min(2.0 ** min(over, 30), self._longest_pause_s) if over >= 0 else 0.0
        state.losses = min(state.losses + 1, self._free_losses + 30.0)
        state.stage, state.misses, state.due_s = Stage.PAUSED, 0, now_s + pause
        return [Replace(cell, reason, pause)]

    def due(self, now_s: float) -> list[Instruction]:
        """Return the starts whose pause is over."""
        return [
            Start(cell)
            for cell, state in self._states.items()
            if state.stage is Stage.PAUSED and now_s >= state.due_s
        ]


@dataclass(slots=True)
class _Silence:
    count: int
    seconds: float = 0.0


class FrozenWatch:
    """Decides whose process is frozen, from counters that every process moves all the time."""

    def __init__(self, *, silent_s: float = SILENT_S, starved_s: float = STARVED_S) -> None:
        """Know nobody yet.

        Args:
            silent_s: seconds of silence after which a process that sleeps is frozen; 0: never.
            starved_s: the same for one that is ready to run.
        """
        self._silent_s = silent_s
        self._starved_s = starved_s
        self._looked_s: float | None = None
        self._silences: dict[str, _Silence] = {}

    def look(self, now_s: float, counts: Mapping[str, int]) -> dict[str, float]:
        """Take all counters as of now; return who has been silent for too long, in seconds.

        Whoever is not in ``counts`` is forgotten. To be called every 0.1 s or so: silence is
        counted in looks that came on time, and a late look lets everybody begin anew.
        """
        since = now_s - self._looked_s if self._looked_s is not None else 0.0
        self._looked_s = now_s
        late = since > ON_TIME_S
        known, self._silences = self._silences, {}
        silent: dict[str, float] = {}
        for cell, count in counts.items():
            before = known.get(cell)
            if before is None or late or before.count != count:
                self._silences[cell] = _Silence(count)
                continue
            before.seconds += since
            self._silences[cell] = before
            if 0.0 < self._silent_s <= before.seconds:
                silent[cell] = before.seconds
        return silent

    def frozen(self, seconds: float, *, wants_to_run: bool) -> bool:
        """Return whether a process that ``look`` named is to be given up.

        Args:
            seconds: how long it has been silent.
            wants_to_run: whether the kernel has a thread of it running or ready to run.
        """
        return not wants_to_run or seconds >= self._starved_s
