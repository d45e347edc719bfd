"""Cells on several hosts: which networks may carry them, where they go, whose silence counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from jacquemart.runtime.cell import presence
from jacquemart.runtime.cluster.maker import Spread, choose
from jacquemart.runtime.cluster.network import address_in, parse
from jacquemart.runtime.cluster.other_hosts import HEARD, OtherHosts
from jacquemart.runtime.cluster.watch import CellWatch
from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.model.directory import CellAddress, Directory
from jacquemart.runtime.model.errors import StartError, UsageError


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("10.0.0.0/24", True), ("192.168.7.0/24", True), ("172.16.0.0/12", True),
        ("100.64.0.0/10", True), ("fd00::/8", True),
        ("0.0.0.0/0", False), ("8.8.8.0/24", False), ("127.0.0.0/8", False), ("10.0.0.0/7", False),
        ("::/0", False), ("2001:db8::/32", False), ("house", False), ("10.0.0.1/24", False),
    ],
)  # fmt: skip
def test_only_a_network_that_no_router_of_the_internet_carries_is_taken(
    text: str, allowed: bool
) -> None:
    if allowed:
        assert parse(text, "10.0.0.1:6379") == text
        return
    with pytest.raises(UsageError) as refused:
        parse(text, "10.0.0.1:6379")
    assert refused.value.where == "network"


def test_a_network_needs_a_cluster_and_none_needs_nothing() -> None:
    assert parse("", "") == ""
    with pytest.raises(UsageError, match="one host"):
        parse("10.0.0.0/24", "")


def test_a_node_with_another_address_takes_no_cell() -> None:
    assert address_in("10.0.0.0/24", "10.0.0.7") == "10.0.0.7"
    for other in ("10.0.1.7", "127.0.0.1", "fd00::1", "node"):
        with pytest.raises(StartError, match="not on the network"):
            address_in("10.0.0.0/24", other)


def test_cells_go_to_one_node_after_the_other_the_wardens_first() -> None:
    nodes = ["c", "here", "b"]
    assert [choose(Spread(turn), "here", nodes) for turn in range(5)] == [
        "here", "b", "c", "here", "b",
    ]  # fmt: skip
    assert choose(Spread(1, frozenset("b")), "here", nodes) == "c"
    assert choose(Spread(1, frozenset("bc")), "here", nodes) == "here", "the last one there is"


ZONE = CellAddress(
    "zone-1", "zone", 1, "ipc://a", "ipc://b", 1, "10.0.0.1", "", "A", "tcp://c", "tcp://d"
)


def test_a_directory_names_tcp_to_those_of_other_hosts_and_unix_sockets_to_its_own() -> None:
    gateway = replace(ZONE, name="gateway-1", far_commands="", far_stream="")
    seen = Directory(3, {"zone-1": ZONE, "gateway-1": gateway}, {"s": "x"}, {"z": "zone-1"})
    assert seen.seen_from("A") == seen
    elsewhere = seen.seen_from("B")
    assert elsewhere.cells["zone-1"] == replace(ZONE, commands="tcp://c", stream="tcp://d")
    assert elsewhere.cells["gateway-1"] == gateway, "which nobody reaches from there"
    assert (elsewhere.version, elsewhere.homes, elsewhere.zones) == (3, seen.homes, seen.zones)


def test_one_host_is_named_alike_by_all_its_cells_and_two_are_not() -> None:
    clock = SystemClock()
    assert presence.host_of("10.0.0.1", clock) == presence.host_of("10.0.0.1", clock)
    assert presence.host_of("10.0.0.1", clock) != presence.host_of("10.0.0.2", clock)
    assert presence.enter("10.0.0.1", clock).host == presence.host_of("10.0.0.1", clock)


# Whose silence counts -------------------------------------------------------------------------


@dataclass
class Line:
    asked: int = 0

    def call(self, kind: str) -> None:
        assert kind == HEARD
        self.asked += 1


@dataclass
class Scene:
    """What ``OtherHosts`` needs of a keeper: a zone here, a device cell there."""

    line: Line = field(default_factory=Line)
    lost: list[str] = field(default_factory=list)
    answer: dict[str, list[int]] | None = None

    def __post_init__(self) -> None:
        def cell(role: str, pid: int, line: Line | None) -> Any:
            blueprint = SimpleNamespace(role=role)
            return SimpleNamespace(
                blueprint=blueprint, local_pid=pid, line=line, arrival=True, epoch=5,
                owes=lambda _: False,
            )  # fmt: skip

        self.live = {"zone-1": cell("zone", 1, self.line), "device-2": cell("device", 0, None)}
        self.cells = SimpleNamespace(live=self.live, answers=self.answers)
        self.watch = CellWatch()
        for name in self.live:
            self.watch.started(name, 0.0)
            self.watch.arrived(name, 0.0)
        self.others = OtherHosts(cast("Any", self), 0.8)

    def answers(self, kind: str) -> dict[str, Any]:
        assert kind == HEARD
        answer, self.answer = self.answer, None
        return {"zone-1": answer} if answer is not None else {}

    def lose(self, name: str, reason: str) -> None:
        self.lost.append(name)
        self.watch.lost(name, reason, 0.0)

    def run(self, start: float, seconds: float, answer: Any) -> float:
        """Let turns pass, each with the answer that ``answer(step)`` gives."""
        for step in range(round(seconds * 10)):
            self.answer = answer(step)
            self.others.turn(start + step / 10)
        return start + seconds


def test_a_cell_of_another_host_that_asks_for_no_lease_for_a_second_is_lost() -> None:
    scene = Scene()
    now = scene.run(10.0, 2.0, lambda step: {"device-2": [5, step]})
    assert scene.lost == []
    now = scene.run(now, 0.9, lambda _: {"device-2": [5, 19]})
    assert scene.lost == []
    scene.run(now, 0.4, lambda _: {"device-2": [5, 19]})
    assert scene.lost == ["device-2"]


def test_while_the_zone_does_not_answer_nobody_is_silent() -> None:
    scene = Scene()
    now = scene.run(10.0, 1.0, lambda step: {"device-2": [5, step]})
    now = scene.run(now, 5.0, lambda _: None)
    now = scene.run(now, 0.9, lambda _: {"device-2": [5, 9]})  # it counts from now on
    assert scene.lost == []
    assert scene.line.asked > 60


def test_a_cell_that_has_not_asked_yet_and_one_that_was_there_before_it_are_not_judged() -> None:
    scene = Scene()
    now = scene.run(10.0, 3.0, lambda _: {})
    scene.run(now, 3.0, lambda _: {"device-2": [4, 77]})
    assert scene.lost == []


def test_a_city_that_replaces_nobody_for_being_frozen_replaces_nobody_for_silence() -> None:
    scene = Scene()
    scene.others = OtherHosts(cast("Any", scene), 0.0)
    scene.run(10.0, 5.0, lambda _: {"device-2": [5, 1]})
    assert scene.lost == []
