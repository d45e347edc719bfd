"""A zone's state is what its records say, in one go or from a snapshot and the rest."""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.native import frames
from jacquemart.runtime.cell.carried import ended_body
from jacquemart.runtime.kernel.zone_state import VERSION, ZoneState
from jacquemart.runtime.model.errors import JournalCorrupt
from jacquemart.runtime.model.record import Record, RecordKind
from jacquemart.runtime.store.format import pack_body, unpack_body

IDS = st.sampled_from([bytes([n]) * 16 for n in range(8)])
WHO = st.sampled_from(["alice", "bob"])
DEVICES = st.sampled_from(["lamp-1", "lamp-2"])
POINTS = st.sampled_from(["", "setpoint", "mode"])
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False), st.text(max_size=4)
)
NS = st.integers(0, 40)
VERBS = st.sampled_from(["set", "hold", "release", "reserve", "lockout", "dim_for"])
STAGES = st.lists(NS, min_size=4, max_size=4)
STATUS = st.integers(0, 6)


def body(required: dict[str, Any], **optional: Any) -> Any:
    return st.fixed_dictionaries(required, optional={**optional, "of_a_later_version": VALUES})


IDENTITY = {"id": IDS, "principal": WHO}
BODIES = {
    RecordKind.OPENED: body(
        {}, epoch=NS, boot_id=st.sampled_from(["a", "b"]), boot_ns=NS, wall_ns=NS
    ),
    RecordKind.ACCEPTED: body(
        {**IDENTITY, "device": DEVICES, "verb": VERBS}, point=POINTS, value=VALUES,
        priority=st.integers(1, 16), deadline_ns=NS, deadline_wall_ns=NS, boot_ns=NS, why=WHO,
        until_wall_ns=NS, grace_ms=NS, unit=st.just("%"), number=st.floats(0, 9),
    ),
    RecordKind.ENDED: body(
        IDENTITY, status=STATUS, reason=st.sampled_from(["ok", "outranked"]), detail=WHO,
        value=st.none() | st.floats(allow_nan=False), stages=STAGES,
    ),
    RecordKind.RESOLVED: body(IDENTITY, status=STATUS, value=st.none() | st.floats(0, 9)),
    RecordKind.BULK_ACCEPTED: body(
        IDENTITY, zone=st.just("z"), kind=st.just("*"), device=st.just("*"), point=POINTS,
        value=VALUES, deadline_ns=NS,
    ),
    RecordKind.BULK_ENDED: body(
        IDENTITY, devices=st.lists(DEVICES, max_size=2), statuses=st.binary(max_size=2)
    ),
    RecordKind.LEFT: body({"devices": st.lists(DEVICES, max_size=2)}),
    RecordKind.CLAIM_ENDED: body(
        {"device": DEVICES}, point=POINTS, slot=st.integers(0, 16), owner=WHO, why=WHO, id=IDS
    ),
    RecordKind.EPOCH: body(
        {"shard": st.sampled_from(["z/0", "z/1"]), "epoch": NS}, holder=WHO, host=WHO
    ),
    RecordKind.STATE: body(
        {"device": DEVICES}, kind=WHO, state=st.dictionaries(WHO, VALUES, max_size=2)
    ),
    RecordKind.DEAD_LETTER: body({**IDENTITY, "device": DEVICES}, attempts=NS, reason=WHO),
    RecordKind.DEAD_LETTER_ENDED: body(IDENTITY, device=DEVICES, by=WHO, how=WHO),
    RecordKind.PARKED: body({"device": DEVICES}, parked=st.booleans(), why=WHO),
}  # fmt: skip
ANY = st.one_of(*(st.tuples(st.just(kind), bodies) for kind, bodies in BODIES.items()))
JOURNALS = st.lists(ANY, max_size=25).map(
    lambda rows: [Record(n, 1, 100 + n, kind, found) for n, (kind, found) in enumerate(rows, 1)]
)


def made_of(records: list[Record], state: ZoneState | None = None) -> ZoneState:
    state = state or ZoneState(kept=2)
    for record in records:
        state.apply(record)
    return state


@given(JOURNALS)
@settings(max_examples=60, deadline=None)
def test_what_is_packed_is_unpacked_again(records: list[Record]) -> None:
    state = made_of(records)
    packed = state.pack()
    again = ZoneState.unpack(packed, kept=2)
    assert again.pack() == packed
    assert again.claims == state.claims
    assert again.setpoints == state.setpoints
    assert again.epochs == state.epochs
    devices = ["lamp-1", "lamp-2", "lamp-3"]
    assert again.restore_of(devices) == state.restore_of(devices)


@given(JOURNALS, st.integers(0, 25))
@settings(max_examples=60, deadline=None)
def test_a_snapshot_and_the_rest_make_the_same_state_as_all_records(
    records: list[Record], cut: int
) -> None:
    whole = made_of(records)
    snapshot = made_of(records[:cut]).pack()
    assert made_of(records[cut:], ZoneState.unpack(snapshot, kept=2)).pack() == whole.pack()


