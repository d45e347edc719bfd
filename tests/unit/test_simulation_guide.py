"""What the guide to simulation shows runs as it stands there."""

from __future__ import annotations

from pathlib import Path

from guide_city import CITY, shown


def test_the_story_of_the_guide_runs(tmp_path: Path) -> None:
    names = shown("simulation.md", "story.py")
    (tmp_path / "city.toml").write_text(CITY)
    names["test_a_lamp_is_commanded_again_after_its_cell_was_killed"](tmp_path / "city.toml")
