"""``python -m jacquemart.cli``."""

from __future__ import annotations

import sys

from jacquemart.cli.entry import main

sys.exit(main())
