"""Block reads against the naive truth: what is covered, how far, and what holes leave behind."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from modbus_points import address

from jacquemart.drivers.modbus.address import BIT_TABLES, TABLES, RegisterAddress
from jacquemart.drivers.modbus.options import LinkOptions, Reach
from jacquemart.drivers.modbus.plan import Block, ReadPlan
from jacquemart.runtime.model.field import Bad
from jacquemart.runtime.model.quality import Quality

FORMATS = {"u16": 1, "f32": 2, "u64": 4}
REFUSED = Bad(Quality.BAD_CONFIG, "refused")


@st.composite
def some_addresses(draw: st.DrawFn) -> list[RegisterAddress]:
    found = []
    for _ in range(draw(st.integers(1, 30))):
        table = draw(st.sampled_from(TABLES))
        unit = draw(st.integers(1, 2))
        start = draw(st.integers(0, 150))
        if table in BIT_TABLES:
            found.append(address(table, start, unit=unit))
        else:
            name = draw(st.sampled_from(sorted(FORMATS)))
            found.append(address(table, start, unit=unit, format=name))
    return found


def plan_of(addresses: list[RegisterAddress], gap: int = 8, span: int = 125) -> ReadPlan:
    options = LinkOptions("host", max_gap=gap, max_span=span)
    reaches = {table: options.reach(bits=table in BIT_TABLES) for table in TABLES}
    return ReadPlan(addresses, reaches, options.hole_retry_polls)


def positions(blocks: list[Block]) -> list[int]:
    return sorted(member.position for block in blocks for member in block.members)


def asked_places(addresses: list[RegisterAddress]) -> set[tuple[int, str, int]]:
    return {(a.unit, a.table, place) for a in addresses for place in range(a.address, a.end)}


@given(some_addresses(), st.integers(0, 20), st.integers(4, 125))
def test_blocks_cover_every_point_once_and_keep_their_bounds(
    addresses: list[RegisterAddress], gap: int, span: int
) -> None:
    plan = plan_of(addresses, gap, span)
    assert positions(plan.blocks) == list(range(len(addresses)))
    for block in plan.blocks:
        factor = 16 if block.table in BIT_TABLES else 1
        assert block.count <= span * factor
        places = set()
        for member in block.members:
            own = addresses[member.position]
            assert (own.unit, own.table) == (block.unit, block.table)
            assert block.start <= own.address
            assert own.end <= block.start + block.count
            places.update(range(own.address, own.end))
        assert min(places) == block.start
        assert max(places) == block.start + block.count - 1
        idle = longest_idle = 0
        for place in range(block.start, block.start + block.count):
            idle = 0 if place in places else idle + 1
            longest_idle = max(longest_idle, idle)
        assert longest_idle <= gap * factor


@given(some_addresses())
def test_neighbours_without_reason_to_part_share_a_block(addresses: list[RegisterAddress]) -> None:
    plan = plan_of(addresses, gap=8, span=125)
    for left in plan.blocks:
        for right in plan.blocks:
            if left is right or (left.unit, left.table) != (right.unit, right.table):
                continue
            factor = 16 if left.table in BIT_TABLES else 1
            if 0 <= right.start - (left.start + left.count) <= 8 * factor:
                with_next = right.members[0].address.end - left.start
                assert with_next > 125 * factor


@given(some_addresses(), st.data())
def test_a_block_cut_in_two_keeps_all_its_points(
    addresses: list[RegisterAddress], data: st.DataObject
) -> None:
    block = data.draw(st.sampled_from(plan_of(addresses).blocks))
    halves = block.split()
    if halves is None:
        spots = {(m.address.address, m.address.count) for m in block.members}
        assert len(spots) == 1
        return
    assert positions(list(halves)) == positions([block])
    assert all(half.members for half in halves)


def settle(plan: ReadPlan, missing: set[tuple[int, str, int]], longest: int) -> int:
    """Play a unit that lacks some places and dislikes long reads; return the polls it took."""

    def refuses(block: Block) -> bool:
        span = range(block.start, block.start + block.count)
        return block.count > longest or any((block.unit, block.table, at) in missing for at in span)

    for poll in range(1, 100):
        refused = [block for block in plan.blocks if refuses(block)]
        if not refused:
            return poll
        for block in refused:
            pieces, holes, queue = [], {}, [block]
            while queue:
                part = queue.pop()
                if not refuses(part):
                    pieces.append(part)
                elif (halves := part.split()) is None:
                    holes[part] = REFUSED
                else:
                    queue.extend(halves)
            plan.replace(block, sorted(pieces, key=lambda piece: piece.start), holes)
    raise AssertionError("the plan never settles")


@given(some_addresses(), st.data(), st.integers(4, 125))
def test_holes_are_found_once_and_cost_nothing_later(
    addresses: list[RegisterAddress], data: st.DataObject, longest: int
) -> None:
    plan = plan_of(addresses)
    universe = sorted(asked_places(addresses))
    missing = set(data.draw(st.lists(st.sampled_from(universe), max_size=6)))
    settle(plan, missing, longest if not any(a.table in BIT_TABLES for a in addresses) else 2000)
    holed = {
        at
        for at, a in enumerate(addresses)
        if any((a.unit, a.table, place) in missing for place in range(a.address, a.end))
    }
    assert set(positions(plan.holes)) == holed
    assert positions(plan.blocks) == [at for at in range(len(addresses)) if at not in holed]
    blank = plan.blank()
    assert [at for at, value in enumerate(blank) if value is REFUSED] == sorted(holed)


@given(some_addresses(), st.data())
def test_a_hole_that_is_filled_returns_to_its_block(
    addresses: list[RegisterAddress], data: st.DataObject
) -> None:
    plan = plan_of(addresses)
    before = [(b.unit, b.table, b.start, b.count) for b in plan.blocks]
    missing = {data.draw(st.sampled_from(sorted(asked_places(addresses))))}
    settle(plan, missing, 2000)
    for hole in list(plan.holes):
        plan.filled(hole)
    assert plan.holes == []
    assert sorted((b.unit, b.table, b.start, b.count) for b in plan.blocks) == sorted(before)


def test_reach_of_bits_is_sixteen_times_that_of_registers() -> None:
    options = LinkOptions("host", max_gap=3, max_span=125)
    assert options.reach(bits=False) == Reach(3, 125)
    assert options.reach(bits=True) == Reach(48, 2000)
