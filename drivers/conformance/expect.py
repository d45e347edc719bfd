"""What cards expect of a driver, in the words of the contract."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from jacquemart.drivers.conformance.peer import CannotDo
from jacquemart.drivers.conformance.rig import CardFailed, Rig
from jacquemart.drivers.contract import Bad, BoundPoint, DriverError, LinkError

T = TypeVar("T")
LOOK_S = 0.02


def require(condition: bool, complaint: str) -> None:
    """Fail the card with a complaint, unless the condition holds."""
    if not condition:
        raise CardFailed(complaint)


def told(result: object) -> str:
    """Return what a call came to, for a complaint."""
    if result is None:
        return "success"
    return f"{type(result).__name__}({result})" if isinstance(result, Exception) else repr(result)


async def expect_error(
    kinds: tuple[type[DriverError], ...], what: str, call: Awaitable[Any]
) -> DriverError:
    """Return the error that a call must end with.

    Raises:
        CardFailed: it ended well, or with another error.
    """
    wanted = " or ".join(kind.__name__ for kind in kinds)
    try:
        result = await call
    except kinds as error:
        return error
    except DriverError as error:
        raise CardFailed(f"{what}: expected {wanted}, got {told(error)}") from error
    raise CardFailed(f"{what}: expected {wanted}, got {told(result)}")


def require_result(
    result: DriverError | None, kinds: tuple[type[DriverError], ...], what: str
) -> None:
    """Fail the card unless a write's result is one of these errors."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    require(isinstance(result, kinds), f"{what}: expected {wanted}, got {told(result)}")


async def good_values(rig: Rig, points: Sequence[BoundPoint]) -> list[float]:
    """Read points that must all be readable, and be what the peer really holds."""
    answer = await rig.read(points)
    values: list[float] = []
    for point, value in zip(points, answer, strict=True):
        if isinstance(value, Bad):
            raise CardFailed(f"{point.id} should be readable, but is {value.quality.text}")
        values.append(float(value))
    await require_true(rig, points, values)
    return values


async def require_true(
    rig: Rig, points: Sequence[BoundPoint], values: Sequence[float | Bad]
) -> None:
    """Fail the card if a value that was read is not what the peer holds (if it can tell)."""
    for point, value in zip(points, values, strict=True):
        if isinstance(value, Bad):
            continue
        try:
            true = await rig.peer.value(point.device.id, point.spec.name)
        except CannotDo:
            return
        require(near(point, value, true), f"{point.id} was read as {value}, but is {true}")


def near(point: BoundPoint, one: float, two: float) -> bool:
    """Return whether two values of a point are the same, within its tolerance."""
    return abs(one - two) <= max(point.spec.tolerance, 1e-6 * max(abs(one), abs(two)), 1e-9)


async def usable_again(rig: Rig, points: Sequence[BoundPoint] | None = None) -> list[float]:
    """Read good values; the first call may be a LinkError, after which the link opens anew."""
    points = rig.points if points is None else points
    try:
        return await good_values(rig, points)
    except LinkError:
        await rig.reopen()
    try:
        return await good_values(rig, points)
    except DriverError as error:
        raise CardFailed(f"after opening anew, read still raises {told(error)}") from error


async def write_well(rig: Rig, point: BoundPoint, value: float) -> None:
    """Write a value that must be acknowledged."""
    (result,) = await rig.write((point, value))
    require(result is None, f"writing {value} to {point.id}: got {told(result)}")


async def settled(rig: Rig, written: BoundPoint, value: float) -> None:
    """Wait until the feedback shows what was written, for as long as the point may take."""
    feedback = rig.feedback(written)
    until = asyncio.get_running_loop().time() + written.spec.settle_ms / 1_000.0
    while True:
        (seen,) = await rig.read([feedback])
        if not isinstance(seen, Bad) and near(written, seen, value):
            return
        if asyncio.get_running_loop().time() >= until:
            raise CardFailed(f"{feedback.id} shows {seen} after {value} was written")
        await asyncio.sleep(LOOK_S)


async def under_way(rig: Rig, call: Awaitable[T]) -> asyncio.Task[T]:
    """Start a call and return it as soon as the peer holds its request back."""
    task = asyncio.ensure_future(call)
    watch = asyncio.ensure_future(rig.peer.held())
    limit = rig.peer.call_limit_s
    await asyncio.wait({task, watch}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    arrived = watch.done() and not watch.cancelled() and watch.exception() is None
    if not arrived:
        watch.cancel()
        task.cancel()
        await asyncio.wait({task, watch})
        watch.cancelled() or watch.result()  # the peer's own trouble, if it has any
        ended = "" if task.cancelled() else f"; the call ended with {told(task.exception())}"
        raise CardFailed(f"no request reached the peer within {limit:g} s{ended}")
    return task


async def cancelled(rig: Rig, task: asyncio.Task[Any]) -> None:
    """Cancel a call, which must then end, and not as if nothing had been."""
    task.cancel()
    limit = rig.peer.call_limit_s
    await asyncio.wait({task}, timeout=limit)
    require(task.done(), f"the cancelled call went on for {limit:g} s")
    if not task.cancelled() and (error := task.exception()) is not None:
        require(isinstance(error, DriverError), f"the cancelled call raised {told(error)}")
    elif not task.cancelled():
        raise CardFailed(f"the call swallowed its cancellation and ended with {task.result()!r}")


async def arrivals(rig: Rig) -> int | None:
    """Return how many writes have arrived; None if the peer cannot tell."""
    with contextlib.suppress(CannotDo):
        return await rig.peer.arrived()
    return None


async def require_arrivals(rig: Rig, before: int | None, most: int, what: str) -> None:
    """Fail the card if more writes have arrived than may."""
    now = await arrivals(rig)
    if before is not None and now is not None:
        count = now - before
        require(count <= most, f"{what}: {count} writes reached the peer, at most {most} may")
