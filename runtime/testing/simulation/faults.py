"""What goes wrong in a trial, and when: a plan made from the seed alone, and its execution.

The plan clogs and unclogs, cuts, freezes, kills and spoils at random, in bursts and for random
times, and mends everything at the end; some seeds get little of it, some a lot.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jacquemart.runtime.testing.simulation.disk import FAULTS as DISK_FAULTS
from jacquemart.runtime.testing.simulation.field import MOODS
from jacquemart.runtime.testing.simulation.sockets import PublisherSocket

if TYPE_CHECKING:
    from jacquemart.runtime.testing.simulation.city import SimulatedCity

#: Fault -> how often it is chosen.
WEIGHTS = {
    "kill": 8, "freeze": 5, "cut": 3, "clog": 6, "reset": 4, "disk": 3, "mood": 8, "link": 2,
    "reboot": 1, "wall": 1, "duplicate": 1, "swap": 1, "drop": 3, "blur": 3, "away": 2,
}  # fmt: skip
#: Most faults of a plan.
MOST = 14


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a plan."""

    at_s: float
    """After the begin of the trial."""
    what: str
    lasts_s: float
    lot: float
    """0 to 1: decides whom it meets, of those who are there then."""
    how: str = ""


def plan(rng: random.Random, length_s: float) -> Sequence[Fault]:
    """Return the faults of a trial, in order."""
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    wild = rng.random()
    found = []
    if rng.random() < 0.7:  # one device has a bad day
        found.append(Fault(0.0, "mood", length_s, rng.random(), rng.choice(MOODS[1:])))
    for _ in range(int(wild * (MOST + 1))):
        what = rng.choices(names, weights)[0]
        lasts = min(length_s / 2, rng.choice((0.02, 0.3, 1.0, 3.0)) * (0.5 + rng.random()))
        how = ""
        if what == "mood":
            how = rng.choice(MOODS[1:])
        elif what == "disk":
            how = rng.choice(DISK_FAULTS)
        found.append(Fault(rng.random() * length_s, what, lasts, rng.random(), how))
    return sorted(found, key=lambda fault: fault.at_s)


