"""What people would pick instead, each measured in the same run and in the same way.

Each module is one peer: a server that answers a command with the number that it got, as a script
of its own process, and ``Peer``, its client in ours. ``missing`` says why it cannot be measured
here, ``INSTALL`` what would have to be installed.
"""

from __future__ import annotations

from types import ModuleType


def all_peers() -> dict[str, ModuleType]:
    """Return the modules of all peers by their names."""
    from peers import (
        asyncua_method,
        erlang_call,
        p4p_rpc,
        pytango_command,
        pyzmq_msgpack,
        ray_call,
    )

    modules = (pyzmq_msgpack, erlang_call, pytango_command, p4p_rpc, asyncua_method, ray_call)
    return {module.NAME: module for module in modules}
