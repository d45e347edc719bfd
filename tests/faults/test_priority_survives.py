"""Signals in the middle of a grant, and whoever asked for it is gone: nothing holds their green.

In virtual time both roles of RSMP stand back to back over the true signals; a naive judge looks at
all that the lamps have shown. The last tests do the same over real sockets and in real processes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from signal_link import SignalLink

#: A request of which nothing is heard ends within this: silence (30 s), and a look a second.
ENDS_WITHIN_S = 31.0
#: What was taken is given back within so many cycles; what cannot be is forgotten then.
CYCLES = 9


def goes_on(link: SignalLink) -> None:
    """See that all stages of the plan come again, that all is granted back, and in step."""
    for stage in (2, 3, 1):
        link.until(lambda stage=stage: link.signals.stage == stage)
    link.run_on(CYCLES * 80)
    link.until(lambda: link.signals.stage == 1)
    link.until(lambda: link.signals.stage == 0)
    assert abs(link.signals.cycle_s - 35) <= 0.5, "its plan is in step again"
    assert link.signals.signals.view().granted == ""


def kill_supervisor(link: SignalLink) -> None:
    link.cut()


def freeze_link(link: SignalLink) -> None:
    link.frozen = True


@pytest.mark.parametrize("happens", [kill_supervisor, freeze_link])
def test_a_grant_ends_by_itself_when_the_supervisor_or_the_link_is_gone(
    happens: Callable[[SignalLink], None],
) -> None:
    link = SignalLink()
    link.hold_main()
    happens(link)
    held = link.until(lambda: link.signals.stage != 1)
    assert held <= 25, "the green that was held, by the time of arrival and its doubt"
    assert link.until(lambda: link.phase("bus") == "stale") <= ENDS_WITHIN_S
    goes_on(link)
    link.never_unsafe()


@pytest.mark.parametrize("eta", [1, 60, 255])
def test_a_request_that_is_never_cancelled_ends_within_its_bound(eta: int) -> None:
    link = SignalLink()
    link.until(lambda: link.signals.stage == 1)
    link.ask("bus", group="main", eta=eta)
    assert link.until(lambda: link.phase("bus") in ("stale", "timeout")) <= ENDS_WITHIN_S
    goes_on(link)
    link.never_unsafe()


def test_a_vehicle_that_is_always_about_to_come_holds_no_green_for_ever() -> None:
    link = SignalLink()
    link.hold_main()
    begun = link.now.mono
    while link.phase("bus") == "activated":
        assert link.now.mono - begun < 100, "an active request lasts 90 s at most"
        link.ask("bus", "update", eta=10)
        link.run_on(2)
    assert link.phase("bus") == "stale"
    goes_on(link)
    link.never_unsafe()


def test_requests_again_and_again_leave_everybody_their_green() -> None:
    link = SignalLink()
    for number in range(60):
        link.ask(f"bus-{number}", group="main", eta=8)
        link.ask(f"tram-{number}", group="side", eta=15)
        link.run_on(9)
    assert link.signals.signals.view().plan == 1
    link.never_unsafe()


def test_a_site_that_restarts_in_mid_grant_knows_of_none_and_starts_up() -> None:
    link = SignalLink()
    link.hold_main()
    link.reborn()
    link.connect()
    link.run_on(1)
    assert (link.signals.starting, link.phase("bus")) == (True, "")
    link.ask("bus", "update", eta=5)
    link.run_on(30)
    assert link.phase("bus") == "", "an update of what nobody knows is refused"
    goes_on(link)
    link.never_unsafe()


def test_a_restart_that_is_commanded_in_mid_grant_ends_the_grant() -> None:
    link = SignalLink()
    link.hold_main()
    assert link.supervisor is not None
    restart = {"status": "True", "securityCode": "2222"}
    link.supervisor.command("TC", "M0004", restart, link.now, 5.0)
    link.run_on(0.5)
    assert (link.signals.starting, link.phase("bus")) == (True, "stale")
    link.run_on(30)
    goes_on(link)
    link.never_unsafe()


def test_of_two_requests_the_one_that_lives_is_served_and_the_dead_one_ends() -> None:
    link = SignalLink()
    link.hold_main("dead")
    link.ask("alive", group="main", eta=20)
    for eta in range(18, 0, -3):
        link.run_on(3)
        link.ask("alive", "update", eta=eta)
    link.ask("alive", "cancel")
    assert link.phase("alive") == "completed"
    assert link.until(lambda: link.phase("dead") == "stale") <= ENDS_WITHIN_S
    goes_on(link)
    link.never_unsafe()


def test_a_dead_request_does_not_keep_another_movement_waiting_for_long() -> None:
    link = SignalLink()
    link.hold_main("dead")
    link.ask("tram", group="side", eta=10)
    begun = link.now.mono
    while link.signals.groups()[1] not in "14":
        link.ask("tram", "update", eta=5)
        link.run_on(2)
        assert link.now.mono - begun < 60
    link.ask("tram", "cancel")
    assert link.phase("tram") == "completed"
    goes_on(link)
    link.never_unsafe()


def test_a_supervisor_that_comes_back_hears_what_became_of_the_request() -> None:
    link = SignalLink()
    link.hold_main()
    link.cut()
    link.run_on(10)
    link.connect()
    link.run_on(1)
    assert link.supervisor is not None
    link.supervisor.subscribe("TC", [("S0033", "status", 0.0)], link.now)
    link.run_on(40)
    assert link.told_phases("bus") == ["activated", "stale"]
    link.ask("next", group="side", eta=15)
    link.run_on(1)
    assert link.phase("next") in ("activated", "queued")
    goes_on(link)
    link.never_unsafe()


def test_a_link_that_comes_and_goes_all_the_time_changes_nothing_of_that() -> None:
    link = SignalLink()
    link.split = True
    for round_ in range(12):
        link.until(lambda: link.signals.stage == 1)
        if not link.ready:
            link.connect()
            link.run_on(1)
        link.ask(f"bus-{round_}", group="main", eta=10 + round_)
        link.run_on(3 + round_)
        link.cut()
    assert link.until(lambda: all(one.phase not in ("queued", "activated")
                                  for one in link.signals.priorities())) <= 91  # fmt: skip
    goes_on(link)
    link.never_unsafe()
