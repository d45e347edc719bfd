"""The controller of an intersection: start-up, plans, coordination, modes, and what it grants."""

from __future__ import annotations

from collections.abc import Iterator

from signal_samples import MAIN, SIDE, TURN, WALK, crossing

from jacquemart.actors.signals import Aspect, Controller, Mode
from jacquemart.actors.signals.interstage import interstage
from jacquemart.native.interlock import Cleared

TICK_MS = 500


class Street:
    """A controller, and all that it has shown."""

    def __init__(self, controller: Controller, *, clock_ms: int = 0) -> None:
        self.controller = controller
        self.now = 0
        self.clock_ms = clock_ms
        self.shown: list[tuple[int, bytes]] = []
        self.events: list[tuple[str, str]] = []

    def run(self, seconds: float) -> Iterator[Cleared]:
        for _ in range(int(seconds * 1_000 / TICK_MS)):
            self.now += TICK_MS
            cleared = self.controller.step(self.now, self.now + self.clock_ms)
            if not self.shown or self.shown[-1][1] != cleared.aspects:
                self.shown.append((self.now, cleared.aspects))
            self.events += self.controller.events()
            yield cleared

    def go(self, seconds: float) -> None:
        for _ in self.run(seconds):
            pass

    def until_stage(self, stage: int, *, reached: bool = True) -> None:
        for _ in self.run(300):
            view = self.controller.view()
            if view.stage == stage and (view.reached or not reached):
                return
        raise AssertionError(f"stage {stage} never came")

    def refusals(self) -> list[tuple[str, str]]:
        return [told for told in self.events if told[0] in ("refused", "fallback")]


def started(**how: object) -> Street:
    street = Street(Controller(crossing(**how)))  # type: ignore[arg-type]
    street.go(20)
    return street


def words(aspects: bytes) -> str:
    return " ".join(Aspect(aspect).name for aspect in aspects)


def test_it_starts_flashing_then_yellow_then_red_then_in_its_first_stage() -> None:
    street = Street(Controller(crossing()))
    street.go(30)
    assert [words(aspects) for _, aspects in street.shown[:6]] == [
        "FLASH FLASH FLASH DARK",
        "YELLOW YELLOW YELLOW RED",
        "RED RED RED RED",
        "RED RED YIELD RED",
        "RED_YELLOW RED YIELD RED",
        "GREEN RED YIELD RED",
    ]
    times = [at for at, _ in street.shown]
    assert times[2] - times[1] == 3_000
    assert times[3] - times[2] == 3_000


def test_its_interstages_are_those_that_the_matrices_say() -> None:
    model = crossing()
    way = interstage(model, 0, 1)
    assert way.ends == (MAIN,)
    assert way.starts == {TURN: 4_500, WALK: 6_000}
    assert way.length_ms == 6_000
    back = interstage(model, 2, 0)
    assert back.starts == {MAIN: 8_000, TURN: 5_000}, "the walkers' clearance is the longest"
    assert [at for at, _ in back.steps] == [0, 3_000, 5_000, 7_000, 8_000]
    assert back.steps[-1][1] == model.stages[0].aspects


def test_what_it_shows_is_what_its_interstages_say() -> None:
    street = started()
    street.until_stage(2, reached=False)
    begun = street.now
    del street.shown[:]
    street.go(10)
    way = interstage(street.controller.model, 1, 2)
    for at, aspects in way.steps:
        shown = [was for when, was in street.shown if when <= begun + at]
        if shown:
            assert shown[-1] == bytes(aspects), at


def test_every_stage_of_every_plan_comes_and_the_interlock_refuses_nothing() -> None:
    for number in (1, 2):
        street = started()
        assert street.controller.set_plan(number) == ""
        seen = set()
        for _ in street.run(300):
            view = street.controller.view()
            if view.reached:
                seen.add((view.plan, view.step))
        plan = street.controller.model.plan(number)
        assert plan is not None
        assert {(number, step) for step in range(len(plan.steps))} <= seen
        assert street.refusals() == []


def test_a_coordinated_plan_keeps_to_the_clock_whenever_it_started() -> None:
    for offset_ms, clock_ms in ((0, 0), (20_000, 0), (0, 55_500), (70_000, 1_000_000_000_500)):
        street = Street(Controller(crossing(offset_ms=offset_ms)), clock_ms=clock_ms)
        street.go(200)
        street.until_stage(0)
        street.until_stage(1, reached=False)
        position = (street.now + clock_ms - offset_ms) % 80_000
        assert abs(position - 35_000) <= TICK_MS, (offset_ms, clock_ms, position)
        assert street.refusals() == []


