"""A Ray cluster of two nodes on this host, until standard input closes.

``cellar`` and ``roof`` are the custom resources of its nodes. The argument is the folder for its
files, a short one: Ray puts Unix sockets into it. Prints the cluster's address.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Start it, say where it is, wait, end it."""
    folder = Path(sys.argv[1])
    (folder / "ray").mkdir(parents=True)
    os.environ.update(
        RAY_TMPDIR=str(folder),
        RAY_USAGE_STATS_ENABLED="0",
        # Ray takes two nodes on loopback for a mistake, unless it is told so.
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="1",
    )
    from ray.cluster_utils import Cluster

    def node(resource: str) -> dict[str, object]:
        return {
            "num_cpus": 1,
            "resources": {resource: 1},
            "object_store_memory": 80 * 1024 * 1024,
            "node_ip_address": "127.0.0.1",
        }

    cluster = Cluster(
        initialize_head=True, head_node_args={**node("cellar"), "include_dashboard": False}
    )
    cluster.add_node(**node("roof"))
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()


if __name__ == "__main__":
    main()
