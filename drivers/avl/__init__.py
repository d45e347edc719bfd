"""Positions as vehicles' receivers tell them: NMEA 0183 with the vehicle's name, line by line.

Direct AVL, for what GTFS-RT is too slow for: signal priority. See ``docs/guides/avl.md``.
"""

from jacquemart.drivers.avl.driver import AvlDriver

__all__ = ["AvlDriver"]
