"""The parts of the example city: one module for each kind of equipment, and what they agree on.

A part is a module ``parts/<name>.py`` with one function::

    def draw(
        rng: random.Random, communes: Sequence[Commune], scale: float, *, port: int
    ) -> Tables

It returns what it adds to the folder ``generated/``: one :class:`Table` for each file. Nothing
else may leave a part, so that the same seed gives the same bytes:

- ``rng`` is the part's own (from the seed and the part's name); draw from nothing else, take no
  clock. What one part draws moves nothing in another.
- ``scale`` is 1 for Dijon, 10 for ten times the equipment in the same communes, 0.01 for tests.
  Take counts by ``at_scale(base, scale)``: never less than one of a kind. Sizes inside a device
  (the 100 points of a building) do not scale.
- ``communes`` are the zones, always all 24. ``spread`` shares a count out over them by people,
  ``place`` draws where a thing stands.
- A table for links has a row for each link, a table for devices a row for each device; the city
  file's ``[[inventory]]`` entries name their columns. Device tables end with ``PLACE_COLUMNS``
  (``lat lon origin``; ``origin`` says ``generated``). Every id begins with ``dij-``, and is the
  same whatever the other parts do.
- The field is planned by the same tables: a part with a real Modbus server has a table of links
  with ``host`` and ``port``; ``host_of(network, number)`` numbers the loopback addresses of its
  ``NETWORKS`` entry, and every server of the city has the port ``port``. The field process reads
  those tables from the folder (``field/<name>.py``) and has no other plan. Parts on the
  ``simulated`` driver have a link for each commune and kind (``commune_links``) and ignore
  ``port``.
- ``Tables.counts`` says how many devices of each kind were drawn.

A part's templates stand in ``templates/<name>.toml``; where those are for Modbus, there is a
variant for the simulated field under the same template names in ``simulated/<name>.toml``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parts.ground import (
    Commune,
    Spot,
    at_scale,
    offset,
    place,
    read_communes,
    share_out,
    spread,
)
from parts.tables import ORIGIN, PLACE_COLUMNS, Table, Tables, commune_links

__all__ = [
    "NETWORKS",
    "ORIGIN",
    "PARTS",
    "PLACE_COLUMNS",
    "Commune",
    "Part",
    "Spot",
    "Table",
    "Tables",
    "at_scale",
    "commune_links",
    "host_of",
    "offset",
    "place",
    "read_communes",
    "share_out",
    "spread",
]


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its module's name, and what it draws at scale 1, by kind."""

    name: str
    counts: tuple[tuple[str, int], ...]


PARTS: Final = (
    Part("lighting", (("lighting_cabinet", 630), ("street_light", 34_000))),
    Part("signal_controller", (("signal_controller", 113),)),
    Part("traffic_sensor", (("traffic_sensor", 900),)),
    Part("bollard", (("bollard", 26),)),
    Part("camera", (("camera", 269),)),
    Part("building", (("building", 180),)),
    Part("environmental_sensor", (("environmental_sensor", 1_100),)),
    Part("bus", (("bus", 180),)),
    Part("service_vehicle", (("service_vehicle", 205),)),
    Part("outlines", ()),
)
"""All parts, in the order in which they are drawn. Counts are Dijon's (docs of the example)."""

NETWORKS: Final = {"lighting": "127.24", "bollard": "127.25", "building": "127.26"}
"""The loopback network of each part that has servers of its own: 63,750 addresses each."""
HOSTS_A_NETWORK: Final = 250 * 255


def host_of(network: str, number: int) -> str:
    """Return the loopback address of a server (from 0): ``127.24.0.1`` and on.

    Raises:
        ValueError: the network has no such address; the caller's fault.
    """
    if not 0 <= number < HOSTS_A_NETWORK:
        raise ValueError(f"server {number}: {network} has addresses for 0 to {HOSTS_A_NETWORK - 1}")
    return f"{network}.{number // 250}.{1 + number % 250}"
