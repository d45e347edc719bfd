"""The test kit of device kinds: cards that every kind must pass, and a bench for its own stories.

    from jacquemart.runtime.testing.kinds import KindBench, cards

    @pytest.mark.parametrize("card", cards(Fountain), ids=str)
    def test_a_fountain_is_a_sound_kind(card: Card) -> None:
        card.check()

    def test_wind_lowers_the_jet() -> None:
        with KindBench(Fountain) as bench:
            bench.reading("wind", 14.0)
            assert bench.writes == [("jet", 0.5)]

The cards follow from the declaration of the kind alone. They need Hypothesis, which
``jacquemart[test]`` installs.
"""

from __future__ import annotations

from jacquemart.runtime.testing.kinds.bench import KindBench
from jacquemart.runtime.testing.kinds.card import Card, cards
from jacquemart.runtime.testing.kinds.field import Answers
from jacquemart.runtime.testing.kinds.template import template_of

__all__ = ["Answers", "Card", "KindBench", "cards", "template_of"]
