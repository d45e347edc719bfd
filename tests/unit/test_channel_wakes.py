"""No message waits unread because something was sent, or could not be, just when it came."""

from __future__ import annotations

import asyncio
import time

import pytest
from patience import until

from jacquemart.runtime.wire import sockets
from jacquemart.runtime.wire.channel import Channel, Message


@pytest.mark.parametrize("gone", [True, False], ids=["to who is gone", "to who is there"])
def test_a_reply_does_not_hide_the_request_that_came_meanwhile(*, gone: bool) -> None:
    async def story() -> None:
        loop, context = asyncio.get_running_loop(), sockets.new_context()
        heard: list[Message] = []
        errors: list[BaseException] = []
        router = sockets.router(context)
        endpoint = sockets.bind(router, "127.0.0.1")
        server = Channel(loop, router, heard.append, errors.append)
        peer = sockets.dealer(context, "peer")
        peer.connect(endpoint)
        client = Channel(loop, peer, lambda _: None, errors.append)
        try:
            await until(lambda: client.send(b"first"))
            await until(lambda: len(heard) == 1)
            for number in range(20):
                client.send(b"%d" % number)
                time.sleep(0.02)  # noqa: ASYNC251 - the loop is busy; the message is there now
                server.reply(b"nobody" if gone else b"peer", b"answer")
                await until(lambda: len(heard) == number + 2, 2.0)  # noqa: B023
            assert errors == []
        finally:
            server.close()
            client.close()
            context.term()

    asyncio.run(story())
