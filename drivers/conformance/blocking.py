"""Run a blocking driver's methods as the cell does: in a thread, one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

THREAD_NAME = "driver call"


async def run_in_thread(turn: threading.Lock, method: Callable[..., T], *args: Any) -> T:
    """Call, when it is its turn, in a thread that ends with the call and keeps no process alive.

    Cancellation gives the call up, but cannot stop it: the thread goes on until it returns,
    and has its turn until then.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            with turn:
                result = method(*args)
        except BaseException as caught:  # noqa: BLE001 - handed on to who waits
            error = caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, result, error)

    threading.Thread(target=work, name=THREAD_NAME, daemon=True).start()
    return await done
