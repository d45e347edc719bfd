"""Both roles back to back, over a link that splits, stalls and breaks, against a naive model.

The model is a street: alarms with three flags each, a plan, and what was told of them. Whatever
the link did, a supervisor that is connected again knows all of it, and missed no event.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rsmp_pair import Pair

from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.machine.site import SiteOptions
from jacquemart.drivers.rsmp.machine.supervisor import Aggregated, AlarmSeen, Answer, Seen
from jacquemart.drivers.rsmp.wire import stamp, versions

ALARMS = (("TC", "A0007"), ("TC", "A0010"), ("SG1", "A0202"), ("DL1", "A0301"))
alarms = st.sampled_from(ALARMS)


class BothRoles(RuleBasedStateMachine):
    @initialize(core=st.sampled_from(versions.CORE), split=st.booleans())
    def begin(self, core: str, split: bool) -> None:
        options = SiteOptions(
            SessionOptions(core=(core,), sxl=("1.2.1",)), buffered=frozenset({"S0014"})
        )
        self.pair = Pair((core,), site=options)
        self.pair.split = split
        self.active = dict.fromkeys(ALARMS, False)
        self.acknowledged = dict.fromkeys(ALARMS, True)
        self.suspended = dict.fromkeys(ALARMS, False)
        self.events: list[tuple[str, str, bool, str]] = []
        self.plan = 1
        self.orders: dict[int, int] = {}
        self.subscribed = False

    @property
    def calm(self) -> bool:
        """Whether they are connected, with nothing under way."""
        return self.pair.ready and not self.pair.frozen and not len(self.pair.site.backlog)

    # The link ------------------------------------------------------------------------------

    @precondition(lambda self: self.pair.supervisor is None)
    @rule()
    def connect(self) -> None:
        self.pair.frozen = False
        self.pair.connect()
        assert self.pair.ready, self.pair.closed

    @precondition(lambda self: self.pair.supervisor is not None)
    @rule()
    def cut(self) -> None:
        self.pair.cut()
        assert not self.pair.site.is_ready

    @precondition(lambda self: self.pair.supervisor is not None and not self.pair.frozen)
    @rule()
    def stall(self) -> None:
        self.pair.frozen = True

    @precondition(lambda self: self.pair.frozen)
    @rule()
    def go_on(self) -> None:
        self.pair.frozen = False
        self.pair.run()

    @rule(seconds=st.sampled_from([1.0, 5.0, 31.0, 65.0]))
    def wait(self, seconds: float) -> None:
        """A stalled link is given up by either side after 30 s at the latest."""
        self.pair.wait(seconds, 0.5)
        if self.pair.frozen and self.pair.supervisor is None:
            self.pair.frozen = False

    # The street ----------------------------------------------------------------------------

    @rule(alarm=alarms, times=st.integers(1, 3))
    def alarm_changes(self, alarm: tuple[str, str], times: int) -> None:
        for _ in range(times):
            active = self.active[alarm] = not self.active[alarm]
            if active:
                self.acknowledged[alarm] = False
            self.pair.wait(0.5)  # the moment when it happens is the next look at the street
            self.pair.tlc.raise_alarm(*alarm, active)
            at = stamp.to_text(self.pair.now.wall_ms)
            if not self.suspended[alarm]:
                self.events.append((*alarm, active, at))
            self.pair.wait(0.5)

    @precondition(lambda self: self.calm)
    @rule(alarm=alarms, what=st.sampled_from(["Acknowledge", "Suspend", "Resume", "Request"]))
    def operate(self, alarm: tuple[str, str], what: str) -> None:
        assert self.pair.supervisor is not None
        if not self.pair.supervisor.alarm(*alarm, what, self.pair.now):
            assert what == "Request"
            return
        if what == "Acknowledge":
            self.acknowledged[alarm] = True
        elif what != "Request":
            self.suspended[alarm] = what == "Suspend"
        self.pair.run()

    @precondition(lambda self: self.calm)
    @rule(plan=st.sampled_from([1, 2, 7]))
    def order(self, plan: int) -> None:
        assert self.pair.supervisor is not None
        values = {"status": "True", "securityCode": "2222", "timeplan": str(plan)}
        token = self.pair.supervisor.command("TC", "M0002", values, self.pair.now, 5.0)
        self.pair.run()
        (answer,) = [one for one in self.pair.of(Answer) if one.token == token][-1:]
        assert answer.refused == (plan == 7), answer
        if plan != 7:
            self.plan = plan

    @precondition(lambda self: self.calm and not self.subscribed)
    @rule()
    def subscribe(self) -> None:
        assert self.pair.supervisor is not None
        self.pair.supervisor.subscribe("TC", [("S0014", "status", 0.0)], self.pair.now)
        self.subscribed = True
        self.pair.run()

    # What must hold ------------------------------------------------------------------------

    @invariant()
    def nobody_ends_a_link_that_works(self) -> None:
        """Only a link that stalled is given up, and for that reason alone."""
        for reason in self.pair.closed:
            assert "acknowledgement" in reason or "watchdog" in reason or "not ready" in reason

    @invariant()
    def the_supervisor_knows_every_alarm(self) -> None:
        if not self.calm:
            return
        assert self.pair.supervisor is not None
        for alarm in ALARMS:
            known = self.pair.supervisor.alarms[alarm]
            assert known.suspended == self.suspended[alarm], alarm
            if not known.suspended:
                flags = (self.active[alarm], self.acknowledged[alarm])
                assert (known.active, known.acknowledged) == flags, alarm

    @invariant()
    def no_event_is_missed(self) -> None:
        if not self.calm or self.pair.site.session is None:
            return
        told = {
            (one.component, one.code, one.active, stamp.to_text(one.at_ms or 0))
            for one in self.pair.of(AlarmSeen)
            if one.cause == "issue"
        }
        missing = [event for event in self.events if event not in told]
        assert not missing, missing

    @invariant()
    def what_is_shown_of_the_site_is_what_it_is(self) -> None:
        if not self.calm:
            return
        bits = self.pair.of(Aggregated)[-1].bits
        assert bits == sum(1 << n for n, one in enumerate(self.pair.tlc.aggregated()) if one)
        seen = [one for one in self.pair.of(Seen) if one.values[0].quality == "recent"]
        if self.subscribed and seen and ("TC", "S0014", "status") in self.pair.site.subscriptions:
            value = self.pair.site.subscriptions._all["TC", "S0014", "status"].last
            told = [v.value for one in self.pair.of(Seen) for v in one.values if v.code == "S0014"]
            assert told[-1] == value

    def teardown(self) -> None:
        """In the end the link works again, and the plan that was ordered runs."""
        if not hasattr(self, "pair"):
            return
        self.pair.frozen = False
        self.pair.run()
        if self.pair.supervisor is None:
            self.pair.connect()
        self.pair.wait(90.0, 1.0)
        assert self.pair.ready
        assert self.pair.tlc.controller.plan == self.plan
        self.the_supervisor_knows_every_alarm()
        self.no_event_is_missed()
        assert not len(self.pair.site.backlog)


BothRoles.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestBothRoles = BothRoles.TestCase
