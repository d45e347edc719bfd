"""A bollard never rises against its rules, over a million drawn sequences; each rule is needed."""

from __future__ import annotations

import time

import pytest
from bollard_storm import Mutant, Unsafe, storms

from jacquemart.actors.access.bollard_rules import RAISE_RULES, BollardRules

MILLION = 1_000_000


def test_no_pulse_leaves_against_the_rules_in_twenty_thousand_sequences() -> None:
    tally = storms(20_000, seed=1)
    assert tally.sequences == 20_000
    assert tally.raises > 500, "a storm in which nothing rises proves nothing"
    assert tally.refused > 5_000


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("quarter", range(1, 5))
def test_no_pulse_leaves_against_the_rules_in_a_million_sequences(quarter: int) -> None:
    """In four parts, each of a seed of its own, which run side by side where there is room."""
    began = time.process_time()
    tally = storms(MILLION // 4, seed=2017 * quarter)
    print(f"{tally} in {time.process_time() - began:.0f} s of processor time")
    assert tally.sequences == MILLION // 4
    assert tally.raises > 25_000 // 4
    assert tally.refused > 250_000 // 4


@pytest.mark.parametrize("sentence", RAISE_RULES)
def test_without_any_one_rule_something_unsafe_happens(sentence: str) -> None:
    with pytest.raises(Unsafe):
        storms(200_000, seed=3, mutant=Mutant.without(sentence))


class ForgetsItsStart(BollardRules):
    """Acts as if nobody had been here before it."""

    def _unsettled(self, now_ns: int) -> bool:
        return bool(self._under_way)


class ForgetsOlderPulses(BollardRules):
    """Takes it that no pulse is under way when the last one was not sent."""

    def not_sent(self, *, up: bool) -> None:
        self._under_way.clear()


class TrustsTheClock(BollardRules):
    """Takes a pulse for settled after a second, whatever the limit switches say."""

    def sent(self, *, up: bool, now_ns: int) -> None:
        super().sent(up=up, now_ns=now_ns - self._times.travel + 1_000_000_000)


@pytest.mark.parametrize(
    "mutant",
    [
        Mutant(look=lambda *_: None),
        Mutant(pulse=False),
        Mutant(asks=False),
        Mutant(kernel=ForgetsItsStart),
        Mutant(kernel=ForgetsOlderPulses),
        Mutant(kernel=TrustsTheClock),
    ],
    ids=["no look at guards", "busy is tried again", "nobody asks the interlock", "forgets start",
         "forgets older pulses", "trusts the clock"],
)  # fmt: skip
def test_without_any_one_mechanism_something_unsafe_happens(mutant: Mutant) -> None:
    with pytest.raises(Unsafe):
        storms(200_000, seed=4, mutant=mutant)
