"""Nobody can tell a command that a gateway has relayed from one that it has carried.

Two gateways get the same frames, answers, directories and changes, in virtual time. One has no
relay. Whatever they send to clients and to cells is the same, in the same order.
"""

from __future__ import annotations

from typing import Any

import pytest
from hand_wired_drive import HandWiredDrive, broken_message
from hand_wired_gateway import DEVICES, MS, HandWiredGateway, Sent
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.native.bundle import Packer
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.wire import messages

HOUR_MS = 3_600_000
REASONS = sorted(value for name, value in vars(Reason).items() if name.isupper())
HOMES = {"north/0": "device-1", "south/0": "device-2", "north": "zone-0", "south": "zone-0"}
EPOCHS = {"device-1": 3, "device-2": 4, "zone-0": 5, "far-device": 6, "far-zone": 7}


def plain(device: str = "cam-1", verb: str = "look", **other: Any) -> dict[str, Any]:
    """Return a command that nothing stands in the way of."""
    return {
        "peer": b"ann", "token": b"t1", "id": 1, "principal": "", "device": device, "verb": verb,
        "point": "", "value": 1.0, "within_ms": 5_000, "epoch": 0, "marked": False, "broken": "",
        **other,
    }  # fmt: skip


ODDITIES = {
    "peer": [b"bob"],
    "token": [b"", b"x" * 64, b"x" * 65],
    "id": [2],
    "principal": ["ada", "é"],
    "device": ["cam-2", "lamp-1", "nobody"],
    "verb": ["dance", "set"],
    "point": ["pan", "zoom"],
    "value": [None, 3, -3, True, "word"],
    "within_ms": [50, 0, -1, -HOUR_MS, 24 * HOUR_MS, 24 * HOUR_MS + 1],
    "epoch": [9],
    "marked": [True],
    "broken": ["cut", "longer", "wide", "kind", "parts"],
}
ODDITY = st.sampled_from([{}, *({name: odd} for name in ODDITIES for odd in ODDITIES[name])])
PLAIN = st.sampled_from([
    plain(), plain(), plain(verb="set", point="pan"), plain(verb="set", point="zoom"),
    plain("cam-2"), plain("lamp-1", "set", point="level"),
])  # fmt: skip
COMMANDS = st.tuples(
    st.just("come"),
    st.lists(
        st.one_of(PLAIN, st.builds(lambda one, odd: {**one, **odd}, PLAIN, ODDITY)),
        min_size=1, max_size=3,
    ),
)  # fmt: skip
ENDS = st.one_of(
    st.sampled_from([(Status.APPLIED, Reason.OK), (77, Reason.MOVED)]),
    st.tuples(
        st.just(Status.REJECTED),
        st.sampled_from([Reason.MOVED, Reason.MOVED, Reason.CLOCK, Reason.JOURNAL]),
    ),
    st.tuples(st.sampled_from(Status), st.sampled_from(REASONS)),
)
ANSWERS = st.tuples(
    st.just("answer"),
    st.integers(0, 3),
    ENDS,
    st.sampled_from(["", "", "", "", "cut", "error", "reply", "twice", "moved in a text"]),
)
STEPS = st.one_of(
    COMMANDS,
    COMMANDS,
    ANSWERS,
    ANSWERS,
    st.tuples(st.just("pass"), st.sampled_from([1, 30, 2_000, 9_000, 20_000])),
    st.tuples(st.just("room"), st.sampled_from(sorted(EPOCHS)), st.booleans()),
    st.tuples(st.just("gone"), st.sampled_from([b"ann", b"bob"]), st.booleans()),
    st.tuples(
        st.just("find"),
        st.dictionaries(
            st.sampled_from(sorted(HOMES)),
            st.sampled_from(["device-1", "device-2", "zone-0", "far-device", "far-zone", "lost"]),
            max_size=2,
        ),
        st.sampled_from(["", "device-1", "device-2", "zone-0"]),
    ),
    st.tuples(
        st.just("change"),
        st.frozensets(st.sampled_from(["cam-1", "cam-2", "lamp-1"]), min_size=1),
        st.sampled_from([("look",), (), ("look", "dance"), ("set",)]),
    ),
    st.tuples(st.just("stop"), st.sampled_from([0.1, 4.0])),
)


class Drive(HandWiredDrive):
    """Does the same to one gateway as to the other."""

    def __init__(self, *, relays: bool) -> None:
        self.gateway = HandWiredGateway(relays=relays)
        super().__init__(self.gateway, HOMES, EPOCHS, message_of, answer_of)

    def do_change(self, devices: frozenset[str], volatile: tuple[str, ...]) -> None:
        self.gateway.change(devices, volatile)

    def do_stop(self, grace_s: float) -> None:
        self.gateway.stop(grace_s)

    def told(self) -> Any:
        """Return all that anybody could see of it; a token of its own shows nothing."""
        service = self.gateway.service
        return (
            self.gateway.clients.out,
            [(sent.cell, sent.frame) for sent in self.gateway.to_cells()],
            {**service.counted(), **service.refusals()},
            service._in_hand + self.gateway.relay.in_hand,
            service.calls_waiting,
            len(service.waiting),
            list(service.failures),
            self.gateway.process.raised,
        )