class FaultPlan:
    """Executes a plan on a city."""

    def __init__(self, city: SimulatedCity, faults: Sequence[Fault]) -> None:
        """Set the timers of all faults, counted from now."""
        self._city = city
        self._open = True
        for fault in faults:
            city.scheduler.after(fault.at_s, lambda fault=fault: self._do(fault))  # type: ignore[misc]

    def end(self) -> None:
        """Do nothing more, and mend everything."""
        self._open = False
        city = self._city
        city.network.mend_all()
        city.field.mend_all()
        city.disk.fault = ""
        for cell in city.warden.cells.values():
            cell.process.resume()
        city.note_fault("all", "mended")

    def _do(self, fault: Fault) -> None:
        if self._open:
            getattr(self, f"_{fault.what}")(fault)

    def _cell(self, fault: Fault) -> str:
        names = list(self._city.warden.cells)
        return names[int(fault.lot * len(names))]

    def _kill(self, fault: Fault) -> None:
        self._city.kill(self._cell(fault))

    def _freeze(self, fault: Fault) -> None:
        self._city.freeze(self._cell(fault), fault.lasts_s)

    def _cut(self, fault: Fault) -> None:
        network = self._city.network
        connections = list(network.connections)
        if connections:
            connection = connections[int(fault.lot * len(connections))]
            one, other = connection.client.process.name, connection.server.process.name
            self._city.note_fault(one, "cut", other, fault.lasts_s)
            network.cut(one, other)
            self._later(fault, lambda: network.mend(one, other))

    def _clog(self, fault: Fault) -> None:
        network = self._city.network
        connections = list(network.connections)
        if connections:
            connection = connections[int(fault.lot * len(connections))]
            way = connection.there if int(fault.lot * 7_919) % 2 else connection.up
            self._city.note_fault(way.to.process.name, "clog", fault.lasts_s)
            network.clog(way)
            self._later(fault, lambda: network.unclog(connection, way))

    def _reset(self, fault: Fault) -> None:
        connections = list(self._city.network.connections)
        if int(fault.lot * 7_919) % 2:  # a stream's: what is lost there is told by nobody
            connections = [one for one in connections if isinstance(one.server, PublisherSocket)]
        if connections:
            connection = connections[int(fault.lot * len(connections))]
            self._city.note_fault(
                connection.client.process.name, "reset", connection.client.endpoint
            )
            self._city.network.lose(connection, rest=True)

    def _disk(self, fault: Fault) -> None:
        self._city.note_fault("disk", fault.how, fault.lasts_s)
        self._city.disk.fault = fault.how
        self._later(fault, lambda: setattr(self._city.disk, "fault", ""))

    def _mood(self, fault: Fault) -> None:
        device = self._city.field.device(self._device(fault))
        self._city.note_fault(device.id, fault.how, fault.lasts_s)
        device.mood = fault.how
        self._later(fault, lambda: setattr(device, "mood", "well"))

    def _link(self, fault: Fault) -> None:
        links = self._city.spec.links
        link = links[int(fault.lot * len(links))].id
        self._city.note_fault(link, "lost", fault.lasts_s)
        self._city.field.lose_link(link)
        self._later(fault, lambda: self._city.field.mend_link(link))

    def _reboot(self, fault: Fault) -> None:
        self._city.note_fault(self._device(fault), "reboot")
        self._city.field.reboot(self._device(fault))

    def _wall(self, fault: Fault) -> None:
        jump = 3_600 if fault.lot > 0.5 else -3_600
        self._city.note_fault("clock", "wall", jump)
        self._city.scheduler.wall_offset_ns += jump * 10**9

    def _duplicate(self, fault: Fault) -> None:
        self._city.note_fault("network", "duplicates", fault.lasts_s)
        self._city.network.duplicates = 0.1
        self._later(fault, lambda: setattr(self._city.network, "duplicates", 0.0))

    def _swap(self, fault: Fault) -> None:
        self._city.note_fault("network", "swaps", fault.lasts_s)
        self._city.network.swaps = 0.1
        self._later(fault, lambda: setattr(self._city.network, "swaps", 0.0))

    def _drop(self, fault: Fault) -> None:
        self._city.note_fault("network", "drops", fault.lasts_s)
        self._city.network.drops = 0.3
        self._later(fault, lambda: setattr(self._city.network, "drops", 0.0))

    def _delay(self, fault: Fault) -> None:
        """Have messages between cells take long, and each another time; they keep their order."""
        self._city.note_fault("network", "jitter", fault.lasts_s)
        self._city.network.jitter_s = 0.05 * (0.2 + fault.lot)
        self._later(fault, lambda: setattr(self._city.network, "jitter_s", 0.0))

    def _blur(self, fault: Fault) -> None:
        """Have streams lose messages while answers, such as snapshots, are late."""
        self._drop(fault)
        network = self._city.network
        for connection in list(network.connections):
            if connection.server.process.name.startswith("device") and connection.client.identity:
                network.clog(connection.up)
                self._later(fault, partial(network.unclog, connection, connection.up))

    def _away(self, fault: Fault) -> None:
        """Kill a device cell, and have none in its place for longer than any end may take.

        That happens to each cell once: clients do not wait for ever.
        """
        devices = [name for name in self._city.warden.cells if name.startswith("device")]
        name = devices[int(fault.lot * len(devices))]
        if self._city.warden.keep_away(name, 6.8 + 0.8 * fault.lot):
            self._city.kill(name)
            if int(fault.lot * 7_919) % 2:  # its zone cell goes too, and cannot ask it
                self._city.kill("zone-0")

    def _device(self, fault: Fault) -> str:
        devices = self._city.spec.devices
        return devices[int(fault.lot * len(devices))].id

    def _later(self, fault: Fault, mend: object) -> None:
        def do() -> None:
            if self._open and callable(mend):
                mend()

        self._city.scheduler.after(fault.lasts_s, do)
