"""Dead letters and parked devices, from a client: see them, try them again, throw them away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jacquemart.runtime.client.requests import Value
from jacquemart.runtime.model.errors import RemoteProtocolError
from jacquemart.runtime.model.outcome import Outcome, status_of

#: The command that every device has: work again, and forget your troubles.
UNPARK = "unpark"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A command that was given up, because its handler failed several times in a row."""

    id: bytes
    principal: str
    device: str
    verb: str
    point: str
    value: Value
    priority: int
    attempts: int
    reason: str
    """What the handler raised, or how its processes ended; one line."""
    stack: str
    """Where; empty if the process ended with it."""
    wall_ns: int
    """When it was given up; POSIX ns."""
    zone: str


def letters(answer: Any) -> list[DeadLetter]:
    """Read the answer to the query ``dead_letters``.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return [
            DeadLetter(
                row["id"], row["principal"], row["device"], row.get("verb", "set"),
                row.get("point", ""), row.get("value"), row.get("priority", 8),
                row.get("attempts", 0), row.get("reason", ""), row.get("stack", ""),
                row.get("wall_ns", 0), row.get("zone", ""),
            )
            for row in answer["rows"]
        ]  # fmt: skip
    except (KeyError, TypeError) as error:
        raise RemoteProtocolError(f"not a list of dead letters: {error!r}") from error


def replayed(letter: DeadLetter, answer: Any) -> Outcome:
    """Read the answer to the query ``replay_dead_letter``.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return Outcome(
            answer["id"], letter.device, letter.point, status_of(answer["status"]),
            answer["reason"], answer["detail"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteProtocolError(f"not the end of a replay: {error!r}") from error


class Lettering:
    """What :class:`jacquemart.Client` can do with dead letters. Mixed into it."""

    principal: str

    def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    def command(self, subject: str, verb: str, value: Value = None) -> Outcome:
        """Send a command; the client does."""
        raise NotImplementedError

    def dead_letters(self, pattern: str = "*") -> list[DeadLetter]:
        """Return the dead letters of devices whose id matches ``pattern``, oldest first."""
        return letters(self.query("dead_letters", pattern=pattern))

    def replay(self, letter: DeadLetter, *, within_s: float = 3.0) -> Outcome:
        """Send a dead letter again, as a new command of this principal; wait for its end.

        It is sent to the field within ``within_s`` (less than ``timeout_s``) or not at all. The
        letter is no more then, unless the command was REJECTED or has EXPIRED.
        """
        answer = self.query(
            "replay_dead_letter", device=letter.device, principal=letter.principal, id=letter.id,
            by=self.principal, within_ms=1e3 * within_s,
        )  # fmt: skip
        return replayed(letter, answer)

    def drop(self, letter: DeadLetter) -> None:
        """Throw a dead letter away."""
        self.query(
            "drop_dead_letter", device=letter.device, principal=letter.principal, id=letter.id,
            by=self.principal,
        )  # fmt: skip

    def unpark(self, device: str) -> Outcome:
        """Let a parked device work again; APPLIED also if it is not parked.

        What it failed with should be gone: it is parked again if it goes on failing.
        """
        return self.command(device, UNPARK)


class AsyncLettering:
    """What :class:`jacquemart.AsyncClient` can do; see :class:`Lettering`. Mixed into it."""

    principal: str

    async def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    async def command(self, subject: str, verb: str, value: Value = None) -> Outcome:
        """Send a command; the client does."""
        raise NotImplementedError

    async def dead_letters(self, pattern: str = "*") -> list[DeadLetter]:
        """Return dead letters; see :meth:`Lettering.dead_letters`."""
        return letters(await self.query("dead_letters", pattern=pattern))

    async def replay(self, letter: DeadLetter, *, within_s: float = 3.0) -> Outcome:
        """Send a dead letter again; see :meth:`Lettering.replay`."""
        answer = await self.query(
            "replay_dead_letter", device=letter.device, principal=letter.principal, id=letter.id,
            by=self.principal, within_ms=1e3 * within_s,
        )  # fmt: skip
        return replayed(letter, answer)

    async def drop(self, letter: DeadLetter) -> None:
        """Throw a dead letter away."""
        await self.query(
            "drop_dead_letter", device=letter.device, principal=letter.principal, id=letter.id,
            by=self.principal,
        )  # fmt: skip

    async def unpark(self, device: str) -> Outcome:
        """Let a parked device work again; see :meth:`Lettering.unpark`."""
        return await self.command(device, UNPARK)
