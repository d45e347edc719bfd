"""A device cell's care for its actors: keeps what they save, parks, escalates, gives letters up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from jacquemart.runtime.actor.base import RAISED, Actor
from jacquemart.runtime.actor.care import DeadLetter
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.inheritance import Inheritance
from jacquemart.runtime.cell.saving import Saving
from jacquemart.runtime.kernel.supervision import LinkRecord, LinkStep, Strategy, with_child
from jacquemart.runtime.model.outcome import Reason

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell
    from jacquemart.runtime.cell.link import LinkShell

#: Devices named in ``health``, and those whose failures are counted.
MOST_TOLD = 100
MOST_COUNTED = 10_000


class CellCare:
    """What ``actor.care.Care`` asks for, and a little more for the cell itself."""

    def __init__(self, cell: DeviceCell) -> None:
        """Care for the actors of a cell, from its ledger's predecessor on."""
        self._cell = cell
        self._links: WeakKeyDictionary[LinkShell, LinkRecord] = WeakKeyDictionary()
        self._parked: dict[str, str] = {}
        self._succeeded: set[str] = set()
        self._failures: Counter[str] = Counter()
        self.saving = Saving(cell)
        self.inheritance = Inheritance("", cell.ledger)

    def inherit(self, path: str) -> None:
        """Take over from the cell whose ledger is at ``path``; before any actor starts."""
        self.inheritance = Inheritance(path, self._cell.ledger)
        for letter in self.inheritance.letters():
            actor = self._cell.devices.get(letter["device"])
            if actor is not None:
                self.saving.letter(actor, letter)

    def begin(self, actor: DeviceActor) -> None:
        """Start an actor, unless it must not be: it is parked, or its start killed processes."""
        why = self.inheritance.isolated.get(actor.id, "")
        if why:
            actor.park(why, safely=False)
        if actor.parked:
            return
        self._cell.ledger.starting(actor.id)
        try:
            actor.start()
        except RAISED as error:  # one actor never stops the others
            actor.start_failed(error)
        self._cell.ledger.started()

    def begin_all(self, actors: Iterable[DeviceActor]) -> None:
        """Start the actors of a cell that begins, as ``begin`` does each; none is parked yet.

        Of a kind without ``on_start`` nothing is done.
        """
        idle: dict[type[DeviceActor], bool] = {}
        isolated, ledger = self.inheritance.isolated, self._cell.ledger
        for actor in actors:
            kind = type(actor)
            if kind not in idle:
                idle[kind] = kind.on_start is Actor.on_start and kind.start is Actor.start
            if isolated and actor.id in isolated:
                self.begin(actor)
            elif not idle[kind]:
                ledger.starting(actor.id)  # what the one before has left there is overwritten
                try:
                    actor.start()
                except RAISED as error:  # one actor never stops the others
                    actor.start_failed(error)
        ledger.started()

    def ends_before(self, ticket: Ticket) -> bool:
        """End a command that the predecessor has sent, or died of; return whether it did."""
        return self.inheritance.end(ticket, self._cell.clock.boot_ns())

    def ended(self, ticket: Ticket) -> None:
        """Take that a command has its end, and the process lives."""
        outcome = ticket.outcome
        if outcome is not None and outcome.reason not in (Reason.PARKED, Reason.POISON):
            self.inheritance.survived(ticket)

    def failed(self, actor: DeviceActor) -> None:
        """Count that an actor's code raised."""
        if len(self._failures) < MOST_COUNTED or actor.id in self._failures:
            self._failures[actor.id] += 1

    def stop(self) -> None:
        """Keep nothing more."""
        self.saving.close()

    def of(self, actor: DeviceActor) -> dict[str, Any]:
        """Return how an actor is: its failures, why it is parked, and when it was last heard."""
        heard = 0
        table, base = actor.shard.table, actor.base
        for at, point in enumerate(actor.template.points):
            if not point.address.get("derived"):
                heard = max(heard, table.read(base + at)[3])
        return {"failures": actor.failures, "parked": actor.parked, "last_heard_wall_ns": heard}

    def health(self) -> dict[str, Any]:
        """Return who is parked or has failed, and what waits to be kept."""
        known = self._cell.devices
        self._parked = {id: why for id, why in self._parked.items() if id in known}
        return {
            "parked": dict(islice(self._parked.items(), MOST_TOLD)),
            "failing": dict(self._failures.most_common(MOST_TOLD)),
            "saves_waiting": self.saving.waiting,
            "unmarked": self._cell.ledger.unmarked,
        }

    # From actors ---------------------------------------------------------------------------

    def changed(self, actor: Actor) -> None:
        """Have what it saves looked at soon."""
        if isinstance(actor, DeviceActor):
            self.saving.changed(actor)

    def parked(self, actor: Actor, why: str) -> None:
        """Have it kept, and look at the link: many parked devices are its fault."""
        if not isinstance(actor, DeviceActor):
            return
        self.saving.parked(actor, why)
        self._parked[actor.id] = why
        if actor.id in self._link_of(actor).points.dead_feeders:
            actor.shard.feeds(actor, alive=True)  # it cannot say so itself; each answers for itself
        if actor.id in self.inheritance.isolated:
            return  # its message is at fault, and no link
        link = self._link_of(actor)
        record = self._links.setdefault(link, LinkRecord())
        step = record.parked(actor.id, self._cell.clock.boot_ns(), len(link.actors))
        if step is LinkStep.REOPEN:
            link.parking.reopen("many of its devices were parked")
            link.wake()
            for other in link.actors:
                if other.id not in self.inheritance.isolated:
                    self._cell.loop.call_soon(other.unpark)
        elif step is LinkStep.PARK:
            link.parking.park("many of its devices were parked, also after it was opened anew")
            link.wake()
            self._cell.link_parked(link, link.parking.parked)

    def unparked(self, actor: Actor) -> None:
        """Have it kept, and let its link work again if that was parked too."""
        if not isinstance(actor, DeviceActor):
            return
        self.saving.parked(actor, "")
        self._parked.pop(actor.id, None)
        self.inheritance.cleared(actor.id)
        link = self._link_of(actor)
        if link in self._links:
            self._links[link].unparked(actor.id)
        link.parking.unpark()

    def restarted(self, actor: Actor) -> Sequence[Actor]:
        """Return those that its kind's strategy starts again with it."""
        if not isinstance(actor, DeviceActor) or actor.restart_strategy is Strategy.ONE_FOR_ONE:
            return ()
        link = self._link_of(actor)
        fed_by = {other.id: other.spec.fed_by for other in link.actors}
        meant = with_child(actor.restart_strategy, actor.id, fed_by)[1:]
        return [other for other in link.actors if other.id in meant]

    def succeeded(self, actor: DeviceActor) -> None:
        """Take that a device was given what was saved right here, at a change of the city."""
        self._succeeded.add(actor.id)
        self.saving.changed(actor)

    def restored(self, actor: Actor, content: Mapping[str, Any]) -> bool:
        """Take note of what the zone's journal has of a device, so that it is not sent back.

        Return whether the device shall have it: not if it has something newer.
        """
        state = content.get("state")
        if isinstance(state, Mapping):
            self.saving.known(actor.id, str(content.get("kind")), state)
        if actor.id in self._succeeded and isinstance(actor, DeviceActor):
            self._succeeded.discard(actor.id)
            self.saving.changed(actor)
            return False
        return True

    def dead(self, actor: Actor, letter: DeadLetter) -> None:
        """Have a dead letter kept, and say so."""
        if not isinstance(actor, DeviceActor):
            return
        ticket = letter.ticket
        self._cell.emit(
            actor, "dead_letter", 2,
            {"verb": ticket.verb, "point": ticket.point, "why": letter.reason},
        )  # fmt: skip
        self.saving.letter(
            actor,
            {
                "id": ticket.id, "principal": ticket.principal, "device": ticket.device,
                "verb": ticket.verb, "point": ticket.point, "value": ticket.said,
                "unit": ticket.unit, "priority": ticket.priority, "attempts": letter.attempts,
                "reason": letter.reason, "stack": letter.stack,
            },
        )  # fmt: skip

    def _link_of(self, actor: DeviceActor) -> LinkShell:
        found: LinkShell = actor.shard.links[actor.spec.link]  # type: ignore[attr-defined]
        return found
