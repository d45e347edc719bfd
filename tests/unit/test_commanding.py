"""How a cell carries what its actors command, with zones and cells that answer as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from jacquemart.native import frames
from jacquemart.runtime.cell import home_desk
from jacquemart.runtime.cell.commanding import Commanding
from jacquemart.runtime.model.directory import CellAddress, Directory, Role
from jacquemart.runtime.model.errors import UsageError
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.testing.virtual_time import VirtualClock, VirtualTimeLoop
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.calls import Answer

S = 1_000_000_000


def address(name: str, role: Role, epoch: int = 1) -> CellAddress:
    return CellAddress(name, role, epoch, f"inproc://{name}", "", 1, "here")


DIRECTORY = Directory(
    1,
    {
        "zone-0": address("zone-0", "zone"),
        "zone-1": address("zone-1", "zone"),
        "device-1": address("device-1", "device"),
        "device-2": address("device-2", "device", 7),
        "device-3": address("device-3", "device"),
    },
    {"east/0": "device-2", "west/0": "device-3"},
    {"east": "zone-0", "west": "zone-1"},
)


class Peer:
    """A cell that answers what a test lets it answer."""

    def __init__(self, there: bool = True) -> None:
        self.there = there
        self.asked: list[tuple[bytes, int, Answer]] = []
        self.homes: dict[str, list[Any]] = {}
        """What it says of devices; the rest it does not know."""
        self.silent = False

    def call(self, frame: bytes, expires_ns: int, answer: Answer) -> bool:
        if not self.there:
            return False
        self.asked.append((frame, expires_ns, answer))
        if messages.kind_of(frame) == frames.QUERY and not self.silent:
            names = messages.decode_query(frame).args["devices"]
            mine = [name for name in names if name in self.homes]
            homes = [self.homes[name] for name in mine]
            answer(messages.reply({"homes": homes, "of": {n: i for i, n in enumerate(mine)}}))
        return True

    @property
    def commands(self) -> list[frames.Command]:
        return [frames.decode_command(frame) for frame, _, _ in self.asked
                if messages.kind_of(frame) == frames.COMMAND]  # fmt: skip

    @property
    def questions(self) -> list[list[str]]:
        return [messages.decode_query(frame).args["devices"] for frame, _, _ in self.asked
                if messages.kind_of(frame) == frames.QUERY]  # fmt: skip

    def end(self, status: Status, reason: str = Reason.OK, value: float | None = None) -> None:
        """Answer the last command."""
        frame, _, answer = self.asked[-1]
        command = frames.decode_command(frame)
        answer(
            frames.encode_outcome(
                frames.OutcomeFrame(
                    command.id, command.device, command.point, status, reason, "", value, 1, 0, 0, 2
                )
            )
        )


class Service:
    """A device cell that has no device of its own."""

    stopping = False

    class config:
        name = "device-1"

    class ledger:
        marked: list[bytes] = []  # noqa: RUF012

        @classmethod
        def sent(cls, digest: bytes, now_ns: int) -> None:
            cls.marked.append(digest)

    def __init__(self) -> None:
        self.loop = VirtualTimeLoop()
        self.clock = VirtualClock(self.loop)
        self.directory = DIRECTORY
        self.peers = {name: Peer() for name in DIRECTORY.cells}
        self.errors: list[BaseException] = []

    def caller(self, name: str) -> Peer:
        return self.peers[name]

    def where(self, device: str, verb: str, point: str) -> None:
        return None

    def broken(self, error: BaseException) -> None:
        self.errors.append(error)


class Sender:
    """As much of an actor as is asked for."""

    id = "bus-1"
    halted = parked = ""


class Bench:
    """A cell's commanding, and what its one actor hears."""

    def __init__(self) -> None:
        self.service = Service()
        self.peers = self.service.peers
        self.commanding = Commanding(cast("Any", self.service))
        self.actor = Sender()
        self.heard: list[Outcome] = []

    def command(self, device: str, verb: str = "ring", within_s: float = 5.0) -> None:
        deadline = self.service.clock.boot_ns() + int(within_s * S)
        self.commanding.command(
            cast("Any", self.actor), "bus-1", device, verb, 1.0, "", "", 8, deadline,
            self.heard.append, None,
        )  # fmt: skip

    def pass_time(self, seconds: float = 0.001) -> None:
        self.service.loop.run_until_complete(asyncio.sleep(seconds))

    @property
    def ends(self) -> list[tuple[Status, str]]:
        return [(one.status, one.reason) for one in self.heard]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.commanding.stop()
    made.service.loop.close()
    assert len(made.commanding.under_way) == 0, "all had their ends"


