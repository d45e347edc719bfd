"""Nobody can tell a journalled command that the native desk has carried from any other.

Two zone cells get the same commands, claims, answers, directories and faults of their journals, in
virtual time. One takes nothing natively. Whatever they say to who asks and to cells, and what
their journals and books have in the end, is the same.
"""

from __future__ import annotations

from typing import Any

import pytest
from hand_wired_drive import HandWiredDrive, broken_message
from hand_wired_gateway import MS, Sent
from hand_wired_zone import EPOCH, HandWiredZone
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.native.bundle import Packer, bundled, unbundled
from jacquemart.runtime.cell.plain_journalled import holds
from jacquemart.runtime.kernel.command_window import CommandWindow
from jacquemart.runtime.model.claim import NEVER_PREEMPTED
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing.planted import PLANTED
from jacquemart.runtime.wire import messages

REASONS = sorted(value for name, value in vars(Reason).items() if name.isupper())
HOMES = {"north/0": "device-1", "south/0": "device-2"}
EPOCHS = {"device-1": 3, "device-2": 4, "far-device": 6}


def plain(device: str = "lamp-1", **other: Any) -> dict[str, Any]:
    """Return a command that nothing stands in the way of."""
    return {
        "peer": b"ann", "token": b"t1", "id": 1, "principal": "ann", "device": device,
        "verb": "set", "point": "level", "value": 1.5, "priority": 8, "within_ms": 5_000,
        "epoch": EPOCH, "marked": False, "broken": "", **other,
    }  # fmt: skip


ODDITIES = {
    "peer": [b"bob"],
    "token": [b"", b"x" * 64, b"x" * 65],
    "id": [2, 3],
    "principal": ["", "é"],
    "device": ["lamp-2", "lamp-3", "nobody"],
    "verb": ["dance", "hold", "release", "lockout"],
    "point": ["", "other"],
    "value": [None, 3, -3, True, "word", float("nan"), 2**64 - 1],
    "priority": [1, 2, 16],
    "within_ms": [1, 50, 0, -1],
    "epoch": [0, 9],
    "marked": [True],
    "broken": ["cut", "longer", "wide", "kind", "parts", "far"],
}
ODDITY = st.sampled_from([{}, *({name: odd} for name in ODDITIES for odd in ODDITIES[name])])
PLAIN = st.builds(
    plain, st.sampled_from(["lamp-1", "lamp-1", "lamp-2", "lamp-3"]), id=st.integers(1, 3)
)
COMMANDS = st.tuples(
    st.just("come"),
    st.lists(
        st.one_of(PLAIN, st.builds(lambda one, odd: {**one, **odd}, PLAIN, ODDITY)),
        min_size=1, max_size=3,
    ),
)  # fmt: skip
BUNDLES = st.tuples(
    st.just("come_in_a_bundle"),
    st.lists(
        st.one_of(PLAIN, PLAIN, st.builds(lambda one, odd: {**one, **odd}, PLAIN, ODDITY)),
        max_size=5,
    ),
    st.sampled_from(["", "", "", "cut", "asks", "a bundle"]),
)  # fmt: skip
ENDS = st.one_of(
    st.just((Status.APPLIED, Reason.OK)),
    st.just((Status.APPLIED, Reason.OK)),
    st.tuples(
        st.just(Status.REJECTED),
        st.sampled_from([Reason.MOVED, Reason.STOPPING, Reason.CLOCK, Reason.BUSY]),
    ),
    st.tuples(st.sampled_from(Status), st.sampled_from(REASONS)),
)
ANSWERS = st.tuples(
    st.just("answer"), st.integers(0, 3), ENDS,
    st.sampled_from(["", "", "", "", "cut", "error", "reply", "twice", "a cell stops"]),
)  # fmt: skip
STEPS = st.one_of(
    COMMANDS,
    BUNDLES,
    ANSWERS,
    ANSWERS,
    st.tuples(st.just("pass"), st.sampled_from([1, 1, 10, 30, 300, 6_000])),
    st.tuples(st.just("room"), st.sampled_from(sorted(EPOCHS)), st.booleans()),
    st.tuples(st.just("gone"), st.sampled_from([b"ann", b"bob"]), st.booleans()),
    st.tuples(st.just("full"), st.sampled_from(["north", "south"]), st.booleans()),
    st.tuples(
        st.just("find"),
        st.dictionaries(
            st.sampled_from(sorted(HOMES)),
            st.sampled_from(["device-1", "device-2", "far-device", "lost"]),
            max_size=2,
        ),
        st.sampled_from(["", "device-1", "device-2"]),
    ),
    st.tuples(
        st.just("ask"), st.sampled_from(["cancel", "outcome", "claims"]), st.integers(1, 3),
        st.sampled_from(["accepted", "ended"]),
    ),
)  # fmt: skip