def message_of(one: dict[str, Any], now: int) -> tuple[bytes, ...]:
    """Return a message of a client, with whatever is wrong with it."""
    deadline = max(0, now + one["within_ms"] * MS)
    made = frames.Command(
        bytes([one["id"]]) * 16, one["principal"], one["device"], one["verb"], one["point"],
        one["value"], "", 8, deadline, one["epoch"], now if one["marked"] else 0,
    )  # fmt: skip
    frame = frames.encode_command(made)
    return broken_message(one["peer"], one["token"], frame, one["broken"])


def answer_of(sent: Sent, status: int, reason: str, how: str) -> bytes:
    """Return what a cell answers, with whatever is wrong with it."""
    if how == "error":
        return messages.error("usage", "moved or clock", "moved")
    if how == "reply":
        return messages.reply({"moved": "clock"})
    command = frames.decode_command(sent.frame)
    detail = "moved by the clock" if how == "moved in a text" else ""
    frame = frames.encode_outcome(frames.OutcomeFrame(
        command.id, command.device, command.point, status, reason, detail, 2.0, 1, 2, 3, 4,
    ))  # fmt: skip
    return frame[:-1] if how == "cut" else frame


def both_do(steps: list[Any]) -> Drive:
    """Have two gateways do the same; return the one that relays."""
    short, long = Drive(relays=True), Drive(relays=False)
    for step in [*steps, ("pass", 40_000)]:
        short.do(step)
        long.do(step)
        assert short.told() == long.told(), step
    assert long.gateway.relay.taken == 0
    assert not short.gateway.process.raised
    return short


@settings(max_examples=250)
@given(st.lists(STEPS, min_size=1, max_size=12))
def test_two_gateways_say_the_same_whichever_way_their_commands_go(steps: list[Any]) -> None:
    both_do(steps)


MOVED, CLOCK, JOURNAL, APPLIED = (
    ("answer", 0, (Status.REJECTED, Reason.MOVED), ""),
    ("answer", 0, (Status.REJECTED, Reason.CLOCK), ""),
    ("answer", 0, (Status.REJECTED, Reason.JOURNAL), ""),
    ("answer", 0, (Status.APPLIED, Reason.OK), ""),
)
LAMP = plain("lamp-1", "set", point="level")


