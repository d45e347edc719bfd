"""Which commands are worth nothing later, and so are never journalled."""

from __future__ import annotations

from jacquemart.runtime.model.city import TemplateSpec


def is_volatile(template: TemplateSpec, verb: str, point: str) -> bool:
    """Return whether a command goes straight to its cell; False: its zone's journal has it first.

    Volatile is what was declared so: a point (``Point.volatile``) for ``set``, a kind's command
    (``@command(…, volatile=True)``) for other verbs. Whatever nobody has declared is journalled.
    """
    if verb != "set":
        return verb in template.volatile
    at = template.point_index(point)
    return at >= 0 and template.points[at].volatile
