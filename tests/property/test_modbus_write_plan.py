"""Block writes against a naive unit that applies them one by one."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from modbus_points import address

from jacquemart.drivers.modbus.writeplan import RawWrite, WriteBlock, halves, plan_writes, raw_write

Memory = dict[tuple[int, str, int], int]


@st.composite
def some_writes(draw: st.DrawFn, limit: int = 40) -> list[RawWrite]:
    writes = []
    for position in range(draw(st.integers(1, limit))):
        unit = draw(st.integers(1, 2))
        start = draw(st.integers(0, 60))
        pulse = draw(st.integers(0, 9)) == 0
        if draw(st.booleans()):
            place = address("coil", start, unit=unit, pulse=pulse)
            writes.append(raw_write(position, place, float(draw(st.integers(0, 1)))))
        else:
            name = draw(st.sampled_from(["u16", "u32"]))
            place = address("holding", start, unit=unit, format=name, pulse=pulse)
            writes.append(raw_write(position, place, float(draw(st.integers(0, 65535)))))
    return writes


def apply_naively(writes: list[RawWrite]) -> Memory:
    memory: Memory = {}
    for write in writes:
        place = write.address
        if place.table == "coil":
            memory[place.unit, "coil", place.address] = write.raw[0]
        else:
            for at, word in enumerate(struct.unpack(f">{place.count}H", write.raw)):
                memory[place.unit, "holding", place.address + at] = word
    return memory


def apply_request(unit: int, pdu: bytes, memory: Memory) -> int:
    """Do what a unit does with a write request; return how many places it set."""
    function, start, third = struct.unpack(">BHH", pdu[:5])
    if function == 5:
        assert third in (0, 0xFF00)
        memory[unit, "coil", start] = int(third == 0xFF00)
        return 1
    if function == 6:
        memory[unit, "holding", start] = third
        return 1
    assert pdu[5] == len(pdu) - 6
    if function == 15:
        assert 1 <= third <= 1968
        assert pdu[5] == (third + 7) // 8
        for at in range(third):
            memory[unit, "coil", start + at] = pdu[6 + at // 8] >> at % 8 & 1
    else:
        assert function == 16
        assert 1 <= third <= 123
        assert pdu[5] == 2 * third
        for at, word in enumerate(struct.unpack(f">{third}H", pdu[6:])):
            memory[unit, "holding", start + at] = word
    return third


def run(blocks: list[WriteBlock]) -> Memory:
    memory: Memory = {}
    for block in blocks:
        places = sum(write.address.count for write in block.writes)
        assert apply_request(block.unit, block.request, memory) == places
    return memory


@given(some_writes(), st.booleans())
def test_requests_leave_what_the_writes_one_by_one_would_leave(
    writes: list[RawWrite], multiple: bool
) -> None:
    blocks = plan_writes(writes, multiple=multiple)
    sent = sorted(write.position for block in blocks for write in block.writes)
    assert sent == list(range(len(writes)))
    assert run(blocks) == apply_naively(writes)


@given(some_writes())
def test_a_pulse_and_a_value_that_may_not_share_are_alone(writes: list[RawWrite]) -> None:
    for block in plan_writes(writes):
        if any(write.address.pulse for write in block.writes):
            assert len(block.writes) == 1
    for block in plan_writes(writes, multiple=False):
        assert len(block.writes) == 1


@given(some_writes(), st.sets(st.tuples(st.integers(1, 2), st.sampled_from([5, 6, 15, 16]))))
def test_functions_that_a_unit_lacks_are_left_out_where_another_does(
    writes: list[RawWrite], lacking: set[tuple[int, int]]
) -> None:
    blocks = plan_writes(writes, lacking=lacking)
    assert run(blocks) == apply_naively(writes)
    pairs = {5: 15, 15: 5, 6: 16, 16: 6}
    for block in blocks:
        if (block.unit, block.function) in lacking:
            wide = sum(len(write.raw) for write in block.writes) > 2 and block.function == 16
            assert wide or (block.unit, pairs[block.function]) in lacking


@given(some_writes())
def test_a_refused_block_cut_down_to_single_writes_says_the_same(writes: list[RawWrite]) -> None:
    for block in plan_writes(writes):
        singles: list[WriteBlock] = []
        queue = [block]
        while queue:
            part = queue.pop(0)
            smaller = halves(part)
            queue.extend(smaller)
            if not smaller:
                singles.append(part)
        assert sorted(w.position for s in singles for w in s.writes) == sorted(
            w.position for w in block.writes
        )
        assert run(singles) == run([block])


def test_full_rows_are_cut_at_the_limits_of_the_protocol() -> None:
    registers = [raw_write(at, address("holding", at), 7.0) for at in range(300)]
    assert [len(block.writes) for block in plan_writes(registers)] == [123, 123, 54]
    coils = [raw_write(at, address("coil", at), 1.0) for at in range(2000)]
    assert [len(block.writes) for block in plan_writes(coils)] == [1968, 32]
    wide = [raw_write(at, address("holding", 2 * at, format="f32"), 1.5) for at in range(70)]
    assert [len(block.writes) for block in plan_writes(wide)] == [61, 9]


def test_a_place_that_nobody_asked_to_write_is_never_written() -> None:
    writes = [raw_write(0, address("holding", 0), 1.0), raw_write(1, address("holding", 2), 2.0)]
    assert [block.function for block in plan_writes(writes)] == [6, 6]
