"""Kinds that move between zones get the names of the zones for their point ``zone``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jacquemart.runtime.city.registry import KindInfo, Offer
from jacquemart.runtime.model.city import TemplateSpec, ZoneSpec

#: The word for 0: in no zone of the city.
OUTSIDE = "outside"
ZONE_POINT = "zone"


def with_zone_words(
    templates: Mapping[str, TemplateSpec], kinds: Offer[KindInfo], zones: Sequence[ZoneSpec]
) -> dict[str, TemplateSpec]:
    """Return the templates; those of roaming kinds know what the numbers of ``zone`` mean."""
    # Sorted: a city file whose zones are only in another order changes no vehicle.
    words = (OUTSIDE, *sorted(zone.id for zone in zones))
    made: dict[str, TemplateSpec] = {}
    for name, template in templates.items():
        points = template.points
        if getattr(kinds.get(template.kind), "roams", False):
            points = tuple(
                replace(point, words=words, low=0.0, high=float(len(zones)))
                if point.name == ZONE_POINT
                else point
                for point in points
            )
        made[name] = template if points == template.points else replace(template, points=points)
    return made
