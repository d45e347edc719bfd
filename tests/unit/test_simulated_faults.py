"""The fault book and its verdicts: who suffers from what, decided by the seed or by hand."""

from __future__ import annotations

import pytest

from jacquemart.drivers.simulated.faults import Fault, FaultBook, judge_device, judge_write
from jacquemart.drivers.simulated.options import check_link_options, link_options
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    OutcomeUnknown,
    UnitError,
)

LAMPS = [f"lamp-{n}" for n in range(4_000)]


def test_a_share_is_a_share_of_devices_and_stays_with_them() -> None:
    book = FaultBook(7, {Fault.STUCK: 0.05})
    stuck = {lamp for lamp in LAMPS if book.has(Fault.STUCK, lamp)}
    assert 150 < len(stuck) < 250
    again = FaultBook(7, {Fault.STUCK: 0.05})
    assert {lamp for lamp in reversed(LAMPS) if again.has(Fault.STUCK, lamp)} == stuck
    other = FaultBook(8, {Fault.STUCK: 0.05})
    assert {lamp for lamp in LAMPS if other.has(Fault.STUCK, lamp)} != stuck


def test_two_faults_choose_their_devices_independently() -> None:
    book = FaultBook(7, {Fault.STUCK: 0.1, Fault.DEAD: 0.1})
    both = [lamp for lamp in LAMPS if book.has(Fault.STUCK, lamp) and book.has(Fault.DEAD, lamp)]
    assert 10 < len(both) < 80


def test_a_share_of_a_passing_fault_strikes_calls_and_not_devices() -> None:
    book = FaultBook(7, {Fault.UNKNOWN: 0.1})
    struck = [call for call in range(2_000) if book.strikes(Fault.UNKNOWN, "a", "a/p", call)]
    assert 150 < len(struck) < 250
    assert not book.has(Fault.UNKNOWN, "a")


def test_a_fault_put_in_by_hand_goes_when_it_is_taken_away() -> None:
    book = FaultBook(1, {Fault.STUCK: 1.0})
    assert book.has(Fault.STUCK, "a")
    book.clear(Fault.STUCK, "a")
    assert not book.has(Fault.STUCK, "a")
    assert book.has(Fault.STUCK, "b")
    book.clear(Fault.STUCK)
    assert not book.has(Fault.STUCK, "b")
    book.inject(Fault.STUCK, "b")
    assert book.has(Fault.STUCK, "b")
    book.inject(Fault.DEAD)
    assert book.has(Fault.DEAD, "anybody")
    book.clear(Fault.DEAD, "a")
    assert not book.has(Fault.DEAD, "a")
    assert book.has(Fault.DEAD, "b")


def test_one_point_may_suffer_alone() -> None:
    book = FaultBook()
    book.inject(Fault.BAD_VALUE, "a/power")
    assert book.strikes(Fault.BAD_VALUE, "a", "a/power", 1)
    assert not book.strikes(Fault.BAD_VALUE, "a", "a/level", 1)


@pytest.mark.parametrize(
    ("fault", "effect", "error", "wait"),
    [
        (Fault.DEAD, False, UnitError, ""),
        (Fault.SILENT, False, OutcomeUnknown, "timeout"),
        (Fault.BUSY, False, DeviceBusy, ""),
        (Fault.REFUSED, False, DeviceRefused, ""),
        (Fault.LIE, False, None, ""),
        (Fault.STUCK, True, None, ""),
        (Fault.LATE, True, None, "late"),
    ],
)
def test_what_becomes_of_a_write(
    fault: Fault, effect: bool, error: type[DriverError] | None, wait: str
) -> None:
    book = FaultBook()
    book.inject(fault, "lamp")
    verdict = judge_write(book, "lamp", "", "lamp/set", late_is_lost=False, call=1)
    assert (verdict.effect, verdict.wait) == (effect, wait)
    assert type(verdict.error) is (error or type(None))
    healthy = judge_write(book, "other", "", "other/set", late_is_lost=False, call=1)
    assert (healthy.effect, healthy.error) == (True, None)


def test_a_lost_answer_hides_writes_that_took_effect_and_writes_that_did_not() -> None:
    book = FaultBook(5, {Fault.UNKNOWN: 1.0})
    verdicts = [judge_write(book, "a", "", "a/p", False, call) for call in range(100)]
    assert all(type(verdict.error) is OutcomeUnknown for verdict in verdicts)
    assert 30 < sum(verdict.effect for verdict in verdicts) < 70


def test_an_answer_that_is_later_than_the_timeout_is_a_lost_one() -> None:
    book = FaultBook()
    book.inject(Fault.LATE)
    write = judge_write(book, "a", "", "a/p", late_is_lost=True, call=1)
    assert (write.effect, type(write.error)) == (True, OutcomeUnknown)
    assert type(judge_device(book, "a", "", True, 1).error) is UnitError
    assert judge_device(book, "a", "", False, 1).error is None


def test_a_dead_cabinet_takes_its_lamps_along_and_is_named() -> None:
    book = FaultBook()
    book.inject(Fault.DEAD, "cabinet")
    for error in (
        judge_device(book, "lamp", "cabinet", False, 1).error,
        judge_write(book, "lamp", "cabinet", "lamp/set", False, 1).error,
    ):
        assert type(error) is UnitError
        assert "cabinet is dead" in str(error)
        assert "lamp" in error.where


def test_shares_and_lists_are_told_apart() -> None:
    options = link_options({"seed": 3, "faults": {"stuck": 0.5, "dead": ["a", "b"]}})
    assert options.shares == ((Fault.STUCK, 0.5),)
    assert options.devices == ((Fault.DEAD, ("a", "b")),)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"sed": 1}, "sed"),
        ({"seed": -1}, "seed"),
        ({"timeout_ms": 0}, "timeout_ms"),
        ({"refuse": "yes"}, "refuse"),
        ({"flap": 3}, "flap"),
        ({"flap": {"up_s": 1.0}}, "flap"),
        ({"flap": {"up_s": 0, "down_s": 1}}, "flap.up_s"),
        ({"faults": ["stuck"]}, "faults"),
        ({"faults": {"stuk": 0.1}}, "faults.stuk"),
        ({"faults": {"stuck": 1.5}}, "faults.stuck"),
        ({"faults": {"dead": [1, 2]}}, "faults.dead"),
        ({"faults": {"lost": ["lamp"]}}, "faults.lost"),
    ],
)
def test_wrong_link_options_are_named(options: dict[str, object], key: str) -> None:
    assert [found[0] for found in check_link_options(options)] == [key]


def test_good_link_options_pass() -> None:
    good = {
        "seed": 4, "latency_ms": 2.5, "refuse": 3, "hang": False, "drop_after_n": 10,
        "flap": {"up_s": 10, "down_s": 0.5}, "faults": {"stuck": 0.01, "dead": ["lamp-1"]},
    }  # fmt: skip
    assert check_link_options(good) == []
    assert link_options(good).flap_down_s == 0.5
