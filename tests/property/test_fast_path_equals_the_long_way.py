"""Nobody can tell a command of the fast path from one that went the long way.

Two cities of the same kind get the same commands. One has no fast path. The kind counts what it
does, so that equal answers also say that nothing was done twice, or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.native.bundle import Packer, unbundled
from jacquemart.native.pump import boot_ns
from jacquemart.runtime.actor import Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing import LocalCity
from jacquemart.runtime.wire.blocking import BlockingCaller

NUMBER = Argument("W", 0.0, 100.0)
DEVICES = 400
CITY = """
[city]
id = "two-ways"
[zones.north]
[links.street]
driver = "simulated"
zone = "north"
[templates.box]
kind = "test_fast_path_equals_the_long_way:Moody"
driver = "simulated"
[templates.box.points.level]
poll_ms = 60000
writable = true
range = [0, 100]
settle_ms = 100
""" + "".join(
    f'[[device]]\nid = "box-{n}"\ntemplate = "box"\nlink = "street"\n' for n in range(DEVICES)
)


class Moody(DeviceActor):
    """Does a command in every way that there is, and counts."""

    kind = "moody"
    points = (Point("level", "what is set", writable=True),)

    def on_start(self) -> None:
        """Have done nothing."""
        self.done = 0.0

    def save(self) -> dict[str, Any]:
        """Keep the count."""
        return {"done": self.done}

    def _count(self) -> float:
        self.done += 1.0
        return self.done

    @command("number", "takes a number", takes=NUMBER)
    def number(self, ticket: Ticket) -> float:
        """Show that it is one."""
        assert type(ticket.value) is float
        return self._count() * 1_000 + ticket.value

    @command("nothing", "takes nothing", volatile=True)
    def nothing(self, ticket: Ticket) -> float:
        """Show that there was none."""
        assert ticket.value is None
        return self._count()

    @command("whole", "takes a whole number", takes=Argument(whole=True, optional=True))
    def whole(self, ticket: Ticket) -> int | None:
        """Give back what came."""
        self._count()
        return None if ticket.value is None else int(ticket.value)

    @command("word", "takes a word", takes=Argument(words=("off", "on")))
    def word(self, ticket: Ticket) -> float:
        """Give back its number."""
        return self._count() * 10 + float(ticket.value or 0.0)

    @command("anything")
    def anything(self, ticket: Ticket) -> float:
        """Count, whatever came."""
        return self._count()

    @command("says_text", "gives back what is no number")
    def says_text(self, _: Ticket) -> str:
        """Have no value."""
        self._count()
        return "text"

    @command("gives_up", "ends by itself")
    def gives_up(self, ticket: Ticket) -> None:
        """Fail for a reason of its own."""
        ticket.finish(Status.FAILED, Reason.DEVICE_FAULT, f"fault {self._count():g}", 3.0)

    @command("sets", "ends with a write", takes=NUMBER)
    def sets(self, ticket: Ticket) -> None:
        """Write the level."""
        self._count()
        self.write(ticket, "level", float(ticket.value or 0.0))

    @command("later", "goes on as a task")
    async def later(self, _: Ticket) -> float:
        """Count later."""
        return self._count()

    @command("raises", "raises")
    def raises(self, _: Ticket) -> float:
        """Raise."""
        raise ValueError(f"mood {self._count():g}")


class Ways(NamedTuple):
    """The two cities, and how many devices were used."""

    cities: tuple[LocalCity, LocalCity]
    callers: tuple[BlockingCaller, BlockingCaller]
    used: list[int]


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    path: Path = tmp_path_factory.mktemp("ways") / "city.toml"
    path.write_text(CITY)
    with LocalCity(path) as fast, LocalCity(path) as long:
        long.hosts["device-1"]._service.server.channel.taker = None
        callers = tuple(
            BlockingCaller(city.directory.cells["device-1"].commands) for city in (fast, long)
        )
        yield Ways((fast, long), callers, [0])
        for caller in callers:
            caller.close()
        taken = fast.hosts["device-1"]._service.server.channel.taker.taken
        assert taken > 5, "nothing came the fast way: this has shown nothing"


COMMANDS = st.tuples(
    st.sampled_from([
        "number", "nothing", "whole", "word", "anything", "says_text", "gives_up", "sets", "later",
        "raises", "unknown", "unpark",
    ]),
    st.sampled_from([
        None, 0, 1, 1.0, 50.5, -1.0, 1_000.0, math.nan, math.inf, True, False, "on", "word", 2**63,
    ]),
    st.sampled_from(["", "", "W", "V"]),
    st.sampled_from([1, 8, 16]),
    st.integers(0, 5),
    st.sampled_from([0, 0, 0, 1, 7]),
    st.sampled_from([10.0, 10.0, 10.0, -1.0]),
    st.sampled_from(["", "ada"]),
)  # fmt: skip


def told(frame: bytes | None) -> Any:
    """Return what an answer says, but for its times."""
    assert frame is not None
    if frames.kind_of(frame) != frames.OUTCOME:
        return frames.unpack(frame)[:4]
    outcome = frames.decode_outcome(frame)
    return (
        outcome.id[:1], outcome.status, outcome.reason, outcome.detail.split(" ms late")[-1],
        outcome.value, bool(outcome.dispatched_ns), bool(outcome.acknowledged_ns),
        outcome.point,
    )  # fmt: skip


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(COMMANDS, min_size=1, max_size=15))
def test_two_cities_answer_alike_whichever_way_their_commands_go(
    ways: Ways, commands: list[tuple[Any, ...]]
) -> None:
    used = ways.used[0] = ways.used[0] + 1
    device = f"box-{used % DEVICES}"
    raised = False
    for verb, value, unit, priority, number, epoch, within_s, principal in commands:
        if verb == "raises" and raised:
            continue  # how long a kind pauses that fails again is a matter of time
        raised = raised or verb == "raises"
        id = bytes([number]) + used.to_bytes(15, "big")
        answers = []
        for caller in ways.callers:
            deadline = boot_ns() + int(within_s * 1e9)
            point = "level" if verb == "set" else ""
            sent = frames.encode_command(frames.Command(
                id, principal, device, verb, point, value, unit, priority, deadline, epoch,
            ))  # fmt: skip
            answers.append(told(caller.ask(sent, 15.0, 2.0)))
        assert answers[0] == answers[1], (verb, value)


def ask_at_once(endpoint: str, sent: list[bytes], *, bundle: bool) -> list[Any]:
    """Send frames without waiting, alone or as one bundle, and return what their answers say."""
    packer, told_of = Packer(), {}
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger, socket.rcvtimeo = 0, 15_000
        socket.connect(endpoint)
        for number, frame in enumerate(sent):
            if bundle:
                packer.put(b"%d" % number, frame)
            else:
                socket.send_multipart([b"%d" % number, frame])
        if bundle:
            socket.send_multipart([b"all", packer.take()])
        acknowledged = not bundle
        while len(told_of) < len(sent) or not acknowledged:
            token, frame = socket.recv_multipart()
            inside = unbundled(frame) if token == b"all" else [(token, frame)]
            acknowledged = acknowledged or token == b"all"
            for one, answer in inside:
                assert one not in told_of, "a message in a bundle was answered twice"
                told_of[one] = told(answer)
    return [told_of[b"%d" % number] for number in range(len(sent))]


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    st.lists(COMMANDS, min_size=1, max_size=15),
    st.sampled_from([(True, False), (True, False), (False, True), (True, True)]),
)
def test_commands_in_a_bundle_end_as_they_would_alone(
    ways: Ways, commands: list[tuple[Any, ...]], bundled: tuple[bool, bool]
) -> None:
    used = ways.used[0] = ways.used[0] + 1
    sent: list[bytes] = []
    for at, (verb, value, unit, priority, number, epoch, within_s, principal) in enumerate(
        commands
    ):
        # What is the same again goes to the same device, and nothing waits for another.
        device = f"box-{(16 * used + (number if number < 2 else at)) % DEVICES}"
        id = bytes([number if number < 2 else 2 + at]) + used.to_bytes(15, "big")
        deadline = boot_ns() + int(within_s * 1e9)
        sent.append(frames.encode_command(frames.Command(
            id, principal, device, "nothing" if number < 2 else verb, "",
            None if number < 2 else value, unit, priority, deadline, epoch,
        )))  # fmt: skip
    sent.insert(len(sent) // 2, b"no frame")
    fast, long = (
        ask_at_once(city.directory.cells["device-1"].commands, sent, bundle=bundle)
        for city, bundle in zip(ways.cities, bundled, strict=True)
    )
    assert fast == long


def test_a_bundle_in_a_bundle_is_no_request(ways: Ways) -> None:
    inner = Packer().take()
    for city in ways.cities:
        endpoint = city.directory.cells["device-1"].commands
        (answer,) = ask_at_once(endpoint, [inner], bundle=True)
        assert answer[1:3] == [frames.ERROR, "bad_frame"], "and nothing goes deeper"


def test_a_broken_bundle_is_refused_whole(ways: Ways) -> None:
    for city, caller in zip(ways.cities, ways.callers, strict=True):
        before = city.hosts["device-1"]._service.health()["counters"]["commands"]
        command = frames.encode_command(frames.Command(
            b"broken" * 2 + bytes(4), "ada", "box-1", "nothing", "", None, "", 8,
            boot_ns() + 10**10, 0,
        ))  # fmt: skip
        packer = Packer()
        packer.put(b"one", command)
        answer = frames.unpack(caller.ask(packer.take() + b"x", 5.0, 2.0) or b"")
        assert answer[1:3] == [frames.ERROR, "bad_frame"]
        assert city.hosts["device-1"]._service.health()["counters"]["commands"] == before


def test_what_is_in_hand_and_what_was_seen_is_the_same_in_both_cities(ways: Ways) -> None:
    fast, long = (city.hosts["device-1"]._service for city in ways.cities)
    assert fast.intake.running == long.intake.running == 0
    for number in range(DEVICES):
        mine, other = fast.devices[f"box-{number}"], long.devices[f"box-{number}"]
        assert mine.done == other.done
        assert (mine._busy, mine.waiting, mine.parked) == (other._busy, other.waiting, other.parked)
    assert fast.ledger.unmarked == long.ledger.unmarked == 0
    counts = [cell.health()["counters"] for cell in (fast, long)]
    for name in ("commands", "bad_frames", "failures"):
        assert counts[0][name] == counts[1][name], name


def test_a_fault_of_ours_is_said_to_the_asker_whichever_way_it_was_met(ways: Ways) -> None:
    answers = []
    for city, caller in zip(ways.cities, ways.callers, strict=True):
        cell = city.hosts["device-1"]._service
        cell.devices["ghost"] = object()
        try:
            sent = frames.encode_command(frames.Command(
                bytes(16), "ada", "ghost", "nothing", "", None, "", 8, boot_ns() + 10**10, 0,
            ))  # fmt: skip
            answers.append(frames.unpack(caller.ask(sent, 5.0, 2.0) or b""))
        finally:
            del cell.devices["ghost"]
        assert "AttributeError" in cell.failures[-1]
    assert [answer[1:3] for answer in answers] == [[frames.ERROR, "internal"]] * 2


class Odd(Moody):
    """Makes something else of what the native path looks at."""

    kind = "odd"

    @property
    def _rank(self) -> int:  # type: ignore[override]
        return 16

    @_rank.setter
    def _rank(self, rank: int) -> None:
        del rank


def test_a_kind_that_makes_something_else_of_its_slots_goes_the_long_way(tmp_path: Path) -> None:
    path = tmp_path / "city.toml"
    path.write_text(CITY.replace(":Moody", ":Odd"))
    with LocalCity(path) as city:
        assert city.client().command("box-1", "nothing").status is Status.APPLIED
        assert city.hosts["device-1"]._service.server.channel.taker.taken == 0
