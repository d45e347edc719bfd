"""A short fuzz of every target on each run; ``make fuzz`` goes on for longer."""

from __future__ import annotations

import random

import pytest
from mutate import mutate
from targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_inputs_are_taken_or_refused_by_name(name: str) -> None:
    target, seeds = TARGETS[name]
    for good in seeds[:1]:
        target(good)
    for number in range(12 if name == "city" else 400):
        target(mutate(random.Random(f"{name}/0/{number}"), seeds))


def test_mutations_come_again_from_their_seed_and_differ() -> None:
    _, seeds = TARGETS["command"]
    once = [mutate(random.Random(f"x/{number}"), seeds) for number in range(200)]
    assert once == [mutate(random.Random(f"x/{number}"), seeds) for number in range(200)]
    assert len(set(once)) > 150