def test_all_that_is_sought_in_one_turn_is_one_question_to_each_zone_cell(bench: Bench) -> None:
    bench.peers["zone-0"].homes = {f"d{n}": ["east", "east/0", ["ring"], []] for n in range(3)}
    for n in range(3):
        bench.command(f"d{n}")
    bench.pass_time()
    assert bench.peers["zone-0"].questions == [["d0", "d1", "d2"]]
    assert bench.peers["zone-1"].questions == [["d0", "d1", "d2"]]
    sent = bench.peers["device-2"].commands
    assert [(one.device, one.principal, one.epoch) for one in sent] == [
        (f"d{n}", "bus-1", 7) for n in range(3)
    ]
    bench.command("d1")  # known by now
    assert len(bench.peers["device-2"].commands) == 4
    for frame, _, answer in bench.peers["device-2"].asked:
        command = frames.decode_command(frame)
        answer(frames.encode_outcome(frames.OutcomeFrame(
            command.id, command.device, "", Status.APPLIED, Reason.OK, "", 4.0, 1, 0, 0, 2,
        )))  # fmt: skip
    assert [(one.device, one.value) for one in bench.heard] == [
        (name, 4.0) for name in ("d0", "d1", "d2", "d1")
    ]


def test_a_device_that_has_moved_is_looked_for_once_more_and_sent_there(bench: Bench) -> None:
    bench.peers["zone-0"].homes = {"d": ["east", "east/0", ["ring"], []]}
    bench.command("d")
    bench.pass_time()
    bench.peers["zone-0"].homes = {}
    bench.peers["zone-1"].homes = {"d": ["west", "west/0", ["ring"], []]}
    bench.peers["device-2"].end(Status.REJECTED, Reason.UNKNOWN_DEVICE)
    bench.pass_time()
    assert bench.heard == []
    (first,), (second,) = bench.peers["device-2"].commands, bench.peers["device-3"].commands
    assert first.id == second.id
    bench.peers["device-3"].end(Status.REJECTED, Reason.UNKNOWN_DEVICE)  # and not a third time
    assert bench.ends == [(Status.REJECTED, Reason.UNKNOWN_DEVICE)]


def test_a_cell_that_does_not_have_what_its_zone_says_it_has_is_believed(bench: Bench) -> None:
    bench.peers["zone-0"].homes = {"d": ["east", "east/0", ["ring"], []]}
    bench.command("d")
    bench.pass_time()
    bench.peers["device-2"].end(Status.REJECTED, Reason.UNKNOWN_DEVICE)
    bench.pass_time()
    assert bench.ends == [(Status.REJECTED, Reason.UNKNOWN_DEVICE)]
    assert len(bench.peers["device-2"].commands) == 1


def test_a_silent_zone_cell_is_asked_again_and_nobody_says_unknown_meanwhile(bench: Bench) -> None:
    bench.peers["zone-1"].silent = True
    bench.command("d", within_s=60.0)
    bench.pass_time(0.5)
    assert bench.heard == []
    bench.peers["zone-1"].asked.pop()[2](None)  # the time for that question is over
    bench.peers["zone-1"].silent = False
    bench.peers["zone-1"].homes = {"d": ["west", "west/0", [], []]}
    bench.pass_time(0.1)
    (sent,) = bench.peers["zone-1"].commands  # journalled: it goes to the zone
    assert sent.device == "d"
    bench.peers["zone-1"].end(Status.APPLIED)
    assert bench.ends == [(Status.APPLIED, Reason.OK)]


