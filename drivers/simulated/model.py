"""The field itself: what every simulated point holds at a time.

*Theory.* A device's points form a small graph: a written register feeds its feedback point, a
power follows a level, a burn-hour counter runs while a lamp burns. Each point owns a
:class:`Track`, laid down when something upstream changes; counters integrate the track of what
they follow.

*Rules.* Pure: no I/O, no clock, no state outside. ``now`` is in seconds of the caller's clock and
never runs backwards here (an earlier one counts as the latest seen). The same calls with the
same seed give the same values.
"""

from __future__ import annotations

from collections.abc import Iterator

from jacquemart.drivers.simulated.behaviour import Behaviour
from jacquemart.drivers.simulated.chance import chance
from jacquemart.drivers.simulated.node import Node
from jacquemart.drivers.simulated.track import Track
from jacquemart.runtime.model.errors import ConfigError


class FieldModel:
    """All points of one simulated link. Unknown ids are KeyErrors: the caller declares first."""

    def __init__(self, seed: int = 0) -> None:
        """Make an empty field; the seed decides its noise."""
        self.seed = seed
        self._nodes: dict[str, Node] = {}
        self._registers: dict[str, Node] = {}
        self._stuck: set[str] = set()
        self._now = float("-inf")

    def __contains__(self, point: str) -> bool:
        node = self._nodes.get(point)
        return node is not None and node.declared

    def __iter__(self) -> Iterator[str]:
        return (point for point, node in self._nodes.items() if node.declared)

    def declare(self, device: str, name: str, behaviour: Behaviour, now: float) -> None:
        """Add a point; a second time changes nothing.

        Raises:
            ConfigError: it follows a counter, or itself through others; the operator's fault.
        """
        now = self._advance(now)
        node = self._node(device, name, now)
        if node.declared:
            return
        source = self._registers.get(node.id)
        if behaviour.follows:
            source = self._node(device, behaviour.follows, now)
        self._check(node, behaviour, source)
        node.behaviour, node.declared = behaviour, True
        node.frozen = device in self._stuck and not behaviour.is_register
        if node.is_counter:
            node.start_at(now, behaviour.initial or 0.0)
            if behaviour.follows and source is not None:
                node.attach(source)
            return
        if source is not None:
            node.attach(source)
        self._begin(node, now)
        if behaviour.is_register:
            self._feed(node, self._node(device, behaviour.feedback, now), now)

    def write(self, point: str, value: float, now: float) -> None:
        """Give a point a value: it, and what follows it, starts to move.

        What follows another point goes on following it and takes no notice.
        """
        now = self._advance(now)
        node = self._nodes[point]
        node.forget_before(now)
        node.touched = True
        node.given.lay([(now, value)])
        if node.source is None:
            node.relay(now + node.lag_s, now)

    def follows_another(self, point: str) -> bool:
        """Return whether a point's value comes from another point or from counting."""
        node = self._nodes[point]
        return node.source is not None or node.is_counter

    def true_value(self, point: str, now: float) -> float:
        """Return what the point really holds."""
        now = self._advance(now)
        node = self._nodes[point]
        if node.is_counter:
            node.count_until(now)
            return node.counted
        node.forget_before(now)
        return node.track.at(now)

    def reading(self, point: str, now: float) -> float:
        """Return what a reading shows: the true value with noise and drift."""
        value = self.true_value(point, now)
        node = self._nodes[point]
        if node.behaviour.drift_per_s:
            value += node.behaviour.drift_per_s * (self._now - node.born)
        if node.behaviour.noise:
            # Drawn by time and not by turn, so that it does not depend on who else reads.
            draw = chance(self.seed, "noise", point, f"{self._now - node.born:.3f}")
            value += node.behaviour.noise * (2.0 * draw - 1.0)
        return value

    def freeze(self, device: str, now: float) -> None:
        """Make a device stuck: registers take writes, and nothing moves any more."""
        now = self._advance(now)
        self._stuck.add(device)
        for node in self._of(device):
            if not node.behaviour.is_register and not node.frozen:
                node.frozen = True
                node.stop(now)

    def thaw(self, device: str, now: float) -> None:
        """Let a stuck device go on, from where it stands to where it should be."""
        now = self._advance(now)
        self._stuck.discard(device)
        for node in self._of(device):
            node.frozen = False
        for node in self._of(device):
            node.relay(now, now)

    def _advance(self, now: float) -> float:
        self._now = max(self._now, now)
        return self._now

    def _of(self, device: str) -> list[Node]:
        return [node for node in self._nodes.values() if node.device == device]

    def _node(self, device: str, name: str, now: float) -> Node:
        point = f"{device}/{name}"
        node = self._nodes.get(point)
        if node is None:
            node = Node(device, name, now, Track(now, 0.0), Track(now, 0.0), counted_until=now)
            node.frozen = device in self._stuck
            self._nodes[point] = node
        return node

    def _begin(self, node: Node, now: float) -> None:
        """Start a node at its initial value, or where it would have come to rest."""
        node.pace()
        if node.source is None or not node.source.touched:
            initial = node.behaviour.initial
            at_rest = 0.0 if node.source is None else node.aim(now)[-1][1]
            node.start_at(now, at_rest if initial is None else initial)
        node.relay(now, now)
        node.pass_on(now, now)

    def _feed(self, register: Node, feedback: Node, now: float) -> None:
        """Let a feedback point follow its register, unless it follows something else."""
        self._registers[feedback.id] = register
        if feedback.declared and (feedback.behaviour.follows or feedback.is_counter):
            return
        self._check(feedback, feedback.behaviour, register)
        feedback.attach(register)
        self._begin(feedback, now)

    def _check(self, node: Node, behaviour: Behaviour, source: Node | None) -> None:
        if behaviour.counter_per_s is not None and node.followers:
            raise ConfigError("a point follows this counter", where=node.id)
        above = source
        while above is not None:
            if above is node:
                raise ConfigError("the point follows itself through others", where=node.id)
            if above.is_counter:
                raise ConfigError(f"the point follows the counter {above.id}", where=node.id)
            above = above.source
