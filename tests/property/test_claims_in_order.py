"""Claims of one device, whose ends the journal learns in any order: the device's own order counts.

The device is the kernel that arbitrates in its actor; it does what is accepted, one after the
other. What it says of that, the end of each command and of each claim that is no more, comes to
the journal late, and in another order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.kernel.arbitration import Arbitration
from jacquemart.runtime.kernel.standing import Ended, Refusal
from jacquemart.runtime.kernel.zone_state import ZoneState
from jacquemart.runtime.model.claim import HOLD, LOCKOUT, NEVER_PREEMPTED, RELEASE, RESERVE, Claim
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.model.record import Record, RecordKind

NOW = 10**12
SENT = [1, 2, 3, 4]
NEVER_SENT = [1, 0, 0, 4]


class Asked(NamedTuple):
    """A claim or release."""

    verb: str
    who: str
    priority: int
    slot: int
    """That a release clears."""
    grace_ms: int
    late: int
    """How many commands later its end becomes known."""
    later: int
    """How many after that the end of what it has ended does."""
    lost: bool
    """It never comes to the device."""


SLOTS = st.sampled_from([5, 8])
ASKED = st.builds(
    Asked, st.sampled_from([HOLD, HOLD, RESERVE, LOCKOUT, RELEASE, RELEASE]),
    st.sampled_from(["ann", "bob"]), SLOTS, st.sampled_from([3, 5, 8]),
    st.sampled_from([NEVER_PREEMPTED, 60_000]), st.integers(0, 4), st.integers(0, 4),
    st.sampled_from([False, False, True]),
)  # fmt: skip


class World:
    """A device, and what is told of it to a journal."""

    def __init__(self) -> None:
        self.device = Arbitration("lamp-1", lambda _: None)
        self.bodies: list[dict[str, Any]] = []
        self.told: list[tuple[float, RecordKind, dict[str, Any]]] = []
        """When (in commands), and the record."""

    def ask(self, at: int, asked: Asked, *, whole: bool) -> None:
        priority = 3 if asked.verb == LOCKOUT else asked.priority
        point = "level" if asked.verb == HOLD or (asked.verb == RELEASE and not whole) else ""
        about = {"id": (at + 1).to_bytes(16, "big"), "principal": asked.who}
        self.bodies.append({
            **about, "device": "lamp-1", "verb": asked.verb, "point": point, "priority": priority,
            "value": {RELEASE: asked.slot, HOLD: 1.0}.get(asked.verb), "grace_ms": asked.grace_ms,
            "deadline_ns": 0, "boot_ns": NOW, "lease_ms": 0,
        })  # fmt: skip
        end: dict[str, Any] = {**about, "status": Status.APPLIED, "reason": "ok", "stages": SENT}
        ended: tuple[Ended, ...] = ()
        if asked.lost:
            end |= {"status": Status.INDETERMINATE, "stages": NEVER_SENT}
        elif asked.verb == RELEASE:
            found = self.device.release(point, asked.slot, asked.who, priority)
            if isinstance(found, Refusal):
                end |= {"status": Status.REJECTED, "reason": Reason.HELD}
            else:
                ended = found
        else:
            claim = Claim(
                asked.verb, "lamp-1", point, priority, 1.0 if point else None, asked.who,
                "", grace_ms=asked.grace_ms, id=about["id"],
            )  # fmt: skip
            granted = self.device.claim(claim, 0, NOW)
            if isinstance(granted, Refusal):
                end |= {"status": Status.REJECTED, "reason": Reason.HELD}
            else:
                ended = granted.ended
                if granted.behind is not None:
                    end |= {"status": Status.SUPERSEDED, "reason": Reason.OUTRANKED}
        self.told.append((at + 0.25 + asked.late, RecordKind.ENDED, end))
        for one in ended:
            gone = {
                "device": "lamp-1", "point": one.claim.point, "slot": one.claim.slot,
                "owner": one.claim.owner, "why": one.why, "id": one.claim.id,
            }  # fmt: skip
            self.told.append((at + 0.5 + asked.later, RecordKind.CLAIM_ENDED, gone))

    def journal(self, cut: int) -> ZoneState:
        """Return what a journal says that has it all, over a snapshot after ``cut`` records."""
        rows = [(float(at), RecordKind.ACCEPTED, body) for at, body in enumerate(self.bodies)]
        rows = sorted(rows + self.told, key=lambda row: row[0])
        state = ZoneState()
        for number, (_, kind, body) in enumerate(rows, 1):
            state.apply(Record(number, 1, number, kind, body))
            if number == cut:
                state = ZoneState.unpack(state.pack())
        return state

    def standing(self) -> dict[bytes, Claim]:
        return {claim.id: claim for claim in self.device.claims()}


def played(story: list[tuple[Asked, bool]]) -> World:
    world = World()
    for at, (asked, whole) in enumerate(story):
        world.ask(at, asked, whole=whole)
    return world


STORIES = st.lists(st.tuples(ASKED, st.booleans()), max_size=8)
CUTS = st.integers(0, 24)


@given(STORIES, CUTS)
@settings(max_examples=200, deadline=None)
def test_the_journal_has_what_the_device_has_however_late_it_learns_of_it(
    story: list[tuple[Asked, bool]], cut: int
) -> None:
    world = played([(asked._replace(lost=False), whole) for asked, whole in story])
    state = world.journal(cut)
    assert state.commands.running == {}
    found = {claim.id for claim in state.claims.get("lamp-1", ())}
    assert found == set(world.standing())


@given(STORIES, CUTS)
@settings(max_examples=200, deadline=None)
def test_what_nobody_knows_the_end_of_takes_nothing_but_what_its_owner_may(
    story: list[tuple[Asked, bool]], cut: int
) -> None:
    world = played(story)
    found = {claim.id for claim in world.journal(cut).claims.get("lamp-1", ())}
    lost = [body for (asked, _), body in zip(story, world.bodies, strict=True) if asked.lost]
    for id, claim in world.standing().items():
        newer = [
            body
            for body in lost
            if body["id"] > id
            and body["point"] == claim.point
            and (body["verb"] == RELEASE or body["principal"] == claim.owner)
        ]
        assert id in found or newer, f"{claim} was granted, and the journal does not have it"
