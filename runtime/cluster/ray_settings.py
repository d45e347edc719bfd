"""How the embedded Ray is set up, and why. Plain data; imports no Ray.

Everything goes through the environment, which Ray's own processes and the workers inherit, so it
must be applied before Ray is imported.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

#: The only Ray whose insides ``quiet_node`` has been checked against.
KNOWN_RAY: Final = "2.60."
#: Where the GCS has its tables: on disk, so that one that was killed is started again in place.
GCS_STORAGE: Final = "rocksdb"
OBJECT_STORE_BYTES: Final = 80 * 1024 * 1024
LOOPBACK: Final = "127.0.0.1"

#: Ray's own settings, by the name in its ``ray_config_def.h``.
RAY_CONFIG: Final[dict[str, str]] = {
    # Control must not wait behind everything else on the host: Ray's default is 15.
    "worker_niceness": "0",
    # A host is declared dead after 4.5 s of silence and not after a minute; leases are faster.
    "health_check_initial_delay_ms": "1000",
    "health_check_period_ms": "500",
    "health_check_timeout_ms": "1000",
    "health_check_failure_threshold": "3",
    # A raylet that has lost the GCS goes on; the warden restores Ray.
    "gcs_rpc_server_reconnect_timeout_s": "86400",
    # Cells outlive their raylet; they watch the warden instead.
    "raylet_death_check_interval_milliseconds": "3600000",
    "actor_graceful_shutdown_timeout_ms": "2000",
    "kill_worker_timeout_milliseconds": "1000",
    # Nobody collects metrics or task events: no dashboard runs.
    "enable_metrics_collection": "0",
    "event_stats": "0",
    "task_events_report_interval_ms": "0",
}

ENVIRONMENT: Final[dict[str, str]] = {
    **{f"RAY_{name}": value for name, value in RAY_CONFIG.items()},
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray takes 127.0.0.1 for a mistake and puts an outside address in its place, unless …
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # Under `uv run` Ray would start the workers through uv again.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}

#: What would lead the embedded Ray to somebody else's cluster.
FOREIGN: Final = (
    "RAY_ADDRESS",
    "RAY_REDIS_ADDRESS",
    "RAY_GCS_SERVER_PORT",
    "RAY_NAMESPACE",
    "RAY_TMPDIR",
    "RAY_RUNTIME_ENV_HOOK",
    "RAY_JOB_CONFIG_JSON_ENV_VAR",
)


def make_token(private_dir: Path) -> Path:
    """Write a new random token that whoever joins the embedded Ray must have; return its path."""
    path = private_dir / "token"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(fd, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path


def join_environment(token_path: str) -> dict[str, str]:
    """Return what the environment of a program must have to join an embedded Ray.

    It must be set before the program imports Ray.
    """
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": token_path,
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


def apply(token_path: Path, gcs_dir: Path) -> None:
    """Set this process's environment up for an embedded Ray, whose GCS keeps its tables there."""
    gcs_dir.mkdir(mode=0o700)
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.pop("RAY_AUTH_TOKEN", None)
    os.environ.update(ENVIRONMENT)
    os.environ.update({"RAY_gcs_storage": GCS_STORAGE, "RAY_gcs_storage_path": str(gcs_dir)})
    os.environ.update(join_environment(str(token_path)))
