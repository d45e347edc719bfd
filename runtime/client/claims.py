"""Claims of a client: hold, release, reserve, lock out, and what stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jacquemart.native.pump import boot_ns
from jacquemart.runtime.client import requests
from jacquemart.runtime.client.requests import END_AFTER_DEADLINE_S, GatewayClock, Value
from jacquemart.runtime.model.claim import (
    HOLD,
    LOCKOUT,
    LOCKOUT_SLOT,
    NEVER_PREEMPTED,
    RELEASE,
    RESERVE,
    Claim,
)
from jacquemart.runtime.model.errors import FrameError, RemoteProtocolError, UsageError
from jacquemart.runtime.model.ids import new_command_id, split_point
from jacquemart.runtime.model.outcome import Outcome, Status
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import MOST_LEASE_MS, ClaimCommand


def _ms(name: str, seconds: float | None, without: int) -> int:
    if seconds is None:
        return without
    if not 0 <= seconds <= MOST_LEASE_MS / 1e3 or (name == "lease_s" and not seconds):
        raise UsageError(f"{name} is {seconds!r}, allowed: up to {MOST_LEASE_MS / 1e3:,.0f}")
    return max(1, round(seconds * 1e3)) if seconds else 0


def make(
    subject: str, verb: str, value: Value, *, principal: str, priority: int, deadline_ns: int,
    lease_s: float | None = None, grace_s: float | None = None, why: str = "", unit: str = "",
    identity: bytes | None = None,
) -> tuple[ClaimCommand, bytes]:  # fmt: skip
    """Build a claim and its frame; ``subject`` is ``device/point`` or a device.

    Raises:
        UsageError: an argument of a wrong form; nothing was sent.
    """
    device, point = split_point(subject) if "/" in subject else (subject, "")
    made = ClaimCommand(
        identity or new_command_id(), principal, device, verb, point, value, unit, priority,
        deadline_ns, 0, _ms("lease_s", lease_s, 0), _ms("grace_s", grace_s, NEVER_PREEMPTED), why,
    )  # fmt: skip
    try:
        frame = messages.encode_claim(made)
        messages.decode_claim(frame)  # what the city would refuse as such is never sent
    except (FrameError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"not a claim: {error}", where=subject) from error
    return made, frame


def _stands(outcome: Outcome) -> bool:
    return outcome.applied or outcome.status is Status.SUPERSEDED


def rows(answer: Any) -> list[Claim]:
    """Read the answer to the query ``claims``.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return [Claim.from_plain(row) for row in answer["rows"]]
    except (KeyError, TypeError) as error:
        raise RemoteProtocolError(f"not a list of claims: {error!r}") from error


