"""The example's bollard PLC keeps its own interlock, and counts every pulse that it gets."""

from __future__ import annotations

import struct

from field.bollard_plc import TRAVEL_S, BollardPlc
from field.bollard_traffic import Traffic
from hypothesis import given
from hypothesis import strategies as st

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.0, 60.0)),
        st.tuples(st.just("raise"), st.just(0.0)),
        st.tuples(st.just("raise"), st.just(0.0)),
        st.tuples(st.just("lower"), st.just(0.0)),
        st.tuples(st.sampled_from(["fault", "local", "hold", "release"]), st.just(0.0)),
    ),
    max_size=60,
)


def write_coil(coil: int) -> bytes:
    return struct.pack(">BHH", 5, coil, 0xFF00)


def inputs(plc: BollardPlc, now: float) -> tuple[bool, ...]:
    reply = plc.answer(1, struct.pack(">BHH", 2, 0, 5), now)
    return tuple(bool(reply[2] >> bit & 1) for bit in range(5))


@given(seed=st.integers(0, 1_000), steps=STEPS, up=st.booleans())
def test_it_never_goes_up_over_a_vehicle_and_counts_every_pulse(
    seed: int, steps: list[tuple[str, float]], up: bool
) -> None:
    plc = BollardPlc("p", traffic=Traffic(f"{seed}", now=0.0), up=up, now=0.0)
    now, raised, lowered = 0.0, 0, 0
    for what, seconds in steps:
        now += seconds
        occupied, is_up, is_down, _, _ = inputs(plc, now)
        assert not (is_up and is_down)
        height = plc._height
        told = plc.raised_after_telling
        if what == "raise":
            raised += 1
            plc.answer(1, write_coil(0), now)
            assert plc.raised_after_telling == told + occupied
        elif what == "lower":
            lowered += 1
            plc.answer(1, write_coil(1), now)
        elif what == "fault":
            plc.fault = not plc.fault
        elif what == "local":
            plc.local = not plc.local
        elif what == "hold":
            plc.hold_loop(True)
        elif what == "release":
            plc.hold_loop(None)
        if plc.occupied:
            plc.advance(now + 0.5)
            now += 0.5
            assert plc._height <= height or not plc.occupied
    assert (plc.raised, plc.lowered) == (raised, lowered)


def test_a_movement_takes_four_seconds_and_between_its_ends_no_limit_switch_is_on() -> None:
    plc = BollardPlc("p", traffic=Traffic("", now=0.0, quiet=True), up=False, now=0.0)
    assert inputs(plc, 0.0) == (False, False, True, False, False)
    plc.answer(1, write_coil(0), 0.0)
    assert inputs(plc, 0.1)[1:3] == (False, False)
    assert inputs(plc, TRAVEL_S - 0.1)[1:3] == (False, False)
    assert inputs(plc, TRAVEL_S + 0.1)[1:3] == (True, False)


def test_other_units_and_places_get_an_exception_and_move_nothing() -> None:
    plc = BollardPlc("p", traffic=Traffic("", now=0.0, quiet=True), up=False, now=0.0)
    assert plc.answer(2, write_coil(0), 0.0) == bytes((0x85, 10))
    assert plc.answer(1, write_coil(2), 0.0) == bytes((0x85, 2))
    assert plc.answer(1, struct.pack(">BHH", 2, 3, 3), 0.0) == bytes((0x82, 2))
    assert plc.answer(1, struct.pack(">BHH", 5, 0, 0), 0.0)[0] == 5, "0 is no pulse"
    assert plc.raised == 0
