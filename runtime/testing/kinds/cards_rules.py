"""Cards that throw any values and qualities at a kind's own code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from jacquemart.runtime.model.city import PointSpec
from jacquemart.runtime.model.ids import valid_word
from jacquemart.runtime.model.quality import Quality
from jacquemart.runtime.testing.kinds.bench import KindBench
from jacquemart.runtime.testing.kinds.sample import Sample

EXAMPLES = 25
_UNUSABLE = (Quality.STALE_AGE, Quality.BAD_COMM, Quality.BAD_UNIT, Quality.BAD_DEVICE)
_PLAIN = (bool, int, float, str, type(None))


def any_story(act: Callable[[Any], None]) -> None:
    """Run ``act(data)`` with what Hypothesis draws; the same draws in every run."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    quiet = settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        phases=(Phase.generate,),  # a story is slow, and shrinking it takes hundreds more
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    quiet(given(st.data())(act))()


def draw_value(data: Any, point: PointSpec) -> float:
    """Draw a value of a point: mostly inside its range, sometimes far outside."""
    from hypothesis import strategies as st

    low, high = point.low, point.high
    wild = st.floats(-1e12, 1e12, allow_nan=False)
    if point.whole:
        bounds = int(low or 0), int(high if high is not None else 10_000)
        inside: Any = st.integers(*bounds).map(float)
    else:
        inside = st.floats(low, high, allow_nan=False, allow_infinity=False)
    return float(data.draw(st.one_of(inside, inside, inside, wild)))


def draw_quality(data: Any) -> Quality:
    """Draw a quality, GOOD half the time."""
    from hypothesis import strategies as st

    return Quality(data.draw(st.one_of(st.just(Quality.GOOD), st.sampled_from(list(Quality)))))


def draw_state(data: Any, points: Sequence[PointSpec]) -> dict[str, tuple[float, Quality]]:
    """Draw values and qualities of some points."""
    from hypothesis import strategies as st

    names = data.draw(st.sets(st.sampled_from([point.name for point in points])))
    return {
        point.name: (draw_value(data, point), draw_quality(data))
        for point in points
        if point.name in names
    }


def rules_never_raise(sample: Sample) -> None:
    """Rule and interlock answer for every value of every point, whatever the others show."""

    def act(data: Any) -> None:
        with sample.bench() as bench:
            bench.show(draw_state(data, sample.field_points))
            for point in sample.field_points:
                if not point.writable:
                    continue
                value = draw_value(data, point)
                for ask in (bench.actor.rule, bench.actor.interlock):
                    what = f"{ask.__name__}({point.name!r}, {value:g})"
                    try:
                        said = ask(point.name, value)
                    except Exception as error:
                        raise AssertionError(f"{what} raised {error!r}") from error
                    sound = said is None or (isinstance(said, str) and said != "")
                    assert sound, f"{what} returned {said!r}, allowed: None or why not"
            sound_so_far(bench)

    any_story(act)


def readings_never_raise(sample: Sample) -> None:
    """Whatever the field says, in any order and quality, no handler of the kind raises."""

    def act(data: Any) -> None:
        from hypothesis import strategies as st

        with sample.bench() as bench:
            for _ in range(data.draw(st.integers(1, 12))):
                point = data.draw(st.sampled_from(sample.field_points))
                step = data.draw(st.sampled_from(("reading", "reading", "reading", "time", "link")))
                if step == "reading":
                    bench.reading(point.name, draw_value(data, point), draw_quality(data))
                elif step == "time":
                    bench.advance(data.draw(st.sampled_from((0.5, 5.0, 61.0, 1_000.0))))
                else:
                    bench.link(data.draw(st.booleans()))
            sound_so_far(bench)

    any_story(act)


def guards_let_nothing_through(sample: Sample) -> None:
    """A write with guards is never sent while one of them is not known to be good."""
    guarded = [point for point in sample.field_points if point.guards]
    for point in guarded:
        for guard in point.guards:
            for quality in _UNUSABLE:
                with sample.bench() as bench:
                    bench.reading(guard, 0.0, quality)
                    ticket = bench.set(point.name, 1.0 if point.high is None else point.high)
                    bench.advance(15.0)
                    what = f"set {point.name} while {guard} was {quality.text}"
                    assert point.name not in dict(bench.writes), f"{what} was sent"
                    assert ticket.outcome is not None, f"{what} has no end"


def sound_so_far(bench: KindBench) -> None:
    """Assert that nothing was raised, and that events and derived values are sound."""
    if bench.failures:
        raise AssertionError(f"the kind's code raised {bench.failures[0]!r}") from bench.failures[0]
    for event in bench.events:
        assert valid_word(event.name), f"event {event.name!r}, allowed: a word of a-z 0-9 _"
        assert event.severity in (0, 1, 2), f"event {event.name} has severity {event.severity}"
        for key, value in event.detail.items():
            assert isinstance(value, _PLAIN), f"event {event.name}: {key} is {type(value).__name__}"
    for point in bench.template.points:
        value = bench.value(point.name)
        if "derived" not in point.address or math.isnan(value):
            continue
        low = -math.inf if point.low is None else point.low
        high = math.inf if point.high is None else point.high
        assert low <= value <= high, f"{point.name} was published as {value:g}, outside its range"
