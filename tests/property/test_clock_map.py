"""Another host's clock: what echoes tell is true, whatever the ways take and the clocks drift."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.kernel.clock_map import DRIFT_PPM, SILENT_NS, ClockMap, Offset

MS = 1_000_000
#: Pause before an echo, way there, way back: ns.
ECHOES = st.lists(
    st.tuples(st.integers(0, 4_000 * MS), st.integers(0, 900 * MS), st.integers(0, 900 * MS)),
    min_size=1,
    max_size=30,
)
RATES = st.lists(st.integers(-DRIFT_PPM, DRIFT_PPM), min_size=1, max_size=8)
STARTS = st.integers(-(10**15), 10**15)
AHEAD = st.integers(-20_000 * MS, 90_000 * MS)


class Peer:
    """A clock that runs fast and slow in turns, by whole ppm for ten seconds each."""

    TURN = 10_000 * MS

    def __init__(self, start: int, rates: list[int]) -> None:
        self.start, self.rates = start, rates

    def shows(self, at: int) -> int:
        """Return what it shows when our clock shows ``at``; both started at 10**12."""
        left, gained, turn = at, 0, 0
        while left > 0:
            part = min(left, self.TURN)
            gained += part * self.rates[turn % len(self.rates)]
            left, turn = left - part, turn + 1
        return at + self.start + gained // 1_000_000


@given(STARTS, RATES, ECHOES, AHEAD)
def test_the_true_offset_is_within_the_bound_and_no_deadline_is_mapped_late(
    start: int, rates: list[int], echoes: list[tuple[int, int, int]], ahead: int
) -> None:
    peer, clocks, now = Peer(start, rates), ClockMap(), 30_000 * MS
    for pause, there, back in echoes:
        sent = now + pause
        now = sent + there + back
        clocks.heard(sent, peer.shows(sent + there), now)
        at = now + ahead
        found = clocks.offset(at, now)
        assert found is not None
        assert found.low_ns <= peer.shows(at) - at <= found.high_ns
        mapped = clocks.to_theirs(at, now)
        assert mapped is not None
        assert peer.shows(at) - found.error_ns <= mapped <= peer.shows(at)
    assert clocks.contradictions == 0


@given(STARTS, RATES, ECHOES)
def test_an_echo_never_makes_what_is_known_of_now_worse_than_itself(
    start: int, rates: list[int], echoes: list[tuple[int, int, int]]
) -> None:
    peer, clocks, now = Peer(start, rates), ClockMap(), 0
    for pause, there, back in echoes:
        sent = now + pause
        now = sent + there + back
        clocks.heard(sent, peer.shows(sent + there), now)
        found = clocks.offset(now, now)
        assert found is not None
        own = -(-(there + back) * DRIFT_PPM // 1_000_000)
        assert found.error_ns <= there + back + own


@given(STARTS, st.integers(0, 800 * MS))
def test_times_of_theirs_that_are_told_are_wrong_by_half_the_round_trip_at_most(
    start: int, back: int
) -> None:
    peer, clocks = Peer(start, [0]), ClockMap()
    clocks.heard(0, peer.shows(0), back)
    assert abs(peer.shows(77 * MS) - clocks.middle(back) - 77 * MS) <= back // 2 + DRIFT_PPM * 1_000


def test_nothing_is_known_before_the_first_echo_and_after_a_long_silence() -> None:
    clocks = ClockMap()
    assert clocks.offset(0, 0) is None
    assert clocks.to_theirs(5, 0) is None
    assert clocks.middle(0) == 0
    clocks.heard(0, 1_000, 10)
    assert clocks.offset(10, 10) == Offset(990, 1_001)
    assert clocks.to_theirs(10, 10 + SILENT_NS) is not None
    assert clocks.to_theirs(10, 11 + SILENT_NS) is None
    assert clocks.middle(11 + SILENT_NS) != 0, "times that are told need no fresh echo"


def test_an_echo_that_ends_before_it_begins_says_nothing() -> None:
    clocks = ClockMap()
    clocks.heard(10, 5_000, 9)
    assert not clocks.known(10)


def test_a_clock_that_is_another_one_now_is_believed_and_the_old_one_forgotten() -> None:
    clocks = ClockMap()
    for at in range(0, 3_000 * MS, 500 * MS):
        clocks.heard(at, at + 7_000 * MS, at + MS)
    clocks.heard(3_000 * MS, 50 * MS, 3_001 * MS)  # the host was started anew
    assert clocks.contradictions == 1
    assert clocks.to_theirs(3_001 * MS, 3_001 * MS) is None, "or is it being slewed?"
    assert clocks.middle(3_001 * MS) < 0, "what is told goes by it at once"
    for at in (3_500 * MS, 4_000 * MS, 4_500 * MS):
        clocks.heard(at, at - 2_950 * MS, at + MS)
    mapped = clocks.to_theirs(4_501 * MS, 4_501 * MS)
    assert mapped is not None
    assert 1_548 * MS <= mapped <= 1_551 * MS


def echoes_of(peer: Peer, clocks: ClockMap, since: int, until: int) -> Iterator[int]:
    """Hear an echo every half second, 0.3 ms there and back; give the time of each."""
    for at in range(since, until, 500 * MS):
        clocks.heard(at, peer.shows(at + 150_000), at + 300_000)
        yield at + 300_000


def test_clocks_that_ntp_runs_fast_and_slow_as_the_kernel_lets_it_map_nothing_late() -> None:
    peer, clocks = Peer(0, [500, -1_000]), ClockMap()
    for now in echoes_of(peer, clocks, 0, 60_000 * MS):
        for ahead in (1_000 * MS, 9_000 * MS):
            mapped = clocks.to_theirs(now + ahead, now)
            assert mapped is not None
            assert mapped <= peer.shows(now + ahead)


def test_a_clock_that_is_slewed_by_more_is_not_known_and_is_again_a_second_after_that() -> None:
    peer, clocks = Peer(0, [0, -83_333, 0]), ClockMap()  # as chrony does, if nobody forbids it
    assert all(clocks.known(now) for now in echoes_of(peer, clocks, 0, 10_000 * MS))
    slewed = [*echoes_of(peer, clocks, 10_000 * MS, 11_000 * MS)]
    for now in echoes_of(peer, clocks, 11_000 * MS, 20_000 * MS):
        assert clocks.to_theirs(now + 3_000 * MS, now) is None
        slewed.append(now)
    assert clocks.contradictions >= len(slewed) - 2
    known = [clocks.known(now) for now in echoes_of(peer, clocks, 20_000 * MS, 30_000 * MS)]
    assert all(known[4:])


def test_a_short_round_trip_of_before_keeps_the_bound_small_while_the_way_is_slow() -> None:
    clocks = ClockMap()
    clocks.heard(0, 1_000, 100)
    for at in (500 * MS, 1_000 * MS, 1_500 * MS):
        clocks.heard(at, at + 400 * MS, at + 800 * MS)
    found = clocks.offset(2_300 * MS, 2_300 * MS)
    assert found is not None
    assert found.error_ns < 6 * MS, "two seconds of drift, and not 800 ms of way"
    assert all(a < b for a, b in pairwise((found.low_ns, found.high_ns)))
