"""Nodes are asked themselves whether they are there, since Ray does not know for a while."""

from __future__ import annotations

import socket
import time

from jacquemart.runtime.cluster.reach import reachable


def test_who_listens_is_there_and_who_does_not_or_says_nothing_is_not() -> None:
    with socket.socket() as there, socket.socket() as silent, socket.socket() as queued:
        for one in (there, silent):
            one.bind(("127.0.0.1", 0))
        there.listen()
        silent.listen(0)  # and its queue is full: the kernel drops whatever comes next
        queued.connect(silent.getsockname())
        with socket.socket() as gone:
            gone.bind(("127.0.0.1", 0))
            refuses = gone.getsockname()
        nodes = {"there": there.getsockname(), "gone": refuses, "silent": silent.getsockname()}
        began = time.monotonic()
        assert reachable(nodes, 0.2) == {"there"}
        assert time.monotonic() - began >= 0.2, "the silent one had its time"


def test_nobody_is_asked_where_there_is_nobody() -> None:
    assert reachable({}) == set()
