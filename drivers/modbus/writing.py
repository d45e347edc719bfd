"""One call of ``write``: send block after block, and say of each value what became of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from jacquemart.drivers.contract import LastLook
from jacquemart.drivers.modbus.client import Lost, Silent
from jacquemart.drivers.modbus.codec import Unfit
from jacquemart.drivers.modbus.exchange import Exchange
from jacquemart.drivers.modbus.faults import exception_text, meaning
from jacquemart.drivers.modbus.wire import BrokenAnswer, Refusal, check_written
from jacquemart.drivers.modbus.writeplan import (
    RawWrite,
    WriteBlock,
    alternatives,
    halves,
    plan_writes,
    raw_write,
)
from jacquemart.runtime.model.errors import (
    DeviceBusy,
    DeviceRefused,
    DriverError,
    LinkError,
    NeverSent,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import BoundPoint

_ILLEGAL_FUNCTION, _BUSY = 1, 6


class WriteCall:
    """Write some values once; nothing that may have taken effect is ever sent again."""

    __slots__ = (
        "_exchange",
        "_last_look",
        "_lost",
        "_never",
        "_results",
        "_stopped",
        "_timeouts",
        "_writes",
    )

    def __init__(
        self,
        exchange: Exchange,
        writes: Sequence[tuple[BoundPoint, float]],
        last_look: LastLook,
    ) -> None:
        """Prepare; no I/O. ``last_look`` is asked before each block leaves."""
        self._last_look = last_look
        self._never: NeverSent | None = None
        self._exchange = exchange
        self._writes = writes
        self._results: list[DriverError | None] = [None] * len(writes)
        self._lost = ""
        self._timeouts = exchange.options.timeouts_a_call()
        self._stopped: dict[int, tuple[type[DriverError], str]] = {}

    async def run(self) -> Sequence[DriverError | None]:
        """Return, for each write in order, None (acknowledged) or what went wrong."""
        exchange = self._exchange
        blocks = plan_writes(
            self._encoded(),
            multiple=exchange.options.write_multiple,
            lacking=exchange.lacking,
        )
        queue = deque(exchange.by_health(blocks))
        while queue:
            block = queue.popleft()
            if self._never is not None:
                self._never_sent(block)
            elif self._lost:
                self._say(block, LinkError, f"not sent: {self._lost}")
            elif block.unit in self._stopped:
                kind, reason = self._stopped[block.unit]
                self._say(block, kind, f"not sent: {reason}")
            elif not self._timeouts:
                self._say(block, DeviceBusy, "not sent: too many units did not answer just now")
            else:
                queue.extendleft(reversed(await self._send(block)))
        return self._results

    def _encoded(self) -> list[RawWrite]:
        encoded: list[RawWrite] = []
        for position, (point, value) in enumerate(self._writes):
            try:
                encoded.append(raw_write(position, point.address, value))
            except Unfit as unfit:
                self._results[position] = DeviceRefused(
                    f"not sent: {unfit}", where=self._where(position)
                )
        return encoded

    async def _send(self, block: WriteBlock) -> list[WriteBlock]:
        """Send one block and note its results; return what to send in its place."""
        unit = block.unit
        try:
            answer = await self._exchange.ask(unit, block.request, last_look=self._last_look)
            check_written(block.request, answer)
        except Refusal as refusal:
            return self._refused(block, refusal.code)
        except BrokenAnswer as broken:
            self._say(block, RemoteProtocolError, f"{broken}: whether it wrote is unknown")
        except Silent:
            reason = f"no answer within {self._exchange.options.timeout_ms} ms"
            self._timeouts -= 1
            self._stopped[unit] = (UnitError, f"the unit gave {reason} to the write before")
            self._say(block, OutcomeUnknown, f"sent, but {reason}")
        except NeverSent as never:
            self._never = never
            self._never_sent(block)
        except Lost as lost:
            self._lost = lost.reason
            if lost.sent:
                self._say(block, OutcomeUnknown, f"sent, but then: {lost.reason}")
            else:
                self._say(block, LinkError, f"not sent: {lost.reason}")
        else:
            for write in block.writes:
                self._results[write.position] = None
        return []

    def _refused(self, block: WriteBlock, code: int) -> list[WriteBlock]:
        rule = meaning(code)
        unit = block.unit
        for write in block.writes:
            self._results[write.position] = rule.error(
                exception_text(code), where=self._where(write.position), advice=rule.advice
            )
        if rule.unit_down:
            self._stopped[unit] = (UnitError, f"the write before got {exception_text(code)}")
        elif code == _BUSY:
            self._stopped[unit] = (DeviceBusy, f"the write before got {exception_text(code)}")
        lacking = self._exchange.lacking
        if code == _ILLEGAL_FUNCTION:
            lacking.add((unit, block.function))
            if any(write.address.pulse for write in block.writes):
                return []
            return alternatives(block, lacking)
        return halves(block, lacking) if rule.splits else []

    def _never_sent(self, block: WriteBlock) -> None:
        for write in block.writes:
            self._results[write.position] = self._never

    def _say(self, block: WriteBlock, kind: type[DriverError], reason: str) -> None:
        for write in block.writes:
            self._results[write.position] = kind(reason, where=self._where(write.position))

    def _where(self, position: int) -> str:
        point = self._writes[position][0]
        return f"{point.id} ({self._exchange.where(point.address.text)})"
