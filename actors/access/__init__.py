"""Access to streets: retractable bollards."""

from __future__ import annotations

from jacquemart.actors.access.bollard import Bollard

__all__ = ["Bollard"]
