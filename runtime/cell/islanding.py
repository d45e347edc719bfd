"""Islanding: zones that lost their centre go on by themselves, and know when it is back.

The centre sends each zone cell the query ``centre_alive`` five times a second: its epoch, and
since when it has no answer. A zone cell looks ten times a second whether that still comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.cell.service import number_arg
from jacquemart.runtime.kernel.islanding import Change, Contact
from jacquemart.runtime.model.errors import JacquemartError, UsageError
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.actor.supervisor import Supervisor
    from jacquemart.runtime.cell.service import Service

#: The centre says so often that it lives.
BEAT_S = 0.2
LOOK_S = 0.1
#: An echo is late by up to a beat and a turn of each loop, and all is well.
ECHO_NS = int(1.5 * BEAT_S * 1e9)


class ZoneIslanding:
    """The zone cell's side: tells its supervisors that their centre is lost, or back."""

    def __init__(self, cell: Service, supervisors: Callable[[], Iterable[Supervisor]]) -> None:
        """Wait for ``begin``: before a directory nobody can be missed."""
        self._cell = cell
        self._supervisors = supervisors
        self._contact: Contact | None = None
        self._centre_epoch = 0
        self._since_ns = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def islanded(self) -> bool:
        """Whether the zones of this cell are on their own."""
        return self._contact is not None and self._contact.lost

    def begin(self) -> None:
        """Listen for the centre from now on; idempotent."""
        if self._contact is None:
            self._contact = Contact(self._cell.clock.boot_ns())
            self._look()

    def stop(self) -> None:
        """Listen no more."""
        if self._timer is not None:
            self._timer.cancel()

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries by which a centre says that it lives, and device cells ask us."""
        return {"centre_alive": self._alive, "zone_alive": lambda _: True}

    def _alive(self, args: Mapping[str, Any]) -> dict[str, Any]:
        epoch = int(number_arg(args, "epoch", 0))
        if epoch < self._centre_epoch:
            return {"accepted": False, "epoch": self._centre_epoch}
        self._centre_epoch = epoch
        if self._contact is not None:
            age_ns = int(number_arg(args, "silent_ms", 0) * 1e6)
            self._contact.heard(age_ns if age_ns > ECHO_NS else 0)
        return {"accepted": True, "epoch": epoch, "islanded": self.islanded}

    def _look(self) -> None:
        self._timer = self._cell.loop.call_later(LOOK_S, self._look)
        contact = self._contact
        assert contact is not None
        now = self._cell.clock.boot_ns()
        if contact.look(now) is Change.LOST:
            self._since_ns = now - contact.silent_ns
        for supervisor in self._supervisors():  # also those that came meanwhile
            if supervisor.islanded != contact.lost:
                self._tell(supervisor, contact.lost, (now - self._since_ns) / 1e9)

    def _tell(self, supervisor: Supervisor, lost: bool, seconds: float) -> None:
        supervisor.islanded = lost
        try:
            if lost:
                supervisor.on_islanded()
            else:
                supervisor.on_rejoined(seconds)
        except RAISED as error:  # the event leaves all the same, and the others are told
            self._cell.broken(error)
        name, severity = ("zone_islanded", 2) if lost else ("zone_rejoined", 0)
        supervisor.emit(name, severity, without_centre_s=round(seconds, 1))


@dataclass(slots=True)
class _Zone:
    """A zone cell as its centre knows it."""

    contact: Contact
    answered_ns: int
    """When a beat was sent that has its answer since; at first, when the centre met it."""
    zones: list[str] = field(default_factory=list)


class CentrePulse:
    """The centre's side: says that it lives, and knows which zone cells answer."""

    def __init__(self, cell: Service, tell: Callable[[str, int, str, float], None]) -> None:
        """Begin to beat.

        Args:
            cell: the centre's.
            tell: gets an event's name and severity, the zone, and since how many seconds.
        """
        self._cell = cell
        self._tell = tell
        self._known: dict[str, _Zone] = {}
        self._successor = 0
        self._timer = cell.loop.call_later(BEAT_S, self._beat)

    def stop(self) -> None:
        """Beat no more."""
        self._timer.cancel()

    def require_current(self) -> None:
        """Refuse to act for a centre that has a successor.

        Raises:
            UsageError: a zone follows a centre of a higher epoch; ask that one.
        """
        if self._successor:
            raise UsageError(
                f"this centre was replaced by its incarnation {self._successor}; nothing was sent",
                where=f"{self._cell.config.name}, epoch {self._cell.config.epoch}",
                advice="send it again",
            )

    def _beat(self) -> None:
        self._timer = self._cell.loop.call_later(BEAT_S, self._beat)
        now = self._cell.clock.boot_ns()
        directory = self._cell.directory
        zones: dict[str, list[str]] = {}
        for zone, cell in directory.zones.items():
            zones.setdefault(cell, []).append(zone)
        for name in [name for name in self._known if name not in zones]:
            del self._known[name]
        for name, supervised in zones.items():
            known = self._known.setdefault(name, _Zone(Contact(now), now))
            known.zones = supervised
            self._send(name, known, now)
            change = known.contact.look(now)
            if change is not None:
                lost = change is Change.LOST
                event, severity = ("zone_unreachable", 2) if lost else ("zone_reachable", 0)
                for zone in supervised:
                    self._tell(event, severity, zone, (now - known.answered_ns) / 1e9)

    def _send(self, name: str, known: _Zone, now: int) -> None:
        def answer(frame: bytes | None) -> None:
            if frame is None:
                return
            try:
                found = messages.decode_reply(frame)
            except JacquemartError:  # it is only just starting
                return
            if isinstance(found, dict) and found.get("accepted") is False:
                self._successor = int(found.get("epoch", 0))
                return
            known.answered_ns = max(known.answered_ns, now)
            known.contact.heard()

        silent_ms = (now - known.answered_ns) / 1e6
        frame = messages.query(
            "centre_alive", epoch=self._cell.config.epoch, silent_ms=round(silent_ms, 1)
        )
        try:
            # One second: a beat is worth nothing later, and a cell that is gone keeps none waiting.
            self._cell.caller(name).call(frame, now + 1_000_000_000, answer)
        except JacquemartError:  # the directory does not know it just now
            return
