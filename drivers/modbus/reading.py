"""One call of ``read``: ask block after block, and put a number or its fault in each place."""

from __future__ import annotations

from jacquemart.drivers.modbus.client import Lost, Silent
from jacquemart.drivers.modbus.exchange import Exchange
from jacquemart.drivers.modbus.faults import exception_text, meaning
from jacquemart.drivers.modbus.plan import Block, ReadPlan
from jacquemart.drivers.modbus.wire import BrokenAnswer, Refusal, read_data
from jacquemart.runtime.model.errors import (
    DriverError,
    LinkError,
    RemoteProtocolError,
    UnitError,
)
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.quality import Quality

#: Requests that one call may spend on cutting up refused blocks; the next call goes on.
_SPLIT_REQUESTS = 64
_DONE, _FAILED = 0, -1

_QUALITIES: dict[type[DriverError], Quality] = {
    UnitError: Quality.BAD_UNIT,
    RemoteProtocolError: Quality.BAD_VALUE,
}


class ReadCall:
    """Read a plan once."""

    __slots__ = ("_budget", "_exchange", "_failed", "_plan", "_silent", "_timeouts", "_told", "out")

    def __init__(self, exchange: Exchange, plan: ReadPlan) -> None:
        """Prepare the result: nothing read yet."""
        self._exchange = exchange
        self._plan = plan
        self._budget = _SPLIT_REQUESTS
        self._silent: dict[int, str] = {}
        self._timeouts = exchange.options.timeouts_a_call()
        self._failed: list[tuple[int, DriverError]] = []
        self._told = False  # whether any unit said anything of use, be it "no"
        self.out = plan.blank()

    async def run(self) -> list[float | Bad]:
        """Return a number or a Bad for each point of the plan.

        Raises:
            LinkError: the connection is gone or was given up.
            UnitError: the plan is of one unit, and that is silent.
            RemoteProtocolError: the plan is of one unit, and all its answers broke the protocol.
        """
        plan = self._plan
        for block in self._exchange.by_health(plan.blocks):
            code = await self._read(block)
            if code > _DONE:
                await self._cut(block, code)
        failed = self._failed
        if failed and not self._told:
            unit, error = failed[0]
            if all(other == unit and type(e) is type(error) for other, e in failed):
                raise error
        hole = plan.next_hole()
        if hole is not None and await self._read(hole) == _DONE:
            plan.filled(hole)
        return self.out

    async def _read(self, block: Block) -> int:
        """Read one block into the result.

        Returns ``_DONE``, ``_FAILED`` (what is wrong stands in the result), or the exception
        code of a refusal that may be split.
        """
        unit = block.unit
        exchange = self._exchange
        if unit in self._silent:
            self._fail(block, UnitError, f"not asked, since {self._silent[unit]}")
            return _FAILED
        if not self._timeouts:
            self._fail(block, UnitError, "not asked now, since too many units did not answer")
            return _FAILED
        if exchange.skips(unit):
            self._silent[unit] = "the unit is down"
            self._fail(block, UnitError, "not asked now, since the unit did not answer lately")
            return _FAILED
        try:
            answer = await exchange.ask(unit, block.request)
            block.store(read_data(block.request, answer, block.size), self.out)
        except Refusal as refusal:
            return self._refused(block, refusal.code)
        except BrokenAnswer as broken:
            self._fail(block, RemoteProtocolError, f"{broken}: thrown away")
        except Silent:
            self._silent[unit] = "the unit did not answer just now"
            self._timeouts -= 1
            timeout_ms = exchange.options.timeout_ms
            self._fail(block, UnitError, f"no answer within {timeout_ms} ms")
        except Lost as lost:
            raise LinkError(lost.reason, where=exchange.where(block.text)) from None
        else:
            self._told = True
            return _DONE
        return _FAILED

    def _refused(self, block: Block, code: int) -> int:
        rule = meaning(code)
        if rule.splits:
            self._told = True
            return code
        if rule.unit_down:
            self._silent[block.unit] = "its gateway cannot reach it"
            self._fail(block, UnitError, exception_text(code))
        else:
            self._told = True
            self._mark(block, rule.quality, exception_text(code))
        return _FAILED

    async def _cut(self, block: Block, code: int) -> None:
        """Find the places of a refused block that the unit does refuse, and read the others."""
        pieces: list[Block] = []
        holes: dict[Block, Bad] = {}
        refused = [(block, code)]
        while refused:
            part, code = refused.pop()
            halves = part.split()
            if halves is None:
                holes[part] = self._mark(part, Quality.BAD_CONFIG, exception_text(code))
            elif self._budget < len(halves):
                self._mark(part, Quality.BAD_CONFIG, f"{exception_text(code)} somewhere in it")
                pieces.append(part)
            else:
                self._budget -= len(halves)
                for half in halves:
                    code = await self._read(half)
                    if code > _DONE:
                        refused.append((half, code))
                    else:
                        pieces.append(half)
        pieces.sort(key=lambda piece: piece.start)
        self._plan.replace(block, pieces, holes)

    def _fail(self, block: Block, kind: type[DriverError], reason: str) -> None:
        self._mark(block, _QUALITIES[kind], reason)
        error = kind(reason, where=self._exchange.where(block.text))
        self._failed.append((block.unit, error))

    def _mark(self, block: Block, quality: Quality, reason: str) -> Bad:
        bad = Bad(quality, f"{self._exchange.where(block.text)}: {reason}")
        block.mark(bad, self.out)
        return bad
