"""A command on its way through a cell, with exactly one end."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Self

from jacquemart.native import ticket as native_ticket
from jacquemart.runtime.model.errors import InternalError
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.model.text import clean

#: An accepted command ends at most this long after its deadline.
END_AFTER_DEADLINE_NS = 4_500_000_000

#: What is said of a command that ends CANCELLED.
TAKEN_BACK = "whoever gave it took it back before it was sent"

Value = float | int | bool | str | None
_NEVER_SENT = (Status.REJECTED, Status.EXPIRED)
#: Ends of what another device has done, or may have.
_DONE = (Status.APPLIED, Status.FAILED, Status.INDETERMINATE)


class Ticket(native_ticket.Ticket):
    """One command to one actor. ``finish`` ends it, once; a second end is our bug."""

    of_bulk: ClassVar[bool] = False
    """Whether others, to other devices, have the same identity."""
    fail_safe: ClassVar[bool] = False
    """Whether it brings its device to what is safe, or back from there."""

    __slots__ = ()

    steps: list[Outcome] | None
    """Ends of writes on its way that have left for the field, and of what other devices did for
    it; None: there were none."""
    cause: Ticket | None
    """The command whose handler has asked for this write with ``act``: it counts as sent."""

    @property
    def outcome(self) -> Outcome | None:
        """The end; None: it has none yet."""
        if not self.ended:
            return None
        kept: Outcome | None = self.outcome_kept
        if kept is None:
            stages = Stages(
                self.received_ns, self.dispatched_ns, self.acknowledged_ns, self.finished_ns
            )
            kept = self.outcome_kept = Outcome(
                self.id, self.device, self.point, self.status, self.reason or "",
                self.detail or "", self.result, stages,
            )  # fmt: skip
        return kept

    def sent_step(self, step: Ticket) -> None:
        """Take note of the end of a write on the way of this command, if it has left."""
        if step.outcome is not None and step.dispatched_ns:
            self.dispatched_ns = self.dispatched_ns or step.dispatched_ns
            self.steps = [*(self.steps or ()), step.outcome]

    def other_did(self, outcome: Outcome) -> None:
        """Take note of the end of a command to another device on the way of this one."""
        if outcome.status in _DONE or outcome.stages.dispatched:
            self.steps = [*(self.steps or ()), outcome]

    def finish(
        self,
        status: Status,
        reason: str = Reason.OK,
        detail: str = "",
        value: float | None = None,
        *,
        now_ns: int = 0,
    ) -> None:
        """End the command.

        One that has written something on its way was sent: it never ends as if nothing had been.

        Raises:
            InternalError: it has ended before.
        """
        if self.ended:
            raise InternalError(f"command {self.id.hex()} ended twice", where=self.device)
        if self.steps and status in _NEVER_SENT:
            status, detail = _of_steps(self.device, self.steps, detail)
        self.conclude(status, reason, clean(detail) if detail else "", value, now_ns)


def _of_steps(device: str, steps: list[Outcome], detail: str) -> tuple[Status, str]:
    """Return the end of a command that was refused after some of its writes were sent."""

    def name(one: Outcome) -> str:
        if one.device == device:
            return one.point
        return f"{one.device}/{one.point}" if one.point else one.device

    done = ", ".join(f"{name(one)} {one.status.name}" for one in steps)
    unknown = any(one.status is Status.INDETERMINATE for one in steps)
    return (
        Status.INDETERMINATE if unknown else Status.FAILED,
        f"sent so far: {done}; then: {detail}",
    )


class Part(Ticket):
    """What a bulk command means for one device."""

    __slots__ = ()

    of_bulk = True


class Step(Ticket):
    """A write of an actor's own: on the way of a command, or of its own accord."""

    __slots__ = ("of",)

    def __init__(
        self, id: bytes, of: Ticket, point: str, value: float, end: Callable[[Ticket], None]
    ) -> None:
        """Write ``point`` for the command ``of``, in its name and by its deadline."""
        self.of = of
        super().__init__(
            id, of.principal, of.device, "set", point, value, "", of.priority, of.deadline_ns,
            of.received_ns, end,
        )  # fmt: skip

    @classmethod
    def own(
        cls, device: str, point: str, value: float, priority: int, deadline_ns: int, now_ns: int,
        end: Callable[[Ticket], None],
    ) -> Self:  # fmt: skip
        """Return a write that nobody asked for: its principal is the device itself."""
        of = Ticket(
            new_command_id(), device, device, "set", point, value, "", priority, deadline_ns,
            now_ns, end,
        )  # fmt: skip
        return cls(of.id, of, point, value, end)


class SafeStep(Step):
    """A write that brings the device to its fail-safe, or back: it passes any reservation."""

    __slots__ = ()

    fail_safe = True
