"""What the cluster tests share: a fake city's file, and a look at what a city left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.processes import ProcessId, identify, session_members

FAKES = Path(__file__).parent
OPTIONS = WardenOptions(
    city="",
    private_dir="",
    cell_class="fake_city:FakeCell",
    loader="fake_city:load",
    report_after=2,
    lose_after=4,
    standby=0,
)


def environment(folder: Path) -> dict[str, str]:
    """Return what leads wardens and workers to the fakes, and run states into a folder."""
    return {
        "PYTHONPATH": str(FAKES),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "HOME": str(folder),
        "FAKE_CELL_DIARY": str(folder),
    }


def write_city(folder: Path, **about: Any) -> Path:
    """Write a fake city's file."""
    path = folder / f"{about.get('id', 'city')}.json"
    path.write_text(json.dumps({"id": "city", **about}), encoding="utf-8")
    return path


def diary(folder: Path, cell: str) -> list[dict[str, Any]]:
    """Return the directories that a fake cell was handed."""
    path = folder / f"{cell}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def wait_until(true: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    """Wait for something; fail by name."""
    until = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.02)


@dataclass
class Traces:
    """What a running city has: its processes, and the files they hold."""

    warden: ProcessId
    private_dir: Path
    processes: list[ProcessId] = field(default_factory=list)
    sockets: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, warden_pid: int, private_dir: str) -> Traces:
        """Take them down while the city runs."""
        warden = identify(warden_pid)
        assert warden is not None
        found = cls(warden, Path(private_dir))
        for pid in session_members(warden):
            process = identify(pid)
            if process is not None:
                found.processes.append(process)
                found.shared |= _shared_memory(pid)
        found.sockets = _unix_sockets(private_dir)
        assert len(found.processes) > 5
        assert found.sockets, "Ray has no socket in the private directory?"
        return found

    def left(self) -> list[str]:
        """Return what is still there."""
        alive = [f"process {p.pid}" for p in self.processes if p.alive]
        alive += [f"process {pid}" for pid in session_members(self.warden)]
        alive += [f"socket {path}" for path in _unix_sockets(str(self.private_dir))]
        alive += [f"file {path}" for path in self.sockets | self.shared if os.path.exists(path)]
        return alive + ([str(self.private_dir)] if self.private_dir.exists() else [])

    def assert_gone(self, limit_s: float = 30.0) -> None:
        """Wait until nothing is left."""
        wait_until(lambda: not self.left(), f"all gone; left: {self.left()}", limit_s)


def _unix_sockets(prefix: str) -> set[str]:
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        paths = {line.split()[-1] for line in file}
    return {path for path in paths if path.startswith(prefix)}


def _shared_memory(pid: int) -> set[str]:
    found = set()
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            target = os.readlink(entry.path)
            if target.startswith("/dev/shm/"):
                found.add(target)
    except OSError:
        pass  # it ended meanwhile
    return found
