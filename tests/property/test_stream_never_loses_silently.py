"""Whatever a stream loses, its follower knows at the latest at the next message or heartbeat."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.stream import Pulse, Step, TopicFollower

# What happens: a message is published and delivered, or published and lost, a heartbeat is
# delivered, the publisher restarts with a higher epoch, a snapshot that was asked for arrives.
HAPPENINGS = st.lists(
    st.sampled_from(["deliver", "lose", "heartbeat", "restart", "snapshot"]), max_size=80
)


class Publisher:
    def __init__(self) -> None:
        self.epoch = 1
        self.sequence = 0


@given(HAPPENINGS)
def test_a_follower_that_says_it_is_synchronised_has_missed_nothing(happenings: list[str]) -> None:
    publisher = Publisher()
    follower = TopicFollower()
    held: list[tuple[int, int]] = []
    seen = (0, 0)  # the position that the follower's user has applied up to
    for happening in [*happenings, "heartbeat"]:
        if happening == "restart":
            publisher.epoch += 1
            publisher.sequence = 0
            continue
        if happening == "lose":
            publisher.sequence += 1
            continue
        if happening == "snapshot":
            if not follower.asking:
                continue
            if follower.snapshot(publisher.epoch, publisher.sequence):
                seen = (publisher.epoch, publisher.sequence)
                waiting, held = held, []
                for epoch, sequence in waiting:
                    if follower.message(epoch, sequence) is Step.APPLY:
                        seen = (epoch, sequence)
            continue
        if happening == "heartbeat":
            step = follower.heartbeat(publisher.epoch, publisher.sequence)
        else:
            publisher.sequence += 1
            step = follower.message(publisher.epoch, publisher.sequence)
        if step is Step.APPLY:
            assert (publisher.epoch, publisher.sequence) == (seen[0], seen[1] + 1)
            seen = (publisher.epoch, publisher.sequence)
        elif step in (Step.HOLD, Step.RESYNC) and happening == "deliver":
            held.append((publisher.epoch, publisher.sequence))
        if follower.synchronised:
            assert seen == (publisher.epoch, publisher.sequence)


@given(st.integers(1, 50), st.integers(1, 50))
def test_a_gap_is_known_at_the_next_heartbeat(applied: int, lost: int) -> None:
    follower = TopicFollower()
    assert follower.snapshot(1, applied)
    assert follower.heartbeat(1, applied) is Step.DROP
    assert follower.heartbeat(1, applied + lost) is Step.RESYNC
    assert not follower.synchronised
    assert follower.gaps == 1


@given(st.integers(2, 9), st.integers(0, 9))
def test_nothing_of_an_old_epoch_is_ever_applied(epoch: int, sequence: int) -> None:
    follower = TopicFollower()
    follower.snapshot(epoch, sequence)
    assert follower.message(epoch - 1, sequence + 1) is Step.DROP
    assert follower.heartbeat(epoch - 1, sequence + 5) is Step.DROP
    assert not follower.snapshot(epoch - 1, 99)
    assert follower.synchronised


@given(st.lists(st.integers(0, 3), min_size=4, max_size=60))
def test_never_more_than_a_heartbeat_passes_between_two_things_said(messages: list[int]) -> None:
    # messages[n] of them fall between tick n and the next; a heartbeat is two ticks.
    pulse, silent, beats = Pulse(), 0, 0
    for number in messages:
        for _ in range(number):
            pulse.spoke()
            silent = 0
        silent += 1
        if pulse.due():
            silent = 0
            beats += 1
        assert silent < 2
    assert beats <= 1 + len(messages) // 2, "an idle topic says one thing a heartbeat"
