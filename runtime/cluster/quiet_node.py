"""An embedded Ray head node without the processes that a city has no use for.

``ray.init(include_dashboard=False)`` of Ray 2.60 still starts an API server, an autoscaler
monitor, a log monitor and two Python agents: 400 MB, 4 s of start on two cores, and some load for
ever. ``Node`` and ``RayParams`` are what ``ray start`` and ``ray.cluster_utils`` use; they are not
public, so this module is pinned to the Ray it was checked against, and everything it touches is
looked for first. What is missing makes the node a normal one and nothing worse.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ray

from jacquemart.runtime.cluster import ray_settings

_IDLE_AGENT = str(Path(__file__).with_name("idle_agent.py").resolve())
_MODES = {"--dashboard_agent_command=": "none", "--runtime_env_agent_command=": "late"}


def supported() -> bool:
    """Return whether this Ray is the one whose insides are known here."""
    if not ray.__version__.startswith(ray_settings.KNOWN_RAY):
        return False
    try:
        from ray._private import services
        from ray._private.node import Node
        from ray._private.parameter import RayParams
    except ImportError:
        return False
    names = (RayParams.__init__.__code__.co_varnames, ("no_monitor", "include_log_monitor"))
    return (
        set(names[1]) <= set(names[0])
        and callable(getattr(Node, "start_api_server", None))
        and callable(getattr(services, "start_ray_process", None))
    )


def start(private_dir: Path, cpus: int, resources: Mapping[str, float]) -> Any:
    """Start a head node on loopback; return Ray's node object.

    Its processes die with the calling thread (by the kernel's parent-death signal): call this
    from the main thread.

    Raises:
        Exception: whatever Ray raises if it cannot start.
    """
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    class QuietNode(Node):
        """A node that starts no API server."""

        def start_api_server(self, **_: Any) -> None:
            """Start nothing."""

    settings: dict[str, Any] = {
        "node_ip_address": ray_settings.LOOPBACK,
        "num_cpus": cpus,
        "resources": dict(resources),
        "object_store_memory": ray_settings.OBJECT_STORE_BYTES,
        "temp_dir": str(private_dir),
        "session_name": "session_ray",
        "include_dashboard": False,
        "no_monitor": True,
        "include_log_monitor": False,
    }
    with _idle_agents():
        return QuietNode(
            RayParams(**settings), head=True, shutdown_at_exit=False, spawn_reaper=True
        )


@contextlib.contextmanager
def _idle_agents() -> Iterator[None]:
    """Let the raylet that is started meanwhile have stand-ins for its agents."""
    from ray._private import services

    original = services.start_ray_process

    def start_ray_process(command: list[str], *args: Any, **more: Any) -> Any:
        return original(with_idle_agents(command), *args, **more)

    services.start_ray_process = start_ray_process
    try:
        yield
    finally:
        services.start_ray_process = original


def is_agent(command: list[str]) -> bool:
    """Return whether this is what a raylet runs as one of its agents."""
    return any(part.endswith(("agent.py", "agent/main.py")) for part in command[:8])


def with_idle_agents(command: list[str]) -> list[str]:
    """Return a raylet's command with its agents replaced; any other command as it is."""
    options = {part.partition("=")[0]: part.partition("=")[2] for part in command}
    session, node = options.get("--session_dir"), options.get("--node_id")
    if not session or not node:
        return command
    changed: list[str] = []
    for part in command:
        flag = next((flag for flag in _MODES if part.startswith(flag)), None)
        if flag is None:
            changed.append(part)
            continue
        stand_in = [sys.executable, "-I", "-S", _IDLE_AGENT, _MODES[flag], session, node]
        changed.append(f"{flag}{subprocess.list2cmdline(stand_in)} {part[len(flag) :]}")
    return changed
