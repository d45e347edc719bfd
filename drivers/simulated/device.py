"""The points of one simulated device, and how a change of one moves the others.

Devices that had the same past share one of these: a street of lamps that were told the same costs
what one lamp costs. Whoever changes it sees to that (``FieldModel``); here nothing is known of it.
"""

from __future__ import annotations

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.node import Node
from jacquemart.drivers.simulated.track import Track
from jacquemart.runtime.model.errors import ConfigError


class DeviceModel:
    """The nodes of a device by the names of its points.

    Attributes:
        nodes: also those that were only mentioned so far.
        registers: by the name of a feedback point, the register that feeds it.
        devices: how many devices this stands for.
    """

    __slots__ = ("devices", "nodes", "registers")

    def __init__(self) -> None:
        """Begin without a point."""
        self.nodes: dict[str, Node] = {}
        self.registers: dict[str, Node] = {}
        self.devices = 0

    def copy(self) -> DeviceModel:
        """Return the same device with the same past, for a future of its own."""
        twin = DeviceModel()
        twin.nodes = {name: node.copy() for name, node in self.nodes.items()}
        twin.registers = {name: twin.nodes[of.name] for name, of in self.registers.items()}
        for name, node in self.nodes.items():
            own = twin.nodes[name]
            own.source = None if node.source is None else twin.nodes[node.source.name]
            own.followers = [twin.nodes[follower.name] for follower in node.followers]
        return twin

    def has(self, name: str) -> bool:
        """Return whether a point was declared."""
        node = self.nodes.get(name)
        return node is not None and node.declared

    def declare(
        self, device: str, name: str, behaviour: Behaviour, now: float, *, stuck: bool
    ) -> None:
        """Add a point; a second time changes nothing.

        Raises:
            ConfigError: it follows a counter, or itself through others; the operator's fault.
        """
        node = self._node(name, now, stuck=stuck)
        if node.declared:
            return
        source = self.registers.get(name)
        if behaviour.follows:
            source = self._node(behaviour.follows, now, stuck=stuck)
        _check(device, node, behaviour, source)
        node.behaviour, node.declared = behaviour, True
        node.frozen = stuck and not behaviour.is_register
        if node.is_counter:
            node.start_at(now, behaviour.initial or 0.0)
            if behaviour.follows and source is not None:
                node.attach(source)
            return
        if source is not None:
            node.attach(source)
        _begin(node, now)
        if behaviour.is_register:
            self._feed(device, node, self._node(behaviour.feedback, now, stuck=stuck), now)

    def write(self, name: str, value: float, now: float) -> None:
        """Give a point a value: it, and what follows it, starts to move."""
        node = self.nodes[name]
        _give(node, value, now)
        other = self.nodes.get(node.behaviour.resets)
        if other is not None:
            _give(other, 0.0, now)

    def true_value(self, name: str, now: float) -> float:
        """Return what a point really holds."""
        node = self.nodes[name]
        if node.is_counter:
            node.count_until(now)
            return node.counted
        node.forget_before(now)
        return node.track.at(now)

    def freeze(self, now: float) -> None:
        """Get stuck: registers take writes, and nothing moves any more."""
        for node in self.nodes.values():
            if not node.behaviour.is_register and not node.frozen:
                node.frozen = True
                node.stop(now)

    def thaw(self, now: float) -> None:
        """Go on, from where it stands to where it should be."""
        for node in self.nodes.values():
            node.frozen = False
        for node in self.nodes.values():
            node.relay(now, now)

    def _node(self, name: str, now: float, *, stuck: bool) -> Node:
        node = self.nodes.get(name)
        if node is None:
            node = Node(name, now, Track(now, 0.0), Track(now, 0.0), counted_until=now)
            node.frozen = stuck
            self.nodes[name] = node
        return node

    def _feed(self, device: str, register: Node, feedback: Node, now: float) -> None:
        """Let a feedback point follow its register, unless it follows something else."""
        self.registers[feedback.name] = register
        if feedback.declared and (feedback.behaviour.follows or feedback.is_counter):
            return
        _check(device, feedback, feedback.behaviour, register)
        feedback.attach(register)
        _begin(feedback, now)


def _give(node: Node, value: float, now: float) -> None:
    node.forget_before(now)
    node.touched = True
    node.given.lay([(now, value)])
    if node.source is None:
        node.relay(now + node.lag_s, now)


def _begin(node: Node, now: float) -> None:
    """Start a node at its initial value, or where it would have come to rest."""
    node.pace()
    if node.source is None and not node.followers and not node.touched:
        node.start_at(now, node.behaviour.initial or 0.0)  # it moves nobody, and nobody moves it
        return
    if node.source is None or not node.source.touched:
        initial = node.behaviour.initial
        at_rest = 0.0 if node.source is None else node.aim(now)[-1][1]
        node.start_at(now, at_rest if initial is None else initial)
    node.relay(now, now)
    node.pass_on(now, now)


def _check(device: str, node: Node, behaviour: Behaviour, source: Node | None) -> None:
    where = f"{device}/{node.name}"
    if behaviour.counter_per_s is not None and node.followers:
        raise ConfigError("a point follows this counter", where=where)
    above = source
    while above is not None:
        if above is node:
            raise ConfigError("the point follows itself through others", where=where)
        if above.is_counter:
            raise ConfigError(f"the point follows the counter {device}/{above.name}", where=where)
        above = above.source
