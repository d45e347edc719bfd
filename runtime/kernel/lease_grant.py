"""Leases, as their grantor sees them: who may write to which shard, by the zone's journal. Pure.

*Rules.* A shard has one holder: an incarnation of a cell. Who holds a shard stands in the journal
before it is told so. A new holder gets a higher number of the shard (``epoch``) than all before,
by compare-and-set, and gets it only when the old one certainly writes no more: it said so, its
process has ended, or its lease ran out, margin included. The last does not count for a holder
that may renew itself (``lease``): its end must be certain.

A grantor that has just started knows from the journal who held what, but not since when it was
silent: everybody has the time of a whole lease to come back.

Times are boot-time ns of the grantor's host, handed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from jacquemart.runtime.kernel.lease import MARGIN_NS, TTL_NS


class End(Enum):
    """What the grantor can find out of a holder's process."""

    CERTAIN = "certain"
    """It has ended."""
    LIVES = "lives"
    """It has not, and it may renew itself: only its end counts."""
    UNKNOWN = "unknown"
    """Nobody can tell, or it stops by itself: time counts."""


class Owner(NamedTuple):
    """An incarnation of a cell."""

    cell: str
    epoch: int
    presence: tuple[str, int, int, int] = ("", 0, 0, 0)
    """Its process; two with the same cell and epoch are two all the same. Opaque here."""
    renews: bool = False
    """It may renew itself while its zone cell is gone."""


class Verb(Enum):
    """What to answer."""

    GRANT = "grant"
    RECORD = "record"
    """Write ``Answer.epoch`` and the asker to the journal, then call ``recorded`` or ``failed``."""
    PENDING = "pending"
    """Its own claim is on its way into the journal: answer when that is there."""
    WAIT = "wait"
    """Not now; ask again."""
    FENCE = "fence"
    """Never: ``Answer.epoch`` is the least that a new incarnation of the cell needs."""


class Answer(NamedTuple):
    """What becomes of a question."""

    verb: Verb
    epoch: int = 0
    why: str = ""


@dataclass(slots=True)
class _Shard:
    epoch: int = 0
    owner: Owner | None = None
    until_ns: int = 0
    released: bool = True
    claim: tuple[int, Owner] | None = None
    """What is on its way into the journal."""


class Grantor:
    """The leases of a zone cell's shards."""

    def __init__(self) -> None:
        """Know no shard; ``load`` has what the journal says."""
        self._shards: dict[str, _Shard] = {}

    def load(
        self, shard: str, epoch: int, owner: Owner | None, now_ns: int, *, released: bool = False
    ) -> None:
        """Take over what the journal says of a shard, when the grantor starts at ``now_ns``."""
        self._shards[shard] = _Shard(epoch, owner, now_ns + TTL_NS, released or owner is None)

    def rival(self, shard: str, asker: Owner) -> Owner | None:
        """Return the holder whose end matters to the asker, if there is one."""
        known = self._shards.get(shard)
        if known is None or known.released or known.owner == asker:
            return None
        return known.owner

    def ask(
        self, shard: str, asker: Owner, now_ns: int, *, had: bool, end: End = End.UNKNOWN,
        home: bool = True,
    ) -> Answer:  # fmt: skip
        """Judge a question.

        Args:
            shard: the shard's id.
            asker: who asks.
            now_ns: boot-time ns.
            had: the asker was granted the shard before, in this incarnation.
            end: what is known of ``rival``'s process.
            home: whether the directory says that the shard belongs to the asker's cell.
        """
        known = self._shards.setdefault(shard, _Shard())
        owner = known.owner
        if owner is not None and owner != asker:
            over = known.released or end is End.CERTAIN
            if owner.cell == asker.cell and asker.epoch < owner.epoch + (not over):
                return Answer(Verb.FENCE, owner.epoch + 1, f"{_name(owner)} is not older")
            if had:
                return Answer(Verb.FENCE, known.epoch + 1, f"{_name(owner)} has it by now")
        if known.claim is not None:
            if known.claim[1] == asker:
                return Answer(Verb.PENDING)
            return Answer(Verb.WAIT, 0, f"{_name(known.claim[1])} is being written down")
        if owner is not None and owner == asker and not known.released:
            known.until_ns = now_ns + TTL_NS
            return Answer(Verb.GRANT, known.epoch)
        if owner is not None and not known.released:
            if end is not End.CERTAIN and not home:
                return Answer(Verb.WAIT, 0, f"it belongs to {_name(owner)}")
            if end is End.LIVES:
                return Answer(Verb.WAIT, 0, f"the process of {_name(owner)} has not ended")
            if end is End.UNKNOWN and now_ns < known.until_ns + MARGIN_NS:
                return Answer(Verb.WAIT, 0, f"the lease of {_name(owner)} has not run out")
        epoch = max(known.epoch + 1, asker.epoch)
        known.claim = epoch, asker
        return Answer(Verb.RECORD, epoch)

    def recorded(self, shard: str, now_ns: int) -> Answer:
        """Take note that the journal has the claim; return the grant."""
        known = self._shards[shard]
        assert known.claim is not None
        known.epoch, known.owner = known.claim
        known.claim, known.released, known.until_ns = None, False, now_ns + TTL_NS
        return Answer(Verb.GRANT, known.epoch)

    def failed(self, shard: str) -> None:
        """Take note that the claim certainly is not in the journal: all is as it was."""
        self._shards[shard].claim = None

    def release(self, shard: str, asker: Owner) -> int:
        """Hear that a holder writes no more; return the epoch that it had, 0 if it held nothing."""
        known = self._shards.get(shard)
        if known is None or known.owner != asker or known.released:
            return 0
        known.released = True
        return known.epoch

    def may_tell(self, shard: str, teller: Owner) -> bool | None:
        """Return whether what an incarnation tells of a shard counts.

        True: it holds the shard, or was the last to. False: somebody else has had it since, or
        has it. None: it is not known yet, or about to change, and what is told now might come too
        late for the next holder; ask again.
        """
        known = self._shards.get(shard)
        if known is None or known.owner is None or known.claim is not None:
            return None
        return known.owner == teller

    def held_by(self, owner: Owner) -> list[str]:
        """Return the shards that an incarnation holds."""
        return [
            shard
            for shard, known in self._shards.items()
            if known.owner == owner and not known.released
        ]

    def holders(self) -> dict[str, Owner]:
        """Return who holds what, as far as nobody else got it since."""
        return {
            shard: known.owner
            for shard, known in self._shards.items()
            if known.owner is not None and not known.released
        }


def _name(owner: Owner) -> str:
    return f"{owner.cell}@{owner.epoch}"
