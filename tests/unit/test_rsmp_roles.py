"""What the two roles of RSMP say to each other, and in which order."""

from __future__ import annotations

import pytest
from rsmp_pair import Pair

from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.machine.supervisor import Aggregated, AlarmSeen, Answer, Seen
from jacquemart.drivers.rsmp.wire import versions

HANDSHAKE = [
    ("site", "Version"), ("supervisor", "MessageAck"), ("supervisor", "Version"),
    ("site", "MessageAck"), ("site", "Watchdog"), ("supervisor", "MessageAck"),
    ("supervisor", "Watchdog"), ("site", "MessageAck"), ("site", "AggregatedStatus"),
]  # fmt: skip


def pair(*buffered: str, core: str = "3.2.2", backlog: int = 10_000) -> Pair:
    options = SiteOptions(
        SessionOptions(core=(core,), sxl=("1.2.1",)), frozenset(buffered), backlog
    )
    made = Pair((core,), site=options)
    made.connect()
    assert made.ready
    return made


def told(pair: Pair, code: str = "S0014") -> list[tuple[str | None, str]]:
    return [
        (v.value, v.quality) for one in pair.of(Seen) for v in one.values if v.code == code
    ]  # fmt: skip


@pytest.mark.parametrize("core", versions.CORE)
def test_the_handshake_goes_in_the_order_of_the_standard(core: str) -> None:
    made = pair(core=core)
    sent = [(who, message["type"]) for who, message in made.sent]
    assert [one for one in sent if one[1] != "Alarm"][: len(HANDSHAKE)] == HANDSHAKE
    assert sent.index(("site", "Alarm")) == len(HANDSHAKE)
    assert made.types("site").count("Alarm") == len(made.tlc.alarms.all())
    assert made.site.session is not None
    assert made.site.session.core == core


def test_the_latest_common_version_is_chosen_by_both() -> None:
    options = SiteOptions(SessionOptions(core=("3.1.2", "3.1.5", "3.2.0"), sxl=("1.1.0",)))
    made = Pair(("3.1.4", "3.1.5", "3.2.2"), site=options)
    made.connect()
    assert made.supervisor is not None
    assert made.site.session is not None
    assert made.supervisor.session.core == made.site.session.core == "3.1.5"
    assert made.supervisor.session.sxl == "1.1.0"


def test_watchdogs_go_both_ways_once_a_minute() -> None:
    made = pair()
    made.wait(300.0)
    assert made.types("site").count("Watchdog") == made.types("supervisor").count("Watchdog") == 6
    assert made.ready


def test_what_was_sent_and_never_acknowledged_is_told_again_in_order() -> None:
    made = pair()
    made.frozen = True
    for active in (True, False, True):
        made.wait(1.0)
        made.tlc.raise_alarm("TC", "A0010", active)
    made.wait(1.0)
    made.cut()
    made.tlc.raise_alarm("TC", "A0010", False)
    made.wait(1.0)
    made.told.clear()
    made.frozen = False
    made.connect()
    door = [one for one in made.of(AlarmSeen) if one.code == "A0010"]
    assert [one.active for one in door] == [False, True, False, True], "the present state first"
    assert [one.buffered for one in door] == [False, True, True, True]
    times = [one.at_ms or 0 for one in door[1:]]
    assert times == sorted(times)
    assert len(made.site.backlog) == 0


def test_statuses_of_an_outage_are_told_as_old_and_only_if_they_are_buffered() -> None:
    made = pair("S0014")
    supervisor = made.supervisor
    assert supervisor is not None
    made.wait(20.0)
    rows = [("S0014", "status", 0.0), ("S0001", "stage", 0.0)]
    supervisor.subscribe("TC", rows, made.now)
    made.wait(1.0)
    made.cut()
    for plan in (2, 1, 2):
        made.tlc.controller.set_plan(plan)
        made.wait(40.0)
    made.told.clear()
    made.connect()
    assert told(made) == [("2", "old"), ("1", "old"), ("2", "old")]
    assert told(made, "S0001") == [], "a subscription that is not buffered ended"
    made.tlc.controller.set_plan(1)
    made.wait(40.0)
    assert told(made)[-1] == ("1", "recent"), "one that is buffered goes on"


def test_a_long_outage_keeps_the_newest_and_is_told_in_portions() -> None:
    made = pair(backlog=300)
    made.cut()
    for number in range(400):
        made.tlc.raise_alarm("TC", "A0010", number % 2 == 0)
        made.wait(0.5)
    assert made.site.backlog.lost >= 100
    assert len(made.site.backlog) == 300
    made.told.clear()
    made.connect()
    made.wait(1.0)
    assert len([one for one in made.of(AlarmSeen) if one.buffered]) >= 140
    assert len(made.site.backlog) == 0


def test_commands_are_never_kept_through_an_outage() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None
    made.frozen = True
    values = {"status": "True", "securityCode": "2222", "timeplan": "2"}
    supervisor.command("TC", "M0002", values, made.now, 5.0)
    made.wait(1.0)
    made.cut()
    made.frozen = False
    made.connect()
    made.wait(60.0)
    assert made.tlc.controller.plan == 1
    assert not made.of(Answer)


def test_a_subscription_tells_at_once_by_interval_and_by_change() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None
    made.wait(20.0)
    supervisor.subscribe("TC", [("S0014", "status", 5.0)], made.now)
    made.run()
    assert told(made) == [("1", "recent")]
    made.wait(11.0)
    assert told(made) == [("1", "recent")] * 3
    made.tlc.controller.set_plan(2)
    made.wait(20.0)
    assert ("2", "recent") in told(made)
    supervisor.subscribe("TC", [("S0014", "status", 5.0)], made.now)
    count = len(told(made))
    made.run()
    assert len(told(made)) == count, "a subscription that is active is not told anew"
    supervisor.unsubscribe("TC", [("S0014", "status")], made.now)
    made.wait(30.0)
    assert len(told(made)) == count


