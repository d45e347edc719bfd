"""What a device cell takes from its predecessor's ledger: what was sent, and what killed it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.digests import device_key, digest_of
from jacquemart.runtime.cell.ledger import InHand, Ledger
from jacquemart.runtime.kernel.poison import Attempts, Suspect, after_death
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.model.outcome import Reason, Status

log = logging.getLogger("jacquemart.cell")


class Inheritance:
    """The predecessor's facts, for as long as this cell lives."""

    def __init__(self, path: str, own: Ledger) -> None:
        """Read what is at ``path`` (empty: nothing), and hand the attempts on to ``own``."""
        self._own = own
        self.sent: frozenset[bytes] = frozenset()
        self.attempts: dict[bytes, Attempts] = {}
        self.poisoned: frozenset[bytes] = frozenset()
        self._letters: list[tuple[InHand, int]] = []
        self.isolated: dict[str, str] = {}
        """Device -> why it must be parked before it starts."""
        self.readable = False
        """Whether it is known what the predecessor has sent."""
        if not path:
            return
        try:
            left = Ledger.read(path)
            own.take_over(path)
        except StartError as error:
            # Nobody can tell what was sent. The zone's journal ends what it had accepted.
            log.warning("what the predecessor did is unknown: %s", error)
            return
        self.readable = True
        self.sent = left.sent
        suspects = [
            Suspect(found.digest, device_key(found.device), found.device, found.running)
            for found in left.handling
        ]
        others = {left.starting, left.held_by if left.held_by != "?" else ""} - {""}
        for device in others if not any(suspect.running for suspect in suspects) else ():
            key = device_key(device)
            suspects.append(Suspect(key, key, device, running=True))
        found = after_death(left.attempts, suspects)
        self.attempts = dict(found.attempts)
        self.poisoned = found.poisoned
        self.isolated = {
            device: f"{deaths} processes in a row ended while it was at work"
            for device, deaths in found.isolated.items()
        }
        self._letters = [
            (message, self.attempts[message.digest].deaths)
            for message in left.handling
            if message.digest in found.poisoned or message.device in found.isolated
            if message.digest in self.attempts
        ]
        own.write_attempts(self.attempts)

    def end(self, ticket: Ticket, now_ns: int) -> bool:
        """End a command that must not be handled here again; return whether it was."""
        if not self.sent and not self.poisoned:
            return False
        mark = digest_of(ticket)
        if mark in self.poisoned:
            ticket.finish(
                Status.REJECTED, Reason.POISON,
                "processes ended while they handled it; it is a dead letter", now_ns=now_ns,
            )  # fmt: skip
            return True
        if mark in self.sent:
            ticket.finish(
                Status.INDETERMINATE, Reason.CELL_LOST,
                "the cell that was here before had sent it when it was lost; it is not sent again",
                now_ns=now_ns,
            )  # fmt: skip
            return True
        return False

    def survived(self, ticket: Ticket) -> None:
        """Take that a device has come to the end of a message, and its process lives."""
        if self.attempts:
            self._clear((digest_of(ticket), device_key(ticket.device)))

    def cleared(self, device: str) -> None:
        """Take that somebody has unparked a device: it begins without blame."""
        self.isolated.pop(device, None)
        mine = [key for key, found in self.attempts.items() if found.device == device]
        for key in mine:
            del self.attempts[key]
        if mine:
            self._own.write_attempts(self.attempts)

    def letters(self) -> list[dict[str, Any]]:
        """Return the messages that ended processes, as dead letters."""
        return [
            {
                "id": found.id, "principal": found.principal, "device": found.device,
                "verb": found.verb, "point": found.point, "value": found.value,
                "unit": found.unit, "priority": found.priority, "attempts": deaths,
                "reason": f"{deaths} processes in a row ended while they handled it"
                + ("" if found.whole else "; its value was too long to be kept"),
                "stack": "",
            }
            for found, deaths in self._letters
        ]  # fmt: skip

    def _clear(self, keys: Iterable[bytes]) -> None:
        gone = [key for key in keys if key in self.attempts and key not in self.poisoned]
        for key in gone:
            del self.attempts[key]
        if gone:
            self._own.write_attempts(self.attempts)
