"""What the boot-time clock of another host shows, as far as echoes tell. Pure.

*Theory.* A question is sent, the peer answers with its clock, the answer is received. The peer
read its clock at some moment in between, however the two ways share the time. So the offset
(theirs minus ours) lies between ``theirs - received`` and ``theirs - sent``: no assumption about
symmetry is made. Two clocks run apart by at most ``DRIFT_PPM``, so what an echo has told stays
true in an interval that grows by so much. All echoes hold at once, and so does their intersection.

*Rules.* A deadline is mapped by the lower bound: it comes early by the error bound and never
late. Who has heard no echo for ``SILENT_NS`` knows nothing. An echo that contradicts the others
is right and they are wrong: the peer's clock is another one now, or one of the two is being slewed
faster than a deadline could allow for. So nothing is known until echoes agree for ``CALM_NS``.

Times are boot-time ns, handed in: ours, where nothing else is said.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

#: Two boot-time clocks run apart by less than this: crystals by some 20 each, and NTP runs each of
#: them by up to 500 fast or slow. Who slews by more (chrony does, if it is not told
#: ``maxslewrate 500``) makes clocks that are not known.
DRIFT_PPM = 1_100
#: So long after the last echo nothing is known any more.
SILENT_NS = 5_000_000_000
#: So long echoes must agree after one that contradicted the others.
CALM_NS = 1_000_000_000
#: The oldest echo that still counts, and how many do.
OLDEST_NS = 30_000_000_000
MOST = 16


class Echo(NamedTuple):
    """One question and its answer."""

    sent_ns: int
    theirs_ns: int
    """The peer's clock when it answered."""
    received_ns: int


class Offset(NamedTuple):
    """Theirs minus ours is not below ``low_ns`` and not above ``high_ns``."""

    low_ns: int
    high_ns: int

    @property
    def error_ns(self) -> int:
        """Return how early a mapped deadline may come, at most."""
        return self.high_ns - self.low_ns


class ClockMap:
    """Maps between our boot-time clock and one peer's."""

    def __init__(self) -> None:
        """Know nothing."""
        self._echoes: deque[Echo] = deque(maxlen=MOST)
        self.contradictions = 0
        """How often the peer's clock turned out to be another one."""
        self._calm_ns = 0
        """Until then nothing is known, after a contradiction; 0: there was none."""

    def heard(self, sent_ns: int, theirs_ns: int, received_ns: int) -> None:
        """Take an echo. One that ends before it begins says nothing."""
        if received_ns < sent_ns:
            return
        echoes = self._echoes
        while echoes and received_ns - echoes[0].received_ns > OLDEST_NS:
            echoes.popleft()
        echoes.append(Echo(sent_ns, theirs_ns, received_ns))
        low, high = self._between(received_ns)
        if low > high:
            newest = echoes[-1]
            echoes.clear()
            echoes.append(newest)
            self.contradictions += 1
            self._calm_ns = received_ns + CALM_NS

    def known(self, now_ns: int) -> bool:
        """Return whether anything can be mapped now."""
        if not self._echoes:
            return False
        last_ns = self._echoes[-1].received_ns
        return now_ns - last_ns <= SILENT_NS and not last_ns < self._calm_ns

    def offset(self, at_ns: int, now_ns: int) -> Offset | None:
        """Return the offset as it is at ``at_ns``, past or future; None: it is not known."""
        return Offset(*self._between(at_ns)) if self.known(now_ns) else None

    def to_theirs(self, at_ns: int, now_ns: int) -> int | None:
        """Return a time of ours on their clock, early by the error bound and never late.

        None: the bound is unknown. What must not happen after ``at_ns`` must not be sent then.
        """
        return at_ns + self._between(at_ns)[0] if self.known(now_ns) else None

    def middle(self, now_ns: int) -> int:
        """Return the offset by the middle of what was ever known; 0: nothing was.

        For what is told and not for what is decided: what lies ``middle`` earlier on our clock
        may be wrong by half the bound either way, and by more after a silence.
        """
        return sum(self._between(now_ns)) // 2 if self._echoes else 0

    def _between(self, at_ns: int) -> tuple[int, int]:
        low = max(
            theirs - received - _apart(at_ns, received) for _, theirs, received in self._echoes
        )
        high = min(theirs - sent + _apart(at_ns, sent) for sent, theirs, _ in self._echoes)
        return low, high


def _apart(a_ns: int, b_ns: int) -> int:
    """Return by how much two clocks may run apart between two moments, rounded up."""
    return -(-abs(a_ns - b_ns) * DRIFT_PPM // 1_000_000)
