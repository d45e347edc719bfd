"""What this process holds: open files and sockets, tasks, threads."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jacquemart.drivers.conformance.blocking import THREAD_NAME

_DESCRIPTORS = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Holdings:
    """How many of each kind of thing there are."""

    counts: Mapping[str, int]

    def beyond(self, other: Holdings) -> list[str]:
        """Return what there is more of here than there, in words."""
        return [
            f"{count - other.counts.get(what, 0)} more of: {what}"
            for what, count in sorted(self.counts.items())
            if count > other.counts.get(what, 0)
        ]


def held_now() -> Holdings:
    """Count what is held just now (files and sockets on Linux only)."""
    counts: Counter[str] = Counter()
    if _DESCRIPTORS.is_dir():
        for name in os.listdir(_DESCRIPTORS):
            try:
                target = os.readlink(_DESCRIPTORS / name)
            except OSError:
                continue  # the descriptor of the listing itself
            counts["socket" if target.startswith("socket:") else "open file"] += 1
    for task in asyncio.all_tasks():
        counts[f"task {_plain(task.get_name(), 'Task-')}"] += 1
    for thread in threading.enumerate():
        if thread.name != THREAD_NAME:
            counts[f"thread {_plain(thread.name, 'Thread-')}"] += 1
    return Holdings(counts)


def _plain(name: str, prefix: str) -> str:
    """Return a name without the number that Python gave it."""
    return "without a name" if name.startswith(prefix) else name
