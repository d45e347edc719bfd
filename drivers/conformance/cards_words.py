"""Cards 510 to 699: what the driver says: in its errors, and by itself."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import threading
from typing import Any

from jacquemart.drivers.conformance.card import card
from jacquemart.drivers.conformance.expect import LOOK_S, require, told
from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.conformance.rig import CardFailed, Rig
from jacquemart.drivers.contract import DriverError, LinkError
from jacquemart.runtime.model.quality import Quality

_COLUMNS = ("slots", "values", "qualities", "source_times")
_YEAR_2001_NS, _YEAR_2100_NS = 10**18, 41 * 10**17


@card(
    510,
    needs="a peer that silences a device, refuses writes or is busy",
    action="cause each of these errors at the first device",
    passes="the error's text names the device; that of a read may name link and unit instead, "
    "since several devices may share a unit",
)
async def errors_name_the_device(rig: Rig) -> None:
    """Errors of a device name it."""
    point = rig.writable(rig.first)
    value = rig.values(point)[0]
    await rig.open()
    causes = (rig.peer.refuse_writes, rig.peer.busy, rig.peer.silence)
    caused = 0
    for cause in causes:
        with contextlib.suppress(CannotDo):
            await cause(rig.first, True)
            (error,) = await rig.write((point, value))
            require(error is not None, f"{cause.__name__}: the write succeeded")
            require(rig.first in str(error), f"the error does not name {rig.first}: {told(error)}")
            if cause == rig.peer.silence:
                await _require_named_read(rig)
            await cause(rig.first, False)
            caused += 1
    if not caused:
        raise CannotDo("the peer can neither silence a device, refuse writes nor be busy")


async def _require_named_read(rig: Rig) -> None:
    device, link = rig.points[0].device, rig.shown.link.id
    try:
        await rig.read(rig.of(device.id))
    except DriverError as error:
        text = str(error)
        by_unit = link in text and re.search(rf"\bunit {device.unit_id}\b", text)
        named = device.id in text or by_unit
        require(bool(named), f"the error does not name {device.id}: {told(error)}")


@card(
    520,
    needs="a peer that refuses connections",
    action="refuse, open",
    passes="the error's text names the link, or one of its options (a host, a port, a path)",
)
async def link_errors_name_the_link(rig: Rig) -> None:
    """Errors of the link say which link."""
    await rig.peer.refuse(True)
    link = rig.shown.link
    try:
        await rig.open()
    except LinkError as error:
        names = [link.id, *(str(v) for v in link.options.values() if isinstance(v, str | int))]
        named = any(name and name in str(error) for name in names)
        require(named, f"the error names neither {link.id} nor an option of it: {told(error)}")
    else:
        raise CardFailed("open succeeded although the peer refuses")


@card(
    610,
    needs="a peer that speaks by itself",
    action="plan all points, open; let the peer speak",
    passes="columns of one length; known slots; finite values, or a bad quality; times in ns of "
    "the wall clock; on the loop's thread",
)
async def what_is_published_has_the_right_shape(rig: Rig) -> None:
    """What the field says by itself is published as columns that fit."""
    rig.driver.plan(rig.points)
    await rig.open()
    await rig.peer.speak()
    for _ in range(int(rig.peer.call_limit_s / LOOK_S)):
        if not rig.spoken:
            await asyncio.sleep(LOOK_S)
    require(bool(rig.spoken), "the peer spoke, but nothing was published")
    for spoken in list(rig.spoken):
        thread = "publish was called from another thread than the loop's"
        require(spoken.thread == threading.get_ident(), thread)
        unknown = set(spoken.named) - set(_COLUMNS)
        require(not unknown, f"publish was called with {', '.join(sorted(unknown))}")
        columns = dict(zip(_COLUMNS, spoken.columns, strict=False)) | spoken.named
        _require_columns(rig, columns)


def _require_columns(rig: Rig, columns: dict[str, Any]) -> None:
    for name in ("slots", "values"):
        require(columns.get(name) is not None, f"publish was called without {name}")
    lists = {name: list(column) for name, column in columns.items() if column is not None}
    lengths = {name: len(column) for name, column in lists.items()}
    require(len(set(lengths.values())) == 1, f"the columns differ in length: {lengths}")
    known = {point.slot for point in rig.points}
    strange = [slot for slot in lists["slots"] if slot not in known]
    require(not strange, f"slots that no planned point has: {strange[:5]}")
    qualities = lists.get("qualities", [int(Quality.GOOD)] * len(lists["slots"]))
    for slot, value, quality in zip(lists["slots"], lists["values"], qualities, strict=True):
        require(quality in set(Quality), f"slot {slot} has the unknown quality {quality!r}")
        usable = Quality(quality).usable
        good = isinstance(value, int | float) and math.isfinite(value)
        require(good or not usable, f"slot {slot} is {value!r} and {Quality(quality).text}")
    for time in lists.get("source_times", ()):
        fine = isinstance(time, int) and (time == 0 or _YEAR_2001_NS < time < _YEAR_2100_NS)
        require(fine, f"the source time {time!r} is no time in ns of the wall clock")


@card(
    620,
    needs="a peer that speaks by itself",
    action="plan, open, let it speak, close; let it speak again and wait",
    passes="nothing is published after close",
)
async def nothing_is_published_after_close(rig: Rig) -> None:
    """Nothing is published after close."""
    rig.driver.plan(rig.points)
    await rig.open()
    await rig.peer.speak()
    await asyncio.sleep(5 * LOOK_S)
    await rig.close()
    before = len(rig.spoken)
    await rig.peer.speak()
    await asyncio.sleep(10 * LOOK_S)
    require(len(rig.spoken) == before, "something was published after close")
