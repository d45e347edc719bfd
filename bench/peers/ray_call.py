"""Bare Ray: a call of an actor's method, without anything of ours."""

from __future__ import annotations

import os
import time
from typing import Any, Self

NAME = "ray"
INSTALL = "pip install ray"


def missing() -> str | None:
    """Return None: it is what we need ourselves."""
    return None


class Peer:
    """An actor in a Ray of its own, or in the one that is there."""

    share = 0.2

    def __enter__(self) -> Self:
        """Start it."""
        import ray

        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)

        @ray.remote(num_cpus=0)
        class Box:
            def ping(self, value: float) -> float:
                return value

            def pid(self) -> int:
                return os.getpid()

        self._box: Any = Box.remote()
        self._pid = ray.get(self._box.pid.remote())
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._ray.kill(self._box)
        if self._own:
            self._ray.shutdown()

    @property
    def pids(self) -> list[int]:
        """Return the actor's process."""
        return [self._pid]

    def round_trips(self, count: int) -> list[int]:
        """Return the ns of so many calls, one after the other."""
        times = []
        for n in range(max(1, int(count * self.share))):
            begin = time.perf_counter_ns()
            answer = self._ray.get(self._box.ping.remote(float(n)))
            times.append(time.perf_counter_ns() - begin)
            if answer != float(n):
                raise RuntimeError(f"ray answered {answer}, not {n}")
        return times