def test_a_zone_cell_that_stays_away_is_waited_for_ten_seconds(bench: Bench) -> None:
    bench.peers["zone-1"].there = False
    bench.command("d", within_s=60.0)
    bench.command("e", within_s=2.0)
    bench.pass_time(2.1)
    assert bench.ends == [(Status.EXPIRED, Reason.DEADLINE)]
    bench.pass_time(7.8)
    assert len(bench.heard) == 1
    bench.pass_time(0.3)
    assert bench.ends[1:] == [(Status.REJECTED, Reason.CELL_LOST)]
    assert bench.commanding.finding.sought == 0


def test_a_zone_cell_of_a_version_that_knows_no_such_question_is_as_one_that_is_away(
    bench: Bench,
) -> None:
    bench.peers["zone-0"].silent = bench.peers["zone-1"].silent = True
    bench.command("d", within_s=60.0)
    for _ in range(11):
        bench.pass_time(1.0)
        for name in ("zone-0", "zone-1"):
            for _, _, answer in bench.peers[name].asked:
                answer(messages.error("usage", "unknown query 'homes'"))
            bench.peers[name].asked.clear()
    assert bench.ends == [(Status.REJECTED, Reason.CELL_LOST)]
    assert bench.service.errors == [], "that is no failure of anybody"


@pytest.mark.parametrize(
    ("frame", "end"),
    [
        (messages.error("usage", "no"), (Status.REJECTED, Reason.INTERNAL)),
        (messages.error("internal", "oh"), (Status.INDETERMINATE, Reason.INTERNAL)),
        (messages.reply(3), (Status.INDETERMINATE, Reason.INTERNAL)),
        (b"\x94\x01\x02nonsense", (Status.INDETERMINATE, Reason.INTERNAL)),
    ],
)
def test_an_answer_that_is_no_outcome_is_an_end_all_the_same(
    bench: Bench, frame: bytes, end: tuple[Status, str]
) -> None:
    bench.peers["zone-0"].homes = {"d": ["east", "east/0", ["ring"], []]}
    bench.command("d")
    bench.pass_time()
    bench.peers["device-2"].asked[-1][2](frame)
    assert bench.ends == [end]


def test_an_actor_that_stops_hears_what_may_be_done_and_what_is_not(bench: Bench) -> None:
    bench.peers["zone-0"].homes = {name: ["east", "east/0", ["ring"], []] for name in ("d", "e")}
    bench.command("d")
    bench.pass_time()
    bench.peers["device-2"].there = False
    bench.command("e")
    bench.command("nobody-knows-yet")
    bench.commanding.stopped(cast("Any", bench.actor))
    assert bench.ends == [
        (Status.INDETERMINATE, Reason.STOPPING),
        (Status.REJECTED, Reason.STOPPING),
        (Status.REJECTED, Reason.STOPPING),
    ]
    bench.peers["device-2"].end(Status.APPLIED)  # too late to be heard
    bench.peers["device-2"].there = True
    bench.pass_time(1.0)
    assert len(bench.heard) == 3
    assert len(bench.peers["device-2"].commands) == 1


def test_a_parked_actor_commands_nobody(bench: Bench) -> None:
    bench.actor.parked = "it failed"
    bench.command("d")
    bench.pass_time()
    assert bench.ends == [(Status.REJECTED, Reason.PARKED)]


def test_a_question_that_is_too_long_or_no_list_is_refused() -> None:
    for devices in ("d", [1], ["d"] * 501, None):
        with pytest.raises(UsageError):
            home_desk.answer(cast("Any", None), {"devices": devices})
