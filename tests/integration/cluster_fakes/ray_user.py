"""A user's own Ray program: joins the city's cluster, reads and commands from tasks and actors."""

from __future__ import annotations

import json
import os
import pickle
import sys
from typing import Any

import ray

import jacquemart
from jacquemart.runtime.cluster import DeviceHandle


@ray.remote(num_cpus=0)
def dim(lamp: DeviceHandle, level: float) -> tuple[str, float]:
    """Command a lamp whose handle came as an argument, and one that is looked up here."""
    here = jacquemart.device(lamp.id, city=lamp.city)
    outcome = lamp.set("setpoint", level, timeout=5.0)
    return outcome.status.name, here.get("level").value


@ray.remote(num_cpus=0)
class Dimmer:
    """Keeps a handle for its life."""

    def __init__(self, lamp: str) -> None:
        self.lamp = jacquemart.device(lamp)

    def dim(self, level: float) -> str:
        return self.lamp.set("setpoint", level).status.name


@ray.remote(num_cpus=0, runtime_env={"env_vars": {"GREETING": "hello"}})
def greet() -> str:
    """Need the runtime-environment agent, which is not there before somebody asks for it."""
    return os.environ["GREETING"]


def failure(id: str, city: str | None = None) -> list[str]:
    """Return what kind of error a look-up gives, and its text."""
    try:
        jacquemart.device(id, city)
    except jacquemart.JacquemartError as error:
        return [type(error).__name__, str(error)]
    return []


def main() -> None:
    """Print what happened as one JSON object."""
    before = failure("lamp-1")
    ray.init(address=sys.argv[1], log_to_driver=False, configure_logging=False)
    lamp = jacquemart.device("lamp-1")
    told: dict[str, Any] = {
        "before": before,
        "unknown": failure("lamp-99"),
        "elsewhere": failure("lamp-1", "atlantis"),
        "repr": repr(pickle.loads(pickle.dumps(lamp))),
        "task": ray.get(dim.remote(lamp, 30.0), timeout=60),
        "driver": lamp.get("level").value,
        "actor": ray.get(Dimmer.remote("lamp-2").dim.remote(70.0), timeout=60),
        "refused": lamp.set("setpoint", 300.0).status.name,
        "greeting": ray.get(greet.remote(), timeout=60),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
