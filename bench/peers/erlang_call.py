"""Erlang/OTP: ``gen_server:call`` between two nodes of one host, timed by the calling node."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

NAME = "erlang"
INSTALL = "apt install erlang-base"

SOURCE = r"""
-module(box).
-behaviour(gen_server).
-export([init/1, handle_call/3, handle_cast/2, serve/0, go/1]).
init(_) -> {ok, 0}.
handle_call({ping, Value}, _, State) -> {reply, Value, State}.
handle_cast(_, State) -> {noreply, State}.
serve() ->
    {ok, _} = gen_server:start({local, box}, box, [], []),
    io:format("~s~n", [os:getpid()]),
    receive stop -> ok end.
go([Name]) ->
    Node = list_to_atom(Name),
    true = net_kernel:connect_node(Node),
    io:format("~s~n", [os:getpid()]),
    loop({box, Node}).
loop(Box) ->
    case io:get_line("") of
        eof -> halt();
        Line ->
            Count = list_to_integer(string:trim(Line)),
            Times = [one(Box, float(N)) || N <- lists:seq(1, Count)],
            io:format("~s~n", [lists:join(" ", [integer_to_list(T) || T <- Times])]),
            loop(Box)
    end.
one(Box, Value) ->
    Begin = erlang:monotonic_time(nanosecond),
    Value = gen_server:call(Box, {ping, Value}),
    erlang:monotonic_time(nanosecond) - Begin.
"""


def missing() -> str | None:
    """Return why it cannot be measured here."""
    if shutil.which("erl") is None or shutil.which("erlc") is None:
        return f"no Erlang here: {INSTALL}"
    return None


class Peer:
    """Two nodes; the second calls the first as often as it is told."""

    def __enter__(self) -> Self:
        """Compile the module, and start both."""
        self._folder = tempfile.TemporaryDirectory()
        name = f"bench{secrets.token_hex(4)}"
        source = Path(self._folder.name) / "box.erl"
        source.write_text(SOURCE)
        subprocess.run(["erlc", source.name], cwd=self._folder.name, check=True)
        host = "127.0.0.1"
        self._server = self._node(f"{name}a@{host}", name, "-s", "box", "serve")
        self._caller = self._node(f"{name}b@{host}", name, "-run", "box", "go", f"{name}a@{host}")
        return self

    def __exit__(self, *_: object) -> None:
        """End both."""
        for node in (self._caller, self._server):
            node.kill()
            node.communicate()
        self._folder.cleanup()

    @property
    def pids(self) -> list[int]:
        """Return both nodes' processes."""
        return [self._server.pid, self._caller.pid]

    def round_trips(self, count: int) -> list[int]:
        """Return the ns of so many calls, one after the other."""
        assert self._caller.stdin is not None
        assert self._caller.stdout is not None
        self._caller.stdin.write(f"{count}\n")
        self._caller.stdin.flush()
        return [int(ns) for ns in self._caller.stdout.readline().split()]

    def _node(self, name: str, cookie: str, *run: str) -> subprocess.Popen[str]:
        node = subprocess.Popen(
            ["erl", "-noshell", "-noinput" if "serve" in run else "-noshell",
             "-name", name, "-setcookie", cookie, *run],
            cwd=self._folder.name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "HOME": self._folder.name},
        )  # fmt: skip
        assert node.stdout is not None
        if not node.stdout.readline().strip():
            raise RuntimeError(f"node {name} did not start")
        return node
