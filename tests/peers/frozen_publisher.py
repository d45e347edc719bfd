"""A publisher with a snapshot service in a process of its own, which a test may stop and go on."""

from __future__ import annotations

import asyncio
import sys

from stream_bench import READINGS, Source

from jacquemart.runtime.model.clock import SystemClock
from jacquemart.runtime.wire import messages, sockets
from jacquemart.runtime.wire.calls import Request, Server


async def serve() -> None:
    """Publish a number every 20 ms, answer snapshots, print both endpoints."""
    loop = asyncio.get_running_loop()
    context = sockets.new_context()
    errors: list[BaseException] = []
    source = Source(context, int(sys.argv[1]), errors)
    tasks: set[asyncio.Task[None]] = set()

    async def answer(request: Request) -> None:
        topic = messages.decode_query(request.frame).args["topic"]
        request.reply(messages.reply(await source.snapshot(topic)))

    def take(request: Request) -> None:
        task = loop.create_task(answer(request))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    router = sockets.router(context)
    endpoint = sockets.bind(router, "127.0.0.1")
    Server(loop, router, take, errors.append)
    print(source.endpoint, endpoint, flush=True)
    source.put(0, float(SystemClock().boot_ns()))
    number = 0
    while True:
        await asyncio.sleep(0.02)
        number += 1
        source.put(1, float(number))


if __name__ == "__main__":
    assert READINGS
    asyncio.run(serve())