@given(JOURNALS)
@settings(max_examples=15, deadline=None)
def test_what_a_later_version_adds_to_a_snapshot_is_left_out(records: list[Record]) -> None:
    packed = made_of(records).pack()
    values = msgpack.unpackb(packed, strict_map_key=False)
    later = msgpack.packb({**values, "of_a_later_version": [1, 2]})
    assert ZoneState.unpack(later, kept=2).pack() == packed


@given(JOURNALS, st.sets(st.sampled_from(
    ["commands", "ended", "bulks", "standing", "setpoints", "states", "parked", "epochs", "boot_id"]
)))  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_what_an_earlier_version_has_not_written_is_as_at_the_beginning(
    records: list[Record], missing: set[str]
) -> None:
    values = msgpack.unpackb(made_of(records).pack(), strict_map_key=False)
    kept = {name: value for name, value in values.items() if name not in missing}
    state = ZoneState.unpack(msgpack.packb(kept), kept=2)
    empty = ZoneState()
    if {"standing", "setpoints"} <= missing:
        assert (state.claims, state.setpoints) == (empty.claims, empty.setpoints)
    if "commands" in missing:
        assert state.unfinished() == []
    if "epochs" in missing:
        assert state.epochs == {}


def test_a_snapshot_that_cannot_be_read_is_no_empty_state() -> None:
    for bad in (b"\xc1", b"\x93", msgpack.packb([1]), msgpack.packb({"version": VERSION + 1})):
        with pytest.raises(JournalCorrupt):
            ZoneState.unpack(bad)


def test_boot_times_are_mapped_by_the_wall_clock_when_the_host_was_started_anew() -> None:
    second = 10**9
    who = {"id": bytes(16), "principal": "alice"}
    state = made_of([
        Record(1, 1, 0, RecordKind.OPENED,
               {"boot_id": "a", "boot_ns": 500 * second, "wall_ns": 1_000 * second}),
        Record(2, 1, 0, RecordKind.ACCEPTED,
               {**who, "device": "lamp-1", "verb": "set", "deadline_ns": 510 * second,
                "boot_ns": 501 * second}),
        Record(3, 2, 0, RecordKind.OPENED,
               {"boot_id": "b", "boot_ns": 5 * second, "wall_ns": 1_008 * second}),
    ])  # fmt: skip
    (found,) = state.unfinished()
    assert found["deadline_ns"] == 7 * second, "two seconds are left, on the new clock too"
    assert found["boot_ns"] == 0, "it was accepted before the new clock began"
    assert found["rebooted"]


@given(JOURNALS)
@settings(max_examples=60, deadline=None)
def test_of_a_device_that_left_nothing_stays_and_of_the_others_everything(
    records: list[Record],
) -> None:
    state, naive = made_of(records), made_of(records)
    last = len(records) + 1
    state.apply(Record(last, 1, 0, RecordKind.LEFT, {"devices": ["lamp-1"]}))
    assert state.devices() == naive.devices() - {"lamp-1"}
    assert state.restore_of(["lamp-1", "lamp-2"]) == naive.restore_of(["lamp-2"])
    assert not any(doubt["device"] == "lamp-1" for doubt in state.unresolved.values())
    assert not any(device == "lamp-1" for device, _ in state.standing.above)
    assert ZoneState.unpack(state.pack(), kept=2).devices() == state.devices()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        BODIES[RecordKind.ACCEPTED], max_size=5,
        unique_by=lambda made: (made["principal"], made["id"]),
    ),
    st.lists(
        st.tuples(
            st.integers(0, 4), STATUS, st.sampled_from(["ok", "outranked"]), st.text(max_size=5),
            st.none() | st.floats(allow_nan=False), STAGES,
        ),
        max_size=6,
    ),
)  # fmt: skip
def test_an_end_that_brings_its_outcome_makes_the_state_that_its_record_makes(
    accepted: list[dict[str, Any]], ends: list[tuple[Any, ...]]
) -> None:
    brought, read = ZoneState(), ZoneState()
    records = [(RecordKind.ACCEPTED, one) for one in accepted]
    for which, status, reason, detail, value, stages in ends:
        if which >= len(accepted):
            continue
        of = accepted[which]
        frame = frames.encode_outcome(
            frames.OutcomeFrame(
                of["id"], of["device"], of.get("point", ""), status, reason, detail, value, *stages
            )
        )
        made = ended_body((of["principal"], of["id"]), frame)
        assert made == unpack_body(pack_body(made)), "what it brings is not written"
        records.append((RecordKind.ENDED, made))
    for number, (kind, made) in enumerate(records, 1):
        brought.apply(Record(number, 1, 40, kind, made))
        read.apply(Record(number, 1, 40, kind, unpack_body(pack_body(made))))
    assert brought.pack() == read.pack()
