"""A city whose field is behind a line that loses packets: N1, N2, N3, with the field as judge."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from logging_field import LoggingField
from namespaces import THERE, Line, inside, why_not
from storm import LAMPS, NEVER_SENT, Storm, check, settle, stormy_city

from jacquemart.runtime.model.outcome import Status

WHY_NOT = why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY_NOT), reason=f"no network namespaces here: {WHY_NOT}"),
]
LAMPS_THERE = [f"lamp-0-{number}" for number in range(LAMPS)]


@pytest.fixture
def line() -> Iterator[Line]:
    with Line(seed=77) as made:
        yield made


def storm_over(
    line: Line,
    folder: Path,
    during: Callable[[], None],
    judge: Callable[[Storm, LoggingField], None],
) -> None:
    """Run a city here and a field there, and commands while ``during`` is done to the line."""
    with LoggingField(THERE, ["ip", "netns", "exec", line.there]) as field:

        def story() -> None:
            with stormy_city(folder, [(THERE, field.port)]) as city:
                storm = Storm(city.client(), LAMPS_THERE)
                with storm.blowing():
                    time.sleep(0.3)
                    during()
                    line.lose_there = line.lose_back = 0.0
                settle(city.client(), LAMPS_THERE, within_s=20.0)
                judge(storm, field)

        inside(line.here, story)
    assert line.lost > 0


def test_n1_a_partition_ends_every_command_and_replays_none(line: Line, tmp_path: Path) -> None:
    def during() -> None:
        line.lose_there = line.lose_back = 1.0
        time.sleep(2.5)

    def judge(storm: Storm, field: LoggingField) -> None:
        # What was in the air when the line went down, TCP would bring when it is back; but the
        # driver has closed that connection by then.
        check(storm, field, on_the_way_s=0.5)
        assert storm.count(*NEVER_SENT, Status.INDETERMINATE)

    storm_over(line, tmp_path, during, judge)


def test_n2_a_field_that_is_not_heard_has_each_write_once_and_nothing_is_made_up(
    line: Line, tmp_path: Path
) -> None:
    def during() -> None:
        line.lose_back = 1.0
        time.sleep(2.0)

    def judge(storm: Storm, field: LoggingField) -> None:
        check(storm, field)
        arrived = {value for _, _, _, value in field.writes}
        unknown = [one for one in storm.sent if one.outcome.status is Status.INDETERMINATE]
        assert any(one.value in arrived for one in unknown), "done, and nobody could know"

    storm_over(line, tmp_path, during, judge)


def test_n3_one_packet_in_ten_lost_costs_time_and_nothing_else(line: Line, tmp_path: Path) -> None:
    def during() -> None:
        line.lose_there = line.lose_back = 0.1
        time.sleep(3.0)

    def judge(storm: Storm, field: LoggingField) -> None:
        # A packet that TCP repeats is the same write, later by its time-outs.
        check(storm, field, on_the_way_s=1.0)
        assert storm.count(Status.APPLIED) > 10

    storm_over(line, tmp_path, during, judge)
