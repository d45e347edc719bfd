"""Devices go to their fail-safe once a loss, each after its own time, and leave it once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.islanding import PATIENCE_NS, Contact
from jacquemart.runtime.kernel.zone_loss import Back, Enter, Lost, ZoneLoss

LOOK = 250_000_000
S = 10**9
DELAYS = st.frozensets(st.sampled_from([1 * S, 2 * S, 5 * S, 20 * S]), max_size=3)


@given(DELAYS, st.lists(st.booleans(), max_size=250))
def test_every_entry_lies_between_a_loss_and_its_end(
    delays: frozenset[int], heard: list[bool]
) -> None:
    loss, entered, lost, last = ZoneLoss(Contact(0)), set[int](), False, 0
    for at, word in enumerate(heard, 1):
        if word:
            loss.contact.heard()
            last = (at - 1) * LOOK
        now = at * LOOK
        for step in loss.look(now, delays):
            if isinstance(step, Lost):
                assert not lost
                lost = True
                assert now - last >= min((PATIENCE_NS, *delays))
            elif isinstance(step, Enter):
                assert lost
                assert step.delay_ns in delays - entered
                assert now - last >= step.delay_ns
                entered.add(step.delay_ns)
            else:
                assert isinstance(step, Back)
                assert lost
                lost, entered = False, set()
    silent = len(heard) * LOOK - last
    assert {delay for delay in delays if delay <= silent} <= entered or not delays


def test_who_waits_longer_goes_later() -> None:
    loss, found = ZoneLoss(Contact(0)), []
    for at in range(1, 90):
        found += [(at / 4, step) for step in loss.look(at * LOOK, {5 * S, 20 * S})]
    assert found == [(4.0, Lost()), (5.0, Enter(5 * S)), (20.0, Enter(20 * S))]
