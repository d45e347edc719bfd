"""What can be wrong with how the field was started."""

from __future__ import annotations


class FieldError(Exception):
    """The field cannot run as it was asked to: the caller's fault; nothing is left open."""
