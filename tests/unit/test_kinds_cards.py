"""Every kind that this package ships passes every card."""

from __future__ import annotations

import importlib.metadata

import pytest

from jacquemart.runtime.city.registry import KINDS, find_kinds
from jacquemart.runtime.testing.kinds import Card, cards

#: What a declaration alone does not say: a template's own points, words and options.
SAMPLES: dict[str, dict[str, object]] = {
    "building": {"members": {"*": ("1",), "intrusion_detector_*": ("101", "102")}},
    "camera": {
        "points": {"preset": {"words": ["home", "square", "gate"]}},
        "options": {"stream": "rtsp://video.example/{id}"},
    },
    "environmental_sensor": {"members": ("", "_roof"), "options": {"limits": {"no2": 200}}},
}


def shipped() -> list[object]:
    found = find_kinds()
    ours = importlib.metadata.entry_points(group=KINDS)
    names = sorted({e.name for e in ours if e.value.startswith("jacquemart.")})
    return [
        pytest.param(card, id=f"{name}-{card}")
        for name in names
        for card in cards(found[name], **SAMPLES.get(name, {}))  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("card", shipped())
def test_a_kind_passes_its_card(card: Card) -> None:
    card.check()
