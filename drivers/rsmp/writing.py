"""Writes as commands."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jacquemart.drivers.contract import (
    BoundPoint,
    DeviceRefused,
    DriverError,
    NeverSent,
    OutcomeUnknown,
    UnitError,
)
from jacquemart.drivers.rsmp.address import RsmpAddress
from jacquemart.drivers.rsmp.decode import encode
from jacquemart.drivers.rsmp.machine.supervisor import Answer
from jacquemart.drivers.rsmp.priority import Requests
from jacquemart.drivers.rsmp.wire.values import to_bool, to_int

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.connection import Connection
    from jacquemart.drivers.rsmp.driver import RsmpDriver


class Writer:
    """Sends what is written, at each site one after the other."""

    def __init__(self, driver: RsmpDriver) -> None:
        """Write for a driver."""
        self._driver = driver
        self.requests = Requests()

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Send all; sites do not wait for each other."""
        results: list[DriverError | None] = [None] * len(writes)
        by_site: dict[str, list[tuple[int, BoundPoint, RsmpAddress, float]]] = {}
        for index, (point, value) in enumerate(writes):
            address = self._driver.whole(point.address)
            by_site.setdefault(address.site, []).append((index, point, address, value))

        async def to_site(rows: list[tuple[int, BoundPoint, RsmpAddress, float]]) -> None:
            silent = False
            for index, point, address, value in rows:
                if silent:
                    results[index] = UnitError("the site is silent: not sent", where=point.id)
                    continue
                results[index] = await self._one(point, address, value)
                silent = isinstance(results[index], OutcomeUnknown)

        await asyncio.gather(*(to_site(rows) for rows in by_site.values()))
        return results

    async def _one(
        self, point: BoundPoint, address: RsmpAddress, value: float
    ) -> DriverError | None:
        connection = self._driver.sites.get(address.site)
        if not address.command:
            return DeviceRefused("there is no command for it", where=point.id)
        if address.command.startswith("alarm/"):
            return await self._alarm(connection, point, address, value)
        options = self._driver.options
        arguments = encode(address, value, (options.security_code_1, options.security_code_2))
        if isinstance(arguments, str):
            return DeviceRefused(arguments, where=point.id)
        if connection is None:
            return UnitError(f"site {address.site} is not there", where=point.id)
        code = address.command.partition("/")[0]
        if code == "M0022":
            return await self._requests(connection, point, address, value, arguments)
        return await self._send(connection, point, address, code, arguments)

    async def _requests(
        self, connection: Connection, point: BoundPoint, address: RsmpAddress, value: float,
        arguments: dict[str, str],
    ) -> DriverError | None:  # fmt: skip
        """Send what a request for priority takes: first what must be taken back, then itself."""
        steps = self.requests.steps(address, value, arguments)
        for step in steps:
            error = await self._send(connection, point, address, "M0022", step.arguments)
            if isinstance(error, NeverSent):
                return error
            refused = isinstance(error, DeviceRefused)
            self.requests.said(address, step, refused=refused,
                               unknown=isinstance(error, OutcomeUnknown))  # fmt: skip
            # Taken back, or the site knows of no such request: nothing is asked for.
            if error is not None and not (refused and step.takes_back):
                return error
        return None  # nothing to send: nothing is asked for, and nothing is what was wanted

    async def _send(
        self, connection: Connection, point: BoundPoint, address: RsmpAddress, code: str,
        arguments: dict[str, str],
    ) -> DriverError | None:  # fmt: skip
        try:
            self._driver.last_look.check()
        except NeverSent as error:
            return error
        answer = await connection.command(
            address.component, code, arguments, self._driver.timeout_s
        )
        return _judge(answer, address, arguments, point)

    async def _alarm(
        self, connection: Connection | None, point: BoundPoint, address: RsmpAddress, value: float
    ) -> DriverError | None:
        _, code, what = address.command.split("/")
        if value not in (0.0, 1.0) or (what == "acknowledge" and not value):
            return DeviceRefused(f"{value} cannot be said of {address.command}", where=point.id)
        if connection is None:
            return UnitError(f"site {address.site} is not there", where=point.id)
        try:
            self._driver.last_look.check()
        except NeverSent as error:
            return error
        word = "Acknowledge" if what == "acknowledge" else "Suspend" if value else "Resume"
        seen = await connection.alarm(address.component, code, word, self._driver.timeout_s)
        if seen is None:
            return OutcomeUnknown("the site does not say that it did", where=point.id)
        done = seen.acknowledged if what == "acknowledge" else seen.suspended == bool(value)
        return None if done else OutcomeUnknown("the site says otherwise", where=point.id)


def _judge(
    answer: Answer, address: RsmpAddress, sent: dict[str, str], point: BoundPoint
) -> DriverError | None:
    if answer.refused:
        return DeviceRefused(answer.error, where=point.id)
    if answer.error:
        return OutcomeUnknown(answer.error, where=point.id)
    if any(value.quality in ("undefined", "unknown") for value in answer.values):
        return DeviceRefused(
            f"site {address.site} knows no component {address.component}", where=point.id
        )
    name = address.command.partition("/")[2]
    for value in answer.values:
        if value.name == name and not _same(value.value, sent[name]):
            return OutcomeUnknown(
                f"the site answers {str(value.value)[:40]!r} to {sent[name]!r}", where=point.id
            )
    return None


def _same(one: object, two: str) -> bool:
    if str(one) == two:
        return True
    number = to_int(one)
    if number is not None:
        return number == to_int(two)
    flag = to_bool(one)
    return flag is not None and flag == to_bool(two)
