"""What the warden tells its starter: one JSON object a line, each with an ``event``.

``progress`` (stage, seconds, counts) · ``ready`` (city, api, stream, ray_address, token_path,
ready_s, cells, control) · ``cell_late`` (cell, misses) · ``cell_recovered`` (cell) ·
``cell_lost`` (cell, reason, pause_s) · ``cell_replaced`` and ``cell_added`` (cell, api, stream) ·
``cell_removed`` (cell) · ``city_changed`` (plan, seconds, devices, blind, cells) · ``ray_lost``
(processes; the cells go on, and ``ready`` comes again once another Ray runs) · ``warning``
(message) · ``error`` (code, message, where, advice; the city ends) · ``stopped`` (seconds).

Stages of ``progress``: city, ray, placed, cells, connected, links, stopping; in a resumed warden
they come once more.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from jacquemart.runtime.city.problems import CityErrors, CityProblem
from jacquemart.runtime.model.directory import CellAddress
from jacquemart.runtime.model.errors import InternalError, JacquemartError, error_from_code

Event = dict[str, Any]


class Reporter:
    """Writes events; thread-safe; never fails because nobody listens."""

    def __init__(self, fd: int) -> None:
        """Write to a file descriptor, which stays the caller's."""
        self._fd = fd
        self._lock = threading.Lock()
        self.began_s = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return how long ago this reporter was made, in seconds."""
        return round(time.monotonic() - self.began_s, 3)

    def tell(self, event: str, **fields: Any) -> None:
        """Write one event. Blocks while the starter does not read and the pipe is full."""
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        with self._lock:
            while line:
                try:
                    line = line[os.write(self._fd, line) :]
                except OSError:  # the starter is gone, which stdin tells as well
                    return

    def progress(self, stage: str, **fields: Any) -> None:
        """Tell how far the start is."""
        self.tell("progress", stage=stage, seconds=self.seconds, **fields)

    def error(self, error: BaseException) -> None:
        """Tell why the city ends."""
        self.tell("error", **error_fields(error))


def error_fields(error: BaseException) -> Event:
    """Return an error as plain fields."""
    if not isinstance(error, JacquemartError):
        error = InternalError(f"{type(error).__name__}: {error}")
    found: Event = {
        "code": error.code,
        "message": error.message,
        "where": error.where,
        "advice": error.advice,
    }
    if isinstance(error, CityErrors):
        found["problems"] = [asdict(problem) for problem in error.errors]
        found["more"] = error.more
        found["more_at"] = error.more_at
    return found


def error_of(event: Mapping[str, Any]) -> JacquemartError:
    """Return the error that an ``error`` event carries."""
    if event.get("problems"):
        problems = tuple(CityProblem(**problem) for problem in event["problems"])
        return CityErrors(problems, int(event.get("more", 0)), str(event.get("more_at", "")))
    return error_from_code(
        str(event.get("code", "")),
        str(event.get("message", "")),
        str(event.get("where", "")),
        str(event.get("advice", "")),
    )


def describe(address: CellAddress) -> Event:
    """Return a cell as plain fields."""
    return asdict(address)
