"""A Ray program in a city's cluster: which actors there are, and what devices do for it.

Arguments: the cluster's address, then ids of devices. Prints one JSON object. Every device is
read and commanded (to 30 by a task, to 70 by an actor, which got its handle as an argument).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import ray
from ray.util import list_named_actors

import jacquemart
from jacquemart.runtime.cluster import DeviceHandle


@ray.remote(num_cpus=0)
def dim(id: str) -> list[Any]:
    """Look a device up, command it, read it."""
    lamp = jacquemart.device(id)
    status = lamp.set("setpoint", 30.0).status.name
    return [status, lamp.get("level").value]


@ray.remote(num_cpus=0)
class Dimmer:
    """Commands whatever device it is handed."""

    def dim(self, lamp: DeviceHandle) -> list[Any]:
        """Command a device, read it."""
        status = lamp.set("setpoint", 70.0).status.name
        return [status, lamp.get("level").value]


@ray.remote(num_cpus=0)
def usage_statistics() -> bool:
    """Return whether Ray, as this cluster runs it, would report to its makers."""
    from ray._common.usage import usage_lib

    return bool(usage_lib.usage_stats_enabled())


def main() -> None:
    """Print what was seen."""
    address, *devices = sys.argv[1:]
    context = ray.init(address=address, log_to_driver=False, configure_logging=False)
    resources = {node["NodeID"]: sorted(node["Resources"]) for node in ray.nodes()}
    cells: dict[str, Any] = {}
    for one in list_named_actors(all_namespaces=True):
        if one["namespace"] == "jacquemart":
            actor = ray.get_actor(one["name"], namespace="jacquemart")
            pid, node = ray.get(
                actor.__ray_call__.remote(
                    lambda _: (os.getpid(), ray.get_runtime_context().get_node_id())
                ),
                timeout=30,
            )
            cells[one["name"]] = {"pid": pid, "resources": resources[node]}
    dimmer = Dimmer.remote()
    told = {
        "cells": cells,
        "tasks": {id: ray.get(dim.remote(id), timeout=60) for id in devices},
        "actors": {
            id: ray.get(dimmer.dim.remote(jacquemart.device(id)), timeout=60) for id in devices
        },
        "dashboard": context.dashboard_url,
        "usage_statistics": ray.get(usage_statistics.remote(), timeout=60),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
