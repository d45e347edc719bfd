"""A device cell's keeper of leases: asks the zone cells, and opens and shuts the gates.

One question a zone cell every 200 ms, whatever the number of shards; one gate a shard, since
shards come and go one by one. The decisions are the holder's (``kernel.lease``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell import presence
from jacquemart.runtime.cell.permit import Permit
from jacquemart.runtime.cell.presence import NOWHERE, Presence
from jacquemart.runtime.cell.restoring import Restoring
from jacquemart.runtime.cell.shard import Shard
from jacquemart.runtime.cell.topics import facts_topic
from jacquemart.runtime.kernel.lease import (
    RENEW_NS,
    SILENT_NS,
    TTL_NS,
    Act,
    Holder,
    Silence,
    Standing,
)
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell

log = logging.getLogger("jacquemart.cell")

RENEW_S = RENEW_NS / 1e9
#: How often it asks while a shard has no lease.
EAGER_S = 0.05
#: How often it looks whether a connection has been made.
CONNECTING_S = 0.01
#: So long the end of leases may take to be told; a zone that does not hear of it waits longer.
FAREWELL_S = 0.2
#: Questions to one zone cell that may be without an answer.
UNANSWERED = 8

LOST, REGAINED, FENCED = "lease_lost", "lease_regained", "lease_fenced"


@dataclass(eq=False, slots=True)
class _Lease:
    shard: Shard
    permit: Permit
    holder: Holder = field(default_factory=Holder)


@dataclass(eq=False, slots=True)
class _Tie:
    """What is known of a zone cell."""

    silence: Silence = field(default_factory=Silence)
    place: Presence = NOWHERE
    epoch: int = 0
    unanswered: int = 0
    parted_ns: int = 0
    """When a shard of its zones last left this cell."""


class LeaseKeeper:
    """The leases of a device cell's shards. On the cell's loop."""

    def __init__(self, cell: DeviceCell, fenced: Callable[[str], object]) -> None:
        """Have no shard yet; ``fenced`` hears, once, that this cell must never write again."""
        self._cell = cell
        self._fenced = fenced
        self._me = presence.enter(cell.config.address, cell.clock)
        # Who replaces a cell here ends the old process first: so it may live without its zone.
        self._renews = cell.config.warden_pid > 0
        self._leases: dict[str, _Lease] = {}
        self._ties: dict[str, _Tie] = {}
        self._parting: set[str] = set()
        """Zone cells that have not heard yet which shards have left this cell."""
        self._restoring = Restoring(cell, self._zone_cell)
        self.lost = 0
        self.regained = 0
        self.least_epoch = 0
        """What a new incarnation of this cell needs; 0: this one may go on."""
        self._stopped = False
        self._timer: asyncio.TimerHandle | None = None

    # Shards ----------------------------------------------------------------------------------

    def enter(self, shard: Shard) -> None:
        """Ask for a shard from now on; none of its writes passes before it is granted."""
        permit = Permit(self._cell.clock)
        permit.unrestored.update(shard.actors)
        shard.permit = permit
        self._leases[shard.spec.id] = _Lease(shard, permit)
        self.hurry()

    def came(self, shard: Shard, actors: Sequence[DeviceActor]) -> None:
        """Restore devices that have come to a shard that is here already."""
        lease = self._leases.get(shard.spec.id)
        if lease is not None and actors:
            lease.permit.unrestored.update(actors)
            if lease.holder.had:
                self._restoring.begin(shard, actors)

    async def leave(self, shards: Collection[str]) -> None:
        """Give leases back: the links of these shards have let go."""
        ended = [self._leases.pop(shard) for shard in shards if shard in self._leases]
        for name in {self._zone_cell(lease.shard.spec.zone) for lease in ended} - {""}:
            self._parting.add(name)
            self._ties.setdefault(name, _Tie()).parted_ns = self._cell.clock.boot_ns()
        await self._farewell(ended)

    def hurry(self) -> None:
        """Ask as soon as the loop has a turn: there is something new."""
        if not self._stopped:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._cell.loop.call_later(0, self._beat)

    async def stop(self) -> None:
        """Give all leases back; the links have let go."""
        self._stopped = True
        self._restoring.stop()
        if self._timer is not None:
            self._timer.cancel()
        leases, self._leases = list(self._leases.values()), {}
        await self._farewell(leases)
        presence.leave(self._me)

    # What others want to know ------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether every shard was granted once, and its devices know what stood before them."""
        return all(
            lease.holder.had and not lease.permit.unrestored for lease in self._leases.values()
        )

    def missing(self) -> str:
        """Return what the cell waits for, in words; empty if it is nothing."""
        for shard, lease in self._leases.items():
            if not lease.holder.had:
                return f"shard {shard} has no lease: {lease.permit.why}"
            if lease.permit.unrestored:
                return f"shard {shard}: {len(lease.permit.unrestored)} devices are not restored"
        return ""

    def who(self) -> dict[str, Any]:
        """Return which incarnation of a cell this is, as its zones are told with each question."""
        config, me = self._cell.config, list(self._me)
        return {"cell": config.name, "epoch": config.epoch, "presence": me, "renews": self._renews}

    def counters(self) -> dict[str, int]:
        """Return how often leases were lost and came back, and what was not sent for that."""
        refused = sum(lease.permit.refused for lease in self._leases.values())
        return {
            "leases_lost": self.lost,
            "leases_regained": self.regained,
            "writes_without_lease": refused,
        }

    def standings(self) -> dict[str, int]:
        """Return how many shards stand how."""
        found = dict.fromkeys((standing.value for standing in Standing), 0)
        for lease in self._leases.values():
            found[lease.holder.standing.value] += 1
        return {name: count for name, count in found.items() if count}

    # The beat ----------------------------------------------------------------------------------

    def _beat(self) -> None:
        asked = True
        try:
            asked = self._round()
        finally:  # whatever went wrong: who does not ask loses all leases
            if not self._stopped:
                held = all(lease.holder.writes for lease in self._leases.values())
                pause = RENEW_S if held else EAGER_S if asked else CONNECTING_S
                self._timer = self._cell.loop.call_later(pause, self._beat)

    def _round(self) -> bool:
        """Look at the clock and ask all zone cells; return whether all could be asked."""
        cell = self._cell
        above: dict[str, list[_Lease]] = {name: [] for name in self._parting}
        for lease in self._leases.values():
            above.setdefault(self._zone_cell(lease.shard.spec.zone), []).append(lease)
        now = cell.clock.boot_ns()
        asked = True
        for name, leases in above.items():
            tie = self._ties.setdefault(name, _Tie())
            alone = self._alone(tie, now)
            self._do([(lease, lease.holder.tick(now, alone=alone)) for lease in leases])
            if not self._stopped and name:
                asked &= self._ask(name, tie, leases)
        return asked

    def _alone(self, tie: _Tie, now: int) -> bool:
        """Return whether the zone cell is gone, and its holders on this host may go on."""
        if not self._renews or tie.place.host != self._me.host:
            return False
        return presence.ended(self._me, tie.place) is True or tie.silence.lasts(now)

    def _zone_cell(self, zone: str) -> str:
        return self._cell.directory.zones.get(zone, "")

    def _ask(self, name: str, tie: _Tie, leases: list[_Lease]) -> bool:
        """Ask a zone cell; return False while there is no connection to it."""
        cell = self._cell
        asked = cell.clock.boot_ns()
        tie.silence.asked(asked)
        if tie.unanswered >= UNANSWERED or name not in cell.directory.cells:
            return True
        frame = self._question("lease", leases)

        def answer(reply: bytes | None) -> None:
            tie.unanswered -= 1
            if reply is not None and not self._stopped:
                self._hear(name, tie, asked, leases, reply)

        sent = cell.caller(name).call(frame, asked + TTL_NS, answer)
        tie.unanswered += sent
        return sent

    def _question(self, verb: str, leases: Collection[_Lease]) -> bytes:
        shards = {lease.shard.spec.id: lease.holder.had for lease in leases}
        return messages.query(verb, **self.who(), shards=shards)

    def _hear(self, name: str, tie: _Tie, asked: int, leases: list[_Lease], frame: bytes) -> None:
        if self._cell.clock.boot_ns() - asked < SILENT_NS:
            # A zone cell that answers ever later is as good as silent: it has too much to do,
            # and its holders on this host must not stand still for that.
            tie.silence.answered()
        try:
            reply = messages.decode_reply(frame)
            epoch, granted = int(reply["zone_epoch"]), set(reply["granted"])
            waits, fenced, place = reply["waits"], reply["fenced"], Presence(*reply["presence"])
            ttl_ns, least = int(reply["ttl_ms"]) * 1_000_000, int(reply["least_epoch"])
        except JacquemartError as error:  # it lives, and cannot tell yet
            for lease in leases:
                if not lease.holder.had:
                    lease.permit.why = f"{name}: {error}"
            return
        if epoch < tie.epoch:
            return  # a zone cell that has a successor
        tie.epoch, tie.place = epoch, place
        if asked >= tie.parted_ns:
            self._parting.discard(name)
        now = self._cell.clock.boot_ns()
        done: list[tuple[_Lease, list[Act]]] = []
        for lease in leases:
            shard = lease.shard.spec.id
            if self._leases.get(shard) is not lease:
                continue  # it has left meanwhile
            if shard in granted:
                done.append((lease, lease.holder.granted(asked, now, ttl_ns)))
            elif shard in fenced:
                lease.permit.why = f"{name} has fenced this cell off: {fenced[shard]}"
                self.least_epoch = max(self.least_epoch, least)
                done.append((lease, lease.holder.fenced()))
            elif shard in waits:
                lease.permit.why = f"{name} does not grant the shard now: {waits[shard]}"
                done.append((lease, lease.holder.waits()))
        self._do(done)

    # Instructions ------------------------------------------------------------------------------

    def _do(self, done: list[tuple[_Lease, list[Act]]]) -> None:
        told: dict[tuple[str, str], list[_Lease]] = {}
        sealed = ""
        for lease, acts in done:
            gate = lease.permit.gate
            for act in acts:
                if act is Act.EXTEND:
                    gate.extend(lease.holder.until_ns)
                elif act is Act.CLOSE:
                    gate.close()
                elif act is Act.SEAL:
                    gate.seal()
                    sealed = lease.permit.why
                elif act is Act.FIRST:
                    self._cell.memory.leased(lease.shard.spec.id)
                    self._restoring.begin(lease.shard, lease.shard.actors)
                else:
                    name = LOST if act is Act.LOST else REGAINED
                    told.setdefault((name, lease.shard.spec.zone), []).append(lease)
        for (name, _), leases in told.items():
            self._tell(name, leases)
        if sealed:
            self._fence(sealed)

    def _tell(self, name: str, leases: list[_Lease]) -> None:
        """Publish one event for all shards of a zone."""
        lost = name == LOST
        if lost:
            self.lost += len(leases)
            for lease in leases:
                lease.permit.losses += 1
                if lease.holder.standing is Standing.EXPIRED and lease.permit.gate.until_ns == 0:
                    lease.permit.why = "the lease ran out, and the zone has not confirmed it yet"
        else:
            self.regained += len(leases)
        self._event(name, 2 if lost else 0, leases)

    def _fence(self, why: str) -> None:
        leases = list(self._leases.values())
        for lease in leases:
            lease.permit.gate.seal()
            lease.permit.why = why
        log.error("cell %s@%d: %s; it never writes again", *self._identity, why)
        self._event(FENCED, 3, leases[:1], why=why, least_epoch=self.least_epoch)
        self._stopped = True
        self._restoring.stop()
        self._fenced(why)

    def _event(self, name: str, severity: int, leases: list[_Lease], **more: Any) -> None:
        cell, epoch = self._identity
        detail = {"epoch": epoch, "shards": len(leases), **more}
        for lease in leases[:1]:
            spec = lease.shard.spec
            now = self._cell.clock.wall_ns()
            event = Event(name, spec.zone, cell, now, severity, detail)
            self._cell.publisher.event(facts_topic(spec.id), event)

    @property
    def _identity(self) -> tuple[str, int]:
        return self._cell.config.name, self._cell.config.epoch

    # The end -----------------------------------------------------------------------------------

    async def _farewell(self, leases: list[_Lease]) -> None:
        """Shut gates, and tell the zones that had granted them."""
        above: dict[str, list[_Lease]] = {}
        for lease in leases:
            lease.permit.gate.seal()
            lease.permit.why = "the cell has given the shard back"
            if lease.holder.had and lease.holder.standing is not Standing.FENCED:
                above.setdefault(self._zone_cell(lease.shard.spec.zone), []).append(lease)
        loop, cell = self._cell.loop, self._cell
        waiting: list[asyncio.Future[None]] = []
        for name, some in above.items():
            if name not in cell.directory.cells:
                continue
            heard: asyncio.Future[None] = loop.create_future()

            def answer(_: bytes | None, heard: asyncio.Future[None] = heard) -> None:
                if not heard.done():
                    heard.set_result(None)

            frame = self._question("lease_end", some)
            expires = cell.clock.boot_ns() + int(FAREWELL_S * 1e9)
            if cell.caller(name).call(frame, expires, answer):
                waiting.append(heard)
        if waiting:
            await asyncio.wait(waiting, timeout=FAREWELL_S)
