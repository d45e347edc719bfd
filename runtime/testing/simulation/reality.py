"""Keeps reality out: what the runtime would ask the machine, a simulated process asks its world.

*Theory.* The runtime takes time, network and disk through seams (``Clock``, ``Context``,
``Journal``). A few things have none: the number of the process, random bytes of identities, the
native gate that reads the boot-time clock by itself. While a simulation runs, the names by which
the modules of this package know those are bound to stand-ins, which speak for the simulated
process whose turn it is and for the machine otherwise. Nothing outside this package is touched.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import threading
import time
from asyncio.events import _get_running_loop
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from jacquemart.native import pump
from jacquemart.runtime.cell import authority, presence
from jacquemart.runtime.model import ids
from jacquemart.runtime.testing.simulation.process import ProcessLoop, SimulatedProcess

_real_opener_of = authority.opener_of
_PACKAGE = "jacquemart."
_OURS = "jacquemart.runtime.testing.simulation"


def current() -> SimulatedProcess | None:
    """Return the simulated process whose turn it is; None outside a simulation."""
    loop = _get_running_loop()
    return loop.process if isinstance(loop, ProcessLoop) else None


class _StandIn:
    """A module, with some names of its own."""

    def __init__(self, module: ModuleType, own: dict[str, Callable[..., Any]]) -> None:
        self._module = module
        self.__dict__.update(own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _either(real: Callable[..., Any], simulated: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **named: Any) -> Any:
        process = current()
        return real(*args, **named) if process is None else simulated(process, *args, **named)

    return call


def _bytes(process: SimulatedProcess, count: int = 32) -> bytes:
    return process.rng.randbytes(count)


def _kill(process: SimulatedProcess, pid: int, number: int) -> None:
    found = process.scheduler.processes.get(pid)
    if found is None or not found.alive:
        raise ProcessLookupError(pid)
    if number == signal.SIGKILL:
        found.kill()


def _opener_of(folder: str, epoch: int, loop: Any, clock: Any, most_format: int = 0) -> Any:
    if isinstance(loop, ProcessLoop):
        return lambda zone: loop.process.scheduler.open_journal(zone, loop.process)
    return _real_opener_of(folder, epoch, loop, clock, most_format)


def _process_ended(process: SimulatedProcess, pid: int, started: int) -> bool | None:
    found = process.scheduler.processes.get(pid)
    return None if found is None else not found.alive


class _Serials:
    """Numbers cells: one a simulated process, so that a seed's frames are always the same."""

    def __init__(self, real: Iterator[int]) -> None:
        self._real = real

    def __next__(self) -> int:
        process = current()
        return next(self._real) if process is None else process.pid


def _stand_ins() -> dict[int, Any]:
    """Return, by the identity of the real thing, what stands for it."""
    scheduler_ns = lambda process: process.scheduler.now_ns  # noqa: E731
    clock_ns = _either(time.monotonic_ns, scheduler_ns)
    clock_s = _either(time.monotonic, lambda process: process.scheduler.now_ns / 1e9)
    wall_ns = _either(time.time_ns, lambda process: process.scheduler.wall_ns())
    found: list[tuple[Any, Any]] = [
        (os, _StandIn(os, {
            "getpid": _either(os.getpid, lambda process: process.pid),
            "urandom": _either(os.urandom, _bytes),
            "kill": _either(os.kill, _kill),
        })),
        (time, _StandIn(time, {
            "monotonic": clock_s, "monotonic_ns": clock_ns, "perf_counter": clock_s,
            "time_ns": wall_ns,
            "time": _either(time.time, lambda process: process.scheduler.wall_ns() / 1e9),
            "clock_gettime_ns": _either(
                time.clock_gettime_ns, lambda process, number: process.scheduler.now_ns
            ),
        })),
        (random, _StandIn(random, {
            "random": _either(random.random, lambda process: process.rng.random()),
            "uniform": _either(random.uniform, lambda process, a, b: process.rng.uniform(a, b)),
        })),
        (secrets, _StandIn(secrets, {
            "token_bytes": _either(secrets.token_bytes, _bytes),
            "token_hex": _either(secrets.token_hex, lambda p, count=32: _bytes(p, count).hex()),
        })),
        (pump.boot_ns, _either(pump.boot_ns, scheduler_ns)),
        (_real_opener_of, _opener_of),
        (presence.process_ended, _either(presence.process_ended, _process_ended)),
        (presence._serials, _Serials(presence._serials)),  # noqa: SLF001 - it has no other name
        (ids.new_command_id, _either(ids.new_command_id, lambda process: _bytes(process, 16))),
    ]  # fmt: skip
    return {id(real): stand_in for real, stand_in in found}


class Reality:
    """``with REALITY.kept_out(): …``; one simulation at a time."""

    def __init__(self) -> None:
        """Touch nothing yet."""
        self._lock = threading.Lock()
        self._known = 0
        self._bindings: list[tuple[ModuleType, str, Any, Any]] = []
        self._stand_ins: dict[int, Any] = {}

    def __enter__(self) -> None:
        """Bind the stand-ins.

        Raises:
            RuntimeError: another simulation runs in this process.
        """
        if not self._lock.acquire(blocking=False):
            raise RuntimeError("one simulation at a time")
        if len(sys.modules) != self._known:
            self._look()
        for module, name, _, stand_in in self._bindings:
            setattr(module, name, stand_in)

    def __exit__(self, *_: object) -> None:
        """Bind the real things again."""
        for module, name, real, _ in self._bindings:
            setattr(module, name, real)
        self._lock.release()

    def _look(self) -> None:
        self._stand_ins = self._stand_ins or _stand_ins()
        self._bindings = []
        for title, module in list(sys.modules.items()):
            if not title.startswith(_PACKAGE) or title.startswith(_OURS) or module is None:
                continue
            for name, value in list(vars(module).items()):
                if id(value) in self._stand_ins and title != "jacquemart.native.pump":
                    self._bindings.append((module, name, value, self._stand_ins[id(value)]))
        self._known = len(sys.modules)


REALITY = Reality()
