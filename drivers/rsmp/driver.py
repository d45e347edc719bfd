"""The RSMP driver: the supervisor's role, on a port where sites connect.

*Theory.* In RSMP the site connects to the supervisor, so a link is a port that listens, and the
devices behind it are the sites. A poll is a StatusRequest, so that a value is what the site says
now; subscriptions tell changes at once besides. A write is a CommandRequest; what became of it is
read back by the shell, since a site may say what it likes.

*Rules.*

1. The link opens when a site that is expected is ready, and is lost when the last one is.
2. A site that is not there costs only its own points, ``BAD_UNIT``.
3. A command is sent once. No answer, or one to another question, is ``OutcomeUnknown``.
4. What a site tells of the past (``old``) is not shown as the present.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jacquemart.drivers.contract import Bad, BoundPoint, Driver, DriverError, LinkError, Quality
from jacquemart.drivers.rsmp import address as addresses
from jacquemart.drivers.rsmp import options as link_options
from jacquemart.drivers.rsmp.address import RsmpAddress
from jacquemart.drivers.rsmp.connection import Connection
from jacquemart.drivers.rsmp.reading import ReadPlan, Watched, read_site
from jacquemart.drivers.rsmp.writing import Writer
from jacquemart.runtime.model.city import DeviceSpec, LinkSpec, PointSpec

#: Connections beyond those of the sites that are expected; more are closed at once.
STRANGERS: Final = 16
#: For so long a link that has one site waits for the others when it opens, s.
GATHER_S: Final = 1.0


class RsmpDriver(Driver):
    """A port where sites connect."""

    def __init__(self, link: LinkSpec, publish: Any) -> None:
        """Prepare; nothing is opened."""
        super().__init__(link, publish)
        self.options = link_options.parse_link(link.options)
        self.port = 0
        """Where it listens, once it does."""
        self.sites: dict[str, Connection] = {}
        """The sites that are ready."""
        self._expected: set[str] = {*self.options.sites, self.options.site} - {""}
        self._watched: dict[str, Watched] = {}
        self._all: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._arrived: asyncio.Event | None = None
        self._lost = "not open"
        self._writer = Writer(self)

    # The contract --------------------------------------------------------------------------

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
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> RsmpAddress:
        """Return the value of a site that a device's point is."""
        return addresses.address_of(point, device)

    def whole(self, address: RsmpAddress) -> RsmpAddress:
        """Return an address with the site and component that the link's options fill in."""
        site = address.site or self.options.site or address.device
        component = address.component or self.options.component or site
        return replace(address, site=site, component=component)

    def plan(self, points: Sequence[BoundPoint]) -> ReadPlan:
        """Return what is to be asked for these points; their sites are expected from now on."""
        plan = ReadPlan([(point, self.whole(point.address)) for point in points])
        for site, of_site in plan.by_site.items():
            self._expected.add(site)
            watched = self._watched.setdefault(site, Watched())
            new = watched.add(of_site)
            connection = self.sites.get(site)
            if connection is not None:
                self._subscribe(connection, new)
        return plan

    def retain(self, points: Sequence[BoundPoint]) -> None:
        """Forget the points of devices that left the link."""
        slots = {point.slot for point in points}
        for watched in self._watched.values():
            watched.keep(slots)

    async def open(self) -> None:
        """Listen, and wait for a site.

        Raises:
            LinkError: the port is taken, or no expected site has come; may be retried.

        Timing: ``open_ms`` at most.
        """
        await self.close()
        self._arrived = asyncio.Event()
        options, loop = self.options, asyncio.get_running_loop()
        where = f"{options.host}:{options.port}"
        try:
            self._server = await loop.create_server(
                self._accept, options.host, options.port, reuse_address=True
            )
        except OSError as error:
            raise LinkError(f"cannot listen at {where}: {error}", where=self.link.id) from error
        self.port = self._server.sockets[0].getsockname()[1]
        self._lost = ""
        until = loop.time() + options.open_ms / 1000
        try:
            while not self._complete() and loop.time() < until:
                self._arrived.clear()
                try:
                    await asyncio.wait_for(self._arrived.wait(), until - loop.time())
                except TimeoutError:
                    break
                until = min(until, loop.time() + GATHER_S)
        except asyncio.CancelledError:
            await self.close()
            raise
        if not self.sites:
            await self.close()
            names = ", ".join(sorted(self._expected)) or "any"
            raise LinkError(
                f"no site has connected to port {options.port} of {options.host} in "
                f"{options.open_ms / 1000:g} s (expected: {names[:200]})", where=self.link.id,
            )  # fmt: skip

    async def read(self, plan: ReadPlan) -> Sequence[float | Bad]:
        """Read a plan: one number or Bad for each point, in order.

        Raises:
            LinkError: no site is left.

        Timing: ``timeout_ms`` at most. Cancellation: late answers are dropped.
        """
        self._need_open()
        found: list[float | Bad] = [Bad(Quality.BAD_UNIT, "not asked")] * len(plan.points)
        readings = []
        for site, entries in plan.by_site.items():
            connection = self.sites.get(site)
            if connection is not None:
                readings.append(read_site(connection, entries, self._writer, self.timeout_s, found))
                continue
            for entry in entries:
                device = entry.point.device.id
                found[entry.index] = Bad(Quality.BAD_UNIT, f"{device}: site {site} is not there")
        await asyncio.gather(*readings)
        self._need_open()
        return found

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Send commands; for each, None (the site took it) or what went wrong, in order.

        Raises:
            LinkError: no site is left; nothing was sent.

        Timing: ``timeout_ms`` for each site that does not answer.
        Cancellation: what was on its way may take effect; the rest was not sent.
        """
        self._need_open()
        return await self._writer.write(writes)

    async def close(self) -> None:
        """Stop listening and close all connections; never raises."""
        self._lost = self._lost or "closed"
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in list(self._all):
            connection.end("the supervisor closes the link")
            connection.abort()
        self._all.clear()
        self.sites.clear()
        if server is not None:
            await asyncio.sleep(0)  # aborted transports are gone one turn later

    @property
    def timeout_s(self) -> float:
        """Return the longest wait for an answer, in s."""
        return self.options.timeout_ms / 1000

    # What connections tell -----------------------------------------------------------------

    def choose(self, sites: Sequence[str]) -> str:
        """Return which of a peer's site ids is expected here, or nothing."""
        return next((site for site in sites if site in self._expected), "")

    def site_ready(self, connection: Connection) -> None:
        """Have a site; an older connection of it is dead, or soon will be."""
        older = self.sites.get(connection.site)
        self.sites[connection.site] = connection
        if older is not None:
            older.end("the site has connected anew")
        watched = self._watched.get(connection.site)
        if watched is not None:
            self._subscribe(connection, watched.keys())
        if self._arrived is not None:
            self._arrived.set()

    def site_lost(self, connection: Connection, reason: str) -> None:
        """Lose a site; with the last one the link is lost, and only ``open`` brings it back."""
        self._all.discard(connection)
        if self.sites.get(connection.site) is not connection:
            return
        del self.sites[connection.site]
        if not self.sites and not self._lost:
            self._lost = f"site {connection.site} is gone: {reason}"
            if self._server is not None:
                self._server.close()

    def site_told(self, connection: Connection, component: str, at_ms: int | None) -> None:
        """Publish what a site tells by itself."""
        watched = self._watched.get(connection.site)
        if watched is None or self._lost or self.sites.get(connection.site) is not connection:
            return
        slots, values, qualities = watched.told(connection, component, self._writer)
        if slots:
            stamps = [(at_ms or 0) * 1_000_000] * len(slots)
            self.publish(slots, values, qualities, stamps)

    # Inside --------------------------------------------------------------------------------

    def _accept(self) -> asyncio.BaseProtocol:
        connection = Connection(
            self, self.options.session(), native_types=self.options.native_types
        )
        self._all.add(connection)
        if len(self._all) > 2 * len(self._expected) + STRANGERS:
            asyncio.get_running_loop().call_soon(connection.end, "too many connections")
        return connection

    def _subscribe(self, connection: Connection, keys: Sequence[tuple[str, str, str]]) -> None:
        if not self.options.subscribe:
            return
        by_code: dict[tuple[str, str], list[tuple[str, str, float]]] = {}
        for component, code, name in keys:
            by_code.setdefault((component, code), []).append((code, name, 0.0))
        for (component, _), wanted in by_code.items():
            connection.subscribe(component, wanted)  # each alone: a site refuses the whole message

    def _complete(self) -> bool:
        return bool(self.sites) and self._expected <= self.sites.keys()

    def _need_open(self) -> None:
        if self._lost:
            raise LinkError(self._lost, where=self.link.id)
