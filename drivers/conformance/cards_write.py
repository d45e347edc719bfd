"""Cards 210 to 299: writing."""

from __future__ import annotations

import contextlib

from jacquemart.drivers.conformance.card import card
from jacquemart.drivers.conformance.expect import (
    arrivals,
    cancelled,
    near,
    require,
    require_arrivals,
    require_result,
    settled,
    told,
    under_way,
    usable_again,
    write_well,
)
from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.conformance.rig import Rig
from jacquemart.drivers.contract import (
    BoundPoint,
    DeviceBusy,
    DeviceRefused,
    DriverError,
    OutcomeUnknown,
    RemoteProtocolError,
    UnitError,
)


async def _require_held(rig: Rig, point: BoundPoint, value: float, what: str) -> None:
    """Fail the card if the peer does not hold a value (if it can tell)."""
    with contextlib.suppress(CannotDo):
        true = await rig.peer.value(point.device.id, point.spec.name)
        require(near(point, true, value), f"{what}: {point.id} is {true}, not {value}")


async def _known_start(rig: Rig) -> tuple[BoundPoint, float, float]:
    """Open, and write a first value; return the point, that value and another one."""
    point = rig.writable(rig.first)
    first, second = rig.values(point)
    await rig.open()
    await write_well(rig, point, first)
    return point, first, second


@card(
    210,
    needs="a writable point",
    action="write a value, then another; read the feedback after each",
    passes="acknowledged; the feedback shows it within settle_ms; the peer holds it",
)
async def what_is_written_is_read_back(rig: Rig) -> None:
    """What is written takes effect and can be read back."""
    point, first, second = await _known_start(rig)
    for value in (first, second):
        await write_well(rig, point, value)
        await _require_held(rig, point, value, "acknowledged")
        await settled(rig, point, value)


@card(
    220,
    needs="two devices with writable points; a peer that refuses writes of one",
    action="one refuses; write to both in one call, in either order",
    passes="DeviceRefused in its place, None in the other's; only the other took effect",
)
async def each_write_has_a_result_of_its_own(rig: Rig) -> None:
    """Of several writes, each has a result of its own, in order."""
    bad, good = rig.writable(rig.first), rig.writable(rig.other)
    await rig.open()
    await rig.peer.refuse_writes(rig.first, True)
    first, second = rig.values(good)
    refused, _ = rig.values(bad)
    for value, backwards in ((first, False), (second, True)):
        writes = [(bad, refused), (good, value)]
        results = await rig.write(*(reversed(writes) if backwards else writes))
        results = results[::-1] if backwards else results
        require_result(results[0], (DeviceRefused,), f"writing to {bad.id}, which refuses")
        require(results[1] is None, f"writing to {good.id} beside it: got {told(results[1])}")
        await _require_held(rig, good, value, "acknowledged")


@card(
    230,
    needs="a value that the protocol cannot say; a peer that counts writes",
    action="write that value, and NaN; then a good one",
    passes="DeviceRefused, and nothing reached the peer; the good one works",
)
async def what_cannot_be_said_is_not_sent(rig: Rig) -> None:
    """A value that cannot be encoded is refused before anything is sent."""
    point, first, second = await _known_start(rig)
    before = await arrivals(rig)
    for value in (rig.peer.unencodable(point.device.id, point.spec.name), float("nan")):
        (result,) = await rig.write((point, value))
        require_result(result, (DeviceRefused,), f"writing {value} to {point.id}")
        await require_arrivals(rig, before, 0, f"writing {value} to {point.id}")
        await _require_held(rig, point, first, f"writing {value}, refused")
    await write_well(rig, point, second)


async def _not_taken(rig: Rig, kind: type[DriverError], what: str) -> None:
    """Write to a point that does not take it; then read all."""
    point = rig.writable(rig.first)
    before = await arrivals(rig)
    (result,) = await rig.write((point, rig.values(point)[1]))
    require_result(result, (kind,), f"writing to {point.id}, which {what}")
    await require_arrivals(rig, before, 1, f"writing to {point.id}, which {what}")
    await _require_held(rig, point, rig.values(point)[0], f"it {what}")
    await rig.read()


