"""What an RSMP link's options may say, checked and as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jacquemart.drivers.rsmp.machine.session import SessionOptions
from jacquemart.drivers.rsmp.wire import versions

Wrong = tuple[str, Any, str]
_RANGES = {
    "port": (0, 65_535),
    "timeout_ms": (50, 10_000),
    "open_ms": (50, 14_000),
    "ack_timeout_ms": (100, 600_000),
    "watchdog_ms": (100, 600_000),
    "watchdog_timeout_ms": (100, 3_600_000),
}
_TEXTS = ("host", "site", "component", "security_code_1", "security_code_2")
_FLAGS = ("native_types", "subscribe")
_LISTS = ("sites", "core", "sxl")


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """The options of one RSMP link: a port where sites connect."""

    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 12111
    """Port to listen at; 0: any free one."""
    site: str = ""
    """Site id of points that name none; else the id of their device."""
    sites: tuple[str, ...] = ()
    """Sites that are expected; those that points name are always."""
    component: str = ""
    """Component of points that name none; else their site's id."""
    timeout_ms: int = 5_000
    """Longest wait for an answer, 50 to 10,000 ms."""
    open_ms: int = 12_000
    """Longest wait for a site when the link opens; sites try every 10 s."""
    ack_timeout_ms: int = 30_000
    watchdog_ms: int = 60_000
    watchdog_timeout_ms: int = 90_000
    core: tuple[str, ...] = versions.CORE
    sxl: tuple[str, ...] = versions.SXL
    security_code_1: str = ""
    security_code_2: str = ""
    native_types: bool = False
    """A quirk of the sites: they want numbers and booleans in commands, not text."""
    subscribe: bool = True
    """Points are told by the sites when they change, besides being polled."""

    def session(self) -> SessionOptions:
        """Return how connections are held."""
        return SessionOptions(
            core=self.core, sxl=self.sxl, ack_timeout_s=self.ack_timeout_ms / 1000,
            watchdog_s=self.watchdog_ms / 1000,
            watchdog_timeout_s=self.watchdog_timeout_ms / 1000,
            handshake_s=self.ack_timeout_ms / 1000,
        )  # fmt: skip


def check_link(options: Mapping[str, Any]) -> Sequence[Wrong]:
    """Return what is wrong with a link's options, as ``(key, found, allowed)``."""
    known = (*_TEXTS, *_RANGES, *_FLAGS, *_LISTS)
    wrong: list[Wrong] = [
        (key, options[key], "one of " + ", ".join(known)) for key in options if key not in known
    ]
    for key, (low, high) in _RANGES.items():
        value = options.get(key, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            wrong.append((key, value, f"a whole number from {low} to {high}"))
    wrong += [(k, options[k], "text") for k in _TEXTS if not isinstance(options.get(k, ""), str)]
    wrong += [
        (k, options[k], "true or false")
        for k in _FLAGS
        if not isinstance(options.get(k, False), bool)
    ]
    for key in _LISTS:
        value = options.get(key, ())
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            wrong.append((key, value, "a list of text"))
            continue
        allowed = {"core": versions.CORE, "sxl": versions.SXL}.get(key)
        if allowed and any(versions.normal(one) not in allowed for one in value):
            wrong.append((key, value, "of " + ", ".join(allowed)))
    return wrong


def parse_link(options: Mapping[str, Any]) -> LinkOptions:
    """Return checked options as one value; they must have passed ``check_link``."""
    given: dict[str, Any] = {key: tuple(v) if key in _LISTS else v for key, v in options.items()}
    for key in ("core", "sxl"):
        if given.get(key):
            given[key] = tuple(versions.normal(one) for one in given[key])
    return LinkOptions(**given)
