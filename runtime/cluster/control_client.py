"""The operator's end of a warden's control socket. Imports neither Ray nor the warden."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from jacquemart.runtime.cluster import control_wire
from jacquemart.runtime.cluster.report import error_of
from jacquemart.runtime.model.errors import GatewayUnreachable, OutcomesLost

CONNECT_S = 5.0
Progress = Callable[[dict[str, Any]], None]


class Operator:
    """Asks the warden of one city. Each call is a connection of its own; thread-safe."""

    def __init__(self, control: str, city: str) -> None:
        """Know where the warden listens: ``RunState.control``."""
        self._control = control
        self._city = city

    def city(self) -> dict[str, Any]:
        """Return what the running city has, counted."""
        return self._ask("city", "", "", None)

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
        return self._ask("plan", os.fspath(path), "", progress)

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
        return self._ask("apply", os.fspath(path), plan, progress)

    def _ask(self, verb: str, path: str, plan: str, progress: Progress | None) -> dict[str, Any]:
        request = {"verb": verb, "path": path, "folder": os.getcwd(), "plan": plan}
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
