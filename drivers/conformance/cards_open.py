"""Cards 010 to 099: opening the link, and the options it is opened with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jacquemart.drivers.conformance.card import card
from jacquemart.drivers.conformance.expect import expect_error, require, told
from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.conformance.rig import CardFailed, Rig
from jacquemart.drivers.contract import Driver, LinkError

_STRANGE = "no_such_option_anywhere"


@card(10, action="open, close", passes="both end in time and raise nothing")
async def opens_and_closes(rig: Rig) -> None:
    """The link opens and closes."""
    try:
        await rig.open()
    except LinkError as error:
        raise CardFailed(f"open raised {told(error)} although the peer serves") from error
    await rig.close()


@card(
    20,
    needs="the driver has a check_link or check_point",
    action="check the peer's own link options and addresses; then with a key that nobody knows",
    passes="its own are fine; the unknown key is reported as (key, found, allowed)",
)
async def options_are_checked(rig: Rig) -> None:
    """Options and addresses are checked before anything starts."""
    driver, link = type(rig.driver), rig.shown.link
    checks_link = driver.check_link.__func__ is not Driver.check_link.__func__  # type: ignore[attr-defined]
    checks_point = driver.check_point.__func__ is not Driver.check_point.__func__  # type: ignore[attr-defined]
    if not checks_link and not checks_point:
        raise CannotDo("the driver checks no options")
    _fine("check_link", driver.check_link(link.options))
    if checks_link:
        _reported("check_link", driver.check_link({**link.options, _STRANGE: 1}))
    for point in rig.points:
        spec = point.spec
        _fine(f"check_point of {point.id}", driver.check_point(spec, spec.address))
        if checks_point:
            strange = {**spec.address, _STRANGE: 1}
            _reported(f"check_point of {point.id}", driver.check_point(spec, strange))


def _fine(what: str, problems: Sequence[tuple[str, Any, str]]) -> None:
    require(not problems, f"{what} objects to the peer's own options: {list(problems)}")


def _reported(what: str, problems: Sequence[tuple[str, Any, str]]) -> None:
    require(len(problems) > 0, f"{what} does not object to the unknown key {_STRANGE}")
    for problem in problems:
        good = len(problem) == 3 and isinstance(problem[0], str) and isinstance(problem[2], str)
        require(good, f"{what} reports {problem!r}, which is not (key, found, allowed)")
        require(bool(problem[2]), f"{what} does not say what is allowed for {problem[0]!r}")


@card(
    30,
    needs="a peer that refuses connections",
    action="refuse, open; accept again, open",
    passes="the first open is a LinkError in time; the second succeeds and reads",
)
async def a_refused_open_is_a_link_error(rig: Rig) -> None:
    """An open that is refused is a LinkError, in bounded time."""
    await rig.peer.refuse(True)
    await expect_error((LinkError,), "open, refused", rig.open())
    await rig.peer.refuse(False)
    await rig.reopen()
    await rig.read()


@card(
    40,
    needs="a peer that holds answers back",
    action="hold, open; answer again, open anew",
    passes="the first open ends in time, well or with LinkError; the second succeeds and reads",
)
async def an_unanswered_open_ends(rig: Rig) -> None:
    """An open that nobody answers ends in bounded time."""
    await rig.peer.hold(True)
    try:
        await rig.open()
    except LinkError:
        pass  # a protocol that says hello notices; one that does not, cannot
    await rig.peer.hold(False)
    await rig.reopen()
    await rig.read()