class Claiming:
    """What :class:`jacquemart.Client` can claim. Mixed into it."""

    principal: str
    _clock: GatewayClock

    def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    def _ask(self, frame: bytes, timeout_s: float, *, again: bool = False) -> bytes | None:
        raise NotImplementedError

    def hold(
        self, point: str, value: float | str, *, priority: int = 8, lease_s: float | None = None,
        why: str = "", unit: str = "", within_s: float = 10.0, id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Keep ``device/point`` at a value until it is released or the lease ends.

        Ends APPLIED when the field shows it. FAILED or INDETERMINATE: it stands all the same,
        and the city goes on trying. SUPERSEDED: it stands, and takes effect when a stronger one
        (``detail``) is gone. REJECTED: it does not stand.

        Args:
            value: in the point's unit, or a word of an enumeration.
            priority: its slot, 1 (life safety) to 16; 8 is a manual operator's.
            lease_s: how long it stands; None: until it is released.
            why: told to everybody who is refused because of it.
            unit, within_s, id: as of ``set``.
        """
        return self._claim(
            point, HOLD, value, within_s, priority=priority, lease_s=lease_s, why=why, unit=unit,
            identity=id,
        )  # fmt: skip

    def release(
        self, subject: str, *, priority: int = 8, slot: int | None = None, within_s: float = 10.0,
        id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """End a hold (``device/point``), or a reservation or lock-out (a device; slot 3).

        The point falls back to the next hold, then to what was last set, then to its default.

        Args:
            priority: of who asks: the owner may release, and whoever is stronger than the slot.
            slot: to release; None: that of ``priority``.
            within_s, id: as of ``set``.
        """
        return self._claim(subject, RELEASE, slot, within_s, priority=priority, identity=id)

    def reserve(
        self, device: str, *, priority: int = 8, lease_s: float | None = None,
        grace_s: float | None = None, why: str = "", within_s: float = 10.0,
        id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Let nobody else command a device, except for life safety.

        SUPERSEDED: it is somebody else's for a while yet (``detail``), then yours.

        Args:
            grace_s: somebody with a stronger priority may take it over after that time; None:
                nobody may.
            priority, lease_s, why, within_s, id: as of ``hold``.
        """
        return self._claim(
            device, RESERVE, None, within_s, priority=priority, lease_s=lease_s, grace_s=grace_s,
            why=why, identity=id,
        )  # fmt: skip

    def reserve_all(self, devices: Iterable[str], **options: Any) -> list[Outcome]:
        """Reserve all of some devices, or none; ``options`` as of ``reserve``.

        Returns the outcomes so far: if the last is not APPLIED, nothing is reserved any more.
        """
        taken: list[Outcome] = []
        for device in devices:
            taken.append(self.reserve(device, **options))
            if not taken[-1].applied:
                for outcome in filter(_stands, taken):
                    self.release(outcome.device, priority=options.get("priority", 8))
                break
        return taken

    def lockout(
        self, device: str, *, why: str, lease_s: float | None = None, within_s: float = 10.0,
        id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Let nothing move a device but life safety: somebody works there.

        Release it with ``release(device, slot=3)``.
        """
        return self._claim(
            device, LOCKOUT, None, within_s, priority=LOCKOUT_SLOT, lease_s=lease_s, why=why,
            identity=id,
        )  # fmt: skip

    def claims(self, pattern: str = "*") -> list[Claim]:
        """Return what stands on devices whose id matches ``pattern``, by the zones' journals."""
        return rows(self.query("claims", pattern=pattern))

    def _claim(
        self, subject: str, verb: str, value: Value, within_s: float, **options: Any
    ) -> Outcome:
        made, frame = make(
            subject, verb, value, principal=self.principal,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), **options,
        )  # fmt: skip
        answer = self._ask(frame, within_s + END_AFTER_DEADLINE_S, again=True)
        return requests.outcome(made, answer)


class AsyncClaiming:
    """What :class:`jacquemart.AsyncClient` can claim; see :class:`Claiming`. Mixed into it."""

    principal: str
    _clock: GatewayClock

    async def query(self, verb: str, **args: Any) -> Any:
        """Ask a question; the client does."""
        raise NotImplementedError

    async def _ask_on(self, frame: bytes, timeout_s: float) -> bytes | None:
        raise NotImplementedError

    async def hold(
        self, point: str, value: float | str, *, priority: int = 8, lease_s: float | None = None,
        why: str = "", unit: str = "", within_s: float = 10.0, id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Keep a point at a value; see :meth:`Claiming.hold`."""
        return await self._claim(
            point, HOLD, value, within_s, priority=priority, lease_s=lease_s, why=why, unit=unit,
            identity=id,
        )  # fmt: skip

    async def release(
        self, subject: str, *, priority: int = 8, slot: int | None = None, within_s: float = 10.0,
        id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """End a claim; see :meth:`Claiming.release`."""
        return await self._claim(subject, RELEASE, slot, within_s, priority=priority, identity=id)

    async def reserve(
        self, device: str, *, priority: int = 8, lease_s: float | None = None,
        grace_s: float | None = None, why: str = "", within_s: float = 10.0,
        id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Let nobody else command a device; see :meth:`Claiming.reserve`."""
        return await self._claim(
            device, RESERVE, None, within_s, priority=priority, lease_s=lease_s, grace_s=grace_s,
            why=why, identity=id,
        )  # fmt: skip

    async def reserve_all(self, devices: Iterable[str], **options: Any) -> list[Outcome]:
        """Reserve all of some devices, or none; see :meth:`Claiming.reserve_all`."""
        taken: list[Outcome] = []
        for device in devices:
            taken.append(await self.reserve(device, **options))
            if not taken[-1].applied:
                for outcome in filter(_stands, taken):
                    await self.release(outcome.device, priority=options.get("priority", 8))
                break
        return taken

    async def lockout(
        self, device: str, *, why: str, lease_s: float | None = None, within_s: float = 10.0,
        id: bytes | None = None,
    ) -> Outcome:  # fmt: skip
        """Let nothing move a device but life safety; see :meth:`Claiming.lockout`."""
        return await self._claim(
            device, LOCKOUT, None, within_s, priority=LOCKOUT_SLOT, lease_s=lease_s, why=why,
            identity=id,
        )  # fmt: skip

    async def claims(self, pattern: str = "*") -> list[Claim]:
        """Return what stands; see :meth:`Claiming.claims`."""
        return rows(await self.query("claims", pattern=pattern))

    async def _claim(
        self, subject: str, verb: str, value: Value, within_s: float, **options: Any
    ) -> Outcome:
        made, frame = make(
            subject, verb, value, principal=self.principal,
            deadline_ns=self._clock.deadline(boot_ns(), within_s), **options,
        )  # fmt: skip
        return requests.outcome(made, await self._ask_on(frame, within_s + END_AFTER_DEADLINE_S))
