"""Cards 110 to 199: reading."""

from __future__ import annotations

from jacquemart.drivers.conformance.card import card
from jacquemart.drivers.conformance.expect import (
    cancelled,
    good_values,
    require,
    require_true,
    told,
    under_way,
    usable_again,
)
from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.conformance.rig import CardFailed, Rig
from jacquemart.drivers.contract import (
    Bad,
    DriverError,
    LinkError,
    RemoteProtocolError,
    UnitError,
)


@card(110, action="open, read all points", passes="each is a finite number, and the right one")
async def all_points_are_read(rig: Rig) -> None:
    """Every point is read, and truly."""
    await rig.open()
    await good_values(rig, rig.points)


@card(
    120,
    action="plan once, read twice; read a plan of no points",
    passes="the same shape twice; nothing for nothing",
)
async def a_plan_can_be_read_again(rig: Rig) -> None:
    """A plan is made once and read as often as you like."""
    await rig.open()
    plan = rig.driver.plan(rig.points)
    first = await rig.read_plan(plan, rig.points)
    second = await rig.read_plan(plan, rig.points)
    for point, one, two in zip(rig.points, first, second, strict=True):
        same = isinstance(one, Bad) == isinstance(two, Bad)
        require(same, f"{point.id} was first {one!r} and then {two!r}")
    await rig.read([])


@card(
    130,
    needs="a peer that changes its points or takes writes",
    action="give the points different values; read them backwards, and each alone",
    passes="every value stands in the place of its own point",
)
async def values_stand_in_their_places(rig: Rig) -> None:
    """Values come in the order of the points, whatever that order is."""
    await rig.open()
    await rig.read()
    changed = 0
    for index, point in enumerate(rig.points):
        low = point.spec.low if point.spec.low is not None else 0.0
        high = point.spec.high if point.spec.high is not None else low + 100.0
        value = low + (high - low) * (index + 1) // (len(rig.points) + 1)
        try:
            await rig.peer.change(point.device.id, point.spec.name, value)
            changed += 1
        except CannotDo as error:
            reason = error
    if not changed:
        raise CannotDo(str(reason))
    await good_values(rig, list(reversed(rig.points)))
    for point in rig.points:
        await good_values(rig, [point])


@card(
    140,
    needs="a peer that spoils a point",
    action="spoil one point; read all",
    passes="it is Bad in its place and no exception; all others are read",
)
async def an_unreadable_point_is_bad(rig: Rig) -> None:
    """A point that cannot be read is Bad, and costs no other point."""
    await rig.open()
    spoilt = rig.of(rig.first)[-1]
    await rig.peer.spoil(spoilt.device.id, spoilt.spec.name, True)
    try:
        answer = await rig.read()
    except DriverError as error:
        raise CardFailed(f"one spoilt point made the whole read raise {told(error)}") from error
    for point, value in zip(rig.points, answer, strict=True):
        if point is spoilt:
            require(isinstance(value, Bad), f"{point.id} is spoilt, but was read as {value}")
        else:
            require(not isinstance(value, Bad), f"{point.id} is Bad, though it is not spoilt")
    await require_true(rig, rig.points, answer)
    await rig.peer.spoil(spoilt.device.id, spoilt.spec.name, False)
    await good_values(rig, rig.points)


@card(
    150,
    needs="a peer with two devices that silences one",
    action="silence a device; read it alone, the other alone, and both; let it speak again",
    passes="alone UnitError or Bad, never LinkError; the other is read; then both, without open",
)
async def a_silent_unit_is_not_a_dead_link(rig: Rig) -> None:
    """A device that is silent takes neither the link nor its neighbours along."""
    await rig.open()
    silent, other = rig.of(rig.first), rig.of(rig.other)
    await rig.peer.silence(rig.first, True)
    try:
        answer = await rig.read(silent)
        require(all(isinstance(v, Bad) for v in answer), f"a silent device was read as {answer}")
    except UnitError:
        pass
    except DriverError as error:
        raise CardFailed(f"a silent device: expected UnitError, got {told(error)}") from error
    try:
        await good_values(rig, other)
        answer = await rig.read([*silent, *other])
    except DriverError as error:
        raise CardFailed(f"reading its neighbour too raised {told(error)}") from error
    require(all(isinstance(v, Bad) for v in answer[: len(silent)]), f"silent, yet read: {answer}")
    bad = [v for v in answer[len(silent) :] if isinstance(v, Bad)]
    require(not bad, f"the neighbour of a silent device was not read: {bad}")
    await rig.peer.silence(rig.first, False)
    await good_values(rig, rig.points)


@card(
    160,
    needs="a peer that answers other questions",
    action="let it answer another question; read; let it answer properly again",
    passes="RemoteProtocolError, LinkError, UnitError or Bad, never a value; then good values",
)
async def an_answer_to_another_question_is_no_value(rig: Rig) -> None:
    """An answer to another question is never taken for a value."""
    await rig.open()
    await rig.peer.confuse(True)
    try:
        answer = await rig.read()
        values = [value for value in answer if not isinstance(value, Bad)]
        require(not values, f"the answer to another question was read as {values}")
    except (RemoteProtocolError, LinkError, UnitError):
        pass
    await rig.peer.confuse(False)
    await usable_again(rig)


@card(
    170,
    needs="a peer that holds answers back and changes its points",
    action="hold, read until the driver gives up; change the points; answer; read",
    passes="LinkError or UnitError in time; then the new values, after a LinkError at most",
)
async def a_late_answer_is_not_the_next_one(rig: Rig) -> None:
    """A late answer is not taken for that to the next question."""
    await rig.open()
    await usable_again(rig)
    await rig.peer.hold(True)
    await _given_up(rig)
    await _change_all(rig)
    await rig.peer.hold(False)
    await usable_again(rig)


@card(
    180,
    needs="a peer that holds answers back and changes its points",
    action="hold, read, cancel; change the points; answer; read",
    passes="the call ends when cancelled; then the new values, after a LinkError at most",
)
async def a_cancelled_read_leaves_no_trace(rig: Rig) -> None:
    """A read that is cancelled leaves the driver usable, or says LinkError next."""
    await rig.open()
    await usable_again(rig)
    await rig.peer.hold(True)
    await cancelled(rig, await under_way(rig, rig.read()))
    await _change_all(rig)
    await rig.peer.hold(False)
    await usable_again(rig)


async def _given_up(rig: Rig) -> None:
    try:
        answer = await rig.read()
        require(all(isinstance(v, Bad) for v in answer), f"nothing answered, yet read: {answer}")
    except (LinkError, UnitError):
        return
    except DriverError as error:
        raise CardFailed(f"no answer: expected LinkError, got {told(error)}") from error


async def _change_all(rig: Rig) -> None:
    """Change every point that the peer can change."""
    changed = 0
    for point in rig.points:
        one, two = rig.values(point)
        try:
            old = await rig.peer.value(point.device.id, point.spec.name)
            new = two if old == one else one
            await rig.peer.change(point.device.id, point.spec.name, new)
            changed += 1
        except CannotDo as error:
            reason = error
    if not changed:
        raise CannotDo(str(reason))
