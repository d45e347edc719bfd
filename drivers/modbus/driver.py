"""The Modbus TCP driver: the contract's face of plans, exchange and codec.

Docs: docs/guides/modbus.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError, LinkError
from jacquemart.drivers.modbus import address as addresses
from jacquemart.drivers.modbus import options as link_options
from jacquemart.drivers.modbus.exchange import Exchange
from jacquemart.drivers.modbus.plan import ReadPlan
from jacquemart.drivers.modbus.reading import ReadCall
from jacquemart.drivers.modbus.writing import WriteCall
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec


class ModbusDriver(Driver):
    """One Modbus TCP connection and the units behind it."""

    def __init__(
        self,
        link: LinkSpec,
        publish: Callable[..., None],
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the options, which must have passed ``check_link``; no I/O.

        Args:
            link: the link.
            publish: unused; a Modbus unit speaks only when asked.
            clock_s: monotonic seconds; paces the polls of units that are down.
        """
        super().__init__(link, publish)
        options = link_options.parse_link(link.options)
        self._exchange = Exchange(link.id, options, clock_s)
        self._reaches = {
            table: options.reach(bits=table in addresses.BIT_TABLES) for table in addresses.TABLES
        }

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
        return link_options.check_link(options)

    @classmethod
    def check_point(
        cls, point: PointSpec, address: Mapping[str, Any]
    ) -> Sequence[tuple[str, Any, str]]:
        """Return what is wrong with a point's address, as ``(key, found, allowed)``."""
        return addresses.check_point(point, address)

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> addresses.RegisterAddress:
        """Return the place of a device's point; equal if two points are the same place.

        Raises:
            ConfigError: the unit, or index * step, leads out of range: the operator's fault.
        """
        return addresses.address_of(point, device)

    @classmethod
    def places_of(cls, address: addresses.RegisterAddress) -> Sequence[Hashable]:
        """Return the coils or registers that a write to an address changes."""
        return [
            (address.unit, address.table, place) for place in range(address.address, address.end)
        ]

    @classmethod
    def peer_of(cls, options: Mapping[str, Any]) -> Hashable:
        """Return whom a link with these options reaches; two links may reach one device."""
        found = link_options.parse_link(options)
        return link_options.one_name(found.host), found.port

    def plan(self, points: Sequence[BoundPoint]) -> ReadPlan:
        """Return the blocks that read these points; it learns from what units refuse."""
        retry_polls = self._exchange.options.hole_retry_polls
        plan = ReadPlan([point.address for point in points], self._reaches, retry_polls)
        self._exchange.knows(plan.units())
        return plan

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Forget the units of devices that left the link."""
        self._exchange.retains({point.address.unit for point in points})

    async def open(self) -> None:
        """Connect; after a silence of the whole link, only if something answers again.

        Raises:
            LinkError: refused, unreachable, no connection in time, or still silent; may be
                retried.

        Timing: ``connect_timeout_ms``, and ``link_down_after`` time-outs after a silence.
        """
        await self._exchange.open()

    async def read(self, plan: ReadPlan) -> Sequence[float | Bad]:
        """Read a plan: one number or Bad for each point, in order.

        Raises:
            LinkError: the connection is gone, or was given up as silent or not to be trusted.
            UnitError: the plan is of one unit, and that does not answer.
            RemoteProtocolError: the plan is of one unit, and all it answered was wrong.

        Timing: one time-out at most for each silent unit.
        Cancellation: the request on its way is given up; the driver stays usable.
        """
        self._need_open()
        return await ReadCall(self._exchange, plan).run()

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Write values; for each, None (acknowledged) or what went wrong, in order.

        Writes of one call have no order among each other, except those to the same place.

        Raises:
            LinkError: not open; nothing was sent.

        Timing: one time-out at most for each silent unit.
        Cancellation: what was on its way may take effect; the rest was not sent.
        """
        self._need_open()
        return await WriteCall(self._exchange, writes, self.last_look).run()

    async def close(self) -> None:
        """Disconnect; never raises."""
        self._exchange.connection.close()

    def _need_open(self) -> None:
        lost = self._exchange.connection.lost
        if lost:
            raise LinkError(lost, where=self._exchange.where())
