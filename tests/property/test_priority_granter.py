"""The granter of signal priority, against a naive controller and whatever may be asked of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import assume, given, note, settings
from hypothesis import strategies as st
from oracle_signal_box import SignalBox, shift

from jacquemart.actors.priority.granter import (
    Changed,
    Direct,
    Granter,
    Release,
    Site,
    Stage,
    Times,
    View,
)
from jacquemart.actors.priority.granter.site import planned_reds
from jacquemart.actors.priority.request import (
    ENDS,
    TRANSITIONS,
    Ask,
    State,
    VehicleType,
    Verb,
)
from jacquemart.runtime.model.errors import ConfigError

S = 1_000
GROUPS = "abcdef"
#: Each example is minutes of a junction, so a few tell as much as many of a smaller thing.
FEW = settings(max_examples=15)
EMERGENCY = 12


class World:
    """A granter and a controller that obeys it, with everything noted and checked on the way."""

    def __init__(self, site: Site) -> None:
        stages = {s.id: (s.groups, s.least_ms, s.planned_ms, s.most_ms) for s in site.stages}
        self.site = site
        self.box = SignalBox(stages, site.change_ms)
        self.granter = Granter(site)
        self.states: dict[str, State] = {}
        self.history: dict[str, list[State]] = {}
        self.levels: dict[str, int] = {}
        self.groups: dict[str, str] = {}
        self.directs: list[tuple[int, Direct]] = []
        self.take(self.see())

    def see(self) -> Any:
        view = View(True, self.box.stage, self.box.begin)
        return self.granter.seen(view, self.box.now)

    def take(self, out: Any) -> None:
        for one in out:
            if isinstance(one, Changed):
                self.changed(one)
            elif isinstance(one, Direct):
                assert one.stage == self.box.stage
                self.directs.append((self.box.now, one))
                self.box.ask = (one.stage, one.end_ms, one.then)
            elif isinstance(one, Release):
                self.box.ask = None
        active = [name for name, state in self.states.items() if state is State.ACTIVATED]
        assert self.site_serves(active), "two that conflict are activated"

    def changed(self, one: Changed) -> None:
        before = self.states.get(one.request)
        if before is None:
            assert one.state is State.RECEIVED
        else:
            assert one.state in TRANSITIONS[before]
        self.states[one.request] = one.state
        self.history.setdefault(one.request, []).append(one.state)
        assert (one.extended_s is None) is (one.state is not State.COMPLETED)

    def site_serves(self, active: list[str]) -> bool:
        return not active or any(
            all(self.groups[name] in stage.groups for name in active) for stage in self.site.stages
        )

    def ask(self, ask: Ask) -> None:
        if ask.verb is Verb.NEW and ask.request not in self.groups:
            self.groups[ask.request] = ask.group
            self.levels[ask.request] = ask.level
        elif ask.verb is Verb.UPDATE and ask.request in self.levels:
            self.levels[ask.request] = max(self.levels[ask.request], ask.level)
        self.take(self.granter.asked(ask, self.box.now))

    def run(self, length: int, tick: int = S, each: Callable[[], None] = lambda: None) -> None:
        until = self.box.now + length
        while self.box.now < until:
            step = min(until, self.box.now + tick)
            if self.box.run(step):
                self.take(self.see())
            else:
                self.take(self.granter.tick(self.box.now))
                self.take(self.see())
            each()


@st.composite
def sites(draw: Any, **fixed: Any) -> Site:
    count = draw(st.integers(2, 5))
    stages = []
    for at in range(count):
        groups = {GROUPS[at]} | draw(st.sets(st.sampled_from(GROUPS[:count]), max_size=2))
        least = draw(st.integers(4, 8)) * S
        planned = least + draw(st.integers(0, 25)) * S
        most = planned + draw(st.integers(0, 20)) * S
        stages.append(Stage(f"s{at}", frozenset(groups), least, planned, most))
    names = [stage.id for stage in stages]
    change = {
        (one, two): draw(st.integers(2, 8)) * S for one in names for two in names if one != two
    }
    times = Times(
        longest_wait=draw(st.integers(60, 130)) * S,
        cooldown=draw(st.integers(0, 20)) * S,
        silent=draw(st.integers(5, 60)) * S,
        cycles=draw(st.integers(1, 4)),
        **fixed,
    )
    try:
        return Site("j", stages, change, times)
    except ConfigError:
        assume(False)
        raise


ASKS = st.lists(
    st.tuples(
        st.integers(0, 20_000),  # ms until the next
        st.sampled_from([Verb.NEW, Verb.NEW, Verb.UPDATE, Verb.CANCEL]),
        st.integers(0, 9),  # which request
        st.integers(0, 14),  # level
        st.one_of(st.none(), st.integers(0, 90)),  # eta
        st.sampled_from(GROUPS),
    ),
    max_size=30,
)


def to_ask(row: Any, number: int, world: World) -> Ask:
    _, verb, which, level, eta, group = row
    if verb is Verb.NEW:
        return Ask(f"r{number}", verb, level, eta, group, VehicleType.BUS)
    known = sorted(world.groups)
    name = known[which % len(known)] if known else f"r{which}"
    return Ask(name, verb, level, eta)


def play(world: World, rows: Any, each: Callable[[], None] = lambda: None) -> None:
    for number, row in enumerate(rows):
        world.run(row[0], each=each)
        ask = to_ask(row, number, world)
        note(f"{world.box.now}: {ask}")
        world.ask(ask)
        each()


@FEW
@given(sites(), ASKS)
def test_every_request_goes_rsmps_ways_and_ends_in_exactly_one_end_state(
    site: Site, rows: Any
) -> None:
    world = World(site)
    play(world, rows)
    times = site.times
    world.run(max(times.silent, times.queued, times.active) + S)
    for name, states in world.history.items():
        assert states[0] is State.RECEIVED
        assert [state for state in states if state in ENDS] == states[-1:], name
    assert not world.granter.queue.entries


@FEW
@given(sites(), ASKS)
def test_no_movement_waits_beyond_its_maximum_whatever_is_asked(site: Site, rows: Any) -> None:
    world = World(site)
    play(world, rows)
    world.run(3 * site.cycle_ms)
    note(str(world.directs))
    for group, red in world.box.longest_red.items():
        assert red <= site.times.longest_wait, group
    assert len(world.box.shown) >= 3


@FEW
@given(sites(), ASKS)
def test_greens_stay_within_their_minimum_and_maximum(site: Site, rows: Any) -> None:
    world = World(site)
    play(world, rows)
    for green in world.box.shown:
        stage = site.by_id[green.stage]
        assert stage.least_ms <= green.end - green.begin <= stage.most_ms


@FEW
@given(sites(), ASKS)
def test_what_was_taken_is_given_back_and_coordination_is_there_again(
    site: Site, rows: Any
) -> None:
    world = World(site)
    play(world, rows)
    for name in list(world.granter.queue.entries):
        world.ask(Ask(name, Verb.CANCEL))
    bound = (
        site.times.emergency_cycles
        if max(world.levels.values(), default=0) >= EMERGENCY
        else site.times.cycles
    )
    note(str(world.granter.accounts.balance))
    # The turn that is on may itself still be borrowed, so it is not one of the cycles.
    world.run((bound + 2) * site.cycle_ms + 3 * max(s.most_ms for s in site.stages))
    note(str(world.directs[-8:]))
    assert world.granter.accounts.settled, world.granter.accounts.balance
    world.run(2 * site.cycle_ms)
    greens = world.box.shown
    assert shift(world.box, greens) == 0 or not greens
    tail = greens[-len(site.stages) :]
    assert [g.end - g.begin for g in tail] == [site.by_id[g.stage].planned_ms for g in tail]
    assert world.box.ask is None, "it was never released"


@FEW
@given(sites(), ASKS, st.integers(0, 14))
def test_an_emergency_is_activated_at_once_before_all_that_are_none(
    site: Site, rows: Any, other: int
) -> None:
    world = World(site)
    play(world, [(*row[:3], min(row[3], EMERGENCY - 1), *row[4:]) for row in rows])
    group = site.stages[other % len(site.stages)].groups
    world.ask(Ask("emergency", Verb.NEW, 14, 10, min(group), VehicleType.EMERGENCY))
    assert world.states["emergency"] is State.ACTIVATED
    assert world.granter.queue.active()[0].request == "emergency"


@FEW
@given(sites(), ASKS)
def test_no_lower_request_goes_before_a_higher_one_that_it_conflicts_with(
    site: Site, rows: Any
) -> None:
    world = World(site)

    def look() -> None:
        queue = world.granter.queue
        for entry in queue.entries.values():
            near = entry.earliest_ms - world.box.now <= site.times.horizon
            if entry.state is not State.QUEUED or not near:
                continue
            for other in queue.active():
                if not queue.stages([entry, other]) and other.since_ms == world.box.now:
                    assert other.rank() <= entry.rank()

    play(world, rows, look)


@FEW
@given(sites(), ASKS)
def test_nobody_of_whom_nothing_is_heard_holds_a_green(site: Site, rows: Any) -> None:
    world = World(site)
    play(world, rows)
    heard = world.box.now
    bound = heard + site.times.silent

    def look() -> None:
        if world.box.now >= bound + S:
            assert not world.granter.queue.entries

    world.run(site.times.silent + 3 * S, each=look)
    at = world.box.now
    before = len(world.directs)
    world.run(2 * site.cycle_ms)
    for _, direct in world.directs[before:]:
        assert not direct.request
        most = site.by_id[direct.stage].planned_ms + site.take_ms[direct.stage]
        assert direct.end_ms <= max(direct.planned_ms, at) + most


@FEW
@given(sites(), ASKS)
def test_a_controller_that_hears_nothing_more_ends_every_green_by_itself(
    site: Site, rows: Any
) -> None:
    world = World(site)
    play(world, rows)
    at, ask = world.box.now, world.box.ask
    most = max(stage.most_ms for stage in site.stages)
    if ask is not None:
        assert ask[1] <= at + most + max(site.change_ms.values())
    while not world.box.run(at + 10 * most):  # the granter is gone: nobody says anything more
        raise AssertionError("the green did not end")
    assert world.box.now <= at + most + 2 * max(site.change_ms.values())


@FEW
@given(sites(), ASKS, st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_a_controller_that_does_what_it_likes_never_confuses_the_granter(
    site: Site, rows: Any, whims: list[int]
) -> None:
    granter = Granter(site)
    now = 0
    names = [stage.id for stage in site.stages]
    for number, row in enumerate(rows):
        for whim in whims[number : number + 3]:
            now += row[0] // 3
            stage = names[(number + whim) % len(names)] if whim < 3 else "unheard of"
            view = View(whim != 2, stage, now - 500 * whim, ending=whim == 1)
            for one in granter.seen(view, now):
                if isinstance(one, Direct):
                    assert one.stage == stage
                    assert one.end_ms >= now
                    assert one.end_ms <= now + max(s.most_ms for s in site.stages) + 10 * S
        ask = Ask(f"r{number}", Verb.NEW, row[3], row[4], row[5])
        granter.asked(ask, now - 5_000)  # and a clock that runs backwards
    granter.tick(now + 10**6)
    assert not granter.queue.entries


@FEW
@given(sites())
def test_a_plan_that_is_accepted_lets_nobody_wait_too_long_by_itself(site: Site) -> None:
    assert max(planned_reds(site).values(), default=0) <= site.times.longest_wait
    world = World(site)
    world.run(3 * site.cycle_ms)
    assert not world.directs
    assert max(world.box.longest_red.values(), default=0) <= site.times.longest_wait
