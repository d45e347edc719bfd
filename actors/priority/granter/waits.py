"""How long each movement waits at red, and until when a green may last so that none does long.

*Theory.* A group that waits since ``r`` must get green by ``r`` + the longest wait. Between the
end of the present green and that group's lie the changes and the shortest greens of the stages in
between, so the present green may last until the least of those differences. Whoever ends it by
then leaves the same question, with an answer, to the stage after it.

*Rules.* Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from jacquemart.actors.priority.granter.site import Site

#: Later than any time; and earlier than any.
NEVER: Final = 1 << 62


class Waits:
    """Since when each group of a junction has been at red."""

    __slots__ = ("_site", "red_since")

    def __init__(self, site: Site) -> None:
        """Begin without having seen anything."""
        self._site = site
        self.red_since: dict[str, int] = {}
        """Groups at red, and since when; a group that is not in it has green or was never seen."""

    def began(self, stage: str, before: str, ended_ms: int) -> None:
        """Take note that a stage ended and another begins; ``before`` "": the first that is seen.

        Of the first one nobody knows how long others have waited: counted from then on.
        """
        green = self._site.by_id[stage].groups
        ended = self._site.by_id[before].groups if before else self._site.groups
        for group in ended - green:
            self.red_since.setdefault(group, ended_ms)
        for group in green:
            self.red_since.pop(group, None)

    def forget(self) -> None:
        """The controller is out of normal control: what was seen means nothing any more."""
        self.red_since.clear()

    def longest_ms(self, now_ms: int) -> int:
        """Return the longest wait at red right now."""
        return max((now_ms - since for since in self.red_since.values()), default=0)

    def latest_end(self, stage: str, path: Sequence[tuple[str, int]]) -> int:
        """Return until when the green of ``stage`` may last if ``path`` follows.

        Args:
            stage: the one that has green.
            path: the stages that follow it, with the shortest green of each; every group of the
                junction has green in one of them.

        Returns:
            A time; ``-NEVER`` if a group that has green now would wait too long in any case.
        """
        site, wait = self._site, self._site.times.longest_wait
        now_green = site.by_id[stage].groups
        last, clock, latest = stage, 0, NEVER
        waiting = set(site.groups)
        for following, green in path:
            clock += site.change_ms[last, following]
            for group in _met(waiting, site.by_id[following].groups):
                if group not in now_green:
                    since = self.red_since.get(group)
                    if since is not None:
                        latest = min(latest, since + wait - clock)
                elif last != stage and clock > wait:
                    return -NEVER
            clock += green
            last = following
        return latest


def _met(waiting: set[str], green: Iterable[str]) -> list[str]:
    """Return which of those that wait are met by a green, and let them wait no more."""
    met = [group for group in green if group in waiting]
    waiting.difference_update(met)
    return met