def test_it_is_back_in_step_two_cycles_after_the_coordination_clock_jumped() -> None:
    street = started()
    for jump_ms in (-39_000, 7_000, 33_000, 3_600_000 + 11_000):
        street.clock_ms += jump_ms
        street.go(160)
        street.until_stage(0)
        street.until_stage(1, reached=False)
        position = (street.now + street.clock_ms) % 80_000
        assert abs(position - 35_000) <= TICK_MS, (jump_ms, position)
    assert street.refusals() == []


def test_a_stage_that_nobody_calls_for_is_left_out_and_a_silent_detector_calls() -> None:
    street = started(demand=True)
    street.until_stage(0)

    def stages(seconds: int, occupied: bool | None) -> set[int]:
        found = set()
        for _ in street.run(seconds):
            street.controller.hear("loop_turn", occupied)
            street.controller.hear("loop_main", False)
            found.add(street.controller.view().stage)
        return found

    stages(160, occupied=False)
    assert 1 not in stages(160, occupied=False)
    assert 1 in stages(160, occupied=True)
    stages(80, occupied=False)
    assert 1 in stages(160, occupied=None)
    assert street.refusals() == []


def test_a_stage_is_extended_while_somebody_comes_but_not_for_ever() -> None:
    ends = {}
    for comes in (False, True):
        street = started(demand=True)
        street.until_stage(2, reached=False)
        street.until_stage(0)
        while street.controller.view().stage == 0:
            street.go(0.5)
            street.controller.hear("loop_main", comes)
            street.controller.hear("loop_turn", True)
        ends[comes] = street.now % 80_000
    assert ends[False] == 35_000
    assert ends[True] == 43_000, "eight seconds is what the plan allows"


def test_it_stops_in_order_flashes_and_starts_again() -> None:
    street = started()
    street.until_stage(0)
    del street.shown[:]
    assert street.controller.set_mode(Mode.YELLOW_FLASH) == ""
    street.go(40)
    assert words(street.shown[-1][1]) == "FLASH FLASH FLASH DARK"
    assert words(street.shown[-2][1]) == "RED RED RED RED"
    assert "YELLOW RED RED RED" in [words(aspects) for _, aspects in street.shown]
    street.controller.set_mode(Mode.DARK)
    street.go(2)
    assert words(street.shown[-1][1]) == "DARK DARK DARK DARK"
    street.controller.set_mode(Mode.NORMAL)
    street.go(60)
    assert "YELLOW YELLOW YELLOW RED" in [words(aspects) for _, aspects in street.shown[-20:]]
    assert not street.controller.view().starting
    assert street.refusals() == []


def test_in_local_mode_the_centre_is_refused_and_what_was_granted_ends() -> None:
    street = started()
    street.until_stage(0)
    assert street.controller.hold("bus", 10_000).granted
    street.controller.set_local(True)
    assert street.controller.view().granted == ""
    assert "local mode" in street.controller.set_plan(2)
    assert "local mode" in street.controller.set_mode(Mode.DARK)
    assert not street.controller.hold("bus", 10_000).granted
    street.controller.set_local(False)
    assert street.controller.set_plan(2) == ""


def test_after_a_trip_it_flashes_until_a_person_resets_it() -> None:
    street = started()
    street.controller.trip("two that conflict were green")
    street.go(120)
    assert words(street.shown[-1][1]) == "FLASH FLASH FLASH DARK"
    assert not street.controller.hold("bus", 5_000).granted
    street.controller.reset()
    street.go(30)
    assert not street.controller.view().starting


def test_a_restart_in_mid_stage_begins_with_flashing() -> None:
    street = started()
    street.until_stage(2)
    street.controller.restart()
    del street.shown[:]
    street.go(40)
    assert words(street.shown[0][1]) == "FLASH FLASH FLASH DARK"
    assert words(street.shown[1][1]) == "YELLOW YELLOW YELLOW RED"
    assert street.refusals() == []


def test_a_clock_that_jumps_makes_signals_wait_longer_and_never_shorter() -> None:
    street = started()
    street.until_stage(2, reached=False)
    begun = street.now
    street.now += 3_600_000
    street.go(0.5)
    assert street.controller.view().aspects[SIDE] == Aspect.RED
    street.now -= 7_200_000
    street.go(1)
    assert street.controller.view().aspects[SIDE] == Aspect.RED
    assert begun
    street.go(400)
    assert street.refusals() == []
    assert not street.controller.view().starting


