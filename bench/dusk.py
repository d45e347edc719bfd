"""How fast, how light and how true is dusk in Dijon? Runs the main job once.

    python bench/dusk.py --json

The last line is one JSON object; docs/performance.md explains its keys. Every figure comes
through the public interfaces: city file, client, gateway.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

DUSK = Path(__file__).resolve().parent.parent / "examples" / "dijon" / "dusk.py"


def main() -> int:
    """Run the example with the same arguments, and print its figures with the machine."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    command = [sys.executable, str(DUSK), "--once", "--quiet", "--json", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        return done.returncode or 1
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    figures["machine"] = {
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    if "--json" not in sys.argv:
        for name, value in figures.items():
            print(f"{name:22s}{value}")
    print(json.dumps(figures))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
