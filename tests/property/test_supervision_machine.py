"""Supervision against naive models: a list of times, a count of deaths."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jacquemart.runtime.kernel.poison import (
    DEATHS,
    FAILURES,
    REFUSED_S,
    Attempts,
    Contents,
    Suspect,
    after_death,
)
from jacquemart.runtime.kernel.supervision import (
    FEWEST,
    Intensity,
    LinkRecord,
    LinkStep,
    Restarts,
    Strategy,
    with_child,
)

S = 1_000_000_000
INTENSITY = Intensity(restarts=3, within_s=10.0, first_pause_s=0.5, longest_pause_s=1.0)


class Supervised(RuleBasedStateMachine):
    """One child that fails now and then; the model remembers every failure for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.restarts = Restarts(INTENSITY)
        self.times: list[int] = []
        self.starts: list[int] = []

    @rule(seconds=st.floats(0.0, 12.0))
    def time_passes(self, seconds: float) -> None:
        self.now += int(seconds * S)

    @rule(jitter=st.floats(0.0, 1.0, exclude_max=True))
    def it_fails(self, jitter: float) -> None:
        recent = [at for at in self.times if self.now - at < INTENSITY.within_s * S]
        step = self.restarts.failed(self.now, jitter)
        assert step.parks == (len(recent) >= INTENSITY.restarts)
        if step.parks:
            self.times = []
            return
        self.times = [*recent, self.now]
        self.starts.append(self.now)
        doublings = len(recent) - 1
        whole = 0.0 if doublings < 0 else min(0.5 * 2.0**doublings, 1.0)
        assert step.pause_s == whole * jitter

    @invariant()
    def nothing_starts_more_often_than_its_intensity_between_two_parkings(self) -> None:
        assert len(self.restarts) <= INTENSITY.restarts


TestSupervised = Supervised.TestCase
TestSupervised.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 40.0)), max_size=30), st.integers(1, 12)
)
def test_a_link_is_blamed_only_for_many_devices_and_opened_anew_before_it_is_parked(
    story: list[tuple[int, float]], devices: int
) -> None:
    record, now = LinkRecord(), 0
    recent: dict[int, int] = {}
    steps = []
    for device, seconds in story:
        now += int(seconds * S)
        recent[device] = now
        recent = {who: at for who, at in recent.items() if now - at < 30 * S}
        many = len(recent) >= FEWEST and 2 * len(recent) >= devices
        step = record.parked(str(device), now, devices)
        assert (step is not LinkStep.NOTHING) == many
        if many:
            recent = {}
            steps.append(step)
    for before, step in zip([None, *steps], steps, strict=False):
        if step is LinkStep.PARK:
            assert before is LinkStep.REOPEN


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", *"abcdef"]), min_size=1))
def test_only_those_that_depend_on_it_start_again_with_a_child(fed_by: dict[str, str]) -> None:
    for child in fed_by:
        assert with_child(Strategy.ONE_FOR_ONE, child, fed_by) == [child]
        rest = with_child(Strategy.REST_FOR_ONE, child, fed_by)
        assert rest[0] == child
        assert all(fed_by[other] == child for other in rest[1:])
        assert len(rest) == 1 + sum(feeder == child for feeder in fed_by.values())


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.floats(0.0, 50.0))))
def test_a_content_is_refused_after_failures_in_a_row_and_for_a_while_only(
    story: list[tuple[str, bool, float]],
) -> None:
    contents, now = Contents(), 0
    row: dict[str, tuple[int, int]] = {}
    for content, fails, seconds in story:
        now += int(seconds * S)
        count, at = row.get(content, (0, 0))
        refused = contents.refused_s(content, now)
        assert (refused > 0) == (count >= FAILURES and now - at < REFUSED_S * S)
        if refused:
            continue
        if fails:
            assert contents.failed(content, now) == count + 1
            row[content] = count + 1, now
        else:
            contents.succeeded(content)
            row.pop(content, None)


def suspect(message: int, device: str, running: bool) -> Suspect:
    return Suspect(bytes([message]), device.encode(), device, running)


Deaths = st.lists(
    st.lists(
        st.builds(suspect, st.integers(0, 5), st.sampled_from(["x", "y", "z"]), st.booleans()),
        max_size=4,
    ),
    max_size=6,
)


@given(Deaths)
def test_who_was_at_work_in_two_deaths_in_a_row_is_isolated_and_nobody_else(
    deaths: list[list[Suspect]],
) -> None:
    attempts: dict[bytes, Attempts] = {}
    naive: dict[bytes, int] = {}
    for suspects in deaths:
        guilty = [s for s in suspects if s.running] or suspects
        for one in guilty:
            for key in (one.message, one.key):
                naive[key] = naive.get(key, 0) + 1
        found = after_death(attempts, suspects)
        attempts = dict(found.attempts)
        assert {key: at.deaths for key, at in attempts.items()} == naive
        assert found.poisoned == {key for key, count in naive.items() if count >= DEATHS}
        assert set(found.isolated) == {attempts[key].device for key in found.poisoned}


def test_a_death_with_a_crowd_in_hand_and_nobody_at_work_is_nobodys_fault() -> None:
    crowd = [suspect(number, f"d-{number}", False) for number in range(17)]
    assert after_death({}, crowd).attempts == {}
    assert len(after_death({}, crowd[:16]).attempts) == 32
    assert len(after_death({}, [*crowd, suspect(200, "guilty", True)]).attempts) == 2
