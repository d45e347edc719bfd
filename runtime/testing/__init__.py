"""Testing, as a product: a whole city in one process."""

from __future__ import annotations

from jacquemart.runtime.testing.local_city import LocalCity

__all__ = ["LocalCity"]
