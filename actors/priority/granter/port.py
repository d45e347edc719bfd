"""The granter beside a controller of ours: its plan as a site, and what is asked for, done in time.

*Theory.* The granter says when a green shall end; the controller offers to hold a stage, to come to
one early, to insert one, and to release (``signals.priority_port``). So an end that is later than
the plan's is a hold until then; an earlier one is "go early", said when its moment comes; the end
of an inserted stage is a release. Whatever the controller refuses or shortens stays so: it knows
its interlock, and the granter sees what came of it at the next look.

*Rules.* No clock of its own: ``step`` is called with the controller's, every second or quicker.
"""

from __future__ import annotations

from jacquemart.actors.priority.granter.actions import Direct, Instruction, Release, View
from jacquemart.actors.priority.granter.granter import Granter
from jacquemart.actors.priority.granter.site import LEAST_GREEN_MS, Site, Stage, Times
from jacquemart.actors.priority.request import Ask
from jacquemart.actors.signals.forecast import Ways
from jacquemart.actors.signals.model import Intersection, Mode, Plan
from jacquemart.actors.signals.priority_port import PriorityPort
from jacquemart.actors.signals.priority_port import View as Shown

#: In whose name the granter asks.
OWNER = "priority"
#: What is asked for a change of stage holds for so long; the change begins sooner, or it is over.
SOON_MS = 10_000


def site_of(model: Intersection, plan: Plan, times: Times | None = None) -> Site:
    """Return the site that a plan of an intersection makes.

    A stage's green lasts from when all of it is shown until it is left. Of a stage that a plan has
    twice, the second is named with its step.

    Raises:
        ConfigError: priority cannot run beside this plan (one stage only, or a red that is longer
            than anybody may wait); names what. The operator's fault.
    """
    ways = Ways(model)
    names = step_names(model, plan)
    steps = plan.steps
    change, stages = {}, []
    for one, name in enumerate(names):
        for two, other in enumerate(names):
            if name != other and steps[one].stage != steps[two].stage:
                change[name, other] = ways.of(steps[one].stage, steps[two].stage).length_ms
    for at, (step, name) in enumerate(zip(steps, names, strict=True)):
        stage, before = model.stages[step.stage], steps[at - 1].stage
        after = model.stages[steps[(at + 1) % len(steps)].stage]
        going = [group for group in range(len(model.groups)) if stage.goes(group)]
        planned = plan.duration_ms(at) - ways.of(before, step.stage).length_ms
        fresh = [group for group in going if not model.stages[before].goes(group)]
        ending = [group for group in going if not after.goes(group)] or going
        least = max([LEAST_GREEN_MS, *(model.groups[g].min_green_ms for g in fresh)])
        most = min(model.groups[group].max_green_ms for group in ending)
        groups = frozenset(model.groups[group].name for group in going)
        stages.append(Stage(name, groups, min(least, planned), planned, max(planned, most)))
    return Site(model.id, stages, change, times or Times())


def step_names(model: Intersection, plan: Plan) -> list[str]:
    """Return the name of each step's stage, with its number if it is not the first of that name."""
    names: list[str] = []
    for at, step in enumerate(plan.steps):
        name = model.stages[step.stage].name
        names.append(f"{name}#{at}" if name in names else name)
    return names


class PortGranter:
    """A granter and the controller that it asks, for as long as the controller runs one plan."""

    __slots__ = ("_direct", "_names", "_port", "_stages", "_ways", "granter", "plan")

    def __init__(self, port: PriorityPort, plan: Plan, times: Times | None = None) -> None:
        """Begin beside a controller.

        Raises:
            ConfigError: see ``site_of``.
        """
        self._port = port
        self._ways = Ways(port.model)
        self._names = step_names(port.model, plan)
        self._stages = [step.stage for step in plan.steps]
        self._direct: Direct | None = None
        self.plan = plan
        self.granter = Granter(site_of(port.model, plan, times))

    def asked(self, ask: Ask, now_ms: int) -> list[Instruction]:
        """Take one M0022; return what is to be told."""
        return self._do(self.granter.asked(ask, now_ms), now_ms)

    def step(self, now_ms: int) -> list[Instruction]:
        """Look at the controller, decide, and ask it; return what is to be told."""
        return self._do(self.granter.seen(self._look(now_ms), now_ms), now_ms)

    # Inside --------------------------------------------------------------------------------

    def _look(self, now_ms: int) -> View:
        shown = self._port.view()
        normal = (
            shown.mode is Mode.NORMAL
            and not shown.local
            and not shown.starting
            and shown.plan == self.plan.number
        )
        if not normal or shown.stage not in self._stages:
            return View(normal=False)
        name = self._name(shown)
        green = now_ms - shown.since_ms + self._way_ms(name)
        return View(True, name, green)

    def _name(self, shown: Shown) -> str:
        at = self._stages.index(shown.stage) if shown.inserted else shown.step
        return self._names[at]

    def _way_ms(self, name: str) -> int:
        """Return how long the change to the present stage takes."""
        turn = self.granter.turn
        before = turn.stage if turn is not None and turn.stage != name else ""
        if not before:
            return 0 if turn is None else turn.way_ms
        return self.granter.site.change_ms.get((before, name), 0)

    def _do(self, out: list[Instruction], now_ms: int) -> list[Instruction]:
        for one in out:
            if isinstance(one, Direct):
                self._direct = one
            elif isinstance(one, Release):
                self._direct = None
                self._port.release(OWNER)
        self._ask(now_ms)
        return [one for one in out if not isinstance(one, (Direct, Release))]

    def _ask(self, now_ms: int) -> None:
        direct, shown = self._direct, self._port.view()
        if direct is None or shown.starting or not shown.reached or shown.stage < 0:
            return
        if direct.stage != self._name(shown):
            return
        left = direct.end_ms - now_ms
        if left <= 0:
            then = self._stages[self._names.index(direct.then)]
            if direct.insert:
                self._port.insert(OWNER, then, self.granter.site.by_id[direct.then].most_ms)
            elif shown.inserted:
                self._port.release(OWNER)
            elif shown.planned_left_ms > 0:
                self._port.early(OWNER, then, SOON_MS)
        elif not shown.inserted:
            held = shown.granted == OWNER
            if shown.planned_left_ms < left or (held and shown.planned_left_ms > left):
                self._port.hold(OWNER, left)
