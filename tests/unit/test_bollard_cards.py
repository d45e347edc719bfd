"""A bollard keeps the promises of every kind."""

from __future__ import annotations

import pytest

from jacquemart.actors.access import Bollard
from jacquemart.runtime.testing.kinds import Card, cards


@pytest.mark.parametrize("card", cards(Bollard), ids=str)
def test_a_bollard_is_a_sound_kind(card: Card) -> None:
    card.check()
