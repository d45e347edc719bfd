"""Reading the city file while Ray starts; imports no Ray."""

from __future__ import annotations

import importlib
import os
import threading

from jacquemart.runtime.cluster import resume, runstate
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.report import Reporter
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.errors import StartError


class CityLoad:
    """Loads the city in a thread."""

    def __init__(self, options: WardenOptions, report: Reporter, taken_over: str = "") -> None:
        """Begin at once.

        Args:
            options: name the city's file.
            report: where progress goes.
            taken_over: the file in which a previous image of this warden left the city.
        """
        self._taken_over = taken_over
        self._options = options
        self._report = report
        self._city: CitySpec | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="city-load", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            city = self._load()
            self._report.progress(
                "city", zones=len(city.zones), links=len(city.links), devices=len(city.devices)
            )
            # Claimed later, when Ray runs; known now, it saves the operator the wait.
            runstate.refuse_twin(city.id, os.getpid())
            self._city = city
        except BaseException as error:  # noqa: BLE001 - raised again where it is asked for
            self._error = error

    def _load(self) -> CitySpec:
        if self._taken_over:
            return resume.load_city(self._taken_over)
        module, _, name = self._options.loader.partition(":")
        city: CitySpec = getattr(importlib.import_module(module), name)(self._options.city)
        return city

    def check(self) -> None:
        """Raise what went wrong, if that is known by now.

        Raises:
            ConfigError: the city file is wrong. StartError: the city runs already.
        """
        if self._error is not None:
            raise self._error

    def result(self) -> CitySpec:
        """Wait for the city and return it.

        Raises:
            ConfigError: the city file is wrong. StartError: the city runs already.
        """
        self._thread.join()
        self.check()
        if self._city is None:
            raise StartError("the city's loader gave no city", where=self._options.loader)
        return self._city
