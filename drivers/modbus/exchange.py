"""One link's connection together with what is known of its units' silence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from typing import Protocol, TypeVar

from jacquemart.drivers.contract import LastLook
from jacquemart.drivers.modbus.client import Connection, Lost, Silent
from jacquemart.drivers.modbus.faults import meaning
from jacquemart.drivers.modbus.options import LinkOptions
from jacquemart.drivers.modbus.plan import Block
from jacquemart.drivers.modbus.silence import Silence
from jacquemart.drivers.modbus.wire import EXCEPTION, BrokenAnswer
from jacquemart.runtime.model.errors import LinkError


class HasUnit(Protocol):
    """A block of either kind."""

    @property
    def unit(self) -> int:
        """Return the unit, 1 to 255."""


B = TypeVar("B", bound=HasUnit)


class Exchange:
    """Ask units of one link, one request at a time, and notice who is silent."""

    def __init__(self, link: str, options: LinkOptions, clock_s: Callable[[], float]) -> None:
        """Prepare; no I/O. ``clock_s`` is any monotonic clock in seconds."""
        self.options = options
        self.silence = Silence(
            options.unit_down_after, options.unit_retry_ms / 1_000, options.link_down_after
        )
        self.lacking: set[tuple[int, int]] = set()
        """(unit, function code) that units of this connection said they do not have."""
        self.connection = Connection(options)
        self._link = link
        self._clock_s = clock_s
        self._slow_s = options.timeout_ms / 1_000 / 4
        self._fell_silent = False
        self._probes: dict[int, Block] = {}

    def where(self, text: str = "") -> str:
        """Return the link, and a place on it, for an error."""
        return f"link {self._link}, {text}" if text else f"link {self._link}"

    def knows(self, blocks: dict[int, Block]) -> None:
        """Take note of the link's units, each with a block that it may be asked for."""
        self.silence.know(blocks)
        for unit, block in blocks.items():
            self._probes.setdefault(unit, block)

    def retains(self, units: Collection[int]) -> None:
        """Forget the units that nobody asks any more."""
        self.silence.retain(units)
        for unit in [unit for unit in self._probes if unit not in units]:
            del self._probes[unit]

    def by_health(self, blocks: Sequence[B]) -> Sequence[B]:
        """Return blocks with those of failing units last, in a sequence of its own."""
        silence = self.silence
        if not silence.failing:
            return tuple(blocks)
        return sorted(blocks, key=lambda block: silence.failures(block.unit))

    def skips(self, unit: int) -> bool:
        """Return whether a poll should leave out the unit, since it is down."""
        return self.silence.skips(unit, self._clock_s())

    async def open(self) -> None:
        """Connect; if the link was given up as silent, only if something answers again.

        Raises:
            LinkError: not reachable, or as silent as before.
        """
        address = f"{self.options.host}:{self.options.port}"
        try:
            await self.connection.open()
            self.silence.reopened()
            self.lacking.clear()
            if self._fell_silent:
                await self._listen(address)
        except Lost as lost:
            raise LinkError(f"{address}: {lost.reason}", where=self.where()) from None

    async def ask(self, unit: int, request: bytes, *, last_look: LastLook | None = None) -> bytes:
        """Send a request, a write with its last look, and return that unit's answer.

        Raises:
            Silent: no answer from the unit in time.
            Lost: the connection is gone, or was given up since nothing on it answers.
            BrokenAnswer: another unit answered.
            NeverSent: the last look did not allow it.
        """
        began_s = self._clock_s()
        try:
            found, answer = await self.connection.transact(unit, request, last_look=last_look)
        except Silent:
            self.silence.timed_out(unit, self._clock_s())
            if last_look is not None:
                self.silence.ask_again(unit)
            if self.silence.link_is_dead():
                self._fell_silent = True
                self.connection.close("connected, but nothing answers")
                raise Lost(self.connection.lost, sent=True) from None
            raise
        if len(answer) == 2 and answer[0] & EXCEPTION and meaning(answer[1]).unit_down:
            now_s = self._clock_s()
            if now_s - began_s > self._slow_s:
                self.silence.slowly_unreachable(unit, now_s)
                return answer
        self.silence.answered(unit)
        if found != unit:
            raise BrokenAnswer(f"an answer of unit {found}")
        return answer

    async def _listen(self, address: str) -> None:
        """Ask some units, others each time, until one answers; anything counts as an answer."""
        asked = list(islice(self._probes.items(), self.options.link_down_after))
        for unit, block in asked:
            self._probes[unit] = self._probes.pop(unit)
            try:
                await self.connection.transact(unit, block.request)
            except Silent:
                continue
            break
        else:
            if asked:
                units = ", ".join(str(unit) for unit, _ in asked)
                self.connection.close(f"connected, but unit {units} did not answer")
                raise Lost(self.connection.lost, sent=True)
        self._fell_silent = False
