"""No unsafe output in storms of commands, with faults and without; and each rule is needed."""

from __future__ import annotations

import pytest

from jacquemart.native.interlock import Interlock, Rule
from jacquemart.native.storm import check_ns, storm


def test_nothing_unsafe_is_shown_in_thirty_thousand_sequences() -> None:
    told = storm(2_017, 30_000)
    assert told["sequences"] == 30_000
    assert told["unsafe"] == 0, told
    assert told["greens"] > 100_000, "a storm in which nothing goes green proves nothing"
    assert told["refused"] > 500_000


def test_nor_with_clocks_that_jump_restarts_late_answers_and_lost_outputs() -> None:
    told = storm(2_018, 30_000, faults=True)
    assert told["unsafe"] == 0, told
    assert told["greens"] > 80_000
    assert told["fallbacks"] > 50_000


@pytest.mark.parametrize(
    "rule", [rule for rule in Rule if rule is not Rule.ALL], ids=lambda rule: rule.name
)
def test_without_any_one_rule_something_unsafe_is_shown(rule: Rule) -> None:
    told = storm(7, 20_000, faults=True, without=rule, until_unsafe=True)
    assert told["unsafe"] == 1, f"{rule.name} is not needed, or the judge does not see it"


def test_every_rule_is_among_those_that_are_taken_out() -> None:
    assert sum(rule for rule in Rule if rule is not Rule.ALL) == Rule.ALL


def test_the_same_seed_gives_the_same_storm() -> None:
    assert storm(5, 500, faults=True) == storm(5, 500, faults=True)
    assert storm(5, 500, faults=True) != storm(6, 500, faults=True)


def test_what_is_measured_is_a_look_that_allows() -> None:
    lock = Interlock(intergreen=[[None]], yields=[()], min_green=[0], yellow=[0], red_yellow=[0],
                     in_flash=[6], start_red=0, longest_step=0)  # fmt: skip
    ns, allowed = check_ns(lock, b"\x06", 0, 100)
    assert ns > 0
    assert allowed
    with pytest.raises(ValueError):
        check_ns(lock, b"", 0, 1)
