"""Planted bugs: what the simulation must find, or nobody should believe it when it finds nothing.

Each is a mistake that somebody could make, put into the real code from outside for as long as a
``with`` block lasts; production code knows nothing of it.

    with PLANTED["applied_without_readback"]():
        assert trial(17).violations
"""

from __future__ import annotations

from jacquemart.runtime.testing.planted import commands, surroundings
from jacquemart.runtime.testing.planted.registering import PLANTED

__all__ = ["PLANTED", "commands", "surroundings"]
