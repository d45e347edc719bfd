"""Commands that are taken back while they are in a device cell and have not left for the field.

*Theory.* A command that waits in its device's mailbox, or whose write waits in the queue of its
link, has changed nothing. From the turn of the loop in which its write is handed to the driver,
nobody can say that any more: then it is too late, and the command goes on to its true end. So is a
command whose handler runs in steps, and a claim that stands already: what they do is more than one
write.

Whatever is taken back ends as every command does, CANCELLED, and is known again by its identity.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from jacquemart.native import frames
from jacquemart.runtime.actor.claim_ticket import ClaimStep, ClaimTicket
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import Step, Ticket
from jacquemart.runtime.cell.intake import bulk_key
from jacquemart.runtime.cell.service import text_arg
from jacquemart.runtime.cell.writes import Write
from jacquemart.runtime.kernel.dedup import Key, Seen
from jacquemart.runtime.model.durability import is_volatile
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Status

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell
    from jacquemart.runtime.cell.link import LinkShell
    from jacquemart.runtime.cell.shard import Shard

#: Parts of a bulk command that are looked for in a turn of the loop.
PARTS_A_TURN = 256
#: Bulk commands that are known as taken back although they never came.
WITHDRAWN_KEPT = 1_000

#: What is said of a command.
UNKNOWN, ENDED, TOO_LATE = "unknown", "ended", "too_late"


class Withdrawing:
    """Answers a zone, and of volatile commands a gateway: can it still be taken back?"""

    def __init__(self, cell: DeviceCell) -> None:
        """Take back what ``cell`` has."""
        self._cell = cell

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return ``withdraw`` and ``withdraw_bulk``; between cells only."""
        return {"withdraw": self._withdraw, "withdraw_bulk": self._withdraw_bulk}

    def _withdraw(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Take a command back: ``principal``, ``id``.

        With ``volatile`` only one that no journal has: of any other its zone decides, since what
        it has no record of would be sent again by a successor.

        ``said`` is ``unknown``, ``too_late`` (it has no end yet, and its write may have left), or
        ``ended``, with its OUTCOME in ``frame``: CANCELLED, or how it had ended before. One that
        is unknown ends CANCELLED should it come.
        """
        key = identity_of(args)
        content = self._cell.intake.seen.content_of(key)
        device, verb, point = content[:3] if isinstance(content, tuple) else ("", "", "")
        actor = self._cell.devices.get(device)
        if args.get("volatile") and not (actor and is_volatile(actor.template, verb, point)):
            return {"said": UNKNOWN, "frame": None}
        seen, frame = self._cell.intake.seen.peek(key)
        if seen is Seen.RUNNING:
            if actor is not None:
                take_back(actor, lambda ticket: (ticket.principal, ticket.id) == key)
            seen, frame = self._cell.intake.seen.peek(key)
        if seen is Seen.FINISHED:
            return {"said": ENDED, "frame": frame}
        if seen is Seen.RUNNING:
            return {"said": TOO_LATE, "frame": None}
        if not args.get("volatile"):
            self._cell.intake.take_back(key)
        return {"said": UNKNOWN, "frame": None}

    def _withdraw_bulk(self, args: Mapping[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Take a zone's part of a bulk command back: ``zone``, ``principal``, ``id``.

        ``cancelled`` and ``too_late`` are numbers of devices. One that never came is remembered:
        should it come, nobody is commanded.
        """
        principal, id = identity_of(args)
        intake = self._cell.intake
        key = bulk_key(principal, text_arg(args, "zone"), id)
        answer: asyncio.Future[dict[str, Any]] = self._cell.loop.create_future()
        run = intake.runs.get(key)
        if run is None:
            if intake.bulk_seen(key) is Seen.NEW:
                intake.withdrawn[key] = None
                while len(intake.withdrawn) > WITHDRAWN_KEPT:
                    del intake.withdrawn[next(iter(intake.withdrawn))]
            answer.set_result({"cancelled": 0, "too_late": 0})
            return answer
        run.withdrawn = True
        waiting: list[tuple[DeviceActor, Ticket]] = []
        queued: list[tuple[LinkShell, set[Ticket]]] = []

        def from_columns() -> None:
            if run.leave_some():
                self._cell.loop.call_soon(from_columns)
                return
            links: dict[LinkShell, set[Ticket]] = {}
            waiting.extend(run.waiting())
            for actor, ticket in waiting:
                links.setdefault(_link_of(actor), set()).add(ticket)
            queued.extend(links.items())
            from_mailboxes()

        def from_mailboxes() -> None:
            for actor, ticket in waiting[:PARTS_A_TURN]:
                if ticket.outcome is None and actor.waiting:
                    actor.withdraw(lambda one, mine=ticket: one is mine)  # type: ignore[misc]
            del waiting[:PARTS_A_TURN]
            self._cell.loop.call_soon(from_mailboxes if waiting else from_links)

        def from_links() -> None:
            if queued:
                link, mine = queued.pop()
                link.withdraw(lambda write: write.ticket in mine)
            if queued or run.unposted:
                self._cell.loop.call_soon(from_links)
            elif not answer.done():
                ended = [ticket.status for ticket in run.tickets.values()]
                cancelled = run.cancelled + ended.count(Status.CANCELLED)
                answer.set_result({"cancelled": cancelled, "too_late": run.count - cancelled})

        from_columns()
        return answer


def take_back(actor: DeviceActor, mine: Callable[[Ticket], bool]) -> bool:
    """End as CANCELLED what is ``mine``, if nothing of it was sent; return whether it was."""
    if actor.withdraw(mine):
        return True

    def meant(write: Write) -> bool:
        return write.actor is actor and _is_all_of(actor, write.ticket, mine)

    return _link_of(actor).withdraw(meant) > 0


def _is_all_of(actor: DeviceActor, ticket: Ticket, mine: Callable[[Ticket], bool]) -> bool:
    """Whether a write is all that its command does, and the command is ``mine``."""
    if isinstance(ticket, ClaimStep):
        return False
    if not isinstance(ticket, Step):
        return mine(ticket)
    command = ticket.of
    spec = actor.command_specs.get(command.verb)
    if spec is None or isinstance(command, ClaimTicket) or not mine(command):
        return False
    if command.acted or command.dispatched_ns:
        return False
    return not inspect.iscoroutinefunction(getattr(actor, spec.method))


def _link_of(actor: DeviceActor) -> LinkShell:
    return cast("Shard", actor.shard).links[actor.spec.link]


def identity_of(args: Mapping[str, Any]) -> Key:
    """Return principal and id of a question.

    Raises:
        UsageError: they are none.
    """
    id = args.get("id")
    if not isinstance(id, bytes) or len(id) != 16:
        raise UsageError("argument 'id' is not 16 bytes")
    return text_arg(args, "principal"), id


def outcome_row(frame: bytes) -> list[Any]:
    """Return an OUTCOME as an answer has it.

    ``[device, point, status, reason, detail, value, stages]``.
    """
    found = frames.decode_outcome(frame)
    return [
        found.device, found.point, found.status, found.reason, found.detail, found.value,
        [found.received_ns, found.dispatched_ns, found.acknowledged_ns, found.finished_ns],
    ]  # fmt: skip
