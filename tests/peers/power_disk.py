"""A state folder after the power went: only what was synced is there.

What was written is known from the trace of a preloaded library (``disk_shim.c``). Of each file
everything behind its last sync is taken away: the harshest a page cache may do without breaking
its word. Half of it, and in any order, is what `tests/faults/test_journal_disk.py` tries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from disk_shim import Step, apply

#: Written through a memory map, and made anew by who opens the database.
NOT_TRACED = "-shm"


@dataclass(frozen=True, slots=True)
class Taken:
    """What the loss of the page cache has taken."""

    files: int
    bytes: int
    """Of writes that were not synced."""
    untraced: list[str]
    """Files that differ from what the trace says, so that nothing can be said of them."""


def lose_cache(folder: Path, steps: Sequence[Step]) -> Taken:
    """Bring a folder, in which nobody writes any more, to what was synced.

    A file whose content is not what the trace comes to was written past it; it is left alone.
    """
    last: dict[str, int] = {}
    for number, step in enumerate(steps):
        if step.op == "s":
            last[step.name] = number
    whole: dict[str, bytearray] = {}
    synced: dict[str, bytearray] = {}
    unsynced: dict[str, int] = {}
    for number, step in enumerate(steps):
        apply(whole, step)
        # Cuts and removals are of the directory, whose order the file system keeps.
        if step.op != "w" or number < last.get(step.name, -1):
            apply(synced, step)
        else:
            unsynced[step.name] = unsynced.get(step.name, 0) + len(step.data)
    untraced = _differing(folder, whole)
    taken = {name: size for name, size in unsynced.items() if name not in untraced}
    for name in taken:
        if name in synced:
            (folder / name).write_bytes(synced[name])
        else:
            (folder / name).unlink(missing_ok=True)
    return Taken(len(taken), sum(taken.values()), untraced)


def _differing(folder: Path, whole: Mapping[str, bytearray]) -> list[str]:
    found = []
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and not name.endswith(NOT_TRACED):
            data = path.read_bytes()
            if data != whole.get(name, b""):
                found.append(name)
    return found
