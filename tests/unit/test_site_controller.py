"""Real signals behind an RSMP site: modes, plans, priority, detectors, and what latches."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from signal_samples import crossing
from site_street import SiteStreet

from jacquemart.drivers.rsmp.machine.session import Moment
from jacquemart.drivers.rsmp.site.controller import Mode
from jacquemart.drivers.rsmp.site.tlc import Tlc, TlcOptions
from jacquemart.traffic.outputs import RecordedLamps

GROUPS = ("main", "side", "turn", "walk")
FLASH = bytes((6, 6, 6, 0))


def street(**how: object) -> SiteStreet:
    return SiteStreet(crossing(**how)).started()  # type: ignore[arg-type]


def test_it_starts_flashing_then_yellow_then_red_and_says_so_in_letters() -> None:
    here = SiteStreet(crossing())
    seen: list[str] = []
    while here.site.starting or not seen:
        here.step()
        if seen[-1:] != [here.site.groups()]:
            seen.append(here.site.groups())
    assert seen[:3] == ["cccb", "fffg", "gggg"]
    assert here.site.mode is Mode.NORMAL
    here.until(lambda: here.site.stage == 1)
    assert here.site.groups() == "1B1B"
    here.go(9)
    assert here.site.groups() == "4B4B"
    assert here.site.plans == {1: 80, 2: 60}
    assert (here.site.plan, here.site.commanded, here.site.fault) == (1, False, "")
    assert here.site.cycle_s == here.now_ms / 1_000 % 80
    assert here.unsafe() == []


def test_a_plan_comes_with_the_next_change_of_stage_and_none_chooses_the_first() -> None:
    here = street()
    here.at_stage(1)
    assert here.site.set_plan(2) == ""
    here.go(1)
    assert (here.site.plan, here.site.commanded) == (1, True)
    here.at_stage(2 + 1)
    here.until(lambda: here.site.plan == 2)
    assert "there is no plan 9" in here.site.set_plan(9)
    assert here.site.set_plan(None) == ""
    here.until(lambda: here.site.plan == 1)
    assert not here.site.commanded
    assert here.unsafe() == []


def test_flash_and_dark_come_in_order_and_normal_comes_back_by_the_start_up() -> None:
    here = street()
    here.at_stage(1)
    assert here.site.set_mode(Mode.YELLOW_FLASH) == ""
    here.go(0.5)
    assert here.site.mode is Mode.NORMAL, "green is not cut below its minimum"
    here.until(lambda: here.site.mode is Mode.YELLOW_FLASH)
    assert here.lamps.shown == FLASH
    assert here.lamps.history[-2][1] == bytes((1, 1, 1, 1))
    assert here.site.set_mode(Mode.DARK) == ""
    here.go(0.2)
    assert (here.site.mode, here.site.groups()) == (Mode.DARK, "bbbb")
    assert here.site.set_mode(Mode.NORMAL) == ""
    here.go(0.2)
    assert here.site.starting
    here.started()
    assert here.unsafe() == []


def test_a_bus_gets_a_longer_green_and_is_told_by_how_much() -> None:
    here = street()
    here.go(160)
    here.at_stage(1)
    here.until(lambda: here.site.cycle_s > 28)
    assert here.ask("bus", group="main", eta=12) == ""
    assert here.phase("bus") == "activated"
    assert here.site.stage == 1
    here.until(lambda: here.site.cycle_s > 39)
    assert here.site.stage == 1, "the plan alone ends it at 35"
    assert here.ask("bus", "cancel") == ""
    done = here.request("bus")
    assert done is not None
    assert (done.phase, done.reduction_s) == ("completed", 0)
    assert done.extension_s is not None
    assert 3 <= done.extension_s <= 5
    here.go(59)
    assert here.phase("bus") == "completed"
    here.go(2)
    assert here.phase("bus") == "", "ends are told for a minute"
    assert here.unsafe() == []


def test_a_bus_at_red_is_told_by_how_much_that_was_made_shorter() -> None:
    here = street()
    here.go(160)
    here.at_stage(1)
    here.go(5)
    assert here.ask("tram", group="side", eta=25, level=4) == ""
    here.until(lambda: here.site.groups()[1] in "14", 60)
    here.ask("tram", "cancel")
    done = here.request("tram")
    assert done is not None
    assert done.reduction_s is not None
    assert done.reduction_s >= 5
    assert here.unsafe() == []


def test_requests_that_cannot_be_are_refused_or_rejected_and_say_why() -> None:
    here = SiteStreet(crossing())
    assert "has not begun" in here.ask("early", group="main")
    here.started()
    assert here.ask("a", group="main", eta=10) == ""
    assert "under way" in here.ask("a", group="main", eta=10)
    assert "no request" in here.ask("b", "update")
    assert "allowed: 0 to 14" in here.ask("c", group="main", level=15)
    assert here.ask("d", group="nowhere") == ""
    assert here.phase("d") == "rejected"
    assert here.ask("x" * 200, group="main") != ""


def test_groups_are_known_by_the_names_of_their_components_too() -> None:
    here = SiteStreet(crossing(), components=("SG1", "SG2", "SG3", "SG4")).started()
    assert here.ask("a", group="SG2", eta=20) == ""
    assert here.phase("a") in ("activated", "queued")
    assert here.ask("b", group="side", eta=20) == ""
    assert here.phase("b") in ("activated", "queued")


def test_when_the_plan_changes_in_mid_grant_the_request_ends_and_the_next_is_served() -> None:
    here = street()
    here.at_stage(1)
    assert here.ask("bus", group="main", eta=100) == ""
    here.site.set_plan(2)
    here.until(lambda: here.site.plan == 2)
    here.go(0.2)
    assert here.phase("bus") in ("stale", "timeout")
    assert here.ask("next", group="main", eta=10) == ""
    assert here.phase("next") == "activated"
    assert here.unsafe() == []


def test_a_detector_is_as_it_is_forced_until_it_is_not() -> None:
    here = SiteStreet(crossing(demand=True)).started()

    def stages(seconds: int) -> set[int]:
        found = set()
        for _ in range(seconds):
            here.go(1)
            here.site.hear("loop_main", False)
            here.site.hear("loop_turn", False)
            found.add(here.site.stage)
        return found

    stages(100)
    assert 2 not in stages(160)
    here.site.force_detector(1, True)
    assert list(here.site.detectors) == [False, True]
    assert 2 in stages(160)
    here.site.force_detector(1, None)
    assert list(here.site.detectors) == [False, False]
    stages(80)
    assert 2 not in stages(160)
    here.go(11)
    assert set(here.site.alarms) == {("A0301", 0), ("A0301", 1)}, "they went silent"
    assert not here.site.hear("loop_nowhere", True)
    here.site.force_detector(7, True)
    assert here.unsafe() == []


class LyingLamps(RecordedLamps):
    """Lamps that show, from some moment on, something else than they are told to."""

    lie: Mapping[str, str] | None = None
    cut = False

    def read(self) -> Mapping[str, str] | None:
        read = super().read()
        return {**read, **self.lie} if read and self.lie and not self.cut else read

    def fail_safe(self, on: bool) -> None:
        self.cut = on
        super().fail_safe(on)


def lying() -> tuple[SiteStreet, LyingLamps]:
    lamps = LyingLamps(crossing())
    here = SiteStreet(crossing(), lamps).started()
    here.at_stage(1)
    here.go(10)
    return here, lamps


def test_within_300_ms_of_a_conflict_the_lamps_flash_and_stay_so_until_a_person_resets_them() -> (
    None
):
    here, lamps = lying()
    lamps.lie = {"side": "G"}
    begun = here.now_ms
    here.until(lambda: lamps.shown == FLASH, 1)
    assert here.now_ms - begun <= 300
    assert "main and side go at once" in here.site.fault
    assert here.site.groups() == "cccb"
    lamps.lie = None
    here.site.restart()
    here.go(120)
    assert lamps.shown == FLASH, "a restart resets nothing"
    assert "fail-safe" in here.site.set_mode(Mode.NORMAL)
    assert here.ask("bus", group="main", eta=5) == ""
    assert here.phase("bus") == "rejected"
    assert "go at once" in here.site.reset()
    assert here.site.reset() == "", "there is nothing more to reset"
    here.started()
    assert here.site.fault == ""
    assert here.unsafe() == []


@pytest.mark.parametrize("period_ms", [10, 50, 100])
def test_the_monitor_latches_with_the_first_reading_that_shows_it(period_ms: int) -> None:
    here, lamps = lying()
    lamps.lie = {"side": "G"}
    assert here.site.watch.look(here.now_ms + period_ms) != ""
    assert lamps.cut, "the lamps were cut off before the controller has heard of it"


def test_it_latches_too_when_the_controller_is_stuck_and_when_the_lamps_cannot_be_read() -> None:
    here, lamps = lying()
    lamps.read = lambda: None  # type: ignore[method-assign]
    begun = here.now_ms
    while not here.site.watch.fault:
        begun_look = here.now_ms = here.now_ms + 50
        here.site.watch.look(begun_look)
    assert here.now_ms - begun <= 300
    assert lamps.shown == FLASH, "nobody stepped the controller"


def test_d9_a_green_that_is_stuck_makes_all_flash_when_somebody_else_shall_go() -> None:
    here, lamps = lying()
    here.at_stage(0)
    lamps.lie = {"main": "G"}
    here.until(lambda: here.site.watch.fault != "", 120)
    assert "main" in here.site.fault
    here.go(0.5)
    assert lamps.shown == FLASH
    assert here.unsafe() == []


def test_a_reset_before_the_controller_heard_of_the_fault_lets_nothing_jump_to_green() -> None:
    here, lamps = lying()
    lamps.lie = {"side": "G"}
    assert here.site.watch.look(here.now_ms + 50) != ""
    lamps.lie = None
    assert here.site.reset() != ""
    here.go(0.5)
    assert lamps.shown == FLASH
    here.started()
    assert here.unsafe() == []


def test_a_lamp_that_is_out_is_told_by_its_group() -> None:
    here, lamps = lying()
    lamps.lie = {"walk": "G"}  # beside main: it would be a conflict, so the monitor has it as well
    here.go(0.3)
    assert ("A0006", 0) in here.site.alarms
    here, lamps = lying()
    lamps.lie = {"turn": "G"}
    lamps.lie = {"side": "r"}  # red-yellow beside red: no conflict, and not what was written
    here.go(2.5)
    assert ("A0201", 1) in here.site.alarms


def test_a_site_tells_a_latched_fault_as_rsmp_has_it() -> None:
    here, lamps = lying()
    options = TlcOptions("S1", "TC", GROUPS)
    now = Moment(here.now_ms / 1_000, 1_700_000_000_000)
    tlc = Tlc(options, here.site, now)

    def read(code: str, name: str) -> str:
        return str(tlc.read("TC", code, name))

    def step() -> None:
        here.now_ms += 100
        here.site.watch.look(here.now_ms)
        tlc.step(Moment(here.now_ms / 1_000, 1_700_000_000_000 + here.now_ms))

    step()
    assert (read("S0011", "status"), read("S0020", "controlmode")) == ("False", "control")
    lamps.lie = {"side": "G"}
    for _ in range(3):
        step()
    assert (read("S0011", "status"), read("S0020", "controlmode")) == ("True", "failure")
    assert ("TC", "A0006", True) in tlc.issued
    assert tlc.aggregated()[2], "a fault of high priority"
    lamps.lie = None
    here.site.reset()
    for _ in range(3):
        step()
    assert ("TC", "A0006", False) in tlc.issued
    assert read("S0005", "status") == "True"


def test_a_fault_that_was_latched_before_a_restart_still_is() -> None:
    here = SiteStreet(crossing(), fault="main and side go at once")
    here.go(60)
    assert here.lamps.shown == FLASH
    assert here.site.fault == "main and side go at once"
    here.site.reset()
    here.started()
