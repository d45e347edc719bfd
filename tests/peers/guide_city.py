"""The city of one lamp that the guides' examples run in, and their blocks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

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
GUIDES = Path(__file__).parents[2] / "docs" / "guides"


def shown(guide: str, name: str) -> dict[str, Any]:
    """Run a block of a guide and return what it defines."""
    pattern = rf"<!-- {re.escape(name)} -->\n```python\n(.*?)```"
    found = re.search(pattern, (GUIDES / guide).read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"the guide shows no {name}"
    names: dict[str, Any] = {}
    exec(compile(found.group(1), f"{guide}:{name}", "exec"), names)
    return names
