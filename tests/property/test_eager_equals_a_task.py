"""Work that is begun at once does, sees and ends as it would as a task of its loop.

Random coroutines wait, fail, set context, bound themselves in time, have children, cancel
themselves and swallow cancellations, and are cancelled from outside, also before their task has had
its first turn.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from jacquemart.native.eager import Begun, EagerTask, begin_now
from jacquemart.runtime.testing.virtual_time import VirtualTimeLoop

WORD: ContextVar[str] = ContextVar("WORD", default="outside")
STEPS = st.lists(
    st.sampled_from([
        "word", "task", "nap", "sleep", "future", "done", "timeout", "late", "group", "swallow",
        "cancel", "shield", "finally", "name", "told",
    ]),
    max_size=6,
)  # fmt: skip
ENDS = st.sampled_from(["value", "value", "raise", "cancelled"])
CANCELS = st.sampled_from([None, None, -1.0, 0.0, 0.5, 1.5])


async def work(steps: list[str], end: str, log: list[Any]) -> str:
    """Do the steps, and say what is seen."""
    loop, first = asyncio.get_running_loop(), asyncio.current_task()
    assert first is not None
    for step in steps:
        log.append((step, loop.time(), WORD.get(), asyncio.current_task() is first))
        if step == "word":
            WORD.set(WORD.get() + "+")
        elif step == "task":
            log.append((first.done(), first.cancelling(), first.get_coro() is None))
        elif step == "nap":
            await asyncio.sleep(0)
        elif step == "sleep":
            await asyncio.sleep(1.0)
        elif step in ("future", "done"):
            future = loop.create_future()
            loop.call_later(0.0 if step == "done" else 1.0, _give, future)
            log.append(await future)
        elif step == "timeout":
            async with asyncio.timeout(3.0):
                await asyncio.sleep(0.25)
        elif step == "late":
            try:
                async with asyncio.timeout(0.25):
                    await asyncio.sleep(3.0)
            except TimeoutError:
                log.append("late")
        elif step == "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(_child(log))
        elif step == "swallow":
            try:
                await asyncio.sleep(1.0)
            except asyncio.CancelledError as error:
                log.append(("swallowed", error.args, first.uncancel()))
        elif step == "cancel":
            first.cancel("enough")
        elif step == "shield":
            await asyncio.shield(asyncio.sleep(0.5))
        elif step == "finally":
            try:
                await asyncio.sleep(0.5)
            finally:
                log.append(("finally", loop.time()))
                await asyncio.sleep(0)
        elif step == "name":
            first.set_name("mine")
            log.append(first.get_name())
        else:
            first.add_done_callback(lambda done: log.append(("done", done.cancelled())))
    if end == "raise":
        raise ValueError(WORD.get())
    if end == "cancelled":
        raise asyncio.CancelledError
    return WORD.get()


def _give(future: asyncio.Future[str]) -> None:
    if not future.done():
        future.set_result("given")


async def _child(log: list[Any]) -> None:
    await asyncio.sleep(0.1)
    log.append(("child", WORD.get()))


async def body(coroutine: Any, log: list[Any]) -> None:
    """Wait for the work, as an actor does."""
    try:
        async with asyncio.timeout(6.0):
            log.append(("returned", await coroutine))
    except BaseException as error:
        log.append((type(error).__name__, str(error)))
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise


def story(steps: list[str], end: str, cancel_s: float | None, *, eager: bool) -> list[Any]:
    """Return what was seen, until all is over."""
    loop, log = VirtualTimeLoop(), list[Any]()

    async def run() -> None:
        def cancel(task: asyncio.Task[Any]) -> None:
            if cancel_s is None:
                return
            if cancel_s < 0.0 and eager:  # before its task has had a turn
                task.cancel("enough")
            elif cancel_s <= 0.0:
                loop.call_soon(task.cancel, "enough")
            else:
                loop.call_later(cancel_s, task.cancel, "enough")

        coroutine = work(steps, end, log)
        if not eager:
            task = loop.create_task(body(coroutine, log))
            cancel(task)
            await asyncio.wait([task])
            return
        outer, inside = asyncio.current_task(), WORD.get()
        try:
            begun = begin_now(loop, coroutine)
        except BaseException as error:  # noqa: BLE001 - as the body does
            log.append((type(error).__name__, str(error)))
            return
        finally:
            assert asyncio.current_task() is outer
            assert WORD.get() == inside
        if not isinstance(begun, Begun):
            log.append(("returned", begun))
            return
        begun.go_on(body(begun, log))
        assert asyncio.current_task() is outer
        cancel(begun.task)
        await asyncio.wait([begun.task])
        again = body(begun, log)
        with pytest.raises(RuntimeError, match="already"):
            begun.go_on(again)
        again.close()

    loop.run_until_complete(run())
    loop.run_until_complete(asyncio.sleep(20.0))
    assert not asyncio.all_tasks(loop)
    loop.close()
    return [one for one in log if one != ("done", True) and one != ("done", False)]


def _waits(steps: list[str]) -> bool:
    return bool(set(steps) - {"word", "task", "cancel", "name", "told"})


@settings(max_examples=200, deadline=None)
@given(STEPS, ENDS, CANCELS)
def test_work_that_is_begun_at_once_does_what_a_task_does(
    steps: list[str], end: str, cancel_s: float | None
) -> None:
    if not _waits(steps):
        cancel_s = None  # it is over before anybody can
    if "cancel" in steps and cancel_s == 0.0:
        cancel_s = -1.0  # it has cancelled itself a turn earlier: whose word it hears, differs
    event(f"waits: {_waits(steps)}, cancelled: {cancel_s is not None}")
    assert story(steps, end, cancel_s, eager=True) == story(steps, end, cancel_s, eager=False)


def test_what_never_waits_leaves_nothing_behind() -> None:
    loop = VirtualTimeLoop()
    seen: list[weakref.ref[Any]] = []

    async def at_once() -> int:
        seen.append(weakref.ref(asyncio.current_task()))
        return 3

    async def run() -> None:
        gc.disable()
        try:
            assert begin_now(loop, at_once()) == 3
            assert seen[0]() is None, "without the collector of garbage"
            assert len(asyncio.all_tasks()) == 1
        finally:
            gc.enable()

    loop.run_until_complete(run())
    loop.close()


def test_a_task_that_is_kept_by_its_work_ends_like_any_other() -> None:
    loop = VirtualTimeLoop()
    kept: list[asyncio.Task[Any]] = []

    async def keeps() -> int:
        task = asyncio.current_task()
        assert isinstance(task, EagerTask)
        kept.append(task)
        return 3

    async def run() -> None:
        assert begin_now(loop, keeps()) == 3
        assert not kept[0].done()
        assert await kept[0] is None
        assert "handler" in repr(kept[0])

    loop.run_until_complete(run())
    loop.close()


def test_a_body_that_does_not_wait_for_the_work_is_refused() -> None:
    loop = VirtualTimeLoop()

    async def waits() -> None:
        await asyncio.sleep(1.0)

    async def hasty() -> None:
        """Wait for nothing."""

    async def run() -> None:
        begun = begin_now(loop, waits())
        assert isinstance(begun, Begun)
        with pytest.raises(RuntimeError, match="has not waited"):
            begun.go_on(hasty())

    loop.run_until_complete(run())
    loop.close()
