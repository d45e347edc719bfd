"""What ``jacquemart rsmp-site --city`` runs: a declared intersection with interlock and monitor."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from jacquemart.runtime.model.errors import UsageError

if TYPE_CHECKING:
    from jacquemart.traffic.declared_site import DeclaredSite

#: What was latched, told and reset is looked at so often.
LOOK_S: Final = 0.5
_log = logging.getLogger(__name__)


def check(args: argparse.Namespace) -> None:
    """Refuse arguments that contradict each other.

    Raises:
        UsageError: says which, and what is allowed.
    """
    if bool(args.city) != bool(args.signal):
        raise UsageError("--city and --signal go together")
    for name in ("reset", "latch", "lamps"):
        if getattr(args, name) and not args.city:
            raise UsageError(f"--{name} is of a declared intersection", advice="give --city")
    for name in ("groups", "detectors", "controller"):
        if args.city and getattr(args, name) not in (None, ""):
            raise UsageError(f"--{name} and --city: the city file declares them; allowed: one")


def declared(args: argparse.Namespace) -> DeclaredSite:
    """Return what the city file declares.

    Raises:
        CityErrors, ConfigError: the file is wrong, or has no such signal.
    """
    from jacquemart.runtime.city import load_city
    from jacquemart.traffic.declared_site import declared_site

    return declared_site(load_city(args.city), args.signal)


def latch_path(args: argparse.Namespace) -> Path:
    """Return where the fault of the monitor is kept: beside the city file, if nobody says."""
    if args.latch:
        return Path(args.latch)
    return Path(args.city).parent / (re.sub(r"[^\w.-]", "_", args.signal) + ".latched")


def reset(args: argparse.Namespace) -> str:
    """Ask for a reset; return what was latched, or an empty text.

    Raises:
        UsageError: nobody is named, or it cannot be written.
    """
    from jacquemart.traffic.latch import Latch

    if not args.reset.strip():
        raise UsageError("--reset without a name; allowed: who has looked at the junction")
    latch = Latch(latch_path(args))
    try:
        return latch.ask_reset(args.reset)
    except OSError as error:
        raise UsageError(f"cannot be written: {error}", where=str(latch.path)) from error


class Signals:
    """A declared intersection in a process of its own: lamps, latch, and the monitor's thread."""

    def __init__(self, site: DeclaredSite, latch: Path, lamps: str) -> None:
        """Make the signals; ``start`` begins to watch them.

        Args:
            site: what is declared.
            latch: where a fault is kept.
            lamps: a file for what the lamps show; empty: none.

        Raises:
            UsageError: that file cannot be written.
        """
        from jacquemart.drivers.rsmp.connection import moment
        from jacquemart.traffic.latch import Latch
        from jacquemart.traffic.outputs import RecordedLamps
        from jacquemart.traffic.site_controller import SiteController
        from jacquemart.traffic.watch import WatchThread

        self._latch = Latch(latch)
        self._record: IO[str] | None = None
        if lamps:
            try:
                self._record = open(lamps, "a", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed by run
            except OSError as error:
                raise UsageError(f"cannot be written: {error}", where=lamps) from error
        fault = self._latch.fault()
        if fault:
            _log.warning("%s: still latched: %s", site.model.id, fault)
        self.controller = SiteController(
            site.model, RecordedLamps(site.model, self._shown if lamps else None),
            shared_clock=lambda _: moment().wall_ms, fault=fault, latched=self._latched,
        )  # fmt: skip
        self._id = site.model.id
        self._thread = WatchThread(self.controller.watch, self._late)

    async def run(self) -> None:
        """Watch, tell and take resets, until cancelled."""
        self._thread.start()
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                self.look()
        finally:
            self._thread.stop()
            if self._record is not None:
                self._record.close()

    def look(self) -> None:
        """Tell what happened, and see whether a person has reset what was latched."""
        for word, detail in self.controller.events():
            _log.info("%s: %s %s", self._id, word, detail)
        told, count = self.controller.priority.told, len(self.controller.priority.told)
        for _ in range(count):
            _log.info("%s: %s", self._id, told.popleft())
        try:
            self._take_reset()
        except OSError as error:
            _log.warning("%s: the latch cannot be kept: %s", self._id, error)

    def _take_reset(self) -> None:
        who = self._latch.reset_by()
        if who:
            fault = self.controller.reset()
            self._latch.clear()
            _log.warning("%s: reset by %s; it was latched for: %s", self._id, who, fault or "-")
        elif self.controller.fault and not self._latch.fault():
            self._latch.keep(self.controller.fault)

    def _latched(self, fault: str) -> None:
        _log.error("%s: LATCHED, it flashes until a person resets it: %s", self._id, fault)
        try:
            self._latch.keep(fault)
        except OSError as error:  # ``look`` tries again
            _log.warning("%s: the latch cannot be kept: %s", self._id, error)

    def _late(self, text: str) -> None:
        _log.warning("%s: %s", self._id, text)

    def _shown(self, at_ms: int, letters: str) -> None:
        if self._record is not None and not self._record.closed:
            self._record.write(json.dumps({"ms": at_ms, "lamps": letters}) + "\n")
