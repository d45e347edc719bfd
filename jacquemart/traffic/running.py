"""A world with its city: the field in a process of its own, and a city that controls it.

    with TrafficWorld(prepare(folder)) as world:
        print(world.look())

The city is one like any other: it has a file in the world's folder, and knows of its field what
RSMP and the feed of positions say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from jacquemart.runtime.client import Client
from jacquemart.runtime.cluster import City
from jacquemart.runtime.model.errors import JacquemartError, LinkError
from jacquemart.runtime.model.event import Event
from jacquemart.runtime.model.reading import Reading
from jacquemart.traffic.city_file import SLOTS, write_city
from jacquemart.traffic.field_process import FieldProcess
from jacquemart.traffic.world import World

SIGNAL_POINTS: Final = ("state", "plan_state", *(f"request_{n + 1}" for n in range(SLOTS)))
BUS_POINTS: Final = ("status", "line", "delay", "latitude", "longitude")
EVENTS: Final = 40


class TrafficWorld:
    """A world and its city, for as long as the block lasts.

    Attributes:
        world: what is simulated.
        city_file: what the city was started with.
        field: the field's process.
        city: the running city.
    """

    def __init__(
        self, world: World, *, ask: str = "always", port: int | None = 0,
        stream_port: int | None = 0, on_progress: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:  # fmt: skip
        """Prepare; entering starts.

        Args:
            world: of ``world.prepare``.
            ask: who asks for priority: "always", "need" or "never".
            port, stream_port: of the city's API; 0: any free one.
            on_progress: gets what the city tells while it starts and runs, in another thread.
        """
        self.world = world
        self.city_file = Path(world.folder) / "city.toml"
        self._ask, self._ports, self._on_progress = ask, (port, stream_port), on_progress
        self._city = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start the field, then the city.

        Raises:
            ConfigError: a file is wrong. StartError: something did not start; says what.
            LinkError: SUMO has ended.
        """
        self.field = FieldProcess(Path(self.world.folder))
        try:
            approaches = self.world.approaches(self.world.models())
            self.city_file = write_city(
                self.world, approaches, self.field.ready["avl_port"], ask=self._ask
            )
            self.start_city()
        except BaseException:
            self.field.stop()
            raise
        return self

    def start_city(self) -> None:
        """Start the city; the field goes on meanwhile, as a street does."""
        port, stream_port = self._ports
        with contextlib.ExitStack() as stack:
            self.city = stack.enter_context(
                City(
                    self.city_file, gateway_port=port, stream_port=stream_port, state="",
                    on_progress=self._on_progress,
                )
            )  # fmt: skip
            self.client: Client = stack.enter_context(self.city.client(principal="traffic"))
            self._city = stack.pop_all()

    def stop_city(self) -> None:
        """Stop the city, and nothing else; idempotent."""
        self._city.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the city, then the field."""
        try:
            self.stop_city()
        finally:
            self.field.stop()

    def look(self) -> dict[str, Any]:
        """Return what the field says of itself, and beside it what the city knows of it.

        Raises:
            LinkError: the field, or SUMO, has ended.
            JacquemartError: the city has ended by itself, or does not answer.
        """
        told = self.field.status()
        if self.city.wait(0):
            raise self.city.failure or LinkError("the city has ended", where=str(self.city_file))
        signals, buses = self.world.signals.values(), list(told["buses"])
        names = [f"{signal}/{point}" for signal in signals for point in SIGNAL_POINTS]
        names += [f"{bus}/{point}" for bus in buses for point in BUS_POINTS]
        readings = dict(zip(names, self.client.get_many(names), strict=True)) if names else {}
        told["city"] = {
            "signals": {one: _of(readings, one, SIGNAL_POINTS) for one in signals},
            "buses": {one: _of(readings, one, BUS_POINTS) for one in buses},
            "events": self._events(),
        }  # fmt: skip
        return told

    def _events(self) -> list[dict[str, Any]]:
        """Return the newest events of priority, the newest first."""
        try:
            rows = self.client.query("events", number=EVENTS)
        except JacquemartError:  # the centre is busy; the next look has them
            return []
        found = (Event.from_list(row) for row in rows)
        return [
            {"event": one.name, "subject": one.subject, "detail": dict(one.detail),
             "time_ns": one.time_ns}
            for one in found if one.name.startswith("priority_")
        ]  # fmt: skip


def _of(readings: Mapping[str, Reading], device: str, points: tuple[str, ...]) -> dict[str, Any]:
    """Return the good values of a device's points; None: nobody knows."""
    found = ((point, readings[f"{device}/{point}"]) for point in points)
    return {point: its.value if its.good else None for point, its in found}