def come(*wanted: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return the step of these coming together."""
    return "come", list(wanted)


def test_what_comes_together_leaves_together_but_for_the_first() -> None:
    gateway = both_do([come(*(plain(id=n) for n in range(1, 8)), plain("cam-2", id=8))]).gateway
    assert [len(inside) for inside in gateway.bundles()] == [6]
    assert gateway.relay.taken == 8


def test_what_is_held_for_others_and_finds_no_room_goes_the_long_way() -> None:
    drive = Drive(relays=True)
    gateway = drive.gateway

    def hand() -> None:
        gateway.clients.hand([message_of(plain(id=n), gateway.clock.now_ns) for n in (1, 2, 3)])
        drive.do_room("device-1", has_room=False)

    gateway.process.inside(hand)
    drive.do_pass(0)
    assert [frames.decode_command(sent.frame).id[0] for sent in gateway.to_cells()] == [1]
    assert (gateway.relay.taken, gateway.relay.in_hand) == (1, 1)
    drive.do_room("device-1", has_room=True)
    drive.do_pass(100)
    assert sorted(frames.decode_command(sent.frame).id[0] for sent in gateway.to_cells()) == [
        1, 2, 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("taken", "steps"),
    [
        # Sent back: it waits, and what comes later waits behind it, but for another place.
        (2, [come(plain(id=1)), MOVED, come(plain(id=2), plain("cam-2", id=3)), ("pass", 30)]),
        (1, [come(LAMP), MOVED, come({**LAMP, "id": 2}), ("pass", 30), APPLIED, APPLIED]),
        (1, [come(plain()), CLOCK, come(plain(id=2)), ("pass", 500), APPLIED]),
        (1, [come(LAMP), CLOCK]),
        (1, [come(LAMP), JOURNAL]),
        # No answer: a volatile one has no end that anybody knows, a journalled one asks again.
        (2, [come(plain(within_ms=50), {**LAMP, "within_ms": 50}), ("pass", 20_000)]),
        (1, [come(LAMP), ("find", {}, "zone-0"), ("pass", 30), APPLIED]),
        (1, [come(plain()), ("find", {}, "device-1"), ("pass", 30), APPLIED]),
        # Its place has moved, while the cell of before is there still; or it is on another host.
        (2, [come(plain()), ("find", {"north/0": "device-2"}, ""), come(plain(id=2))]),
        (1, [come(plain()), ("find", {"north/0": "lost"}, ""), come(plain(id=2))]),
        (0, [("find", {"north/0": "far-device"}, ""), come(plain()), ("pass", 3_000)]),
        # What was volatile is journalled now, and a device is gone.
        (2, [come(plain()), ("change", frozenset(DEVICES), ()), come(plain(id=2))]),
        (1, [come(plain()), ("change", frozenset({"cam-2"}), ("look",)), come(plain()), APPLIED]),
        # Too late, and marked: nobody may be told that nothing was done.
        (0, [come(plain(within_ms=0)), MOVED]),
        (0, [come(plain(within_ms=-1)), JOURNAL]),
        (0, [come(plain(marked=True)), JOURNAL]),
        # No room there; its client is gone; the gateway stops with it in hand.
        (0, [("room", "device-1", False), come(plain()), ("room", "device-1", True), ("pass", 30)]),
        (1, [come(plain()), ("gone", b"ann", True), APPLIED]),
        (1, [come(plain()), ("stop", 4.0), ("pass", 2_000), APPLIED, ("pass", 1), come(plain())]),
        (1, [come(LAMP), ("stop", 0.1), ("pass", 2_000), APPLIED]),
    ],
    ids=lambda one: "-".join(step[0] for step in one) if isinstance(one, list) else str(one),
)  # fmt: skip
def test_what_is_no_end_is_gone_on_with_as_on_the_long_way(taken: int, steps: list[Any]) -> None:
    assert both_do(steps).gateway.relay.taken == taken


def test_a_plain_command_goes_the_short_way_and_so_does_its_outcome() -> None:
    drive = Drive(relays=True)
    gateway = drive.gateway
    drive.do_come([plain(), plain("lamp-1", "set", point="level", principal="ada")])
    volatile, journalled = gateway.to_cells()[0], gateway.to_cells()[1]
    assert (volatile.cell, journalled.cell) == ("device-1@3", "zone-0@5")
    for sent, principal, epoch in ((volatile, "anonymous", 3), (journalled, "ada", 5)):
        command = frames.decode_command(sent.frame)
        assert (command.principal, command.epoch) == (principal, epoch)
        gateway.answer(sent, b"whatever its cell says")
    assert gateway.clients.out == [(b"ann", b"t1", b"whatever its cell says")] * 2
    assert (gateway.relay.taken, gateway.relay.in_hand) == (2, 0)
    assert gateway.service.counters["commands"] == 0, "no Python has seen them"


@pytest.mark.parametrize(
    "strange",
    [
        {"marked": True}, {"within_ms": -1}, {"within_ms": 24 * HOUR_MS + 1}, {"broken": "wide"},
        {"device": "nobody"}, {"broken": "cut"}, {"token": b"x" * 65},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_is_not_plain_is_left_alone(strange: dict[str, Any]) -> None:
    drive = Drive(relays=True)
    drive.do_come([plain(**strange)])
    assert drive.gateway.relay.taken == 0


def test_a_gateway_that_stops_waits_for_what_it_has_relayed() -> None:
    drive = Drive(relays=True)
    gateway = drive.gateway
    drive.do_come([plain(within_ms=20_000)])
    drive.do_stop(10.0)
    gateway.pass_ms(2_000)
    assert not gateway.service.stopping
    drive.do_answer(0, (Status.APPLIED, Reason.OK), "")
    gateway.pass_ms(1)
    assert gateway.service.stopping
    assert len(gateway.clients.out) == 1
    drive.do_come([plain()])
    assert gateway.relay.taken == 1, "its successor has to have it"


def test_a_fault_of_ours_is_said_to_the_asker() -> None:
    drive = Drive(relays=True)
    drive.gateway.relay.homes = {"cam-1": "no home"}
    drive.do_come([plain()])
    peer, token, frame = drive.gateway.clients.out[0]
    assert (peer, token) == (b"ann", b"t1")
    assert frames.unpack(frame)[1:3] == [frames.ERROR, "internal"]
    assert "TypeError" in drive.gateway.service.failures[-1]


def test_what_comes_to_a_gateway_in_a_bundle_is_relayed_natively_too() -> None:
    drive = Drive(relays=True)
    gateway, packer = drive.gateway, Packer()
    for n in (1, 2, 3):
        packer.put(b"%d" % n, message_of(plain(id=n), gateway.clock.now_ns)[2])
    whole = (b"ann", b"all", packer.take())
    gateway.process.inside(lambda: gateway.clients.hand([whole]))
    drive.do_pass(1)
    assert gateway.relay.taken == 3
    assert gateway.clients.out == [(b"ann", b"all", Packer().take())]
    assert [frames.decode_command(sent.frame).id[0] for sent in gateway.to_cells()] == [1, 2, 3]
