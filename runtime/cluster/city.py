"""A city, run from a Python program: start it, use it, stop it."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from jacquemart.runtime.cluster.control_client import Operator
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.ray_settings import join_environment
from jacquemart.runtime.cluster.report import Event, error_fields, error_of
from jacquemart.runtime.cluster.warden_process import WardenProcess
from jacquemart.runtime.model.errors import JacquemartError, StartError, UsageError
from jacquemart.runtime.store.folder import absolute_state

if TYPE_CHECKING:
    from jacquemart.runtime.client import Client

log = logging.getLogger("jacquemart.city")


class City:
    """A city in processes of its own, for as long as this program wants it.

    >>> with City("city.toml") as city, city.client() as client:  # doctest: +SKIP
    ...     client.set("lamp-1/setpoint", 80)

    This program stays free of Ray and of the cells: a warden runs them, and ends them when
    ``stop`` is called or this process ends, however it ends. Thread-safe.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        ray_address: str | None = None,
        network: str | None = None,
        gateway_port: int | None = None,
        stream_port: int | None = None,
        cells: int | None = None,
        standby: bool | None = None,
        awake: bool | None = None,
        state: str | os.PathLike[str] | None = None,
        on_progress: Callable[[Event], None] | None = None,
        timeout_s: float = 120.0,
        grace_s: float = 3.0,
        options: WardenOptions | None = None,
    ) -> None:
        """Prepare a city; ``start`` (or ``with``) starts it.

        Args:
            path: the city file.
            ray_address: ``host:port`` of a Ray cluster that has a node on this host; None: an
                embedded Ray on loopback, which ends with the city.
            network: a private network, ``10.0.0.0/24``, over which cells of several hosts of that
                cluster may meet. What passes there is neither encrypted nor authenticated yet.
                None: all cells are on this host.
            gateway_port: the public API's port; 0: any free one; None: as the city file says.
            stream_port: the public streams' port, likewise.
            cells: device cells; None: as the city file says, or one a core.
            state: folder of the journals, which is made if needed; None: ``jacquemart/<city id>``
                in ``$XDG_STATE_HOME`` (``~/.local/state``); ``""``: nothing survives the city.
            standby: whether a warm process waits to become any cell that is lost; None: if there
                are several device cells.
            awake: whether the processors of this host shall not sleep while the city runs: shorter
                round trips for more power. Needs leave to write ``/dev/cpu_dma_latency``; without
                it the city runs all the same, and a warning says so.
            on_progress: gets the warden's events (``report`` lists them), in a thread of its
                own; what it raises is logged.
            timeout_s: seconds that the start may take.
            grace_s: seconds that cells may take to end what is in hand.
            options: everything else; a seam for tests.
        """
        chosen = options or WardenOptions(city="", private_dir="")
        self._options = replace(
            chosen,
            city=str(Path(path).absolute()),
            ray_address=ray_address or "",
            network=network or chosen.network,
            gateway_port=-1 if gateway_port is None else gateway_port,
            stream_port=-1 if stream_port is None else stream_port,
            cells=cells or 0,
            standby=chosen.standby if standby is None else int(standby),
            awake=chosen.awake if awake is None else awake,
            state=chosen.state if state is None else absolute_state(state),
            timeout_s=timeout_s,
            grace_s=grace_s,
        )
        self._on_progress = on_progress
        self._lock = threading.RLock()
        self._warden: WardenProcess | None = None
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._ready: Event = {}
        self._cells: dict[str, dict[str, Any]] = {}
        self._failure: JacquemartError | None = None
        self._stopping = False
        self._in_order = False
        """Whether the warden said itself that it stopped."""
        self._ended = threading.Event()

    # Life ------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the city and wait until it is ready.

        Raises:
            ConfigError: the city file is wrong; correct it.
            StartError: Ray, a cell or a port; ``advice`` says what to do where that is known.
            UsageError: it was started already.
        """
        with self._lock:
            if self._warden is not None:
                raise UsageError("the city was started already", where=self._options.city)
            self._stopping, self._in_order, self._failure = False, False, None
            self._ended.clear()
            self._events = queue.SimpleQueue()
            self._warden = WardenProcess(self._options, self._heard)
        try:
            self._await_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def _await_ready(self) -> None:
        # The warden keeps the time itself; what is added here is for a warden that hangs.
        deadline = time.monotonic() + self._options.timeout_s + 10.0
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise StartError(
                    f"not ready within {self._options.timeout_s:.0f} s", where=self._options.city
                ) from None
            if event["event"] == "ready":
                return
            if event["event"] == "error":
                raise error_of(event)
            if event["event"] == "gone":
                raise self._gone()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the city ends by itself (``jacquemart stop``, a failure); return whether.

        What is left of it is cleaned up by then; ``failure`` says why it ended.
        """
        return self._ended.wait(timeout_s)

    def stop(self) -> None:
        """Stop the city: its cells, its Ray if that is its own, and its files; idempotent.

        Blocks until nothing is left, typically two seconds.
        """
        with self._lock:
            self._stopping = True
            warden = self._warden
        if warden is not None:
            warden.stop()
        with self._lock:
            self._warden = None
            self._ready = {}
            self._cells = {}

    def __enter__(self) -> Self:
        """Start the city."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the city."""
        self.stop()

    # Use -------------------------------------------------------------------------------------

    @property
    def api(self) -> str:
        """Return the endpoint of the public API, ``tcp://127.0.0.1:4747``."""
        return str(self._fact("api"))

    @property
    def stream(self) -> str:
        """Return the endpoint of the public streams."""
        return str(self._fact("stream"))

    @property
    def ray_address(self) -> str:
        """Return the address of the Ray cluster that the city runs in."""
        return str(self._fact("ray_address"))

    @property
    def ready_s(self) -> float:
        """Return how long the start took, in seconds."""
        return float(self._fact("ready_s"))

    @property
    def warden_pid(self) -> int:
        """Return the pid of the city's warden."""
        with self._lock:
            if self._warden is None:
                raise UsageError("the city is not running", where=self._options.city)
            return self._warden.pid

    @property
    def private_dir(self) -> Path:
        """Return where the embedded Ray and the warden keep their files and logs."""
        with self._lock:
            if self._warden is None:
                raise UsageError("the city is not running", where=self._options.city)
            return self._warden.private_dir

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Return the cells as of now: name, role, epoch, commands, stream, pid, host."""
        with self._lock:
            return [dict(cell) for cell in self._cells.values()]

    @property
    def failure(self) -> JacquemartError | None:
        """Return why the city ended by itself, or None."""
        return self._failure

    def client(self, **options: Any) -> Client:
        """Return a client of the city; close it, or use it with ``with``."""
        from jacquemart.runtime.client import Client

        return Client(self.api, **options)

    def plan(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Return what a changed city file would do to the running city; changes nothing.

        The keys are those of ``jacquemart plan --json``.

        Raises:
            CityErrors: the file is wrong; all its problems. StartError: a link would be reached
                from no node. UsageError: the city is not running.
        """
        return self._operator().plan(path)

    def apply(self, path: str | os.PathLike[str], plan: str = "") -> dict[str, Any]:
        """Let the running city become what a changed city file says; blocks until it is.

        Devices that do not change are not touched. The result has the keys of
        ``jacquemart apply --json``.

        Args:
            path: the changed city file.
            plan: the ``plan`` of the plan that was looked at: it is refused if the file or the
                city has changed since. Empty: whatever the file says now.

        Raises:
            CityErrors: the file is wrong. ChangeRefused: a setting needs a restart, or a cell
                cannot take the change; the city is as before. ChangeBusy: another change is
                under way, try again. UsageError: the city is not running.
        """
        operator = self._operator()
        return operator.apply(path, plan or str(operator.plan(path)["plan"]))

    def restart_cells(self, *, python: str = "", commit: bool = False) -> dict[str, Any]:
        """Hand every cell to a fresh process, one after the other, while the city goes on; blocks.

        Each cell ends what is in hand and lets go of its links before its successor, which is
        warm by then, adopts them. The result has the keys of ``jacquemart restart --json``.

        Args:
            python: the interpreter of another version, which shall run the city from then on.
            commit: let journals have the newest format of that version; there is no way back to
                one that does not know it.

        Raises:
            ChangeBusy: a change of the city is under way, try again. VersionMismatch: the two
                versions do not work together. ChangeRefused: the other version cannot run the
                city, which goes on as before. UsageError: the city is not running, or there is
                no such interpreter.
        """
        return self._operator().restart(python=python, commit=commit)

    def _operator(self) -> Operator:
        return Operator(str(self._fact("control")), str(self._fact("city")))

    def ray_environment(self) -> dict[str, str]:
        """Return what a program's environment needs to join the city's embedded Ray.

        To be set before that program imports Ray; then ``ray.init(address=city.ray_address)``.
        Empty for a cluster that was there before.
        """
        token = str(self._fact("token_path"))
        return join_environment(token) if token else {}

    def _fact(self, name: str) -> Any:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if name not in self._ready or self._ended.is_set():
                raise UsageError("the city is not running", where=self._options.city)
            return self._ready[name]

    # Events ----------------------------------------------------------------------------------

    def _heard(self, event: Event) -> None:
        """Take an event, in the reader's thread."""
        kind = event["event"]
        with self._lock:
            was_ready = bool(self._ready)
            if kind == "ready":
                self._ready = dict(event)
                self._cells = {cell["name"]: cell for cell in event["cells"]}
            elif kind == "cell_removed":
                self._cells.pop(event["cell"], None)
            elif kind in ("cell_replaced", "cell_added"):
                self._ready.update(api=event["api"], stream=event["stream"])
                self._cells[event["cell"]["name"]] = event["cell"]
            elif kind == "error" and was_ready:
                self._failure = error_of(event)
            elif kind == "stopped":
                self._in_order = True
            stopping, warden = self._stopping, self._warden
        if not was_ready:
            self._events.put(event)
        if kind != "gone":
            self._tell(event)
            return
        if was_ready and not stopping and warden is not None:
            if not self._in_order:
                self._failure = self._gone()
                self._tell({"event": "error", **error_fields(self._failure)})
            warden.stop()
        self._ended.set()

    def _gone(self) -> StartError:
        warden = self._warden
        words = warden.log_tail() if warden is not None else ""
        return StartError("the warden ended unexpectedly", where=self._options.city, advice=words)

    def _tell(self, event: Event) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(event)
        except Exception:
            log.exception("on_progress failed")
