"""Two honest drivers of the line protocol: one for the loop, and a blocking one."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jacquemart.drivers.contract import (
    Bad,
    BoundPoint,
    DeviceBusy,
    DeviceRefused,
    Driver,
    DriverError,
    LinkError,
    OutcomeUnknown,
    Quality,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.city import DeviceSpec, PointSpec

REFUSALS: Mapping[str, type[DriverError]] = {"busy": DeviceBusy, "refused": DeviceRefused}


class LineWords:
    """The pure part: lines to send, and what an answer means."""

    def question(self, number: int, point: BoundPoint, value: float | None) -> bytes:
        if value is None:
            return f"{number} R {point.address}\n".encode()
        if not (math.isfinite(value) and value == int(value) and 0 <= value <= 9_999):
            raise DeviceRefused(f"{value} cannot be said", where=point.id)
        return f"{number} W {point.address} {int(value)}\n".encode()

    def is_for(self, number: int, line: bytes) -> bool:
        """Return whether an answer is for this question; an older one's is not."""
        found = int(line.split()[0])
        if found > number:
            raise RemoteProtocolError(f"answer {found} to question {number}")
        return found == number

    def value(self, line: bytes, point: BoundPoint) -> float | Bad:
        _, sign, word = line.decode().split()
        value = float(word) if sign == "=" else math.nan
        return value if math.isfinite(value) else Bad(Quality.BAD_VALUE, word)

    def outcome(self, line: bytes, point: BoundPoint) -> DriverError | None:
        words = line.decode().split()
        if words[1:] == ["ok"]:
            return None
        return REFUSALS[words[2]](words[2], where=point.id)


class _LineDriver(Driver):
    words = LineWords()
    number = 0

    @property
    def timeout_s(self) -> float:
        return float(self.link.options["timeout_s"])

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self.link.options["port"]

    @classmethod
    def check_link(cls, options: Mapping[str, Any]) -> Sequence[tuple[str, Any, str]]:
        known = ("port", "timeout_s")
        return [(k, v, "one of port, timeout_s") for k, v in options.items() if k not in known]

    @classmethod
    def address_of(cls, point: PointSpec, device: DeviceSpec) -> Any:
        return f"{device.id} {point.name}"

    def collect(
        self, plan: Sequence[BoundPoint], answers: Mapping[int, float | Bad]
    ) -> list[float | Bad]:
        """Put answers in order; what is missing belongs to a silent device."""
        silent = sorted({point.device.id for point in plan if point.slot not in answers})
        if plan and not answers:
            raise UnitError("no answer", where=", ".join(silent))
        return [answers.get(point.slot, Bad(Quality.BAD_UNIT, "no answer")) for point in plan]


class LineDriver(_LineDriver):
    """Speaks the line protocol in the loop."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        await self.close()
        try:
            async with asyncio.timeout(self.timeout_s):
                self.reader, self.writer = await asyncio.open_connection(*self.place)
        except OSError as error:
            raise LinkError(f"{error}", where=self.link.id) from error

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    async def ask(self, point: BoundPoint, value: float | None = None) -> bytes | None:
        """Ask, and return the answer's line; None if none came in time."""
        if self.writer is None:
            raise LinkError("not open", where=self.link.id)
        self.number += 1
        line = self.words.question(self.number, point, value)
        try:
            self.writer.write(line)
            async with asyncio.timeout(self.timeout_s):
                while answer := await self.reader.readline():
                    if self.words.is_for(self.number, answer):
                        return answer
        except TimeoutError:
            return None
        except OSError as error:
            raise self.broken(point, value, str(error)) from error
        raise self.broken(point, value, "the link was closed")

    def broken(self, point: BoundPoint, value: float | None, why: str) -> DriverError:
        self.writer = self.writer and self.writer.close()  # type: ignore[func-returns-value]
        if value is None:
            return LinkError(why, where=self.link.id)
        return OutcomeUnknown(why, where=point.id)

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:
        answers: dict[int, float | Bad] = {}
        silent: set[str] = set()
        for point in plan:
            if point.device.id in silent:
                continue
            line = await self.ask(point)
            if line is None:
                silent.add(point.device.id)
            else:
                answers[point.slot] = self.words.value(line, point)
        return self.collect(plan, answers)

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        return [await self.write_one(point, value) for point, value in writes]

    async def write_one(self, point: BoundPoint, value: float) -> DriverError | None:
        try:
            line = await self.ask(point, value)
        except DriverError as error:
            return error
        if line is None:
            return OutcomeUnknown("no answer", where=point.id)
        return self.words.outcome(line, point)


class BlockingLineDriver(_LineDriver):
    """The same with a blocking socket: plain methods, which the cell runs in a thread."""

    blocking = True
    socket: socket.socket | None = None

    def open(self) -> None:  # type: ignore[override]
        self.close()
        try:
            self.socket = socket.create_connection(self.place, self.timeout_s)
        except OSError as error:
            raise LinkError(f"{error}", where=self.link.id) from error
        self.rest = b""

    def close(self) -> None:  # type: ignore[override]
        line, self.socket = self.socket, None
        if line is not None:
            try:
                line.shutdown(socket.SHUT_RDWR)  # wakes a call that waits in another thread
            except OSError:
                pass
            line.close()

    def ask(self, point: BoundPoint, value: float | None = None) -> bytes | None:
        line = self.socket
        if line is None:
            raise LinkError("not open", where=self.link.id)
        self.number += 1
        question = self.words.question(self.number, point, value)
        until = time.monotonic() + self.timeout_s
        why = "the link was closed"
        try:
            line.sendall(question)
            while (left := until - time.monotonic()) > 0:
                answer, found, rest = self.rest.partition(b"\n")
                if found:
                    self.rest = rest
                    if self.words.is_for(self.number, answer):
                        return answer
                    continue
                line.settimeout(left)
                more = line.recv(4096)
                if not more:
                    break
                self.rest += more
            else:
                return None
        except TimeoutError:
            return None
        except OSError as error:
            why = str(error)
        self.close()
        if value is None:
            raise LinkError(why, where=self.link.id)
        raise OutcomeUnknown(why, where=point.id)

    def read(self, plan: Sequence[BoundPoint]) -> Sequence[float | Bad]:  # type: ignore[override]
        answers: dict[int, float | Bad] = {}
        silent: set[str] = set()
        for point in plan:
            if point.device.id in silent:
                continue
            line = self.ask(point)
            if line is None:
                silent.add(point.device.id)
            else:
                answers[point.slot] = self.words.value(line, point)
        return self.collect(plan, answers)

    def write(  # type: ignore[override]
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        results: list[DriverError | None] = []
        for point, value in writes:
            try:
                line = self.ask(point, value)
            except DriverError as error:
                results.append(error)
                continue
            unknown = OutcomeUnknown("no answer", where=point.id)
            results.append(unknown if line is None else self.words.outcome(line, point))
        return results
