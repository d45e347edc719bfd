"""Make importable by the tests: oracles, the peers that play a field, and the example's parts."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in ("oracles", "peers"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
sys.path.append(str(Path(__file__).resolve().parents[1] / "examples" / "dijon"))
