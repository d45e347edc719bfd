"""Arbitration against a naive model, and against a field that knows who has moved it."""

from __future__ import annotations

from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from jacquemart.runtime.kernel.arbitration import Arbitration
from jacquemart.runtime.kernel.standing import Refusal, Switch
from jacquemart.runtime.model.claim import HOLD, LOCKOUT, RESERVE, Claim

S = 1_000_000_000
MIN_S = 30
POINT = "setpoint"
WHO = st.sampled_from(["ann", "bob", "cat"])
SLOTS = st.sampled_from([1, 2, 4, 5, 7, 8, 12, 16])
VALUES = st.sampled_from([0.0, 40.0, 80.0])
LEASES = st.sampled_from([0, 5, 20, 100])


class Model:
    """What stands, as a heap of rows that somebody reads from the strongest to the weakest."""

    def __init__(self) -> None:
        self.holds: dict[int, tuple[str, float, float]] = {}
        self.over: tuple[int, str, float] | None = None
        self.setpoint: float | None = None
        self.lock: tuple[str, float] | None = None
        self.reserved: tuple[str, int, float] | None = None

    def forget(self, now: float) -> None:
        self.holds = {slot: row for slot, row in self.holds.items() if row[2] > now}
        if self.lock is not None and self.lock[1] <= now:
            self.lock = None
        if self.reserved is not None and self.reserved[2] <= now:
            self.reserved = None
        if not self.holds:
            self.over = None

    def strongest(self) -> tuple[int, float | None]:
        rows = [(slot, row[1]) for slot, row in self.holds.items()]
        if self.over is not None:
            rows.append((self.over[0], self.over[2]))
        return min(rows, default=(17, self.setpoint))

    def refuses_all(self, who: str, priority: int) -> bool:
        if priority <= 2:
            return False
        return self.lock is not None or (self.reserved is not None and self.reserved[0] != who)

    def refuses_set(self, who: str, priority: int) -> bool:
        if self.refuses_all(who, priority):
            return True
        rows = [(slot, owner) for slot, (owner, _, _) in self.holds.items()]
        if any(slot < priority or (slot == priority and owner != who) for slot, owner in rows):
            return True
        return self.over is not None and self.over[0] < priority


