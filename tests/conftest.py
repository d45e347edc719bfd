"""Make the pure-Python oracles, and the peers that play a field, importable by the tests."""

from __future__ import annotations

import sys
from pathlib import Path

for folder in ("oracles", "peers"):
    sys.path.insert(0, str(Path(__file__).parent / folder))
