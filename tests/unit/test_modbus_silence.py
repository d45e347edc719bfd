"""Who is silent: a unit, or the link."""

from __future__ import annotations

from jacquemart.drivers.modbus.silence import Silence


def silence(*units: int, unit_down_after: int = 2, link_down_after: int = 3) -> Silence:
    found = Silence(unit_down_after, 5.0, link_down_after)
    found.know(units)
    return found


def test_a_unit_is_down_after_several_failures_in_a_row() -> None:
    kernel = silence(1, 2)
    kernel.timed_out(1, 0.0)
    assert not kernel.skips(1, 0.1)
    kernel.timed_out(1, 1.0)
    assert kernel.skips(1, 1.1)
    assert not kernel.skips(2, 1.1)


def test_an_answer_in_between_starts_the_count_again() -> None:
    kernel = silence(1)
    kernel.timed_out(1, 0.0)
    kernel.answered(1)
    kernel.timed_out(1, 1.0)
    assert not kernel.skips(1, 1.1)


def test_the_pause_doubles_up_to_twelvefold() -> None:
    kernel = silence(1, link_down_after=1000)
    kernel.timed_out(1, 0.0)
    pauses = []
    for _ in range(20):
        kernel.timed_out(1, 0.0)
        pauses.append(next(s for s in range(100) if not kernel.skips(1, float(s))))
    assert pauses[:5] == [5, 10, 20, 40, 60]
    assert set(pauses[5:]) == {60}


def test_a_unit_that_was_just_written_to_is_asked_at_once() -> None:
    kernel = silence(1)
    kernel.timed_out(1, 0.0)
    kernel.timed_out(1, 0.0)
    kernel.ask_again(1)
    assert not kernel.skips(1, 0.1)


def test_the_link_lives_as_long_as_one_unit_answers() -> None:
    kernel = silence(1, 2)
    kernel.answered(2)
    for _ in range(50):
        kernel.timed_out(1, 0.0)
    assert not kernel.link_is_dead()


def test_the_link_is_dead_when_the_last_unit_falls_silent() -> None:
    kernel = silence(1, 2)
    kernel.answered(2)
    for _ in range(3):
        kernel.timed_out(1, 0.0)
    assert not kernel.link_is_dead()
    kernel.timed_out(2, 1.0)
    assert kernel.link_is_dead()


def test_units_that_were_not_asked_yet_keep_the_link_alive() -> None:
    kernel = silence(*range(1, 11))
    for unit in range(1, 10):
        kernel.timed_out(unit, 0.0)
        assert not kernel.link_is_dead()
    kernel.timed_out(10, 0.0)
    assert kernel.link_is_dead()


def test_one_lost_answer_is_not_the_end_of_a_link_with_one_unit() -> None:
    kernel = silence(1)
    kernel.timed_out(1, 0.0)
    kernel.timed_out(1, 0.0)
    assert not kernel.link_is_dead()
    kernel.timed_out(1, 0.0)
    assert kernel.link_is_dead()


def test_a_slow_gateway_brings_its_unit_down_and_not_the_link() -> None:
    kernel = silence(1)
    for _ in range(5):
        kernel.slowly_unreachable(1, 0.0)
    assert kernel.skips(1, 1.0)
    assert not kernel.link_is_dead()


def test_a_new_connection_knows_nothing_of_the_old_silence() -> None:
    kernel = silence(1)
    for _ in range(3):
        kernel.timed_out(1, 0.0)
    kernel.reopened()
    assert not kernel.skips(1, 0.1)
    assert not kernel.link_is_dead()
    assert not kernel.failing


def test_a_unit_that_left_the_link_keeps_it_from_nothing() -> None:
    silence = Silence(2, 5.0, 3)
    silence.know([1, 2, 3])
    for _ in range(3):
        silence.timed_out(1, 10.0)
    assert silence.skips(1, 10.0)
    silence.retain({2})
    assert not silence.failing
    assert not silence.skips(1, 10.0)
    for _ in range(3):
        assert not silence.link_is_dead()
        silence.answered(3)  # an answer that was on its way
        silence.timed_out(2, 10.0)
    for _ in range(2):
        silence.timed_out(2, 10.0)
    assert silence.link_is_dead()
