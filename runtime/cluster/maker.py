"""Ray actors, made and forgotten in threads: a frozen GCS keeps such calls waiting for ever."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from jacquemart.runtime.cluster import processes
from jacquemart.runtime.cluster.blueprint import NAMESPACE, actor_name
from jacquemart.runtime.cluster.ray_cell import actor_class
from jacquemart.runtime.cluster.reach import Endpoint, reachable
from jacquemart.runtime.model.errors import StartError

log = logging.getLogger("jacquemart.warden")

#: How long the name of a previous incarnation may be taken.
NAMES_S = 6.0
_NAMES_TURN_S = 0.03
#: Calls to Ray that may wait at a time, for a frozen GCS or for a name.
_AT_ONCE = 16

#: The node of an actor for which Ray chooses it.
SOMEWHERE = "somewhere"

Made = Future[tuple[Any, Any, str]]
"""The actor, the reference of the call, and the node: empty for the warden's."""


class Where(Enum):
    """On which node an actor shall be."""

    ANY = "any that has the resources"
    HERE = "the warden's"


@dataclass(frozen=True, slots=True)
class Spread:
    """One node after the other, the warden's first; not those of ``avoid``, if there are others."""

    turn: int
    avoid: frozenset[str] = frozenset()


class Maker:
    """Has Ray make the actors of one city."""

    def __init__(self, city: str, cell_class: str) -> None:
        """Know what each actor is told first; see ``RayCell``."""
        self._city = city
        self._arguments = (processes.host_id(), os.getpid(), cell_class)
        self._class = actor_class()
        self._threads = ThreadPoolExecutor(_AT_ONCE, "ray-errand")

    def make(
        self,
        name: str,
        resources: Mapping[str, float],
        where: Where | Spread,
        call: str,
        arguments: Sequence[Any],
    ) -> Made:
        """Have an actor made, and a method of it called.

        The future raises StartError if the name is taken for long, else whatever Ray raises.
        """

        def work() -> tuple[Any, Any, str]:
            actor, node = self._actor(name, resources, where)
            return actor, getattr(actor, call).remote(*arguments), node

        return self._threads.submit(work)

    def _actor(
        self, name: str, resources: Mapping[str, float], where: Where | Spread
    ) -> tuple[Any, str]:
        options: dict[str, Any] = {"resources": dict(resources)} if resources else {}
        elsewhere = SOMEWHERE
        if where is not Where.ANY:
            here = str(ray.get_runtime_context().get_node_id())
            node = here if where is Where.HERE else choose(where, here, _there(here))
            elsewhere = "" if node == here else node
            # Never soft: Ray would put it anywhere else while it has not heard of the node's room.
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node, soft=False)
        named = self._class.options(
            name=actor_name(self._city, name), namespace=NAMESPACE, lifetime="detached", **options
        )
        until = time.monotonic() + NAMES_S
        while True:
            try:
                return named.remote(*self._arguments), elsewhere
            except ValueError as error:  # Ray still knows the one before
                if time.monotonic() > until:
                    raise StartError(
                        f'the cluster has cells of a city "{self._city}" already: {name}',
                        advice=f"stop it where it was started: jacquemart stop {self._city}",
                    ) from error
                time.sleep(_NAMES_TURN_S)

    def forget(self, actor: Any, making: Sequence[Made]) -> Future[None]:
        """Let Ray know that an actor is no more, once it has been made."""

        def work() -> None:
            with contextlib.suppress(Exception):
                last = actor
                for one in making:
                    last, _, _ = one.result(NAMES_S)
                if last is not None:
                    ray.kill(last, no_restart=True)

        return self._threads.submit(work)

    def close(self) -> None:
        """Take no more work; what waits for a frozen Ray is left to itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def choose(where: Spread, here: str, alive: Collection[str]) -> str:
    """Return the node that a spread cell goes to: always the same for the same nodes."""
    others = sorted(node for node in alive if node != here and node not in where.avoid)
    nodes = [here, *others]
    return nodes[where.turn % len(nodes)]


def _there(here: str) -> set[str]:
    """Return this node, and all others that Ray knows and that can be reached."""
    nodes: Any = ray.nodes()  # type: ignore[no-untyped-call]
    others: dict[str, Endpoint] = {
        str(node["NodeID"]): (str(node["NodeManagerAddress"]), int(node["NodeManagerPort"]))
        for node in nodes
        if node.get("Alive") and node["NodeID"] != here
    }
    found = reachable(others)
    for node in others.keys() - found:
        log.warning(
            "Ray takes node %s at %s:%d for alive, which nobody answers", node, *others[node]
        )
    return {here, *found}
