"""Cards 310 to 399: the link breaks."""

from __future__ import annotations

from jacquemart.drivers.conformance.card import card
from jacquemart.drivers.conformance.expect import (
    arrivals,
    expect_error,
    require_arrivals,
    require_result,
    told,
    under_way,
    usable_again,
    write_well,
)
from jacquemart.drivers.conformance.rig import CardFailed, Rig
from jacquemart.drivers.contract import DriverError, LinkError, OutcomeUnknown


@card(
    310,
    needs="a peer that holds answers back and cuts the link",
    action="hold, read, cut; answer again, open anew, read",
    passes="the read is a LinkError in time; then good values",
)
async def a_link_lost_in_a_read_is_a_link_error(rig: Rig) -> None:
    """A link that breaks during a read is a LinkError, and can be opened anew."""
    await rig.open()
    await rig.read()
    await rig.peer.hold(True)
    reading = await under_way(rig, rig.read())
    await rig.peer.cut()
    await expect_error((LinkError,), "a read, the link being cut", reading)
    await rig.peer.hold(False)
    await rig.reopen()
    await usable_again(rig)


@card(
    320,
    needs="a writable point; a peer that holds answers back and cuts the link",
    action="hold, write, cut; answer again, open anew, read",
    passes="OutcomeUnknown, sent at most once, not again after opening anew; then true values",
)
async def a_link_lost_in_a_write_is_an_unknown_outcome(rig: Rig) -> None:
    """A link that breaks during a write leaves an unknown outcome, never a success."""
    point = rig.writable(rig.first)
    first, second = rig.values(point)
    await rig.open()
    await write_well(rig, point, first)
    before = await arrivals(rig)
    await rig.peer.hold(True)
    writing = await under_way(rig, rig.write((point, second)))
    await rig.peer.cut()
    (result,) = await writing
    require_result(result, (OutcomeUnknown,), "a write, the link being cut")
    await rig.peer.hold(False)
    await rig.reopen()
    await usable_again(rig)
    await require_arrivals(rig, before, 1, "a write that was cut off")


@card(
    330,
    needs="a peer that cuts the link",
    action="cut the link while nothing is under way; read, twice at most; open anew, read",
    passes="LinkError in time, no value; then good values",
)
async def a_link_lost_between_calls_is_noticed(rig: Rig) -> None:
    """A link that breaks between two calls is a LinkError from the next, or the one after."""
    await rig.open()
    await rig.read()
    await rig.peer.cut()
    for last in (False, True):
        try:
            answer = await rig.read()
        except LinkError:
            break
        except DriverError as error:
            if last:
                raise CardFailed(f"the link is cut, but read raises {told(error)}") from error
        else:
            raise CardFailed(f"the link is cut, but read gives {answer}: only open may connect")
    await rig.reopen()
    await usable_again(rig)


@card(
    340,
    needs="a writable point; a peer that cuts the link",
    action="cut the link while nothing is under way; write; open anew, write",
    passes="LinkError if nothing reached the peer, otherwise OutcomeUnknown; then success",
)
async def a_write_on_a_lost_link_is_no_success(rig: Rig) -> None:
    """A write on a link that broke unnoticed is never a success."""
    point = rig.writable(rig.first)
    first, second = rig.values(point)
    await rig.open()
    await write_well(rig, point, first)
    before = await arrivals(rig)
    await rig.peer.cut()
    (result,) = await rig.write((point, second))
    require_result(result, (LinkError, OutcomeUnknown), "a write on a link that is cut")
    if isinstance(result, LinkError):
        await require_arrivals(rig, before, 0, "LinkError says that nothing was sent")
    await rig.reopen()
    await write_well(rig, point, second)
