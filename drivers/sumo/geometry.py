"""What a network says of the ways to its signals: lanes, where they end, and which link they are.

Read by SUMO's own library; positions are the network's, in metres.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jacquemart.runtime.model.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane that ends at a signal.

    Attributes:
        id: its name.
        signal: at whose stop line it ends.
        links: the links of that signal that lead on from it.
        shape: from its beginning to the stop line, (x, y) in m.
        length_m: along it.
        speed_mps: how fast one may drive.
        edge: the edge that it is a lane of.
        to_edges: for each link the edge that it leads to.
    """

    id: str
    signal: str
    links: tuple[int, ...]
    shape: tuple[tuple[float, float], ...]
    length_m: float
    speed_mps: float
    edge: str
    to_edges: tuple[str, ...]


def lanes(network: Path) -> Mapping[str, Lane]:
    """Return the lanes that end at signals.

    Raises:
        ConfigError: it is no network of SUMO's.
    """
    net = read_net(network)
    return {lane.id: lane for lane in _lanes(net)}


def read_net(network: Path) -> Any:
    """Return a network as SUMO's library has it.

    Raises:
        ConfigError: it is no network of SUMO's.
    """
    import sumolib

    try:
        return sumolib.net.readNet(str(network), withPrograms=False, withInternal=False)
    except Exception as error:  # its XML reader raises whatever it meets
        raise ConfigError(f"it is no network of SUMO: {error}", where=str(network)) from error


def _lanes(net: Any) -> Iterator[Lane]:
    for edge in net.getEdges(withInternal=False):
        for lane in edge.getLanes():
            controlled = [one for one in lane.getOutgoing() if one.getTLSID()]
            if not controlled:
                continue
            yield Lane(
                id=lane.getID(), signal=controlled[0].getTLSID(),
                links=tuple(one.getTLLinkIndex() for one in controlled),
                shape=tuple((point[0], point[1]) for point in lane.getShape()),
                length_m=lane.getLength(), speed_mps=lane.getSpeed(), edge=edge.getID(),
                to_edges=tuple(one.getTo().getID() for one in controlled),
            )  # fmt: skip


def write_loops(network: Path, target: Path, before_m: float = 30.0) -> Mapping[str, Lane]:
    """Write induction loops for all lanes that end at signals; return the lane of each loop.

    Args:
        network: the network.
        target: an additional file of SUMO's.
        before_m: so far before the stop line; on shorter lanes at their beginning.
    """
    found = {f"loop_{lane.id}": lane for lane in lanes(network).values()}
    lines = ["<additional>"]
    for loop, lane in found.items():
        at = max(0.1, lane.length_m - before_m)
        lines.append(
            f'  <inductionLoop id="{_quoted(loop)}" lane="{_quoted(lane.id)}" pos="{at:.2f}"'
            ' period="86400" file="/dev/null"/>'
        )
    target.write_text("\n".join([*lines, "</additional>"]) + "\n", encoding="utf-8")
    return found


def _quoted(text: str) -> str:
    """Return a name as it stands in an attribute."""
    for letter, named in (("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;")):
        text = text.replace(letter, named)
    return text
