"""The private network over which the cells of several hosts may meet, if the operator allows it.

What passes there is neither encrypted nor authenticated yet: whoever can reach a cell's port can
command its devices. So nothing but private address ranges is taken, and nothing by default.
"""

from __future__ import annotations

import ipaddress

from jacquemart.runtime.model.errors import StartError, UsageError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: What no router of the internet carries: private, shared (overlays), link-local, unique local.
_PRIVATE = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
    "fc00::/7", "fe80::/10",
)  # fmt: skip


def parse(text: str, ray_address: str) -> str:
    """Return a network as ``a.b.c.d/n``, or an empty text if there is none.

    Args:
        text: as the operator wrote it; empty: cells stay on one host.
        ray_address: of the cluster; empty: a Ray of the city's own, which is on one host.

    Raises:
        UsageError: no network, or none that may carry unprotected commands.
    """
    if not text:
        return ""
    try:
        found: Network = ipaddress.ip_network(text)
    except ValueError as error:
        raise UsageError(str(error), where="network", advice="write it as 10.0.0.0/24") from error
    if not _is_private(found):
        raise UsageError(
            f"{found} is not a private network, and cells neither encrypt nor authenticate yet",
            where="network",
            advice="use one like 10.0.0.0/24 that only the city's hosts can reach",
        )
    if not ray_address:
        raise UsageError(
            "the city's own Ray has one host only",
            where="network",
            advice="give the address of a Ray cluster with a node on each host",
        )
    return str(found)


def _is_private(found: Network) -> bool:
    ranges = map(ipaddress.ip_network, _PRIVATE)
    return any(one.version == found.version and found.subnet_of(one) for one in ranges)  # type: ignore[arg-type]


def address_in(network: str, node: str) -> str:
    """Return a node's address, if it is on the network.

    Raises:
        StartError: it is not: the operator starts Ray there with ``--node-ip-address``.
    """
    try:
        if ipaddress.ip_address(node) in ipaddress.ip_network(network):
            return node
    except ValueError:
        pass
    raise StartError(
        f"the Ray node's address {node} is not on the network {network}",
        advice="start that node with --node-ip-address and its address on this network",
    )
