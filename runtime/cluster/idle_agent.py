"""Stands in for one of the two Python agents that a raylet insists on having.

Run by file name with ``python -I -S``; imports nothing of ours, so that it starts in 20 ms and
holds 3 MB. A raylet waits for its agents' port files and ends when an agent ends.

``idle_agent.py none SESSION_DIR NODE_ID`` stands in for the dashboard agent: it says, as Ray's
own minimal agent does, that there are no metrics and no dashboard (port -1).

``idle_agent.py late SESSION_DIR NODE_ID COMMAND…`` stands in for the runtime-environment agent:
it listens in its place and becomes it at the first connection, so that a task with a
``runtime_env`` works and a city that has none does not pay for it. That first connection is
reset; the raylet asks again.
"""

import os
import select
import socket
import sys

POLL_S = 1.0
PORTS_OF_NONE = ("metrics_agent_port", "metrics_export_port", "dashboard_agent_listen_port")


def main(arguments: list[str]) -> None:
    """Write the port files, then wait for the parent's end or the first connection."""
    mode, session_dir, node_id, *command = arguments
    parent = os.getppid()
    listener = socket.socket()
    if mode == "none":
        for name in PORTS_OF_NONE:
            persist(session_dir, name, node_id, -1)
        waited: list[socket.socket] = []
    else:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        persist(session_dir, "runtime_env_agent_port", node_id, port)
        waited = [listener]
    while os.getppid() == parent:
        if select.select(waited, [], [], POLL_S)[0]:
            listener.close()
            last = [a for a in command if not a.startswith("--runtime-env-agent-port=")]
            os.execv(command[0], [*last, f"--runtime-env-agent-port={port}"])


def persist(session_dir: str, name: str, node_id: str, port: int) -> None:
    """Write a port file whole, or not at all."""
    path = os.path.join(session_dir, f"{name}_{node_id}")
    draft = f"{path}.draft"
    with open(draft, "w", encoding="ascii") as file:
        file.write(str(port))
    os.rename(draft, path)


if __name__ == "__main__":
    main(sys.argv[1:])
