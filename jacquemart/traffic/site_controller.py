"""Real signals behind an RSMP site: controller, granter, interlock, lamps and their monitor.

It is what ``drivers.rsmp.site`` asks of a controller. The only way to a lamp is ``step``: what the
controller's interlock let out is shown, and nothing else. The monitor beside it (``watch``) reads
the lamps by itself; whoever runs a site runs that, too, ten times a second or more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from jacquemart.actors.priority.granter import Times
from jacquemart.actors.signals.controller import Controller as Signals
from jacquemart.actors.signals.model import LONGEST_WAIT_MS, Aspect, Intersection
from jacquemart.actors.signals.model import Mode as Asked
from jacquemart.actors.signals.plan_clock import position_ms
from jacquemart.drivers.rsmp.site.controller import Mode, Priority, PriorityRequest
from jacquemart.traffic.outputs import LETTERS, Lamps, RecordedLamps
from jacquemart.traffic.site_priority import SitePriority
from jacquemart.traffic.watch import SILENCE_MS, Watch

#: A lamp that shows something else than was written for so long is told as faulty.
LAMP_FAULT_MS: Final = 2_000
_MODES: Final = {
    Mode.NORMAL: Asked.NORMAL, Mode.YELLOW_FLASH: Asked.YELLOW_FLASH, Mode.DARK: Asked.DARK,
}  # fmt: skip
_GOES: Final = (Aspect.GREEN, Aspect.YIELD)
_NO_SIGNAL: Final = (Aspect.DARK, Aspect.FLASH)
#: Letters of S0001, but for green and what is shown while it starts.
_S0001: Final = {
    Aspect.DARK: "b", Aspect.RED: "B", Aspect.RED_YELLOW: "0", Aspect.YELLOW: "N",
    Aspect.FLASH: "c",
}  # fmt: skip
_STARTING: Final = {Aspect.YELLOW: "f", Aspect.RED: "g"}


class SiteController:
    """One intersection as an RSMP site has it (``drivers.rsmp.site.controller.Controller``).

    Attributes:
        model: the intersection.
        signals: its controller, with the interlock in it.
        lamps: what is shown, and read back.
        watch: the monitor's shell. It is run by its own thread, or by whoever has the time.
        priority: the requests.
    """

    def __init__(
        self,
        model: Intersection,
        lamps: Lamps | None = None,
        *,
        components: Sequence[str] = (),
        shared_clock: Callable[[int], int] = lambda now_ms: now_ms,
        times: Times | None = None,
        silence_ms: int = SILENCE_MS,
        fault: str = "",
        latched: Callable[[str], None] | None = None,
    ) -> None:
        """Begin flashing, as after a loss of power.

        Args:
            model: a model without problems (``signals.checking.problems``).
            lamps: what lights them; None: a record.
            components: how RSMP calls the groups, in their order; their names count, too.
            shared_clock: gives ms of the clock that coordinated intersections share, at a time of
                ``step``.
            times: of the granter; None: the usual.
            silence_ms: so long the monitor may get no reading.
            fault: what the monitor had latched before a restart; it still has.
            latched: called with the fault by the thread that saw it, once.

        Raises:
            ValueError: matrices that contradict themselves.
        """
        self.model = model
        self.lamps: Lamps = lamps if lamps is not None else RecordedLamps(model)
        self.signals = Signals(model)
        self.priority = SitePriority(self.signals, components, times)
        self.watch = Watch(model, self.lamps, silence_ms=silence_ms, fault=fault, latched=latched)
        self._shared_clock = shared_clock
        self._now_ms = self._clock_ms = 0
        self._mode = Mode.NORMAL
        self._commanded = False
        self._giving_back = False
        self._occupied: list[bool] = [False] * len(model.detectors)
        self._heard: list[int | None] = [None] * len(model.detectors)
        self._forced: dict[int, bool] = {}
        self._aspects = bytes(len(model.groups))
        self._written: Mapping[str, str] = {}
        self._right_ms: dict[int, int] = {}
        """When each lamp last showed what was written."""
        self._green_ms: dict[int, int] = {}
        """When each group last had green, or was not expected to have."""
        self._begun_ms: dict[int, int] = {}
        """When the green that is on began."""

    # Time ----------------------------------------------------------------------------------

    def step(self, now_s: float) -> None:
        """Decide what is shown from now on, and show it; at least once a second."""
        now = self._now_ms = round(now_s * 1_000)
        self._clock_ms = self._shared_clock(now)
        if self.watch.fault:
            self.signals.trip(self.watch.fault)
        for index, occupied in self._forced.items():
            self.signals.hear(self.model.detectors[index].name, occupied)
        self.priority.step(now)
        self._look_at_lamps(now)
        cleared = self.signals.step(now, self._clock_ms)
        self.lamps.show(cleared)
        self._written = {
            group.name: LETTERS[one]
            for group, one in zip(self.model.groups, cleared.aspects, strict=True)
        }
        self._aspects = cleared.aspects
        stopped = self._mode is not Mode.NORMAL or not self.signals.running
        for group, aspect in enumerate(cleared.aspects):
            if aspect in _GOES:
                self._begun_ms.setdefault(group, now)
            else:
                self._begun_ms.pop(group, None)
            if aspect in _GOES or stopped:
                self._green_ms[group] = now
        if self._giving_back:
            self._giving_back = False
            self.lamps.fail_safe(False)

    def hear(self, detector: str, occupied: bool | None) -> bool:
        """Take what a detector says; None: it cannot be believed. Return whether there is one."""
        names = [one.name for one in self.model.detectors]
        if detector not in names:
            return False
        index = names.index(detector)
        self._occupied[index] = bool(occupied)
        self._heard[index] = self._now_ms
        return index in self._forced or self.signals.hear(detector, occupied)

    def reset(self) -> str:
        """Let it start again after the monitor latched: for a person, who has looked.

        Nothing that comes by RSMP calls this. Return what had been latched.
        """
        fault = self.watch.reset()
        if fault:
            self.signals.trip(fault)  # it flashes, whether it had heard of the fault or not
            self.signals.reset()
            self._giving_back = True  # with the next step, which shows what the cut lamps show
        return fault

    def restart(self) -> None:
        """Begin anew with the start-up sequence. What the monitor latched stays."""
        self.signals.restart()

    # What it is ----------------------------------------------------------------------------

    @property
    def mode(self) -> Mode:
        """Return the mode as the lamps have it: on the way to flash or dark it is still normal."""
        shown = self._aspects
        if any(aspect not in _NO_SIGNAL for aspect in shown):
            return Mode.NORMAL
        if self._mode is Mode.DARK and any(shown):
            return Mode.YELLOW_FLASH
        return self._mode

    @property
    def starting(self) -> bool:
        """Return whether it is in its start-up sequence, flashing before it included."""
        return self._mode is Mode.NORMAL and not self.fault and not self.signals.running

    @property
    def fault(self) -> str:
        """Return what the monitor latched; empty: nothing."""
        return self.watch.fault or self.signals.fault

    @property
    def plan(self) -> int:
        """Return the number of the plan that runs."""
        return self.signals.plan

    @property
    def plans(self) -> Mapping[int, int]:
        """Return the plans with their cycles in s."""
        return {plan.number: round(plan.cycle_ms / 1_000) for plan in self.model.plans}

    @property
    def commanded(self) -> bool:
        """Return whether the plan was chosen by a command."""
        return self._commanded

    @property
    def cycle_s(self) -> float:
        """Return where in its cycle the plan is, in s; 0 while no plan runs."""
        view = self.signals.view()
        plan = self.model.plan(view.plan)
        if view.starting or plan is None:
            return 0.0
        if plan.coordinated:
            return position_ms(plan, self._clock_ms) / 1_000
        begun = plan.steps[view.step].start_ms
        return (begun + view.since_ms) % plan.cycle_ms / 1_000

    @property
    def stage(self) -> int:
        """Return the number of the stage, from 1; 0 on the way to one."""
        view = self.signals.view()
        return view.stage + 1 if view.reached else 0

    @property
    def detectors(self) -> Sequence[bool]:
        """Return whether each detector is occupied; forced ones as they are forced."""
        return [self._forced.get(index, one) for index, one in enumerate(self._occupied)]

    @property
    def alarms(self) -> Collection[tuple[str, int]]:
        """Return the active alarms of the SXL: (code, group or detector from 0).

        A0006 (safety error): the monitor has latched. A0008 (deadlock): a group had no green for
        longer than anybody may wait. A0201 (lamp error): lamps that do not show what was written.
        A0301 (detector error): a detector that was heard is silent.
        """
        now = self._now_ms
        found = {("A0006", 0)} if self.fault else set()
        found |= {("A0008", g) for g, at in self._green_ms.items() if now - at > LONGEST_WAIT_MS}
        found |= {("A0201", g) for g, at in self._right_ms.items() if now - at > LAMP_FAULT_MS}
        return found | {
            ("A0301", index)
            for index, heard in enumerate(self._heard)
            if heard is not None and now - heard > self.model.detectors[index].stale_after_ms
        }

    def groups(self) -> str:
        """Return a letter for each group, as S0001 has them."""
        letters = {**_S0001, **_STARTING} if self.starting else _S0001
        if self.watch.fault:
            return "".join(_S0001[group.in_flash] for group in self.model.groups)
        return "".join(
            self._green(group) if aspect in _GOES else letters[Aspect(aspect)]
            for group, aspect in enumerate(self._aspects)
        )

    def events(self) -> Sequence[tuple[str, str]]:
        """Return what the controller told since the last call, as (word, detail)."""
        return self.signals.events()

    # What it is asked ----------------------------------------------------------------------

    def set_mode(self, mode: Mode) -> str:
        """Be asked for a mode. It comes in order; back to normal by the start-up sequence."""
        if self.fault:
            return f"in fail-safe until a person resets it: {self.fault}"
        why = self.signals.set_mode(_MODES[mode])
        if not why:
            self._mode = mode
        return why

    def set_plan(self, plan: int | None) -> str:
        """Be asked for a plan; it comes with the next change of stage. None: the first one."""
        why = self.signals.set_plan(self.model.plans[0].number if plan is None else plan)
        if not why:
            self._commanded = plan is not None
        return why

    def force_detector(self, index: int, occupied: bool | None) -> None:
        """Take a detector (from 0) as occupied or free whatever it says; None: no longer."""
        if not 0 <= index < len(self.model.detectors):
            return
        name = self.model.detectors[index].name
        if occupied is not None:
            self._forced[index] = occupied
            self.signals.hear(name, occupied)
        elif self._forced.pop(index, None) is not None:
            heard = self._heard[index] is not None
            self.signals.hear(name, self._occupied[index] if heard else None)

    def request_priority(self, request: PriorityRequest) -> str:
        """Be asked for priority; return why not, or nothing."""
        return self.priority.request(request, self._now_ms)

    def priorities(self) -> Sequence[Priority]:
        """Return the requests, and those that ended within the last minute."""
        return self.priority.all()

    # Inside --------------------------------------------------------------------------------

    def _green(self, group: int) -> str:
        """Return the letter of a green: 1 while it may not end, 4 then."""
        begun = self._begun_ms.get(group, self._now_ms)
        return "1" if self._now_ms - begun < self.model.groups[group].min_green_ms else "4"

    def _look_at_lamps(self, now: int) -> None:
        read = self.lamps.read()
        for group, own in enumerate(self.model.groups):
            cut = bool(self.watch.fault) or not self._written
            if cut or (read is not None and read.get(own.name) == self._written[own.name]):
                self._right_ms[group] = now
