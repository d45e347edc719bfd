"""The zone cell's desk for leases: who may write to which shard of its zones.

The decisions are the grantor's (``kernel.lease_grant``), the truth is the journal's. A new holder
is told so when the journal has it; a renewal needs no disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.cell import presence
from jacquemart.runtime.cell.presence import Presence
from jacquemart.runtime.cell.service import text_arg
from jacquemart.runtime.kernel.lease import SILENT_NS, TTL_NS
from jacquemart.runtime.kernel.lease_grant import Answer, End, Grantor, Owner, Verb
from jacquemart.runtime.model.errors import JournalError, JournalFenced, UsageError
from jacquemart.runtime.model.record import Draft, RecordKind

if TYPE_CHECKING:
    from jacquemart.runtime.cell.zone_cell import ZoneCell

#: Devices that one question for what stood before may name.
RESTORED_AT_ONCE = 256
BEAT_S = 0.1
_RENEWS = "+"


class LeaseDesk:
    """Grants leases. On the zone cell's loop."""

    def __init__(self, cell: ZoneCell) -> None:
        """Take over what the journals say; ``settle`` again when there are other zones."""
        self._cell = cell
        self._me = presence.enter(cell.config.address, cell.clock)
        self._grantor = Grantor()
        self._known: set[str] = set()
        self._unproven: set[str] = set()
        """Zones whose journal must be written to before anything is granted."""
        self._waiting: dict[str, list[Callable[[Answer], None]]] = {}
        """Shard -> who is told when its claim is written."""
        self.heard: dict[str, list[int]] = {}
        """Cell -> its epoch, and how many questions came of that incarnation."""
        self._seen_ns = cell.clock.boot_ns()
        self.settle()
        self._timer = cell.loop.call_later(BEAT_S, self._beat)

    def settle(self) -> None:
        """Take over the journals of zones that have come."""
        books = self._cell.authority.books
        self._known.intersection_update(books)
        now = self._cell.clock.boot_ns()
        for zone in [zone for zone in books if zone not in self._known]:
            self._known.add(zone)
            state = books[zone].state
            for shard, (epoch, holder) in state.epochs.items():
                where = state.hosts.get(shard, "")
                owner = _owner(holder, where)
                self._grantor.load(shard, epoch, owner, now, released=not where)

    def stop(self) -> None:
        """Grant nothing any more."""
        self._timer.cancel()
        presence.leave(self._me)

    def queries(self) -> Mapping[str, Callable[[Mapping[str, Any]], Any]]:
        """Return the queries of the desk."""
        return {
            "lease": self._lease, "lease_end": self._end, "restore": self._restore,
            "heard": lambda _: self.heard,
        }  # fmt: skip

    @property
    def held(self) -> int:
        """How many shards have a holder."""
        return len(self._grantor.holders())

    def may_tell(self, args: Mapping[str, Any], device: str) -> bool | None:
        """Return whether whoever asks may tell what became of a device; see ``Grantor.may_tell``.

        A cell of an older version does not say who it is, and is believed, as it always was.

        Raises:
            UsageError: the question is broken.
        """
        if "cell" not in args:
            return True
        return self._grantor.may_tell(self._cell.authority.shard_of(device), _asker(args))

    # Asking ----------------------------------------------------------------------------------

    def _lease(self, args: Mapping[str, Any]) -> Any:
        """Answer a cell for all its shards: at once, or when the journal has what is new."""
        self._look()
        owner = _asker(args)
        self._hear(owner)
        round_ = _Round(self._cell.loop, self._cell.config.epoch, self._me)
        drafts: dict[str, list[Draft]] = {}
        claims: dict[str, list[str]] = {}
        shards = _shards(args)
        # What a cell does not ask for any more it has given back, heard or not.
        self._release(owner, [one for one in self._grantor.held_by(owner) if one not in shards])
        for shard, had in shards.items():
            zone = shard.rpartition("/")[0]
            answer = self._judge(zone, shard, owner, had)
            if answer.verb is Verb.RECORD:
                drafts.setdefault(zone, []).append(_draft(shard, answer.epoch, owner))
                claims.setdefault(zone, []).append(shard)
            elif answer.verb is Verb.GRANT and zone in self._unproven:
                drafts.setdefault(zone, []).append(_draft(shard, answer.epoch, owner))
                self._waiting.setdefault(shard, []).append(round_.expect(shard))
            if answer.verb in (Verb.RECORD, Verb.PENDING):
                self._waiting.setdefault(shard, []).append(round_.expect(shard))
            elif shard not in round_.expected:
                round_.take(shard, answer)
        for zone, some in drafts.items():
            proof = [draft.body["shard"] for draft in some]
            done = partial(self._written, zone, claims.get(zone, []), proof)
            self._cell.authority.append(zone, some, done)
        return round_.result()

    def _hear(self, owner: Owner) -> None:
        """Count a question: the warden takes them for the heartbeat of cells on other hosts."""
        known = self.heard.setdefault(owner.cell, [owner.epoch, 0])
        if owner.epoch > known[0]:
            known[:] = owner.epoch, 0
        known[1] += owner.epoch == known[0]

    def _judge(self, zone: str, shard: str, owner: Owner, had: bool) -> Answer:
        cell = self._cell
        if zone not in cell.authority.books:
            return Answer(Verb.WAIT, 0, f"the journal of zone {zone} is not open here")
        address = cell.directory.cells.get(owner.cell)
        if address is not None and address.epoch > owner.epoch:
            newer = f"{owner.cell}@{address.epoch} is newer"
            return Answer(Verb.FENCE, address.epoch + 1, newer)
        rival = self._grantor.rival(shard, owner)
        end = End.UNKNOWN
        if rival is not None:
            gone = presence.ended(self._me, Presence(*rival.presence))
            if gone:
                end = End.CERTAIN
            elif gone is False and rival.renews:
                end = End.LIVES
        home = cell.directory.homes.get(shard, owner.cell) == owner.cell
        return self._grantor.ask(shard, owner, cell.clock.boot_ns(), had=had, end=end, home=home)

    def _written(
        self, zone: str, claims: list[str], proof: list[str], error: JournalError | None
    ) -> None:
        """Go on: the journal has the claims, and thereby showed that it is still ours."""
        now = self._cell.clock.boot_ns()
        if error is None:
            self._unproven.discard(zone)
        for shard in proof:
            answer = Answer(Verb.WAIT, 0, f"the journal of zone {zone}: {error}")
            if shard in claims and error is None:
                answer = self._grantor.recorded(shard, now)
            elif shard in claims:
                self._grantor.failed(shard)
            elif not isinstance(error, JournalFenced):  # a full disk takes no lease away
                answer = Answer(Verb.GRANT)
            for tell in self._waiting.pop(shard, ()):
                tell(answer)

    def _look(self) -> None:
        """Find out whether this cell itself was frozen: then somebody else may be the owner."""
        now = self._cell.clock.boot_ns()
        if now - self._seen_ns > SILENT_NS:
            self._unproven.update(self._known)
        self._seen_ns = now

    def _beat(self) -> None:
        self._timer = self._cell.loop.call_later(BEAT_S, self._beat)
        self._look()

    # The end of a lease, and what the next holder must know ------------------------------------

    def _end(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Hear that a cell writes to some shards no more."""
        self._release(_asker(args), _shards(args))
        return {}

    def _release(self, owner: Owner, shards: Iterable[str]) -> None:
        drafts: dict[str, list[Draft]] = {}
        for shard in shards:
            epoch = self._grantor.release(shard, owner)
            zone = shard.rpartition("/")[0]
            if epoch and zone in self._cell.authority.books:
                drafts.setdefault(zone, []).append(_draft(shard, epoch, owner, over=True))
        for zone, some in drafts.items():
            # If the journal cannot take it, a later grantor waits for longer than it must.
            self._cell.authority.append(zone, some, lambda error: None)

    def _restore(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return what some devices of a shard need: holds, setpoints, saved states.

        And what our boot-time clock shows, by which leases of claims are told, and whose it is.
        """
        zone = text_arg(args, "shard").rpartition("/")[0]
        devices = args.get("devices")
        if not isinstance(devices, list) or len(devices) > RESTORED_AT_ONCE:
            raise UsageError(f"argument 'devices' allows a list of up to {RESTORED_AT_ONCE} ids")
        book = self._cell.authority.books.get(zone)
        if book is None:
            raise UsageError(f"no journal of zone {zone!r} is open here", advice="ask again")
        wanted = [str(device) for device in devices]
        desk = self._cell.desk.desks.get(zone)
        if desk is not None and desk.has_unwritten_claims(frozenset(wanted)):
            # A cell that began without it would act as if nobody had claimed the device.
            raise UsageError("the end of a claim is not on disk yet", advice="ask again")
        now = self._cell.clock.boot_ns()
        return {
            "devices": book.state.restore_of(wanted), "boot_ns": now, "host": self._me.host,
        }  # fmt: skip


class _Round:
    """One question for many shards: answered when each has its answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop, zone_epoch: int, me: Presence) -> None:
        self.expected: set[str] = set()
        self._future: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._reply: dict[str, Any] = {
            "granted": [], "waits": {}, "fenced": {}, "least_epoch": 0,
            "ttl_ms": TTL_NS // 1_000_000, "zone_epoch": zone_epoch, "presence": list(me),
        }  # fmt: skip

    def expect(self, shard: str) -> Callable[[Answer], None]:
        """Wait for a shard's answer; return who takes it."""
        self.expected.add(shard)
        return partial(self.take, shard)

    def take(self, shard: str, answer: Answer) -> None:
        """Take a shard's answer."""
        reply = self._reply
        if answer.verb is Verb.GRANT:
            reply["granted"].append(shard)
        elif answer.verb is Verb.FENCE:
            reply["fenced"][shard] = answer.why
            reply["least_epoch"] = max(reply["least_epoch"], answer.epoch)
        else:
            reply["waits"][shard] = answer.why
        if shard in self.expected:
            self.expected.discard(shard)
            if not self.expected and not self._future.done():
                self._future.set_result(reply)

    def result(self) -> dict[str, Any] | asyncio.Future[dict[str, Any]]:
        """Return the reply, or what will have it."""
        return self._future if self.expected else self._reply


def _draft(shard: str, epoch: int, owner: Owner, *, over: bool = False) -> Draft:
    """Return the record of a holder; ``over``: it holds it no more."""
    where = "" if over else Presence(*owner.presence).text() + _RENEWS * owner.renews
    holder = f"{owner.cell}@{owner.epoch}"
    return Draft(
        RecordKind.EPOCH, {"shard": shard, "epoch": epoch, "holder": holder, "host": where}
    )


def _owner(holder: str, where: str) -> Owner | None:
    """Return who a record names."""
    cell, _, epoch = holder.rpartition("@")
    if not epoch.isdecimal():
        return Owner(holder, 0) if holder else None
    there = presence.parse(where.removesuffix(_RENEWS))
    place = (there.host, there.pid, there.started, there.serial)
    return Owner(cell, int(epoch), place, where.endswith(_RENEWS))


def _asker(args: Mapping[str, Any]) -> Owner:
    """Return who asks.

    Raises:
        UsageError: the question is broken.
    """
    epoch, where, renews = args.get("epoch"), args.get("presence"), args.get("renews")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 1:
        raise UsageError(f"argument 'epoch' is {epoch!r}, allowed: a number above 0")
    if not isinstance(where, list) or list(map(type, where)) != [str, int, int, int]:
        raise UsageError("argument 'presence' is none: host, pid, start time, serial")
    host, pid, started, serial = where
    return Owner(text_arg(args, "cell"), epoch, (host, pid, started, serial), renews is True)


def _shards(args: Mapping[str, Any]) -> dict[str, bool]:
    """Return the shards that are asked for, and whether the asker had each before.

    Raises:
        UsageError: the question is broken.
    """
    shards = args.get("shards")
    if not isinstance(shards, dict):
        raise UsageError("argument 'shards' is no map of shard ids")
    return {str(shard): had is True for shard, had in shards.items()}
