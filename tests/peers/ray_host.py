"""One host's node of a Ray cluster, until standard input closes.

    python tests/peers/ray_host.py ADDRESS FOLDER [CLUSTER]

ADDRESS is the host's own; FOLDER a short path, since Ray puts UNIX sockets into it; without CLUSTER
the node is the first, and begins one. Prints the cluster's address when the node is known to it.
Starts what Ray needs and none of its agents.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_enable_metrics_collection="0")

from ray._private import services
from ray._private.node import Node
from ray._private.parameter import RayParams

from jacquemart.runtime.cluster import quiet_node


class QuietNode(Node):
    """A node that starts no API server."""

    def start_api_server(self, **_: Any) -> None:
        """Start nothing."""


def main() -> None:
    """Start the node, say where the cluster is, wait, end the node."""
    address, folder, cluster = (*sys.argv[1:], "")[:3]
    settings: dict[str, Any] = {
        "node_ip_address": address,
        "num_cpus": 1,
        "object_store_memory": 80 * 1024 * 1024,
        "temp_dir": folder,
        "include_dashboard": False,
        "no_monitor": True,
        "include_log_monitor": False,
    }
    if cluster:
        settings["gcs_address"] = cluster
    with quiet_node._idle_agents():
        node = QuietNode(
            RayParams(**settings), head=not cluster, shutdown_at_exit=True, spawn_reaper=False
        )
    services.wait_for_node(node.gcs_address, node.plasma_store_socket_name, 60)
    print(node.gcs_address, flush=True)
    sys.stdin.read()
    node.kill_all_processes(check_alive=False, allow_graceful=False)


if __name__ == "__main__":
    main()