class Drive(HandWiredDrive):
    """Does the same to one zone cell as to the other."""

    def __init__(self, *, takes: bool) -> None:
        self.zone = HandWiredZone(plain=takes)
        super().__init__(self.zone, HOMES, EPOCHS, message_of, answer_of)

    def do_come_in_a_bundle(self, wanted: list[dict[str, Any]], more: str) -> None:
        now = self.zone.clock.now_ns
        self.zone.come((b"ann", b"all", bundle_of(wanted, now, more)))

    def do_full(self, zone: str, full: bool) -> None:
        self.zone.refuse(zone, full=full)

    def do_ask(self, verb: str, id: int, stage: str) -> None:
        about: dict[str, Any] = {"principal": "ann", "id": bytes([id]) * 16}
        if verb == "outcome":
            about |= {"device": "lamp-1", "stage": stage, "wait_ms": 1_000}
        elif verb == "claims":
            about = {}
        self.zone.come((b"ann", b"asks", messages.query(verb, **about)))

    def told(self) -> Any:
        """Return all that anybody could see of it; a token of its own shows nothing."""
        service = self.zone.service
        books = service.authority.books
        desks = service.desk.desks
        return (
            self.zone.clients.out,
            [(sent.cell, sent.frame) for sent in self.zone.to_cells()],
            {**service.counted(), **service.refusals()},
            {zone: repr(book.journal.records) for zone, book in books.items()},
            {zone: book.state.pack() for zone, book in books.items()},
            {
                zone: [
                    (entry.key, entry.state, entry.frame, entry.number, entry.losses,
                     entry.stands_by_end, len(entry.waiters), entry.size, entry.deadline_ns)
                    for entry in desk.admissions.live.values()
                ]
                for zone, desk in desks.items()
            },
            {
                zone: (desk.admissions.bytes, desk.admissions.each_ms, desk.admissions.ended_at,
                       desk.admissions.ends, desk.admissions._per_s)
                for zone, desk in desks.items()
            },
            service.desk.refusals,
            service.desk.dispatcher.waiting,
            service.calls_waiting,
            list(service.failures),
            self.zone.process.raised,
        )  # fmt: skip


def message_of(one: dict[str, Any], now: int) -> tuple[bytes, ...]:
    """Return a message of a client, with whatever is wrong with it."""
    deadline, broken = max(0, now + one["within_ms"] * MS), one["broken"]
    if broken == "far":
        deadline = 2**64 - 1
    about = (
        bytes([one["id"]]) * 16, one["principal"], one["device"], one["verb"], one["point"],
        one["value"], "", one["priority"], deadline, one["epoch"],
    )  # fmt: skip
    if one["verb"] in ("hold", "release", "lockout") and not isinstance(one["value"], str):
        frame = messages.encode_claim(messages.ClaimCommand(*about, 0, NEVER_PREEMPTED, "why"))
    else:
        made = frames.Command(*about, now if one["marked"] else 0)
        frame = frames.encode_command(made)
    return broken_message(one["peer"], one["token"], frame, broken)


def bundle_of(wanted: list[dict[str, Any]], now: int, more: str = "") -> bytes:
    """Return them as the bundle of one peer, with the numbers of their places for tokens."""
    packer = Packer()
    for place, one in enumerate(wanted):
        whole = {**one, "broken": "cut" if one["broken"] == "parts" else one["broken"]}
        packer.put(b"%d" % place, message_of(whole, now)[2])
    if more == "asks":  # what is answered at once
        packer.put(b"asks", messages.query("claims"))
    elif more == "a bundle":
        packer.put(b"deeper", bundle_of(wanted, now))
    frame = packer.take()
    return frame[:-1] if more == "cut" else frame


def answer_of(sent: Sent, status: int, reason: str, how: str) -> bytes:
    """Return what a cell answers, with whatever is wrong with it."""
    if how == "error":
        return messages.error("usage", "moved or clock", "moved")
    if how == "reply":
        return messages.reply({"moved": "clock"})
    items = frames.unpack(sent.frame)
    detail = "the cell stops" if how == "a cell stops" else ""
    frame = frames.encode_outcome(frames.OutcomeFrame(
        items[2], items[4], items[6], status, reason, detail, 2.0, 1, 2, 3, 4,
    ))  # fmt: skip
    return frame[:-1] if how == "cut" else frame


def both_do(steps: list[Any]) -> Drive:
    """Have two zone cells do the same; return the one that takes commands natively."""
    short, long = Drive(takes=True), Drive(takes=False)
    for step in [*steps, ("pass", 1), ("full", "north", False), ("pass", 20_000)]:
        short.do(step)
        long.do(step)
        assert short.told() == long.told(), step
    assert long.zone.service.plain.taken == 0
    assert not short.zone.process.raised
    return short


