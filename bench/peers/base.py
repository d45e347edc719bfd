"""A peer's server in a process of its own, and what is measured of every peer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self


class PeerFailed(RuntimeError):
    """A peer's server did not start, or gave a wrong answer."""


class ServedPeer(ABC):
    """A peer whose server is the script ``FILE``, which prints its address as its first line."""

    FILE: ClassVar[Path]
    #: Started one by one; fewer where one takes a millisecond.
    share: ClassVar[float] = 1.0

    def command(self) -> list[str]:
        """Return how the server is started."""
        return [sys.executable, str(self.FILE)]

    def __enter__(self) -> Self:
        """Start the server, and connect."""
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        if not address:
            raise PeerFailed(f"{self.FILE.name} did not start")
        self.connect(address)
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect, and end the server."""
        self.disconnect()
        self.process.kill()
        self.process.communicate()

    @property
    def pids(self) -> list[int]:
        """Return the server's processes."""
        return [self.process.pid]

    @abstractmethod
    def connect(self, address: str) -> None:
        """Connect to the server."""

    @abstractmethod
    def call(self, value: float) -> float:
        """Send one command, and return the number that came back."""

    def disconnect(self) -> None:  # noqa: B027 - some have nothing to do
        """Disconnect."""

    def round_trips(self, count: int) -> list[int]:
        """Return the ns of so many commands, one after the other."""
        times = []
        for n in range(max(1, int(count * self.share))):
            begin = time.perf_counter_ns()
            answer = self.call(float(n))
            times.append(time.perf_counter_ns() - begin)
            if answer != float(n):
                raise PeerFailed(f"{self.FILE.stem} answered {answer}, not {n}")
        return times


def lacks(module: str, install: str) -> str | None:
    """Return why a peer cannot be measured here; None if its module is there."""
    if importlib.util.find_spec(module) is None:
        return f"{module} is not installed: {install}"
    return None
