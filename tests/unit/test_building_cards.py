"""A building keeps the promises of every kind."""

from __future__ import annotations

import pytest

from jacquemart.actors.building import Building
from jacquemart.runtime.testing.kinds import Card, cards


@pytest.mark.parametrize("card", cards(Building), ids=str)
def test_a_building_is_a_sound_kind(card: Card) -> None:
    card.check()
