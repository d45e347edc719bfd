"""A host for actors and links on a bench: it writes down what it is told."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

from jacquemart.runtime.actor import Ticket
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.outcome import Outcome
from jacquemart.runtime.testing.virtual_time import VirtualClock

S = 1_000_000_000
_NUMBERS = itertools.count(1)


class BenchHost:
    """What a cell offers its actors and links, in virtual time."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.events: list[tuple[str, str, int, dict[str, Any]]] = []
        self.failures: list[tuple[Any, BaseException]] = []
        self.links: list[tuple[str, bool, str]] = []
        self.flushes = 0
        self.ended: list[tuple[Claim, str]] = []

    def emit(self, actor: Any, name: str, severity: int, detail: Mapping[str, Any]) -> None:
        self.events.append((actor.id, name, severity, dict(detail)))

    def failed(self, actor: Any, error: BaseException) -> None:
        self.failures.append((actor, error))

    def link_changed(self, link: Any, up: bool, detail: str) -> None:
        self.links.append((link.spec.id, up, detail))

    def claim_ended(self, actor: Any, claim: Claim, why: str) -> None:
        self.ended.append((claim, why))

    def flush(self) -> None:
        self.flushes += 1


class Ends:
    """Makes tickets, and keeps the end of each; a second end of one is an error."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.made: list[Ticket] = []
        self.ended: list[Ticket] = []

    def ticket(
        self,
        value: Any = 1.0,
        *,
        device: str = "lamp-1",
        verb: str = "set",
        point: str = "setpoint",
        unit: str = "",
        priority: int = 8,
        within_s: float = 10.0,
        end: Any = None,
    ) -> Ticket:
        number = next(_NUMBERS)

        def ended(ticket: Ticket) -> None:
            self.ended.append(ticket)
            if end is not None:
                end(ticket)

        now = self.clock.boot_ns()
        made = Ticket(
            number.to_bytes(16, "big"), "tester", device, verb, point, value, unit, priority,
            now + int(within_s * S), now, ended,
        )  # fmt: skip
        self.made.append(made)
        return made

    def check(self) -> None:
        """Every ticket has had exactly one end."""
        assert sorted(t.id for t in self.ended) == sorted(t.id for t in self.made)


def outcome_of(ticket: Ticket) -> Outcome:
    """Return the end that a ticket must have had by now."""
    assert ticket.outcome is not None, "no end yet"
    return ticket.outcome


def how(ticket: Ticket) -> tuple[str, str]:
    """Return status and reason of an ended ticket, as words."""
    found = outcome_of(ticket)
    return found.status.name, found.reason
