"""A command on its way through a cell, with exactly one end."""

from __future__ import annotations

from collections.abc import Callable

from jacquemart.runtime.model.errors import InternalError
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import Outcome, Reason, Stages, Status
from jacquemart.runtime.model.text import clean

#: An accepted command ends at most this long after its deadline.
END_AFTER_DEADLINE_NS = 4_500_000_000

Value = float | int | bool | str | None


class Ticket:
    """One command to one actor. ``finish`` ends it, once; a second end is our bug."""

    __slots__ = (
        "acknowledged_ns",
        "deadline_ns",
        "device",
        "dispatched_ns",
        "end",
        "id",
        "outcome",
        "point",
        "principal",
        "priority",
        "received_ns",
        "unit",
        "value",
        "verb",
    )

    def __init__(
        self,
        id: bytes,
        principal: str,
        device: str,
        verb: str,
        point: str,
        value: Value,
        unit: str,
        priority: int,
        deadline_ns: int,
        received_ns: int,
        end: Callable[[Ticket], None],
    ) -> None:
        """Describe the command; ``end`` is called with the ticket when it has an outcome."""
        self.id = id
        self.principal = principal
        self.device = device
        self.verb = verb
        self.point = point
        self.value = value
        self.unit = unit
        self.priority = priority
        self.deadline_ns = deadline_ns
        self.received_ns = received_ns
        self.dispatched_ns = 0
        self.acknowledged_ns = 0
        self.end = end
        self.outcome: Outcome | None = None

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

        Raises:
            InternalError: it has ended before.
        """
        if self.outcome is not None:
            raise InternalError(f"command {self.id.hex()} ended twice", where=self.device)
        self.outcome = Outcome(
            self.id,
            self.device,
            self.point,
            status,
            reason,
            clean(detail),
            value,
            Stages(self.received_ns, self.dispatched_ns, self.acknowledged_ns, now_ns),
        )
        self.end(self)


class Step(Ticket):
    """A write of an actor's own: on the way of a command, or of its own accord."""

    __slots__ = ()

    def __init__(
        self, id: bytes, of: Ticket, point: str, value: float, end: Callable[[Ticket], None]
    ) -> None:
        """Write ``point`` for the command ``of``, in its name and by its deadline."""
        super().__init__(
            id, of.principal, of.device, "set", point, value, "", of.priority, of.deadline_ns,
            of.received_ns, end,
        )  # fmt: skip

    @classmethod
    def own(
        cls, device: str, point: str, value: float, priority: int, deadline_ns: int, now_ns: int,
        end: Callable[[Ticket], None],
    ) -> Step:  # fmt: skip
        """Return a write that nobody asked for: its principal is the device itself."""
        of = Ticket(
            new_command_id(), device, device, "set", point, value, "", priority, deadline_ns,
            now_ns, end,
        )  # fmt: skip
        return cls(of.id, of, point, value, end)
