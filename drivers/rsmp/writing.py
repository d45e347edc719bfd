"""Writes as commands, and the priority requests that are under way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
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
from jacquemart.drivers.rsmp.wire.values import to_bool, to_int

if TYPE_CHECKING:
    from jacquemart.drivers.rsmp.connection import Connection
    from jacquemart.drivers.rsmp.driver import RsmpDriver

_PriorityKey = tuple[str, str, tuple[tuple[str, str], ...]]


_ENDED = ("completed", "timeout", "rejected", "cooldown", "stale")


@dataclass(slots=True)
class _Asked:
    """A priority request that was sent."""

    identity: str
    value: float
    seen: bool = False
    ended: bool = False


class Writer:
    """Sends what is written, at each site one after the other."""

    def __init__(self, driver: RsmpDriver) -> None:
        """Write for a driver."""
        self._driver = driver
        self._priorities: dict[_PriorityKey, _Asked] = {}

    def priority(self, address: RsmpAddress, told: object) -> tuple[str, float]:
        """Return the id of the request of M0022 for a movement, and what was written for it.

        ``told`` is the site's S0033 as it came: a request that has ended there, or that was
        there and is gone, is over.
        """
        asked = self._priorities.get(_key(address))
        if asked is None:
            return "", 0.0
        if isinstance(told, list):
            rows = [r for r in told if isinstance(r, dict) and r.get("r") == asked.identity]
            ended = rows[0].get("s") in _ENDED if rows else asked.seen
            asked.ended = asked.ended or ended
            asked.seen = asked.seen or bool(rows)
        return asked.identity, asked.value

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
        identity = ""
        if code == "M0022":
            asked = self._priorities.get(_key(address))
            open_id = asked.identity if asked is not None and not asked.ended else ""
            if not value and not open_id:
                return None  # nothing is asked for, and nothing is what was wanted
            identity = open_id or str(uuid.uuid4())
            arguments = _priority(arguments, identity, value, is_open=bool(open_id))
        try:
            self._driver.last_look.check()
        except NeverSent as error:
            return error
        answer = await connection.command(
            address.component, code, arguments, self._driver.timeout_s
        )
        error_ = _judge(answer, address, arguments, point)
        if code == "M0022":
            if value and not isinstance(error_, DeviceRefused):
                self._priorities[_key(address)] = _Asked(identity, value)
            elif not value and not isinstance(error_, OutcomeUnknown):
                # Cancelled, or the site knows of no such request: nothing is asked for.
                self._priorities.pop(_key(address), None)
                return None
        return error_

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


def _key(address: RsmpAddress) -> _PriorityKey:
    movement = tuple(pair for pair in address.fixed if pair[0].endswith("Id"))
    return address.site, address.component, movement


def _priority(
    arguments: dict[str, str], identity: str, value: float, *, is_open: bool
) -> dict[str, str]:
    """Return the arguments of M0022: the movement is named only when it is new."""
    what = "cancel" if not value else "update" if is_open else "new"
    kept = {
        name: text for name, text in arguments.items() if what == "new" or name in ("level", "eta")
    }
    return {"requestId": identity, "type": what, **kept}


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
