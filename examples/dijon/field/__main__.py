"""Run the field: ``python examples/dijon/field --inventory examples/dijon/generated``."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    if not __package__:
        # Run as a folder: Python put the folder itself on the path, where it would hide
        # modules of the same names; what is wanted there is the package around it.
        sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from field.process import main

    sys.exit(main(sys.argv[1:]))
