"""The warden's ear for operators of the same user: a UNIX socket in its private directory.

One thread a connection, a few connections. What takes long (reading a city, comparing it) is done
there or in a process of its own; the warden's main thread only carries a change out, so the cells
are watched all the while.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jacquemart.runtime.city.summary import summarize
from jacquemart.runtime.cluster import control_wire
from jacquemart.runtime.cluster.live_change import ChangeJob, LiveChange
from jacquemart.runtime.cluster.moves import MoveJob, Moves
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.plan_claims import claims_touched
from jacquemart.runtime.cluster.prepare import Prepared, prepare, shards_of
from jacquemart.runtime.cluster.report import error_fields
from jacquemart.runtime.cluster.upgrade import Upgrade, check
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.errors import ChangeRefused, JacquemartError
from jacquemart.runtime.model.versions import PACKAGE

log = logging.getLogger("jacquemart.warden")

NAME = "control.sock"
#: Who connects says at once what it wants.
REQUEST_S = 5.0
#: Who does not read is let go.
SEND_S = 20.0
MOST_CONNECTIONS = 8
Tell = Callable[[dict[str, Any]], None]
End = Callable[[dict[str, Any] | JacquemartError], None]
_PEER = struct.Struct("3i")


class Control:
    """Answers operators until the warden ends."""

    def __init__(
        self,
        folder: Path,
        options: WardenOptions,
        changes: LiveChange,
        moves: Moves,
        resources: Callable[[CitySpec], Mapping[str, float]],
        store: Callable[[Any], Any],
        wake: Callable[[], None],
    ) -> None:
        """Listen at once.

        Args:
            folder: the warden's private directory.
            options: what the warden was told.
            changes: where a change is carried out.
            moves: where cells are handed to fresh processes.
            resources: what the cluster has for a city, by name.
            store: hands Ray the shards of a city.
            wake: lets the main thread look for what is new.
        """
        self._options = options
        self._changes = changes
        self._moves = moves
        self._resources = resources
        self._store = store
        self._wake = wake
        self.path = folder / NAME
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self.path.chmod(0o600)
        self._listener.listen(MOST_CONNECTIONS)
        self._free = threading.Semaphore(MOST_CONNECTIONS)
        # One plan at a time: a second one would only make both slower, and the city with them.
        self._thinking = threading.Lock()
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        """Take no more requests; idempotent."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if not self._free.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="control-request", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._answer(connection)
        except (OSError, EOFError):
            pass  # whoever asked is gone; a change that was begun goes on
        finally:
            self._free.release()

    def _answer(self, connection: socket.socket) -> None:
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        if _PEER.unpack(peer)[1] != os.getuid():
            return
        try:
            found = control_wire.receive(connection, control_wire.REQUEST_LIMIT, REQUEST_S)
            request = control_wire.check_request(found)
            connection.settimeout(SEND_S)
            result = self._do(connection, request)
        except JacquemartError as error:
            answer = {"error": error_fields(error)}
        except OSError:
            raise
        except Exception as error:
            log.exception("a request failed")
            answer = {"error": error_fields(error)}
        else:
            answer = {"result": result}
        connection.settimeout(SEND_S)
        control_wire.send(connection, answer)

    def _do(self, connection: socket.socket, request: Mapping[str, str]) -> dict[str, Any]:
        if request["verb"] == "restart":
            upgrade = self._upgrade(connection, request)
            return self._await_end(
                connection,
                lambda tell, end: self._moves.offer(MoveJob(tell, end, upgrade=upgrade)),
            )
        if request["verb"] == "moves":
            return self._await_end(
                connection, lambda tell, end: self._moves.follow(MoveJob(tell, end))
            )
        if request["verb"] == "city":
            return summarize(self._changes.running.placement.city)
        control_wire.send(connection, {"progress": {"stage": "reading", "path": request["path"]}})
        with self._thinking:
            prepared = self._prepare(request)
            if request["verb"] == "plan":
                holds = claims_touched(self._changes.api, prepared.change)
                return {**prepared.summary, "holds": holds}
            if prepared.plan != request["plan"]:
                raise ChangeRefused(
                    "the file, or the city, has changed since the plan was shown",
                    where=request["path"],
                    advice="look at the plan again",
                )
            if prepared.change.restart:
                keys = ", ".join(one.key for one in prepared.change.restart)
                raise ChangeRefused(
                    f"a running city cannot change {keys}",
                    where=request["path"],
                    advice=prepared.change.restart[0].advice,
                )
            if prepared.change.empty:
                return {**prepared.summary, "seconds": 0.0}
            shards = self._store(shards_of(prepared.after.placement))
        return self._apply(connection, replace(prepared, shards=shards))

    def _upgrade(self, connection: socket.socket, request: Mapping[str, str]) -> Upgrade | None:
        """Look whether a restart can be into another version; say so before this one ends."""
        if not request["python"] and not request["commit"]:
            return None
        options = self._options
        with self._thinking:
            upgrade = check(
                request["python"] or sys.executable,
                options.journal_format,
                embedded=not options.ray_address,
                commit=bool(request["commit"]),
            )
        facts = {"from": PACKAGE, "to": upgrade.to.package}
        control_wire.send(connection, {"progress": {"stage": "warden", **facts}})
        return upgrade

    def _prepare(self, request: Mapping[str, str]) -> Prepared:
        running = self._changes.running
        prepared = prepare(
            running, request["path"], request["folder"], self._options, self._resources
        )
        self._changes.known_digest(running, prepared.before.digest)
        return prepared

    def _apply(self, connection: socket.socket, prepared: Prepared) -> dict[str, Any]:
        return self._await_end(
            connection, lambda tell, end: self._changes.offer(ChangeJob(prepared, tell, end))
        )

    def _await_end(
        self, connection: socket.socket, offer: Callable[[Tell, End], None]
    ) -> dict[str, Any]:
        """Have the main thread do something, pass on how far it is, and return what came of it."""
        told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        offer(
            lambda progress: told.put(("progress", progress)),
            lambda outcome: told.put(("end", outcome)),
        )
        self._wake()
        listening = True
        while True:
            kind, value = told.get()
            if kind == "end":
                if isinstance(value, JacquemartError):
                    raise value
                found: dict[str, Any] = value
                return found
            if listening:
                try:
                    control_wire.send(connection, {"progress": {"stage": "cells", **value}})
                except OSError:  # gone: the change goes on, and its end is still awaited
                    listening = False
