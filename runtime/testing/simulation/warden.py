"""The simulated warden: sees cells die and freeze, and puts others in their place.

It is no process of the simulation and never fails. It does what the warden and Ray do for a real
city, in their order: kill what is left of the old incarnation, wait for its end, start the next
one with a higher epoch, tell everybody the new directory. What is frozen on another host cannot be
killed: its successor starts beside it, and the leases have to keep it from the field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jacquemart.runtime.model.directory import CellAddress, CellConfig, Directory
from jacquemart.runtime.testing.simulation.cell import SimulatedCell
from jacquemart.runtime.testing.simulation.history import History
from jacquemart.runtime.testing.simulation.scheduler import Scheduler

#: A frozen cell is given up after so long.
FROZEN_S = 0.8
LOOK_S = 0.1


class SimulatedWarden:
    """Keeps every cell of a city alive, in one incarnation at a time."""

    def __init__(
        self,
        scheduler: Scheduler,
        history: History,
        make: Callable[[CellConfig], SimulatedCell],
        directory: Callable[[dict[str, CellAddress], int], Directory],
    ) -> None:
        """Know nobody; ``make`` makes a cell, ``directory`` the directory of some addresses."""
        self.cells: dict[str, SimulatedCell] = {}
        self.all_cells: list[SimulatedCell] = []
        """All incarnations that there ever were."""
        self.on_start: list[Callable[[SimulatedCell], object]] = []
        """Hear of each incarnation that has begun."""
        self.watching = True
        """Whether cells that are lost are replaced."""
        self.directory = Directory(0, {}, {}, {})
        self._scheduler = scheduler
        self._history = history
        self._make = make
        self._directory = directory
        self._rng = scheduler.chance("warden")
        self._frozen: dict[str, int] = {}
        self._least_epoch: dict[str, int] = {}
        self._away_ns: dict[str, int] = {}

    def start(self, configs: dict[str, CellConfig]) -> None:
        """Start all cells and begin to watch."""
        for config in configs.values():
            self._start(config)
        self.publish()
        self._look()

    def publish(self) -> None:
        """Tell every cell where everything is now."""
        addresses = {
            name: cell.address for name, cell in self.cells.items() if not self._is_away(name)
        }
        self.directory = self._directory(addresses, self.directory.version + 1)
        directory = self.directory
        for cell in self.told():
            self._scheduler.after(0.0002 + 0.003 * self._rng.random(), _tell(cell, directory))

    def keep_away(self, name: str, seconds: float) -> bool:
        """Put nobody in the place of a cell for a while, should it be lost; once for each cell."""
        if name in self._away_ns:
            return False
        self._away_ns[name] = self._scheduler.now_ns + int(seconds * 1e9)
        self._history.note(self._scheduler.now_ns, "away", name, seconds)
        return True

    def told(self) -> list[SimulatedCell]:
        """Return who is told of a new directory."""
        return [cell for cell in self.cells.values() if cell.alive]

    def next_epoch(self, epoch: int) -> int:
        """Return the epoch of a successor."""
        return epoch + 1

    def is_remote(self, config: CellConfig) -> bool:
        """Whether a cell is on another host than the warden."""
        return config.host != "127.0.0.1"

    def give_up(self, name: str) -> None:
        """Kill a cell that has been frozen for too long, if it can be reached, and replace it."""
        cell = self.cells[name]
        if not self.is_remote(cell.config):
            cell.process.kill()  # its death has it replaced
            return
        self._history.note(self._scheduler.now_ns, "given_up", name, cell.config.epoch)
        self._replace(cell.config, beside=True)

    def _fenced(self, cell: SimulatedCell, least_epoch: int) -> None:
        """End a cell that must never write again; its successor has an epoch that is enough."""
        name = cell.config.name
        self._history.note(self._scheduler.now_ns, "fenced", name, cell.config.epoch, least_epoch)
        self._least_epoch[name] = max(least_epoch, self._least_epoch.get(name, 0))
        self._scheduler.after(0.001, cell.process.kill)

    def _start(self, config: CellConfig) -> None:
        cell = self._make(config)
        cell.start()
        cell.service.on_fenced = lambda why, least_epoch: self._fenced(cell, least_epoch)
        self.cells[config.name] = cell
        self.all_cells.append(cell)
        self._history.note(self._scheduler.now_ns, "cell_started", config.name, config.epoch)
        for meet in self.on_start:
            meet(cell)
        cell.process.on_death.append(lambda: self._died(cell))

    def _died(self, cell: SimulatedCell) -> None:
        config = cell.config
        now = self._scheduler.now_ns
        self._history.note(now, "cell_died", config.name, config.epoch)
        if not self.watching or self.cells.get(config.name) is not cell:
            return
        if self._is_away(config.name):  # nobody can be sent there, and everybody is to know
            self._scheduler.after(FROZEN_S * self._rng.random(), self._tell_away(cell))
        standby = config.role == "device" and self._rng.random() < 0.7
        pause = self._rng.uniform(0.02, 0.1) if standby else self._rng.uniform(0.4, 1.5)
        self._scheduler.after(pause, lambda: self._replace(config))

    def _is_away(self, name: str) -> bool:
        """Whether a cell is lost, and has no successor for a while."""
        return self._away_ns.get(name, 0) > self._scheduler.now_ns and not self.cells[name].alive

    def _tell_away(self, cell: SimulatedCell) -> Callable[[], None]:
        def tell() -> None:
            if self.watching and self.cells[cell.config.name] is cell:
                self.publish()

        return tell

    def _replace(self, config: CellConfig, *, beside: bool = False) -> None:
        known = self.cells[config.name]
        if (known.alive and not beside) or not self.watching:
            return
        away_s = (self._away_ns.get(config.name, 0) - self._scheduler.now_ns) / 1e9
        if away_s > 0:
            self._scheduler.after(away_s, lambda: self._replace(config, beside=beside))
            return
        epoch = max(self.next_epoch(config.epoch), self._least_epoch.get(config.name, 0))
        left = "" if self.is_remote(config) else known.address.ledger
        self._start(replace(config, epoch=epoch, inherits=left))
        self.publish()

    def _look(self) -> None:
        """Give up who has been frozen for too long."""
        for name, cell in list(self.cells.items()):
            if cell.alive and cell.process.frozen:
                since = self._frozen.setdefault(name, self._scheduler.now_ns)
                if self.watching and self._scheduler.now_ns - since > FROZEN_S * 1e9:
                    self._frozen.pop(name)
                    self.give_up(name)
            else:
                self._frozen.pop(name, None)
        self._scheduler.after(LOOK_S, self._look)


def _tell(cell: SimulatedCell, directory: Directory) -> Callable[[], None]:
    return lambda: cell.connect(directory) if cell.alive else None
