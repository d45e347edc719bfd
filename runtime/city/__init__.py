"""The city file: ``city.toml`` and its inventories, validated whole, as immutable values."""

from __future__ import annotations

from jacquemart.runtime.city.load import load_city
from jacquemart.runtime.city.problems import CityErrors, CityProblem
from jacquemart.runtime.city.registry import DriverInfo, KindInfo, find_drivers, find_kinds
from jacquemart.runtime.city.summary import describe, summarize

__all__ = [
    "CityErrors",
    "CityProblem",
    "DriverInfo",
    "KindInfo",
    "describe",
    "find_drivers",
    "find_kinds",
    "load_city",
    "summarize",
]
