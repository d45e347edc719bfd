"""Which readings somebody may put another value in place of, while a sensor is broken.

Only those on which nothing depends that moves: what proves a write, guards it, drives the actor of
the device or says where somebody is must be real or bad, never believed.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from jacquemart.runtime.actor.declare import declaration_of
from jacquemart.runtime.model.city import PointSpec, TemplateSpec


def kept_real(kind: Any, template: TemplateSpec, spec: PointSpec) -> str | None:
    """Return why a reading may not be substituted; None if it may.

    Args:
        kind: the class of the device's actor.
        template: of the device.
        spec: the point, which nobody can write.
    """
    name, others = spec.name, template.points
    declared = declaration_of(kind.points, name)
    checks = (
        (bool(spec.address.get("derived")), "its actor computes it"),
        (declared is not None and declared.protected, "it is protected"),
        (any(point.feedback == name for point in others), "it proves what was written"),
        (any(name in point.guards for point in others), "it guards what is written"),
        (any(point.withheld_unless == name for point in others)
         or bool(spec.withheld_unless) or spec.by_source, "it says where somebody is"),
        (any(fnmatchcase(name, watched) for watched in kind.watched), "its device acts on it"),
        (spec.keep == "every", "every value of it counts"),
    )  # fmt: skip
    return next((why for wrong, why in checks if wrong), None)
