"""Cells of a bench: a zone supervisor that asks, and, if wanted, TCP between cells of one host."""

from __future__ import annotations

import os
from dataclasses import replace

from jacquemart.actors.zone import ZoneSupervisor
from jacquemart.runtime.cell.assembly import find_parts
from jacquemart.runtime.cell.host import CellHost
from jacquemart.runtime.model.directory import CellAddress, CellConfig
from jacquemart.runtime.model.event import Event
from measuring.asker_kind import ZONE_ASKS
from measuring.asking import Asking, name_of, read_order

#: An address of this host that is not loopback: cells then meet over TCP.
NETWORK = "JACQUEMART_BENCH_NETWORK"


class AskingZone(ZoneSupervisor):
    """A zone supervisor that commands one device when an event tells it to."""

    __slots__ = ()

    def take_event(self, event: Event) -> None:
        """Do an order, besides what every zone does with an event."""
        super().take_event(event)
        if event.name == ZONE_ASKS:
            order = float(event.detail["order"])
            asking = Asking(self, *read_order(order), lambda: asking.leave(name_of(order)))
            asking.begin()


class BenchHost(CellHost):
    """As any cell's, but for the supervisor of zones and the address."""

    def __init__(self, config: CellConfig) -> None:
        """Prepare the cell."""
        network = os.environ.get(NETWORK, "")
        super().__init__(replace(config, host=network) if network else config)

    def start(self) -> CellAddress:
        """Start it, with the supervisor of this bench."""
        if self.config.role == "zone":
            self._parts["zone"] = replace(find_parts(self.config), supervisor=AskingZone)
        return super().start()