@card(
    240,
    needs="a peer that refuses writes",
    action="refuse, write; take writes again, write",
    passes="DeviceRefused, sent once, no effect, still readable; then it works",
)
async def a_refused_write_is_refused(rig: Rig) -> None:
    """A write that the device refuses is DeviceRefused, and the link goes on."""
    point, _, second = await _known_start(rig)
    await rig.peer.refuse_writes(rig.first, True)
    await _not_taken(rig, DeviceRefused, "refuses")
    await rig.peer.refuse_writes(rig.first, False)
    await write_well(rig, point, second)


@card(
    250,
    needs="a peer that is busy",
    action="be busy, write; be free again, write",
    passes="DeviceBusy, sent once, no effect, still readable; then it works",
)
async def a_busy_device_is_left_alone(rig: Rig) -> None:
    """A write to a busy device is DeviceBusy, and not sent again by the driver."""
    point, _, second = await _known_start(rig)
    await rig.peer.busy(rig.first, True)
    await _not_taken(rig, DeviceBusy, "is busy")
    await rig.peer.busy(rig.first, False)
    await write_well(rig, point, second)


@card(
    260,
    needs="a peer with two devices that silences one",
    action="silence a device; write to it, then to the other; let it speak again, write",
    passes="UnitError or OutcomeUnknown, sent at most once; the others work, without open",
)
async def a_write_to_a_silent_unit_is_not_a_dead_link(rig: Rig) -> None:
    """A write to a silent device never succeeds, and costs no neighbour anything."""
    point, _, second = await _known_start(rig)
    other = rig.writable(rig.other)
    await rig.peer.silence(rig.first, True)
    before = await arrivals(rig)
    (result,) = await rig.write((point, second))
    require_result(result, (UnitError, OutcomeUnknown), f"writing to {point.id}, which is silent")
    await require_arrivals(rig, before, 1, "a write to a silent device")
    await write_well(rig, other, rig.values(other)[1])
    await rig.peer.silence(rig.first, False)
    await write_well(rig, point, second)


@card(
    270,
    needs="a peer that carries writes out without answering",
    action="swallow the answer to a write; answer again, read (open anew after a LinkError)",
    passes="OutcomeUnknown, sent once; then what is read is what the peer holds",
)
async def a_lost_answer_is_an_unknown_outcome(rig: Rig) -> None:
    """A write whose answer is lost is OutcomeUnknown, and never sent again by the driver."""
    point, _, second = await _known_start(rig)
    before = await arrivals(rig)
    await rig.peer.swallow(True)
    (result,) = await rig.write((point, second))
    require_result(result, (OutcomeUnknown,), f"writing to {point.id}, the answer being lost")
    await require_arrivals(rig, before, 1, "a write whose answer is lost")
    await rig.peer.swallow(False)
    await usable_again(rig)
    await require_arrivals(rig, before, 1, "a write whose answer was lost, a while later")


@card(
    280,
    needs="a peer that answers other questions",
    action="let it answer another question; write; let it answer properly again",
    passes="OutcomeUnknown or RemoteProtocolError; then it works, after a LinkError at most",
)
async def an_answer_to_another_question_is_no_success(rig: Rig) -> None:
    """An answer to another question is never taken for an acknowledgement."""
    point, first, second = await _known_start(rig)
    await rig.peer.confuse(True)
    (result,) = await rig.write((point, second))
    kinds = (OutcomeUnknown, RemoteProtocolError)
    require_result(result, kinds, f"writing to {point.id}, another question being answered")
    await rig.peer.confuse(False)
    await usable_again(rig)
    await write_well(rig, point, first)


@card(
    290,
    needs="a peer that holds answers back",
    action="hold, write, cancel; answer; read; write another value",
    passes="the call ends when cancelled; then true values, and the other value takes effect",
)
async def a_cancelled_write_leaves_no_trace(rig: Rig) -> None:
    """A write that is cancelled leaves the driver usable, or says LinkError next."""
    point, first, second = await _known_start(rig)
    await rig.peer.hold(True)
    await cancelled(rig, await under_way(rig, rig.write((point, second))))
    await rig.peer.hold(False)
    await usable_again(rig)
    await write_well(rig, point, first)
    await settled(rig, point, first)
    await usable_again(rig)