@pytest.mark.parametrize("core", ["3.1.2", "3.1.4"])
def test_before_3_1_5_an_interval_of_nothing_means_every_change(core: str) -> None:
    made = pair(core=core)
    assert made.supervisor is not None
    made.wait(20.0)
    made.supervisor.subscribe("TC", [("S0014", "status", 0.0)], made.now)
    made.run()
    made.tlc.controller.set_plan(2)
    made.wait(40.0)
    assert "sOc" not in made.last("StatusSubscribe")["sS"][0]
    assert told(made) == [("1", "recent"), ("2", "recent")]


def test_an_alarm_has_three_flags_that_are_independent() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None

    def flags() -> tuple[bool, bool, bool]:
        known = supervisor.alarms["DL1", "A0301"]
        return known.active, known.acknowledged, known.suspended

    def do(what: str) -> None:
        supervisor.alarm("DL1", "A0301", what, made.now)
        made.wait(1.0)

    assert flags() == (False, True, False)
    made.tlc.raise_alarm("DL1", "A0301", True)
    made.wait(1.0)
    assert flags() == (True, False, False)
    assert supervisor.alarms["DL1", "A0301"].values["type"] == "loop"
    do("Suspend")
    assert flags() == (True, False, True)
    count = len(made.of(AlarmSeen))
    made.tlc.raise_alarm("DL1", "A0301", False)
    made.wait(1.0)
    assert len(made.of(AlarmSeen)) == count, "a suspended alarm is not told"
    do("Acknowledge")
    assert flags() == (False, True, True)
    do("Resume")
    assert flags() == (False, True, False)
    do("Request")
    assert made.of(AlarmSeen)[-1].cause == "issue"


def test_the_aggregated_status_follows_the_alarms_and_is_told_when_it_changes() -> None:
    made = pair()
    assert [one.bits for one in made.of(Aggregated)] == [32]
    made.tlc.raise_alarm("TC", "A0010", True)
    made.wait(1.0)
    made.tlc.raise_alarm("TC", "A0001", True)
    made.wait(1.0)
    made.tlc.local = True
    made.wait(1.0)
    assert [one.bits for one in made.of(Aggregated)] == [32, 48, 56, 57]


def test_a_priority_goes_through_its_states_and_its_end_is_told_once() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None
    made.wait(20.0)
    supervisor.subscribe("TC", [("S0033", "status", 0.0)], made.now)
    ask = {"requestId": "r1", "type": "new", "level": "7", "signalGroupId": "SG1"}
    supervisor.command("TC", "M0022", ask, made.now, 5.0)
    made.wait(3.0)
    assert made.tlc.controller.groups()[0] in "14", "its green is held"
    made.wait(8.0)
    cancel = {"requestId": "r1", "type": "cancel", "level": "7"}
    supervisor.command("TC", "M0022", cancel, made.now, 5.0)
    made.wait(70.0)
    phases = [row[0]["s"] for row, _ in told(made, "S0033") if row]
    assert phases == ["received", "activated", "completed"]
    assert told(made, "S0033")[-1] == ([], "recent")


def test_a_plan_changes_through_yellow_and_all_red_and_never_cuts_a_green_short() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None
    green_since: dict[int, float] = {}
    before = ""
    for second in range(600):
        if second % 37 == 5:
            made.tlc.controller.set_plan(second % 2 + 1)
        made.wait(0.5)
        shown = made.tlc.controller.groups()
        green = [n for n, letter in enumerate(shown) if letter in "1234"]
        assert {n % 2 for n in green} != {0, 1}, f"{shown}: conflicting groups are green"
        for n, letter in enumerate(shown):
            was = before[n] if before else "B"
            if letter in "14" and was not in "14":
                assert was == "0", f"{was} to {letter}: green comes after red-yellow"
                green_since[n] = made.now.mono
            if was in "14" and letter not in "14":
                assert letter == "N", f"{was} to {letter}: green ends with yellow"
                assert made.now.mono - green_since[n] >= 6.0
        before = shown


def test_a_mode_returns_by_itself_after_its_minutes() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None
    values = {"status": "YellowFlash", "securityCode": "2222", "timeout": "2", "intersection": "0"}
    supervisor.command("TC", "M0001", values, made.now, 5.0)
    made.wait(1.0)
    assert made.tlc.controller.groups() == "cccc"
    made.wait(121.0)
    assert made.tlc.controller.groups() != "cccc"
    made.tlc.local = True
    supervisor.command("TC", "M0001", values, made.now, 5.0)
    made.run()
    assert made.of(Answer)[-1].error.startswith("in local mode")


def test_a_site_whose_clock_was_set_stamps_by_it() -> None:
    made = pair()
    supervisor = made.supervisor
    assert supervisor is not None
    parts = {"year": "2030", "month": "1", "day": "2", "hour": "3", "minute": "4", "second": "5"}
    supervisor.command("TC", "M0104", {"securityCode": "1111", **parts}, made.now, 5.0)
    made.wait(61.0)
    assert made.last("Watchdog")["wTs"].startswith(("2030-01-02T03:05", "2023"))
    dogs = [m["wTs"] for who, m in made.sent if who == "site" and m["type"] == "Watchdog"]
    assert dogs[-1].startswith("2030-01-02T03:0")
