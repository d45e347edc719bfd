"""One cell of a simulated city: the real service of its role, in a simulated process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from jacquemart.runtime.cell.assembly import Parts, make_service, populate
from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.testing.simulation.network import Network
from jacquemart.runtime.testing.simulation.process import SimulatedProcess
from jacquemart.runtime.testing.simulation.sockets import SimulatedContext


class SimulatedCell:
    """What :class:`jacquemart.runtime.cell.host.CellHost` is for a thread."""

    def __init__(self, config: CellConfig, network: Network, parts: Parts) -> None:
        """Prepare; ``start`` makes it live."""
        self.config = config
        self.process = SimulatedProcess(network.scheduler, config.name, config.epoch)
        self.context = SimulatedContext(network, self.process)
        self.service: Any = None
        self.broke: list[str] = []
        """Exceptions in the cell that are no plain refusal: bugs, as a rule."""
        self.address: CellAddress
        self._parts = parts

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        return self.process.alive

    def start(self) -> CellAddress:
        """Bind the sockets, start the actors.

        Raises:
            StartError: an address is taken.
        """
        process = self.process

        def start() -> CellAddress:
            service = make_service(self.config, process.loop, self.context, process.scheduler)
            service.broken = self._noting(service.broken)
            self.service = service
            address: CellAddress = service.start()
            populate(service, self.config, self._parts)
            return address

        self.address = process.inside(start)
        return self.address

    def connect(self, directory: Directory) -> None:
        """Take a newer directory, in the process's next turn."""
        self.process.loop.call_soon(self.service.connect, directory)

    def progress(self) -> dict[str, Any]:
        """Return how far it is on its way to ready."""
        if not self.alive or self.process.frozen or self.service is None:
            return {"ready": False, "detail": "dead or frozen"}
        found: dict[str, Any] = self.process.inside(self.service.progress)
        return found

    async def stop(self, grace_s: float = 2.0) -> list[str]:
        """End in order; return what was left over that should not be."""
        if not self.alive:
            return []
        await self.process.call(self.service.stop(grace_s))
        await asyncio.sleep(0.001)
        name = self.config.name
        left = [
            f"{name}: task {task.get_coro()!r}" for task in asyncio.all_tasks(self.process.loop)
        ]
        left += [f"{name}: {type(socket).__name__}" for socket in self.context.sockets]
        self.process.kill()
        return left

    def _noting(self, broken: Callable[[BaseException], None]) -> Callable[[BaseException], None]:
        def note(error: BaseException) -> None:
            if self.alive and not isinstance(error, JacquemartError):
                self.broke.append(f"{type(error).__name__}: {error}")
            broken(error)

        return note
