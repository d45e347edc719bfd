"""The course of an intersection in normal control: through the steps of its plan. Pure.

It says what is wanted, group by group; that minimum greens, intergreens and yellow times hold is
reckoned in ``lamp_times``, and looked at again by the interlock.
"""

from __future__ import annotations

from jacquemart.actors.signals.demand import Demand
from jacquemart.actors.signals.forecast import Ways, keeps_ahead, run_ahead
from jacquemart.actors.signals.grant import LONGEST_GRANT_MS, Grant, Kind
from jacquemart.actors.signals.interstage import GOES, begins
from jacquemart.actors.signals.lamp_times import LampTimes
from jacquemart.actors.signals.model import LONGEST_WAIT_MS, Aspect, Intersection, Mode, Plan
from jacquemart.actors.signals.plan_clock import step_at, until_next_ms
from jacquemart.actors.signals.priority_port import Answer, NextGreen, View

#: More than any stage lasts: no limit.
NO_LIMIT_MS = 24 * 3_600_000


class Course:
    """Which stage is on, which comes next, and when."""

    __slots__ = (
        "_at",
        "_before",
        "_begun_ms",
        "_clock_ms",
        "_demand",
        "_grant",
        "_inserted",
        "_lamps",
        "_model",
        "_next_plan",
        "_plan",
        "_stage",
        "_step_ms",
        "_ways",
    )  # fmt: skip

    def __init__(self, model: Intersection, lamps: LampTimes, demand: Demand) -> None:
        """Begin with the first plan and the start stage."""
        self._model = model
        self._lamps = lamps
        self._demand = demand
        self._ways = Ways(model)
        self._plan = self._next_plan = model.plans[0]
        self._clock_ms = 0
        self._grant: Grant | None = None
        self.begin()

    def begin(self) -> None:
        """Go to the start stage; the plan goes on from where it has that stage, or begins."""
        self._plan = self._next_plan
        stages = [step.stage for step in self._plan.steps]
        start = self._model.start_stage
        self._at = stages.index(start) if start in stages else 0
        self._stage = stages[self._at]
        self._before = self._stage
        self._begun_ms = self._step_ms = self._lamps.time_ms
        self._inserted = False
        self._grant = None

    def tick(self, clock_ms: int) -> None:
        """Take the coordination clock, and end what was granted for long enough."""
        self._clock_ms = clock_ms
        grant = self._grant
        if grant is not None and not grant.on and self._lamps.time_ms >= grant.until_ms:
            self._grant = None

    def take_plan(self, plan: Plan) -> bool:
        """Change to this plan at the next change of stage; return whether it is another one."""
        changed = plan is not self._next_plan
        self._next_plan = plan
        return changed

    # Steps ---------------------------------------------------------------------------------

    @property
    def plan(self) -> int:
        """Return the number of the plan that runs."""
        return self._plan.number

    @property
    def reached(self) -> bool:
        """Return whether all groups show what the stage says."""
        return self._lamps.shown == self._model.stages[self._stage].aspects

    def advance(self) -> list[Aspect]:
        """Return what is shown next: go on with the interstage, or begin the next one."""
        if self.reached:
            self._change_if_due()
        return self._toward(self._model.stages[self._stage].aspects)

    def toward_red(self) -> list[Aspect]:
        """Return what is shown next on the way to all red."""
        return self._toward((Aspect.RED,) * len(self._model.groups))

    def _toward(self, wanted: tuple[Aspect, ...]) -> list[Aspect]:
        shown = list(self._lamps.shown)
        for starting in (False, True):  # what ends first makes room for what starts
            for group, want in enumerate(wanted):
                if (want in GOES) is starting:
                    shown[group] = self._lamps.next_aspect(group, want, shown)
        return shown

    def _change_if_due(self) -> None:
        after, step = self._next()
        if after == self._stage:
            # The same stage again: the plan goes on, the lamps stay.
            if self._planned_left(step, after) <= 0:
                self._at, self._step_ms = step, self._lamps.time_ms
            return
        if self._planned_left(step, after) > 0 or self._min_left(after) > 0:
            return
        grant = self._grant
        inserts = grant is not None and grant.kind is Kind.INSERT and not grant.on
        now = self._lamps.time_ms
        if self._inserted and not inserts:
            self._grant = None
        if inserts and grant is not None:
            grant.on = True
            grant.until_ms = now + self._ways.of(self._stage, after).length_ms + grant.stay_ms
        else:
            if self._plan is not self._next_plan:
                self._plan = self._next_plan
            self._at, self._step_ms = step, now
            if (grant is not None and grant.kind is Kind.EARLY and grant.stage == after) or (
                grant is not None and grant.kind is Kind.HOLD
            ):
                self._grant = None
        self._inserted = inserts
        self._before, self._stage = self._stage, after
        self._begun_ms = now

    def _next(self) -> tuple[int, int]:
        """Return the stage that comes next, and the step of the next plan that it is."""
        grant = self._grant
        if grant is not None and grant.kind is Kind.INSERT and not grant.on:
            return grant.stage, self._at
        plan = self._next_plan
        if plan is not self._plan:
            step = step_at(plan, self._clock_ms)
        else:
            step = self._following(self._at)
        return plan.steps[step].stage, step

    def _following(self, at: int) -> int:
        """Return the step after one, without those that nobody calls for."""
        steps = self._plan.steps
        for ahead in range(1, len(steps) + 1):
            step = (at + ahead) % len(steps)
            if not steps[step].on_demand or self._called(steps[step].stage):
                return step
        return at

    def _called(self, stage: int) -> bool:
        grant = self._grant
        if grant is not None and grant.kind is Kind.EARLY and grant.stage == stage:
            return True
        gain = self._gains(stage)
        return not gain or self._demand.calls(gain, self._lamps.time_ms)

    def _gains(self, stage: int) -> frozenset[int]:
        """Return the groups that get green, or full green, in a stage and not in the one on."""
        now, then = self._model.stages[self._stage].aspects, self._model.stages[stage].aspects
        groups = range(len(self._model.groups))
        return frozenset(group for group in groups if begins(now[group], then[group]))

    # Times ---------------------------------------------------------------------------------

    def _min_left(self, after: int) -> int:
        """Return until when the stage may not be left for another one."""
        left = 0
        for group in self._ending(after):
            own = self._model.groups[group]
            left = max(left, own.min_green_ms - self._lamps.green_ms(group))
        if not self.reached:
            way = self._ways.of(self._before, self._stage)
            left = max(left, way.length_ms - (self._lamps.time_ms - self._begun_ms), 0)
        return left

    def _planned_left(self, step: int, after: int) -> int:
        now, grant = self._lamps.time_ms, self._grant
        plan = self._plan
        if self._inserted:
            left = grant.until_ms - now if grant is not None and grant.on else 0
        elif self._next_plan is not plan:
            following = self._following(self._at)
            left = until_next_ms(plan, self._at, following, self._clock_ms, now - self._step_ms)
        else:
            left = until_next_ms(plan, self._at, step, self._clock_ms, now - self._step_ms)
            extend_ms = plan.steps[self._at].extend_ms
            if -extend_ms < left <= 0 and self._demand.extends(self._ending(after), now):
                left = min(left + extend_ms, self._max_left(after))
        if grant is not None and not grant.on:
            left = max(left, grant.until_ms - now) if grant.kind is Kind.HOLD else 0
        if left > 0:
            left = min(left, self._max_left(after))
        return left

    def _ending(self, after: int) -> frozenset[int]:
        """Return the groups that lose green with the next stage."""
        here, there = self._model.stages[self._stage], self._model.stages[after]
        groups = range(len(self._model.groups))
        return frozenset(group for group in groups if here.goes(group) and not there.goes(group))

    def _max_left(self, after: int) -> int:
        """Return until when the stage must be left: maximum greens, and who waits too long."""
        left = NO_LIMIT_MS
        for group in self._ending(after):
            own = self._model.groups[group]
            left = min(left, own.max_green_ms - self._lamps.green_ms(group))
        return max(0, min(left, self._kept_room(after), self._room()))

    def _kept_room(self, after: int) -> int:
        """Return for how long the stage can stay, by who keeps green in those that follow."""
        groups = range(len(self._model.groups))
        here, there = self._model.stages[self._stage], self._model.stages[after]
        if not any(here.goes(group) and there.goes(group) for group in groups):
            return NO_LIMIT_MS
        lamps = self._lamps
        since = {group: -lamps.green_ms(group) for group in groups if lamps.shown[group] in GOES}
        order = self._order()
        ahead = order if order[:1] == [after] else [after, *order]
        kept = keeps_ahead(self._ways, self._stage, since, ahead)
        rooms = [
            self._model.groups[group].max_green_ms - lamps.green_ms(group) - at
            for group, at in kept.items()
        ]
        return min(rooms, default=NO_LIMIT_MS)

    def _room(self, insert: int = -1) -> int:
        """Return for how long the others can still be kept waiting."""
        waits = {
            group: self._lamps.waits_ms(group)
            for group in range(len(self._model.groups))
            if self._lamps.shown[group] not in GOES
        }
        ahead = self._ahead([insert] if insert >= 0 else [])
        rooms = [LONGEST_WAIT_MS - waits[group] - at for group, at in ahead.items()
                 if group in waits]  # fmt: skip
        return min(rooms, default=NO_LIMIT_MS)

    def _ahead(self, first: list[int]) -> dict[int, int]:
        """Return when each group gets green, if all goes as fast as it may, in order."""
        lamps, model = self._lamps, self._model
        since: dict[int, int] = {}
        ready = 0
        found: dict[int, int] = {}
        for group in range(len(model.groups)):
            if lamps.shown[group] in GOES:
                since[group] = -lamps.green_ms(group)
        if not self.reached:
            way = self._ways.of(self._before, self._stage)
            spent = lamps.time_ms - self._begun_ms
            ready = max(0, way.length_ms - spent)
            for group, at in way.starts.items():
                if lamps.shown[group] not in GOES:
                    since[group] = found[group] = max(0, at - spent)
        rest = run_ahead(self._ways, self._stage, since, ready, [*first, *self._order()])
        return {**rest, **found}

    def _order(self) -> list[int]:
        """Return the stages of one round, from the one that comes next."""
        steps = self._plan.steps
        order, at = [], self._at
        for _ in steps:
            following = self._following(at)
            if following == at:
                break
            at = following
            order.append(steps[at].stage)
            if at == self._at:
                break
        return order

    # Priority ------------------------------------------------------------------------------

    def hold(self, owner: str, for_ms: int) -> Answer:
        """Keep the stage that is on."""
        other = self._taken(owner)
        if other is not None:
            return other
        if self._inserted:
            return Answer(False, "an inserted stage is on; it stays for as long as was asked for")
        after, _ = self._next()
        room = min(max(0, for_ms), LONGEST_GRANT_MS, self._max_left(after))
        if room <= 0:
            return Answer(False, "its maximum green is over, or others would wait too long")
        self._grant = Grant(Kind.HOLD, owner, self._stage, self._lamps.time_ms + room)
        return Answer(True, ms=room)

    def early(self, owner: str, stage: int, for_ms: int) -> Answer:
        """Come to a stage of the plan as soon as may be."""
        other = self._taken(owner)
        if other is not None:
            return other
        if stage not in [step.stage for step in self._next_plan.steps]:
            return Answer(False, "no such stage in its plan")
        if stage == self._stage and not self._inserted:
            return Answer(False, "the stage is on already")
        ends = min(max(0, for_ms), LONGEST_GRANT_MS)
        self._grant = Grant(Kind.EARLY, owner, stage, self._lamps.time_ms + ends)
        return Answer(True, ms=ends)

    def insert(self, owner: str, stage: int, for_ms: int) -> Answer:
        """Go to a stage next; then on with the plan."""
        other = self._taken(owner)
        if other is not None:
            return other
        if self._inserted:
            return Answer(False, "an inserted stage is on already")
        if not 0 <= stage < len(self._model.stages) or stage == self._stage:
            return Answer(False, "no such stage, or it is on already")
        room = min(max(0, for_ms), LONGEST_GRANT_MS, self._room(stage), self._kept(stage))
        if room <= 0:
            return Answer(False, "others would wait too long, or have green for too long")
        # It is given up if it cannot begin within the longest time that a stage takes to end.
        begins = self._lamps.time_ms + LONGEST_GRANT_MS
        self._grant = Grant(Kind.INSERT, owner, stage, begins, stay_ms=room)
        return Answer(True, ms=room)

    def _kept(self, stage: int) -> int:
        """Return for how long a stage may be inserted, by who keeps green until then."""
        here, there = self._model.stages[self._stage], self._model.stages[stage]
        after = self._model.stages[self._plan.steps[self._following(self._at)].stage]
        begins = self._min_left(stage) + self._ways.of(self._stage, stage).length_ms
        left = NO_LIMIT_MS
        for group, own in enumerate(self._model.groups):
            if here.goes(group) and there.goes(group) and not after.goes(group):
                left = min(left, own.max_green_ms - self._lamps.green_ms(group) - begins)
        return left

    def release(self, owner: str) -> bool:
        """Give up what was granted to this owner."""
        if self._grant is None or self._grant.owner != owner:
            return False
        self._grant = None
        return True

    def drop(self, reason: str) -> None:
        """Give up whatever was granted."""
        self._grant = None

    def _taken(self, owner: str) -> Answer | None:
        if self._grant is not None and self._grant.owner != owner:
            return Answer(False, f"{self._grant.owner} has been granted {self._grant.kind.value}")
        return None

    # What is told --------------------------------------------------------------------------

    def view(self, mode: Mode, *, local: bool, starting: bool) -> View:
        """Return what is on right now."""
        after, step = self._next()
        return View(
            mode=mode, local=local, starting=starting,
            aspects=tuple(int(aspect) for aspect in self._lamps.shown),
            plan=self._plan.number, step=self._at,
            stage=-1 if starting else self._stage, inserted=self._inserted,
            reached=self.reached and not starting,
            since_ms=self._lamps.time_ms - self._begun_ms,
            min_left_ms=max(0, self._min_left(after)),
            planned_left_ms=max(0, self._planned_left(step, after)),
            max_left_ms=self._max_left(after),
            granted=self._grant.owner if self._grant is not None else "",
        )  # fmt: skip

    def next_green(self, group: int) -> NextGreen:
        """Return when a group can have green."""
        if self._lamps.shown[group] in GOES:
            return NextGreen(True, 0, 0, 0, -1)
        after, step = self._next()
        earliest = self._ahead([]).get(group, -1)
        slack = max(0, self._planned_left(step, after) - self._min_left(after))
        planned = -1 if earliest < 0 else self._planned_green(group, earliest, slack)
        best, insert = -1, -1
        for stage, one in enumerate(self._model.stages):
            if one.goes(group) and stage != self._stage:
                at = self._ahead([stage]).get(group, -1)
                if at >= 0 and (best < 0 or at < best):
                    best, insert = at, stage
        return NextGreen(False, earliest, planned, best, insert)

    def _planned_green(self, group: int, earliest: int, slack: int) -> int:
        """Return when the plan gives a group green: when that step begins, and its way."""
        plan, at = self._plan, self._at
        if self._model.stages[self._stage].goes(group):
            return earliest
        here, total = self._stage, max(0, self._planned_left(self._next()[1], self._next()[0]))
        for _ in plan.steps:
            following = self._following(at)
            stage = plan.steps[following].stage
            if self._model.stages[stage].goes(group):
                return max(earliest, total + self._ways.of(here, stage).starts.get(group, 0))
            total += plan.duration_ms(following)
            at, here = following, stage
        return earliest + slack
