"""The operator's end of a warden's control socket. Imports neither Ray nor the warden."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from jacquemart.runtime.cluster import control_wire
from jacquemart.runtime.cluster.report import error_of
from jacquemart.runtime.model.errors import ChangeRefused, GatewayUnreachable, OutcomesLost

CONNECT_S = 5.0
#: How long a warden may take to begin anew in another version, and how often it is asked.
NEW_IMAGE_S = 180.0
AGAIN_S = 0.1
#: Who was connected for so long, was connected to a warden that ran.
RAN_S = 1.0
Progress = Callable[[dict[str, Any]], None]


class Operator:
    """Asks the warden of one city. Each call is a connection of its own; thread-safe."""

    def __init__(self, control: str, city: str) -> None:
        """Know where the warden listens: ``RunState.control``."""
        self._control = control
        self._city = city

    def city(self) -> dict[str, Any]:
        """Return what the running city has, counted."""
        return self._ask("city")

    def plan(
        self, path: str | os.PathLike[str], progress: Progress | None = None
    ) -> dict[str, Any]:
        """Return what the running city would become if this file were applied.

        Args:
            path: the changed city file.
            progress: gets what is being done; reading a big city takes seconds.

        Raises:
            ConfigError: the file is wrong: correct it. ChangeRefused: it cannot be read.
            StartError: a link would be reached from no node.
            GatewayUnreachable: no warden answers.
        """
        return self._ask("plan", progress, path=os.fspath(path))

    def apply(
        self, path: str | os.PathLike[str], plan: str, progress: Progress | None = None
    ) -> dict[str, Any]:
        """Let the running city become what the file says; blocks until it is.

        Args:
            path: the changed city file.
            plan: what identifies the plan that was looked at, its ``plan``.
            progress: gets how far it is.

        Raises:
            ConfigError: the file is wrong. ChangeRefused: the city goes on as before, ``message``
                says why; ChangeBusy: another change is under way, try again.
            OutcomesLost: the warden went away meanwhile: look with ``plan`` what runs.
        """
        return self._ask("apply", progress, path=os.fspath(path), plan=plan)

    def restart(
        self, progress: Progress | None = None, *, python: str = "", commit: bool = False
    ) -> dict[str, Any]:
        """Hand every cell of the running city to a fresh process, one after the other; blocks.

        Args:
            progress: gets the cell that has its turn, and how many are left.
            python: the interpreter beside which another version is installed, which then runs
                the city: first its warden, then each cell. Empty: the version that runs.
            commit: let journals have the newest format of that version; there is no way back to
                one that does not know it.

        Returns:
            ``city``, ``seconds``, ``cells``, ``version`` and ``away_s``: for how long each was
            away.

        Raises:
            ChangeBusy: a change is under way, try again. VersionMismatch: the two versions do
                not work together. UsageError, StartError: no whole version is beside ``python``.
            ChangeRefused: the other version could not run the city, which goes on in the one
                before; or a cell has no successor. OutcomesLost: the warden went away meanwhile.
        """
        becoming: list[dict[str, Any]] = []

        def told(found: dict[str, Any]) -> None:
            if found.get("stage") == "warden":
                becoming.append(found)
            if progress is not None:
                progress(found)

        request = {"python": python, "commit": "yes" if commit else ""}
        try:
            return self._ask("restart", told, **request)
        except OutcomesLost:
            if not becoming:
                raise
        result = self._follow(progress)
        if result.get("undone"):
            raise ChangeRefused(
                f"the city goes on in version {result['version']}: {result['undone']}",
                advice="the warden's log says more",
            )
        return result

    def _follow(self, progress: Progress | None) -> dict[str, Any]:
        """Wait for the new image of the warden, and for what it does with the cells."""
        until_s = time.monotonic() + NEW_IMAGE_S
        while True:
            asked_s = time.monotonic()
            try:
                return self._ask("moves", progress)
            except (GatewayUnreachable, OutcomesLost):  # not yet; or back to the one before
                now_s = time.monotonic()
                if now_s > asked_s + RAN_S:
                    until_s = now_s + NEW_IMAGE_S
                if now_s > until_s:
                    raise
                time.sleep(AGAIN_S)

    def _ask(self, verb: str, progress: Progress | None = None, **more: str) -> dict[str, Any]:
        request = {"verb": verb, "folder": os.getcwd(), **more}
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONNECT_S)
            try:
                connection.connect(self._control)
                control_wire.send(connection, request)
            except OSError as error:
                raise GatewayUnreachable(
                    f"the warden of {self._city} does not answer: {error.strerror or error}",
                    where=self._control,
                    advice="is the city being started?",
                ) from error
            while True:
                try:
                    answer = control_wire.receive(connection, control_wire.ANSWER_LIMIT, None)
                except (OSError, EOFError) as error:
                    raise OutcomesLost(
                        f"the warden of {self._city} went away before it answered",
                        advice="look with `jacquemart plan` at what runs now",
                    ) from error
                if "error" in answer:
                    raise error_of(answer["error"])
                if "result" in answer:
                    result: dict[str, Any] = answer["result"]
                    return result
                if progress is not None:
                    progress(dict(answer.get("progress") or {}))
