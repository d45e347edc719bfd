"""In which order the cells of a running city take a change, and what if one cannot. Pure.

Theory: a change is rolled forward in steps, each begun when the one before is done by all. A cell
that is lost meanwhile is started again with the new configuration, and has taken it by that. A
cell that refuses, or that does not stay up with it, ends the rollout as soon as every other cell
that was asked has answered, so that nobody takes it later unseen: whoever runs it then rolls the
city on to what it was, with a rollout that ``must`` reach its end; there a cell that refuses
is started anew instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

#: A cell that is lost so often in one rollout does not stay up with the new configuration.
MOST_LOSSES = 3


@dataclass(frozen=True, slots=True)
class Tell:
    """Step: these cells take their configuration, all at a time."""

    cells: tuple[str, ...]
    final: bool = True
    """False: without what comes to them from cells that may still hold it."""


@dataclass(frozen=True, slots=True)
class Publish:
    """Step and instruction: tell all where everything lives from now on."""


@dataclass(frozen=True, slots=True)
class End:
    """Step and instruction: end these cells in order; nothing lives there any more."""

    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Hand the configuration to a cell."""

    cell: str
    final: bool


@dataclass(frozen=True, slots=True)
class Begin:
    """Start a cell that there was not before."""

    cell: str


@dataclass(frozen=True, slots=True)
class Renew:
    """End a cell, so that it is started anew with its configuration."""

    cell: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Every cell has what it shall have."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A cell cannot have it; ``touched``: others have it already, or are started with it."""

    cell: str
    reason: str
    touched: bool


Step = Tell | Publish | End
Instruction = Ask | Begin | Publish | End | Renew | Finished | Failed


class _Is(Enum):
    RUNNING = "running, with what it had"
    STARTING = "being started, with what it had"
    AWAY = "not there, and started with the new configuration when it is due"
    RENEWING = "being started with the new configuration"
    RENEWED = "running, started with the new configuration"


class Rollout:
    """One change of a city on its way through the cells."""

    def __init__(
        self,
        steps: Sequence[Step],
        *,
        fresh: Collection[str] = (),
        starting: Iterable[str] = (),
        away: Iterable[str] = (),
        leaving: Collection[str] = (),
        must: bool = False,
    ) -> None:
        """Prepare; ``begin`` gives the first instructions.

        Args:
            steps: what to do, in order.
            fresh: cells of the steps that do not exist yet.
            starting: cells that are being started just now, with their old configuration.
            away: cells that are lost, and will be started with the new one.
            leaving: cells that will end: one that is lost holds nothing, and needs nothing.
            must: nothing ends this rollout but its end.
        """
        self._steps = list(reversed(steps))
        self._fresh = set(fresh)
        self._leaving = set(leaving)
        self._is: dict[str, _Is] = dict.fromkeys(starting, _Is.STARTING)
        self._is |= dict.fromkeys([*away, *fresh], _Is.AWAY)
        self._must = must
        self._step: Tell = Tell(())
        self._waiting: set[str] = set()
        self._asked: set[str] = set()
        self._refusal: tuple[str, str] | None = None
        self._losses: dict[str, int] = {}
        self.taken: set[str] = set()
        """Cells that hold the new configuration, or a part of it."""
        self.over = False

    @property
    def waiting(self) -> list[str]:
        """Return the cells that the step under way waits for."""
        return sorted(self._waiting)

    def begin(self) -> list[Instruction]:
        """Return the first instructions."""
        return self._go_on()

    def took(self, cell: str) -> list[Instruction]:
        """Note that a cell has what it was asked to take."""
        self.taken.add(cell)
        self._asked.discard(cell)
        return self._done(cell)

    def refused(self, cell: str, reason: str) -> list[Instruction]:
        """Note that a cell cannot take it, and is as it was."""
        if self.over or cell not in self._waiting:
            return []
        self._asked.discard(cell)
        if self._must:
            return [Renew(cell, reason)]
        self._refusal = self._refusal or (cell, reason)
        return self._go_on()

    def began(self, cell: str) -> list[Instruction]:
        """Note that an incarnation of a cell is being started, with the new configuration."""
        self._is[cell] = _Is.RENEWING
        return []

    def arrived(self, cell: str) -> list[Instruction]:
        """Note that an incarnation runs."""
        if self._is.get(cell) is _Is.STARTING:
            self._is[cell] = _Is.RUNNING
            if cell in self._waiting and self._refusal is None:
                self._asked.add(cell)
                return [Ask(cell, self._step.final)]
            return []
        self._is[cell] = _Is.RENEWED
        self.taken.add(cell)
        return self._done(cell)

    def lost(self, cell: str, reason: str) -> list[Instruction]:
        """Note that a cell is lost; whoever watches it starts it again."""
        self._is[cell] = _Is.AWAY
        self._asked.discard(cell)
        self._losses[cell] = self._losses.get(cell, 0) + 1
        if cell in self._leaving:
            return self._done(cell)
        if self._must or self._losses[cell] < MOST_LOSSES:
            return self._go_on()
        return self.refused(cell, f"lost {MOST_LOSSES} times with the new city: {reason}")

    def _done(self, cell: str) -> list[Instruction]:
        if cell not in self._waiting and self._refusal is None:
            return []
        self._waiting.discard(cell)
        return self._go_on()

    def _go_on(self) -> list[Instruction]:
        found: list[Instruction] = []
        if self._refusal is not None:
            return [] if self._asked or self.over else [self._fail(*self._refusal)]
        while not self._waiting and not self.over:
            if not self._steps:
                self.over = True
                found.append(Finished())
                break
            step = self._steps.pop()
            if isinstance(step, Tell):
                self._step = step
                found.extend(self._tell(step))
            else:
                found.append(step)
        return found

    def _fail(self, cell: str, reason: str) -> Failed:
        self.over = True
        renewed = (_Is.RENEWING, _Is.RENEWED)
        touched = bool(self.taken) or any(state in renewed for state in self._is.values())
        return Failed(cell, reason, touched)

    def _tell(self, step: Tell) -> Iterable[Instruction]:
        for cell in step.cells:
            state = self._is.get(cell, _Is.RUNNING)
            if state is _Is.RENEWED or (state is _Is.AWAY and cell in self._leaving):
                continue
            self._waiting.add(cell)
            if state is _Is.RUNNING:
                self._asked.add(cell)
                yield Ask(cell, step.final)
            elif state is _Is.AWAY and cell in self._fresh:
                self._fresh.discard(cell)
                yield Begin(cell)
