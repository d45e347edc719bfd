"""The city file: ``city.toml`` and its inventories, validated whole, as immutable values."""

from __future__ import annotations

from jacquemart.runtime.city.account import Account
from jacquemart.runtime.city.load import CitySurvey, load_city, survey_city
from jacquemart.runtime.city.problems import CityErrors, CityProblem
from jacquemart.runtime.city.registry import DriverInfo, KindInfo, find_drivers, find_kinds
from jacquemart.runtime.city.summary import describe, summarize

__all__ = [
    "Account",
    "CityErrors",
    "CityProblem",
    "CitySurvey",
    "DriverInfo",
    "KindInfo",
    "describe",
    "find_drivers",
    "find_kinds",
    "load_city",
    "summarize",
    "survey_city",
]
