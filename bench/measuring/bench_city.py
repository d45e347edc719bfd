"""What benches share that start a city of their own."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jacquemart


def importable_by_cells(*folders: Path) -> None:
    """Have the cells that are started from now on find kinds and drivers in these folders."""
    paths = [*map(str, folders), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


@contextlib.contextmanager
def spate_city(city: str, file: str, prefix: str, devices: int, state: str = "") -> Iterator[
    jacquemart.City
]:  # fmt: skip
    """Run a city whose inventory ``file`` has so many devices on the link ``field``.

    Args:
        city: its city file; ``{pid}`` is this process.
        file: of the inventory, with columns ``id`` and ``link``.
        prefix: of the ids, before ``-0``, ``-1`` …
        devices: how many.
        state: folder on the disk of the journals; empty: that of the temporary folder.
    """
    with tempfile.TemporaryDirectory(dir=state or None) as name:
        folder = Path(name)
        path = folder / "city.toml"
        path.write_text(city.format(pid=os.getpid()))
        rows = (f"{prefix}-{number},field" for number in range(devices))
        (folder / file).write_text("\n".join(["id,link", *rows]))
        importable_by_cells(Path(__file__).resolve().parent)
        with jacquemart.City(path, state=str(folder / "state")) as running:
            yield running
