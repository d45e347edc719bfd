"""Video: cameras, without their video."""

from __future__ import annotations

from jacquemart.actors.video.camera import Camera

__all__ = ["Camera"]