class Machine(RuleBasedStateMachine):
    minimum_s = 0

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000 * S
        self.model = Model()
        self.names = count(1)
        self.kernel = Arbitration("lamp-1", lambda _: self.model.setpoint)
        self.field: float | None = None
        self.moved_ns = -(10**15)
        """When it was last switched on or off."""

    def until(self, lease: float) -> tuple[int, float]:
        return (0, float("inf")) if not lease else (self.now + int(lease * S), self.now + lease * S)

    def claim(self, verb: str, who: str, slot: int, value: float | None, lease: int) -> object:
        point = POINT if verb == HOLD else ""
        made = Claim(
            verb, "lamp-1", point, slot, value, who, "works", id=next(self.names).to_bytes(16)
        )
        return self.kernel.claim(made, self.until(lease)[0], self.now)

    def write(self, value: float, who: str, priority: int, own: bool) -> None:
        """Do as the writer does: a last look, then the field, then its proof."""
        model, key = self.model, object()
        assert not (priority > 2 and model.lock is not None), "it moves while somebody works there"
        if not own:
            assert not model.refuses_all(who, priority), "somebody else moves a reserved device"
        switched = self.field is None or (self.field != 0) != (value != 0)
        if switched and self.minimum_s and priority >= 6:
            assert self.now - self.moved_ns >= self.minimum_s * S, "switched too early"
        switch = None
        if switched and self.minimum_s:
            switch = Switch(value != 0, value, self.now + self.minimum_s * S)
        self.kernel.sent(POINT, value, key, switch)
        if switched:
            self.moved_ns = self.now
        self.field = value
        assert self.kernel.landed(POINT, key, took=True)

    def settle(self) -> None:
        self.model.forget(self.now)
        self.kernel.expire(self.now)
        for due in self.kernel.due(self.now):
            assert self.kernel.confirms(due.point, due.value, self.now) is None
            self.write(due.value, due.owner, due.slot, own=True)
        assert self.kernel.due(self.now) == []

    @rule(who=WHO, slot=SLOTS, value=VALUES, lease=LEASES)
    def hold(self, who: str, slot: int, value: float, lease: int) -> None:
        taken = self.model.holds.get(slot, (who, 0.0, 0.0))[0] != who
        reserved = self.model.reserved
        others = reserved is not None and reserved[0] != who and slot > 2
        found = self.claim(HOLD, who, slot, value, lease)
        assert isinstance(found, Refusal) == (taken or others)
        if not isinstance(found, Refusal):
            self.model.holds[slot] = (who, value, self.until(lease)[1])
            if self.model.over is not None and self.model.over[0] == slot:
                self.model.over = None
        self.settle()

    @rule(who=WHO, slot=SLOTS, priority=SLOTS)
    def release(self, who: str, slot: int, priority: int) -> None:
        row, over = self.model.holds.get(slot), self.model.over
        found = self.kernel.release(POINT, slot, who, priority)
        if row is not None:
            may = row[0] == who or priority < slot
            assert isinstance(found, Refusal) != may
            if may:
                del self.model.holds[slot]
        elif over is not None and over[0] == slot:
            may = over[1] == who or priority < slot
            assert isinstance(found, Refusal) != may
            if may:
                self.model.over = None
        else:
            assert found == ()
        self.settle()

    @rule(who=WHO, priority=SLOTS, value=VALUES)
    def set(self, who: str, priority: int, value: float) -> None:
        refused = self.model.refuses_set(who, priority)
        found = self.kernel.admits(POINT, who, priority, self.now, value)
        if self.minimum_s and not refused and found is not None:
            assert (found.slot, priority >= 6) == (6, True), "only a minimum time is in the way"
            refused = True
        assert (found is not None) == refused
        if refused:
            return
        self.write(value, who, priority, own=False)
        row = self.model.holds.get(priority)
        if row is not None and row[0] == who:
            assert self.kernel.was_set(POINT, value, who, priority)
            self.model.holds[priority] = (who, value, row[2])
        else:
            assert not self.kernel.was_set(POINT, value, who, priority)
            self.model.setpoint = value
            if self.model.holds:
                self.model.over = (priority, who, value)
        self.settle()

    @rule(who=WHO, lease=LEASES)
    def lock_out(self, who: str, lease: int) -> None:
        others = self.model.lock is not None and self.model.lock[0] != who
        assert isinstance(self.claim(LOCKOUT, who, 3, None, lease), Refusal) == others
        if not others:
            self.model.lock = (who, self.until(lease)[1])
        self.settle()

    @rule(who=WHO, slot=SLOTS, lease=LEASES)
    def reserve(self, who: str, slot: int, lease: int) -> None:
        others = self.model.reserved is not None and self.model.reserved[0] != who
        assert isinstance(self.claim(RESERVE, who, slot, None, lease), Refusal) == others
        if not others:
            self.model.reserved = (who, slot, self.until(lease)[1])
        self.settle()

    @rule(who=WHO, priority=SLOTS, locked=st.booleans())
    def release_device(self, who: str, priority: int, locked: bool) -> None:
        model = self.model
        found = self.kernel.release("", 3 if locked else 8, who, priority)
        standing = (model.lock and (model.lock[0], 3)) if locked else model.reserved
        if standing is not None:
            may = standing[0] == who or priority < standing[1]
            assert isinstance(found, Refusal) != may
            if may and locked:
                model.lock = None
            elif may:
                model.reserved = None
        self.settle()

    @rule(seconds=st.sampled_from([1, 4, 10, 40, 200]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * S
        self.settle()

    @invariant()
    def the_effective_value_is_that_of_the_strongest_live_hold(self) -> None:
        slot, wanted = self.model.strongest()
        if self.minimum_s and slot > 6:
            return  # the field's own check is ``switched too early``
        assert self.kernel.effective(POINT, self.now) == wanted

    @invariant()
    @precondition(lambda self: self.model.lock is None and self.model.reserved is None)
    def the_field_shows_it_when_nobody_is_in_the_way(self) -> None:
        slot, wanted = self.model.strongest()
        waits = self.minimum_s and slot > 6 and self.now - self.moved_ns < self.minimum_s * S
        if self.model.holds and not waits:
            assert self.field == wanted

    @invariant()
    def what_waits_for_time_alone_is_known(self) -> None:
        leases = [row[2] for row in self.model.holds.values() if row[2] != float("inf")]
        if leases:
            assert 0 < self.kernel.next_ns() <= min(leases)


class MinimumMachine(Machine):
    minimum_s = MIN_S


TestArbitration = Machine.TestCase
TestArbitration.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestMinimum = MinimumMachine.TestCase
TestMinimum.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
