"""What the guide to safety shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jacquemart.actors.access import bollard_rules
from jacquemart.runtime.testing.kinds import KindBench, cards

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "safety.md"


def shown(name: str) -> dict[str, Any]:
    """Run a block of the guide and return what it defines."""
    pattern = rf"<!-- {re.escape(name)} -->\n```python\n(.*?)```"
    found = re.search(pattern, GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"the guide shows no {name}"
    names: dict[str, Any] = {}
    exec(compile(found.group(1), f"{GUIDE.name}:{name}", "exec"), names)
    return names


def test_the_sluice_of_the_guide_is_a_sound_kind_and_minds_the_boat() -> None:
    sluice = shown("sluice.py")["Sluice"]
    test = shown("test_sluice.py")
    test["test_it_does_not_open_before_a_boat_that_came_after_the_last_poll"](sluice)
    with KindBench(sluice) as bench:
        assert bench.set("opening", 50.0).outcome.applied
        bench.field.values["boat"] = 1.0
        assert bench.set("opening", 10.0).outcome.applied, "closing is no danger"
    for card in cards(sluice):
        card.check()


def test_what_the_guide_names_is_there() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert "`RAISE_RULES`" in text
    assert bollard_rules.RAISE_RULES
    for path in re.findall(r"`((?:tests|actors)/[^`]+)`", text):
        assert (Path(__file__).parents[2] / path).exists(), path
