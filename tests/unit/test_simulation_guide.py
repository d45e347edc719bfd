"""What the guide to simulation shows runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "simulation.md"
CITY = """
[city]
id = "guide"
[zones.north]
[links.street]
driver = "simulated"
zone = "north"
[templates.lamp]
kind = "generic"
driver = "simulated"
points.setpoint = { writable = true, feedback = "level", settle_ms = 200 }
points.level = { poll_ms = 100 }
[[device]]
id = "lamp-1"
template = "lamp"
link = "street"
"""


def test_the_story_of_the_guide_runs(tmp_path: Path) -> None:
    found = re.search(r"<!-- story.py -->\n```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(compile(found.group(1), "simulation.md:story.py", "exec"), names)
    (tmp_path / "city.toml").write_text(CITY)
    names["test_a_lamp_is_commanded_again_after_its_cell_was_killed"](tmp_path / "city.toml")
