"""The controller of one intersection: plans, modes, start-up, and what it grants. Pure.

One ``step`` for each tick of its shell, at least every ``longest_step``: it decides what is shown
next, has the interlock look at it (once before it takes the decision for possible, and again in
``write``), and returns what may go out. Nothing else here makes an output. It takes its clocks as
arguments, knows no protocol, and keeps going whatever it is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jacquemart.actors.signals.course import Course
from jacquemart.actors.signals.demand import Demand
from jacquemart.actors.signals.interstage import GOES
from jacquemart.actors.signals.lamp_times import LampTimes
from jacquemart.actors.signals.lamps import interlock_of, sentence
from jacquemart.actors.signals.model import LONGEST_STEP_MS, Aspect, Intersection, Mode
from jacquemart.actors.signals.priority_port import Answer, NextGreen, View
from jacquemart.native.interlock import Cleared

#: After a refusal of the interlock it flashes for so long before it starts again.
RESTART_MS: Final = 10_000
#: What is told and not fetched, at most; the oldest go first.
MOST_EVENTS: Final = 256


class Controller:
    """Runs one intersection; also the ``PriorityPort`` that a broker sees."""

    __slots__ = ("_course", "_demand", "_events", "_fault", "_lamps", "_local", "_lock", "_mode",
                 "_now", "_phase", "_phase_ms", "model")  # fmt: skip

    def __init__(self, model: Intersection, *, longest_step_ms: int = LONGEST_STEP_MS) -> None:
        """Begin knowing nothing of what the lamps show: it will flash, and start up.

        Args:
            model: a model without problems (``checking.problems``).
            longest_step_ms: the shell steps at least so often; a longer step counts as no time.

        Raises:
            ValueError: matrices that contradict themselves.
        """
        self.model = model
        self._lock = interlock_of(model, longest_step_ms)
        self._lamps = LampTimes(model)
        self._demand = Demand(model)
        self._course = Course(model, self._lamps, self._demand)
        self._mode = Mode.NORMAL
        self._local = False
        self._fault = ""
        self._phase = "flash"
        self._phase_ms = 0
        self._now: int | None = None
        self._events: list[tuple[str, str]] = []

    # What the shell does -------------------------------------------------------------------

    def step(self, now_ms: int, clock_ms: int, seen: bytes | None = None) -> Cleared:
        """Decide what is shown from now on.

        Args:
            now_ms: a clock that does not jump. If it does, time stands still for one step.
            clock_ms: the clock that all coordinated intersections share (UTC, say); it may jump.
            seen: what the lamps show, where it is read back.
        """
        self._believe(now_ms)
        self._course.tick(clock_ms)
        wanted = self._wanted()
        if self._lock.shown is None:
            self._enter("flash")
            wanted = list(self._flash)
        if tuple(wanted) != self._lamps.shown and not self._lock.look(bytes(wanted), now_ms, seen):
            self._tell("refused", sentence(self.model, self._lock.finding))
            wanted = list(self._lamps.shown)
        cleared = self._lock.write(bytes(wanted), now_ms, seen)
        if cleared.fallback:
            self._tell("fallback", sentence(self.model, self._lock.finding))
            self._enter("flash")
        self._lamps.show([Aspect(aspect) for aspect in cleared.aspects])
        for group, aspect in enumerate(self._lamps.shown):
            if aspect in GOES:
                self._demand.served(group)
        return cleared

    def events(self) -> Sequence[tuple[str, str]]:
        """Return what happened since the last call, as (word, detail): for the journal."""
        told, self._events = self._events, []
        return told

    def hear(self, detector: str, occupied: bool | None) -> bool:
        """Take what a detector says; None: it cannot be believed. Return whether there is one."""
        return self._demand.hear(detector, occupied, self._lamps.time_ms)

    # What the centre, or somebody on the spot, may ask --------------------------------------

    def set_mode(self, mode: Mode, *, on_the_spot: bool = False) -> str:
        """Ask for a mode; return why not, or an empty text. It comes in order, not at once."""
        if self._local and not on_the_spot:
            return "the controller is in local mode: the centre has no control"
        if mode is not self._mode:
            self._mode = mode
            self._course.drop("the mode changes")
            self._tell("mode", mode.value)
        return ""

    def set_plan(self, number: int, *, on_the_spot: bool = False) -> str:
        """Ask for a plan; it is taken at the next change of stage. Return why not."""
        if self._local and not on_the_spot:
            return "the controller is in local mode: the centre has no control"
        plan = self.model.plan(number)
        if plan is None:
            known = ", ".join(str(plan.number) for plan in self.model.plans)
            return f"there is no plan {number}; there are {known}"
        if self._course.take_plan(plan):
            self._tell("plan", str(number))
        return ""

    def set_local(self, local: bool) -> None:
        """Note that somebody at the intersection takes control, or gives it back."""
        if local != self._local:
            self._local = local
            self._course.drop("somebody at the intersection took control")
            if local:
                self._course.take_plan(self.model.plans[0])
            self._tell("local", "on" if local else "off")

    def trip(self, reason: str) -> None:
        """Flash, and stay so until a person resets it: the monitor saw something unsafe."""
        if not self._fault:
            self._fault = reason
            self._tell("tripped", reason)
        self._course.drop(reason)
        self._enter("flash")

    def reset(self) -> None:
        """Let it start again after ``trip``: for a person, who has looked."""
        if self._fault:
            self._tell("reset", self._fault)
            self._fault = ""

    def restart(self) -> None:
        """Forget what the lamps show, as after a loss of power."""
        self._lock.forget()
        self._course.drop("the controller starts")

    @property
    def fault(self) -> str:
        """Return what it tripped for; empty: nothing."""
        return self._fault

    @property
    def running(self) -> bool:
        """Return whether its plan runs: it is not starting, flashing, dark, or on the way there."""
        return self._phase == "run" and not self._fault

    @property
    def plan(self) -> int:
        """Return the number of its plan; ``view`` has the same, and much more that costs."""
        return self._course.plan

    # Priority ------------------------------------------------------------------------------

    def view(self) -> View:
        """Return what it does right now."""
        return self._course.view(
            self._mode, local=self._local, starting=self._phase != "run" or bool(self._fault)
        )

    def next_green(self, group: int) -> NextGreen:
        """Return when a group can have green. IndexError: there is no such group."""
        return self._course.next_green(group)

    def hold(self, owner: str, for_ms: int) -> Answer:
        """Keep the stage that is on; see ``PriorityPort``."""
        return self._refuse() or self._granted("hold", owner, self._course.hold(owner, for_ms))

    def early(self, owner: str, stage: int, for_ms: int) -> Answer:
        """Come to a stage of the plan as soon as may be; see ``PriorityPort``."""
        answer = self._refuse() or self._course.early(owner, stage, for_ms)
        return self._granted("early", owner, answer)

    def insert(self, owner: str, stage: int, for_ms: int) -> Answer:
        """Go to a stage next, then on with the plan; see ``PriorityPort``."""
        answer = self._refuse() or self._course.insert(owner, stage, for_ms)
        return self._granted("insert", owner, answer)

    def release(self, owner: str) -> bool:
        """Give up what was granted to this owner."""
        return self._course.release(owner)

    # Inside --------------------------------------------------------------------------------

    @property
    def _flash(self) -> tuple[Aspect, ...]:
        return tuple(group.in_flash for group in self.model.groups)

    def _refuse(self) -> Answer | None:
        if self._local:
            return Answer(False, "the controller is in local mode")
        if self._phase != "run" or self._fault or self._mode is not Mode.NORMAL:
            return Answer(False, "the intersection is not in normal control")
        return None

    def _granted(self, what: str, owner: str, answer: Answer) -> Answer:
        self._tell(what if answer.granted else f"{what}_refused", answer.reason or owner)
        return answer

    def _tell(self, word: str, detail: str) -> None:
        self._events.append((word, detail))
        del self._events[:-MOST_EVENTS]

    def _enter(self, phase: str) -> None:
        if phase != self._phase:
            self._tell("phase", phase)
        self._phase, self._phase_ms = phase, self._lamps.time_ms

    def _believe(self, now_ms: int) -> None:
        """Let time pass as the interlock does: a step back, or too long a one, is none."""
        if self._now is not None and 0 <= now_ms - self._now <= self._lock.longest_step:
            self._lamps.time_ms += now_ms - self._now
        self._now = now_ms

    def _wanted(self) -> list[Aspect]:
        """Return what is to be shown next."""
        lasted = self._lamps.time_ms - self._phase_ms
        stops = self._mode is not Mode.NORMAL or bool(self._fault)
        if self._phase == "run":
            if not stops or not self._course.reached:
                return self._course.advance()
            self._enter("closing")
        if self._phase == "closing":
            shown = self._course.toward_red()
            if any(aspect is not Aspect.RED for aspect in self._lamps.shown):
                return shown
            self._enter("flash")
        if self._phase == "flash":
            if self._mode is Mode.DARK and not self._fault:
                return [Aspect.DARK] * len(self._flash)
            if stops or lasted < RESTART_MS:
                return list(self._flash)
            self._enter("start")
            return [Aspect.YELLOW if one.yellow_ms else Aspect.RED for one in self.model.groups]
        if stops:  # from the start-up there is nothing to bring to an end
            self._enter("flash")
            return list(self._flash)
        if lasted < self.model.start_yellow_ms:
            return list(self._lamps.shown)
        shown = self._course.toward_red()
        if any(aspect is not Aspect.RED for aspect in self._lamps.shown):
            return shown
        return self._begin_running(shown)

    def _begin_running(self, shown: list[Aspect]) -> list[Aspect]:
        red_ms = min(self._lamps.shown_ms(group) for group in range(len(shown)))
        if red_ms < self.model.start_red_ms:
            return shown
        self._enter("run")
        self._course.begin()
        return self._course.advance()
