"""Asking later: how far did a command get, and what became of it?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jacquemart.native import frames
from jacquemart.runtime.cell.service import number_arg, text_arg
from jacquemart.runtime.kernel.command_window import Key
from jacquemart.runtime.model.errors import UnknownDevice, UsageError

if TYPE_CHECKING:
    from jacquemart.runtime.cell.command_desk import CommandDesk

#: How long a question may wait.
LONGEST_MS = 30_000.0
#: Questions that wait at a time; more are answered at once.
MOST_WAITING = 10_000
STAGES = ("accepted", "ended")


@dataclass(eq=False, slots=True)
class _Asked:
    """A question that waits."""

    device: str
    stage: str
    answer: asyncio.Future[dict[str, Any]]
    timer: asyncio.TimerHandle | None = None


class OutcomeQuery:
    """Answers ``outcome``, at once or when the stage asked for is reached."""

    def __init__(self, desk: CommandDesk) -> None:
        """Ask ``desk``."""
        self._desk = desk
        self._waiting: dict[Key, list[_Asked]] = {}
        self._count = 0
        desk.when_reached(self._reached, self._waiting)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the query; see docs/protocol.md."""
        return {"outcome": self._outcome}

    def _outcome(self, args: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]] | dict[str, Any]:
        device, stage = text_arg(args, "device"), text_arg(args, "stage", "ended")
        id = args.get("id")
        if not isinstance(id, bytes) or len(id) != 16:
            raise UsageError("argument 'id' is not 16 bytes")
        if stage not in STAGES:
            raise UsageError(f"argument 'stage' is {stage!r}, allowed: {' or '.join(STAGES)}")
        if self._desk.authority.home_of(device) is None:
            raise UnknownDevice(f"no device {device!r} in the zones of this cell")
        key = (text_arg(args, "principal"), id)
        found = self.told(device, key, args.get("deadline_ns"))
        wait_ms = min(number_arg(args, "wait_ms", 0.0), LONGEST_MS)
        there = found["stage"] in ("ended", "too_old") or found["stage"] == stage
        if there or wait_ms <= 0 or self._count >= MOST_WAITING:
            return found
        loop = self._desk.loop
        asked = _Asked(device, stage, loop.create_future())
        self._waiting.setdefault(key, []).append(asked)
        self._count += 1
        asked.timer = loop.call_later(wait_ms / 1e3, self._end, key, asked)
        return asked.answer

    def told(self, device: str, key: Key, deadline_ns: object = None) -> dict[str, Any]:
        """Return what is known of a command now."""
        zone = self._desk.desks.get(self._desk.authority.zone_of(device))
        nothing = {"known": False, "stage": "unknown", "outcome": None, "resolved": None}
        if zone is None:
            return nothing
        stage, frame = zone.stage_of(key)
        state = zone.book.state
        if stage == "unknown" and key in self._desk.refusals:
            refused = _plain(self._desk.refusals[key])
            return {**nothing, "stage": "ended", "outcome": refused}
        if stage in ("unknown", "received"):
            low_water_ns = state.commands.low_water_ns
            if isinstance(deadline_ns, int) and 0 < deadline_ns <= low_water_ns:
                return {**nothing, "stage": "too_old"}
            return nothing
        resolved = state.standing.resolutions.get(key)
        return {
            "known": True, "stage": stage, "outcome": _plain(frame) if frame else None,
            "resolved": list(resolved) if resolved is not None else None,
        }  # fmt: skip

    def _reached(self, key: Key) -> None:
        if not self._waiting:  # nearly always
            return
        for asked in self._waiting.get(key, [])[:]:
            if self.told(asked.device, key)["stage"] in ("ended", asked.stage):
                self._end(key, asked)

    def _end(self, key: Key, asked: _Asked) -> None:
        """Answer a question with what is known now."""
        rows = self._waiting.get(key, [])
        if asked in rows:
            rows.remove(asked)
            self._count -= 1
            if not rows:
                del self._waiting[key]
        if asked.timer is not None:
            asked.timer.cancel()  # else thousands a second would stay for half a minute
        if not asked.answer.done():
            asked.answer.set_result(self.told(asked.device, key))


def _plain(frame: bytes) -> list[Any]:
    """Return an OUTCOME as the answer has it."""
    found = frames.decode_outcome(frame)
    return [
        found.status, found.reason, found.detail, found.value,
        [found.received_ns, found.dispatched_ns, found.acknowledged_ns, found.finished_ns],
    ]  # fmt: skip
