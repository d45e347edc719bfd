"""Leases, as their holder sees them: when a cell may write to the field, and when no more. Pure.

*Theory.* A lease is counted by its holder from the moment at which it asked, and by its grantor
(``lease_grant``) from the later moment at which it answered. The holder stops a fifth before the
end, and the grantor gives on a fifth after it. So with clocks of equal rate no two holders ever
write to one shard, whatever is lost, late or frozen: nobody has to be awake to stop.

*One host.* Where whoever replaces a cell ends the old process first and waits for its end (a
warden on the same host), a holder may go on while its zone cell is gone: ``may_renew_itself``. The
grantor then gives its shards on only when the end of its process is certain, never by time.

Times are boot-time ns of the holder's own host, handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

#: How often a holder asks.
RENEW_NS = 200_000_000
#: How long a lease is granted for.
TTL_NS = 1_000_000_000
#: The holder stops so long before the end, the taker starts so long after it.
MARGIN_NS = TTL_NS // 5
#: A grantor that owes an answer for so long counts as gone: three questions, and before the end.
SILENT_NS = 3 * RENEW_NS


class Standing(Enum):
    """How a cell stands towards one of its shards."""

    NONE = "none"
    """Never had the lease; writes nothing."""
    HELD = "held"
    EXPIRED = "expired"
    """Had it, and let it run out; writes nothing until it is confirmed."""
    ORPHANED = "orphaned"
    """The grantor is gone from this host; the lease is renewed here until its successor speaks."""
    FENCED = "fenced"
    """Somebody else has it, or a newer incarnation. Final: never writes again."""


class Heard(Enum):
    """What a holder can hear or find out."""

    GRANTED = "granted"
    """The grantor gave it or confirmed it, and it has not run out on the way."""
    WAITS = "waits"
    """The grantor cannot give it now."""
    FENCED = "fenced"
    """The grantor never will."""
    LAPSED = "lapsed"
    """The time is over."""
    ALONE = "alone"
    """The grantor is gone, and this holder may renew itself."""


_N, _H, _E, _O, _F = Standing
#: (standing, what is heard) -> standing. Whatever is not here changes nothing.
TRANSITIONS: Mapping[tuple[Standing, Heard], Standing] = {
    (_N, Heard.GRANTED): _H,
    (_N, Heard.FENCED): _F,
    (_H, Heard.WAITS): _E,
    (_H, Heard.FENCED): _F,
    (_H, Heard.LAPSED): _E,
    (_H, Heard.ALONE): _O,
    (_E, Heard.GRANTED): _H,
    (_E, Heard.FENCED): _F,
    (_E, Heard.ALONE): _O,
    (_O, Heard.GRANTED): _H,
    (_O, Heard.WAITS): _E,
    (_O, Heard.FENCED): _F,
    (_O, Heard.LAPSED): _E,
}


class Act(Enum):
    """What to do with the gate, besides what ``Holder.until_ns`` says."""

    EXTEND = "extend"
    """Open it until ``until_ns``."""
    CLOSE = "close"
    SEAL = "seal"
    """Close it for ever."""
    FIRST = "first"
    """This is the first lease of the shard: restore its devices."""
    LOST = "lost"
    """Tell that it had run out."""
    REGAINED = "regained"
    """Tell that it is back."""


@dataclass(slots=True)
class Holder:
    """One shard's lease in the cell that writes to it."""

    standing: Standing = Standing.NONE
    until_ns: int = 0
    """The gate is open until then; 0 while it is closed."""
    had: bool = False
    """It was granted once. Who had it, and finds another holder, is the old one."""

    @property
    def writes(self) -> bool:
        """Return whether the shard may be written to, as far as is known without a clock."""
        return self.standing in (Standing.HELD, Standing.ORPHANED)

    def granted(self, asked_ns: int, now_ns: int, ttl_ns: int = TTL_NS) -> list[Act]:
        """Hear a grant: the answer to what was asked at ``asked_ns``."""
        until = asked_ns + ttl_ns - ttl_ns // 5
        if until <= now_ns:
            return self.tick(now_ns, alone=False)  # it was too long on its way
        return self._hear(Heard.GRANTED, max(until, self.until_ns))

    def waits(self) -> list[Act]:
        """Hear that it is not granted now."""
        return self._hear(Heard.WAITS)

    def fenced(self) -> list[Act]:
        """Hear that it never will be: there is a newer holder."""
        return self._hear(Heard.FENCED)

    def tick(self, now_ns: int, *, alone: bool) -> list[Act]:
        """Look at the clock. ``alone``: the grantor is gone, and this holder may renew itself.

        A freeze is found here: time went on, and nothing else did.
        """
        done: list[Act] = []
        if self.writes and now_ns >= self.until_ns:
            done += self._hear(Heard.LAPSED)
        if alone:
            done += self._hear(Heard.ALONE, now_ns + TTL_NS - MARGIN_NS)
        return done

    def _hear(self, heard: Heard, until_ns: int = 0) -> list[Act]:
        before = self.standing
        after = self.standing = TRANSITIONS.get((before, heard), before)
        wrote = before in (Standing.HELD, Standing.ORPHANED)
        if self.writes:
            if not until_ns:
                return []
            self.until_ns = until_ns
            if not self.had:
                self.had = True
                return [Act.EXTEND, Act.FIRST]
            return [Act.EXTEND] if wrote else [Act.EXTEND, Act.REGAINED]
        self.until_ns = 0
        if after is before:
            return []
        if after is Standing.FENCED:
            return [Act.SEAL]
        return [Act.CLOSE, Act.LOST]


@dataclass(slots=True)
class Silence:
    """Whether a grantor is silent, seen by who asks it. A silence slept through is none."""

    _since_ns: int = 0
    _seen_ns: int = 0

    def asked(self, now_ns: int) -> None:
        """Take note of a question, or of one that could not even be sent."""
        self._awake(now_ns)
        if not self._since_ns:
            self._since_ns = now_ns

    def answered(self) -> None:
        """Take note of any answer."""
        self._since_ns = 0

    def lasts(self, now_ns: int) -> bool:
        """Return whether it has owed an answer for ``SILENT_NS``, and we were there to hear it."""
        self._awake(now_ns)
        return bool(self._since_ns) and now_ns - self._since_ns >= SILENT_NS

    def _awake(self, now_ns: int) -> None:
        if self._since_ns and now_ns - self._seen_ns > 2 * RENEW_NS:
            self._since_ns = now_ns  # the answer may have come while we were frozen
        self._seen_ns = now_ns
