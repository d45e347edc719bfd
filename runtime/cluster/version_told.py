"""Says what version is installed beside an interpreter: ``python -P -m …cluster.version_told``.

Run by the warden of a running city before it becomes that version: one JSON object on stdout.
Everything that the new image will need is imported, so that what is missing is known before.
"""

from __future__ import annotations

import importlib
import json
import platform
import sys
from dataclasses import replace
from importlib.metadata import version

from jacquemart.runtime.model.versions import MINE, plain

#: What a warden and its cells are made of; imported without effect.
NEEDED = (
    "ray",
    "jacquemart.runtime.cluster.warden",
    "jacquemart.runtime.cluster.opening",
    "jacquemart.runtime.cluster.control",
    "jacquemart.runtime.cell.host",
)


def main() -> int:
    """Tell, and return the exit status."""
    for name in NEEDED:
        importlib.import_module(name)
    told = replace(MINE, ray=version("ray"), python=platform.python_version())
    print(json.dumps({**plain(told), "executable": sys.executable}))  # noqa: T201 - its answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
