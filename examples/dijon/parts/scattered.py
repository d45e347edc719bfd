"""What single pieces of equipment on a simulated field have in common: scattered, one by one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from parts.ground import Commune, at_scale, spread
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables, commune_links, link_of

COLUMNS = ("id", "name", "zone", "link")


@dataclass(frozen=True, slots=True)
class Scattered:
    """One kind of equipment, with a simulated link for each commune.

    Attributes:
        kind: its kind, and the name in its links' ids.
        count: how many there are at scale 1.
        file: name of the table of devices.
        lines: name of the table of links.
        letter: what its ids begin with, after ``dij-``.
        called: what people call one, in the names of the devices.
        template: draws the template of a device, where there are several.
    """

    kind: str
    count: int
    file: str
    lines: str
    letter: str
    called: str
    template: Callable[[random.Random], str] | None = None

    def draw(self, rng: random.Random, communes: Sequence[Commune], scale: float) -> Tables:
        """Return the table of links and the table of devices."""
        count = at_scale(self.count, scale)
        own = ("template",) if self.template else ()
        return Tables(
            [
                commune_links(self.lines, self.kind, communes),
                Table(self.file, COLUMNS + own + PLACE_COLUMNS, self._rows(rng, communes, count)),
            ],
            {self.kind: count},
        )

    def _rows(
        self, rng: random.Random, communes: Sequence[Commune], count: int
    ) -> Iterator[tuple[object, ...]]:
        width = max(len(str(self.count)), len(str(count)))
        for index, spot in enumerate(spread(communes, count, rng)):  # all places are drawn first
            zone = spot.commune.zone
            yield (
                *(f"dij-{self.letter}{index + 1:0{width}d}",),
                *(f"{spot.commune.name}, {self.called} {spot.number}", zone),
                link_of(self.kind, zone),
                *((self.template(rng),) if self.template else ()),
                *(f"{spot.lat:.6f}", f"{spot.lon:.6f}", ORIGIN),
            )
