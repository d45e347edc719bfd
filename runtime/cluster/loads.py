"""Links with their devices, and what they cost a cell. Pure; for first and later placements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from jacquemart.runtime.model.city import CitySpec, DeviceSpec, LinkSpec
from jacquemart.runtime.model.errors import StartError, UsageError

#: Shards are made small enough that this many fill a cell.
GRANULES_A_CELL = 4
#: How much of a custom resource a cell asks for: presence counts, not amount.
RESOURCE_SHARE = 0.001


@dataclass(slots=True)
class Load:
    """A link with its devices, and what they cost: their points."""

    link: LinkSpec
    devices: list[DeviceSpec]
    points: int = 0


def sizes(city: CitySpec) -> dict[str, int]:
    """Return how many slots a device takes, by template."""
    return {name: len(template.points) for name, template in city.templates.items()}


def loads_of(city: CitySpec) -> list[Load]:
    """Return the links in the city's order, each with its devices in the city's order.

    Raises:
        UsageError: a device names a link that the city does not have.
    """
    loads = {link.id: Load(link, []) for link in city.links}
    size = sizes(city)
    for device in city.devices:
        load = loads.get(device.link)
        if load is None:
            raise UsageError(f'device "{device.id}" names the unknown link "{device.link}"')
        load.devices.append(device)
        load.points += size.get(device.template, 0)
    return list(loads.values())


def check_nodes(links: Iterable[LinkSpec], node_resources: Mapping[str, float]) -> None:
    """Check that each link can be reached from some node.

    Raises:
        StartError: one cannot: the operator adds the node, or corrects the city file.
    """
    for link in links:
        if link.node and node_resources.get(link.node, 0.0) <= 0.0:
            raise StartError(
                f'no node has the resource "{link.node}"',
                where=f"link {link.id}",
                advice="start a Ray node with this custom resource, or correct links.….node",
            )


def resources_for(node: str) -> Mapping[str, float]:
    """Return what Ray must have where a cell for links of this node is to be."""
    return {node: RESOURCE_SHARE} if node else {}