@settings(max_examples=80)
@given(st.lists(STEPS, min_size=1, max_size=10))
def test_two_zones_say_and_write_the_same_whichever_way_their_commands_go(
    steps: list[Any],
) -> None:
    both_do(steps)


APPLIED, MOVED, CLOCK, BUSY, UNKNOWN, SUPERSEDED = (
    ("answer", 0, end, "")
    for end in (
        (Status.APPLIED, Reason.OK), (Status.REJECTED, Reason.MOVED),
        (Status.REJECTED, Reason.CLOCK), (Status.REJECTED, Reason.BUSY),
        (Status.INDETERMINATE, Reason.CELL_LOST), (Status.SUPERSEDED, Reason.NEWER),
    )
)  # fmt: skip
SOON = ("pass", 1)


def come(*wanted: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return the step of these coming together."""
    return "come", list(wanted)


@pytest.mark.parametrize(
    ("taken", "steps"),
    [
        (3, [come(plain(), plain("lamp-3", id=2)), SOON, APPLIED, APPLIED, come(plain(id=3)),
             SOON]),
        # The same again: while it is written, while it runs, and when it has its end.
        (1, [come(plain(), plain()), SOON, come(plain()), SOON, APPLIED, come(plain())]),
        (1, [come(plain()), SOON, APPLIED, ("pass", 30), come(plain(), plain(value=9.0))]),
        # It is sent back, and waits; what comes later for its device, and others, wait behind it.
        (3, [come(plain()), SOON, MOVED, come(plain(id=2), plain("lamp-2", id=3)), ("pass", 30)]),
        (1, [come(plain()), SOON, CLOCK, ("pass", 30)]),
        (1, [come(plain()), SOON, BUSY, ("pass", 30)]),
        (1, [come(plain()), SOON, SUPERSEDED, ("pass", 2)]),
        # Nobody finds out: what it has set is not what the point shall be.
        (2, [come(plain()), SOON, APPLIED, come(plain(id=2, value=9)), SOON, UNKNOWN,
             ("pass", 30)]),
        # Late on the way to the disk, and with its cell.
        (1, [come(plain(within_ms=1)), ("pass", 1), ("pass", 6_000)]),
        (1, [come(plain(within_ms=50)), SOON, ("pass", 6_000), APPLIED]),
        # Its cell is lost with it, has another epoch, has no room, or is on another host.
        (1, [come(plain()), SOON, ("find", {"north/0": "lost"}, ""), ("pass", 30)]),
        (2, [come(plain()), SOON, ("find", {}, "device-1"), ("pass", 30), come(plain(id=2)), SOON]),
        (1, [("room", "device-1", False), come(plain()), SOON, ("room", "device-1", True), SOON]),
        (1, [("find", {"north/0": "far-device"}, ""), come(plain()), ("pass", 3_000)]),
        # The journal refuses it, or its end.
        (0, [("full", "north", True), come(plain()), SOON]),
        (2, [come(plain()), SOON, ("full", "north", True), APPLIED, ("pass", 600),
             ("full", "north", False), come(plain(id=2)), ("pass", 600), APPLIED, ("pass", 30)]),
        # It is taken back before it is on disk, while it runs, and too late.
        (1, [come(plain()), ("ask", "cancel", 1, ""), ("pass", 30)]),
        (1, [come(plain()), SOON, ("ask", "cancel", 1, ""), SOON, APPLIED, ("pass", 30)]),
        (1, [come(plain()), ("ask", "outcome", 1, "accepted"), SOON,
             ("ask", "outcome", 1, "ended"), APPLIED, SOON]),
        # A claim on its device.
        (1, [come(plain(verb="hold", id=2)), SOON, APPLIED, SOON, come(plain()), SOON, APPLIED,
             ("pass", 30)]),
    ],
    ids=lambda one: "-".join(step[0] for step in one) if isinstance(one, list) else str(one),
)  # fmt: skip
def test_what_is_not_plain_any_more_goes_on_the_long_way(taken: int, steps: list[Any]) -> None:
    assert both_do(steps).zone.service.plain.taken == taken


def together(*wanted: dict[str, Any]) -> tuple[Any, ...]:
    """Return the step of these coming in one message."""
    return "come_in_a_bundle", list(wanted), ""


def test_what_comes_in_a_bundle_is_taken_natively_too() -> None:
    steps: list[Any] = [
        together(*(plain(f"lamp-{id}", id=id) for id in (1, 2, 3)), plain(id=4, marked=True)),
        SOON,
        *[APPLIED] * 4,
        ("pass", 30),
    ]
    drive = both_do(steps)
    zone = drive.zone
    assert zone.service.plain.taken == 3, "all but the repeat"
    (_, whole, bundle), *ends = zone.clients.out
    assert (whole, unbundled(bundle)) == (b"all", []), "no end was there at once"
    assert sorted((token, frames.unpack(frame)[5]) for _, token, frame in ends) == [
        (b"%d" % place, Status.APPLIED) for place in range(4)
    ]


def test_answers_to_a_bundle_that_come_at_once_come_in_one() -> None:
    before: list[Any] = [together(plain()), SOON, APPLIED, ("pass", 30)]
    odd = [plain(), plain("nobody", id=2), plain(id=3), plain(within_ms=0, id=5)]
    zone = both_do([*before, together(*odd), SOON, APPLIED]).zone
    assert zone.service.plain.taken == 2
    (bundle,) = [frame for _, _, frame in zone.clients.out[2:] if bundled(frame)]
    answers = {token: frames.unpack(frame)[5:7] for token, frame in unbundled(bundle)}
    assert answers == {
        b"0": [Status.APPLIED, "ok"],  # known already
        b"1": [Status.REJECTED, "unknown_device"],
        b"3": [Status.EXPIRED, "deadline"],
    }
    assert [token for _, token, frame in zone.clients.out[2:] if not bundled(frame)] == [b"2"]


@settings(max_examples=40)
@given(st.lists(PLAIN, max_size=5), st.lists(STEPS, max_size=4))
def test_commands_in_a_bundle_end_as_they_would_alone(
    wanted: list[dict[str, Any]], before: list[Any]
) -> None:
    alone, bundle = Drive(takes=True), Drive(takes=True)
    for step in before:
        alone.do(step)
        bundle.do(step)
    told = [len(drive.zone.clients.out) for drive in (alone, bundle)]
    alone.do_come([{**one, "token": b"%d" % place} for place, one in enumerate(wanted)])
    bundle.do_come_in_a_bundle(wanted, "")
    for drive in (alone, bundle):
        for step in (SOON, *[APPLIED] * 5, ("pass", 20_000)):
            drive.do(step)
    each, one = (
        sorted(
            answer for peer, token, frame in drive.zone.clients.out[count:]
            for answer in (
                [(peer, *inside) for inside in unbundled(frame)]
                if bundled(frame) else [(peer, token, frame)]
            )
        )
        for drive, count in zip((alone, bundle), told, strict=True)
    )  # fmt: skip
    assert each == one
    assert alone.zone.service.plain.taken == bundle.zone.service.plain.taken
    seen = [list(drive.told())[1:] for drive in (alone, bundle)]
    for one_saw in seen:
        del one_saw[1]["replies_dropped"]  # of one who is gone: a bundle is one more
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "strange",
    [
        {"marked": True}, {"within_ms": 0}, {"broken": "wide"}, {"broken": "cut"},
        {"broken": "far"}, {"device": "nobody"}, {"token": b"x" * 65}, {"value": "word"},
        {"verb": "hold"}, {"epoch": 9},
    ],
    ids=str,
)  # fmt: skip
def test_whatever_is_not_plain_is_left_alone(strange: dict[str, Any]) -> None:
    drive = Drive(takes=True)
    drive.do_come([plain(**strange)])
    assert drive.zone.service.plain.taken == 0


def test_a_fault_of_ours_is_said_to_the_asker() -> None:
    drive = Drive(takes=True)
    drive.zone.service.plain.homes = {"lamp-1": 7}
    drive.do_come([plain()])
    peer, token, frame = drive.zone.clients.out[0]
    assert (peer, token) == (b"ann", b"t1")
    assert frames.unpack(frame)[1:3] == [frames.ERROR, "internal"]
    assert "TypeError" in drive.zone.service.failures[-1]


@pytest.mark.parametrize("name", ["ends_are_not_written", "a_zone_forgets_what_has_ended"])
def test_it_does_nothing_natively_where_the_kernels_say_something_else(name: str) -> None:
    assert holds()
    with PLANTED[name]():
        assert not holds()
        drive = Drive(takes=True)
        drive.do_come([plain()])
        assert drive.zone.service.plain.taken == 0
    assert holds()


def test_a_window_that_is_full_forgets_natively_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = CommandWindow.__init__
    monkeypatch.setattr(CommandWindow, "__init__", lambda self, kept=0: made(self, 1))
    steps: list[Any] = []
    for id in (1, 2, 3):
        steps += [come(plain(id=id, within_ms=50)), SOON, APPLIED, ("pass", 4_000)]
    drive = both_do(steps)
    state = drive.zone.service.authority.books["north"].state
    assert len(state.commands.ended) < 3
    assert state.commands.low_water_ns > 0