def test_lamps_that_do_not_show_what_was_written_make_it_flash() -> None:
    street = started()
    street.until_stage(0)
    wrong = bytes((Aspect.GREEN, Aspect.GREEN, Aspect.YIELD, Aspect.RED))
    street.controller.step(street.now + TICK_MS, street.now, wrong)
    cleared = street.controller.step(street.now + 2 * TICK_MS, street.now, wrong)
    assert words(cleared.aspects) == "FLASH FLASH FLASH DARK"


# Priority ----------------------------------------------------------------------------------


def green_end(street: Street, group: int) -> int:
    while street.controller.view().aspects[group] in (Aspect.GREEN, Aspect.YIELD):
        street.go(0.5)
    return street.now


def test_a_hold_makes_green_longer_up_to_its_maximum_and_ends_by_itself() -> None:
    street = started()
    street.until_stage(1)
    street.until_stage(0)
    street.until_stage(0)
    planned = street.now + street.controller.view().planned_left_ms
    answer = street.controller.hold("bus-7", planned - street.now + 9_000)
    assert answer.granted
    assert answer.ms == planned - street.now + 9_000
    assert street.controller.view().granted == "bus-7"
    assert green_end(street, MAIN) == planned + 9_000
    assert street.controller.view().granted == ""
    street.until_stage(0)
    assert street.controller.hold("bus-8", 3_600_000).ms <= 60_000
    since = street.now
    assert green_end(street, MAIN) - since <= 60_000
    assert street.refusals() == []


def test_a_hold_never_makes_the_others_wait_longer_than_two_minutes() -> None:
    street = started()
    last_green = dict.fromkeys((SIDE, WALK), street.now)
    longest = 0
    for _ in street.run(1_200):
        street.controller.hold("greedy", 120_000)
        for group in last_green:
            if street.controller.view().aspects[group] == Aspect.GREEN:
                last_green[group] = street.now
            longest = max(longest, street.now - last_green[group])
    assert 60_000 < longest <= 120_000


def test_early_green_comes_sooner_and_cuts_no_minimum_green() -> None:
    street = started()
    street.until_stage(1)
    said = street.controller.next_green(MAIN)
    assert not said.now
    assert said.earliest_ms < said.planned_ms
    assert street.controller.early("bus", 0, 60_000).granted
    begun = street.now
    for _ in street.run(100):
        if street.controller.view().aspects[MAIN] == Aspect.GREEN:
            break
    assert abs(street.now - begun - said.earliest_ms) <= 2 * TICK_MS
    assert street.refusals() == []
    assert street.controller.view().granted == ""


def test_an_inserted_stage_comes_next_stays_and_the_plan_goes_on_where_it_was() -> None:
    street = started()
    street.until_stage(0)
    step = street.controller.view().step
    answer = street.controller.insert("tram", 2, 8_000)
    assert answer.granted
    street.until_stage(2)
    assert street.controller.view().inserted
    begun = street.now
    street.until_stage(1, reached=False)
    assert 8_000 <= street.now - begun <= 8_000 + 2 * TICK_MS
    assert street.controller.view().step == step + 1
    assert street.refusals() == []


def test_one_is_granted_at_a_time_and_a_release_gives_it_up() -> None:
    street = started()
    street.until_stage(0)
    assert street.controller.early("bus", 2, 60_000).granted
    refused = street.controller.hold("tram", 5_000)
    assert "bus" in refused.reason
    assert not street.controller.release("tram")
    assert street.controller.release("bus")
    assert street.controller.hold("tram", 5_000).granted


def test_a_broker_that_is_gone_holds_nothing() -> None:
    street = started()
    street.until_stage(0)
    assert street.controller.early("bus", 2, 2_000).granted
    street.go(3)
    assert street.controller.view().granted == ""


def test_a_green_that_goes_on_through_two_stages_has_one_maximum_for_both() -> None:
    street = started()
    street.until_stage(1)
    assert street.controller.hold("tram", 60_000).granted
    before = [at for at, shown in street.shown if shown[WALK] != Aspect.GREEN]
    begun = next(at for at, _ in street.shown if at > before[-1])
    while street.controller.view().aspects[WALK] == Aspect.GREEN:
        street.controller.hold("tram", 60_000)
        street.go(0.5)
    assert street.controller.view().aspects[SIDE] == Aspect.YELLOW, "it went with the side road"
    assert street.now - begun <= 40_000
    assert street.refusals() == []
