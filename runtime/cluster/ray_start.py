"""Start an embedded Ray, or attach to a cluster that is there already."""

from __future__ import annotations

import contextlib
import importlib
import logging
import mmap
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jacquemart.runtime.cluster import processes, ray_settings
from jacquemart.runtime.cluster.blueprint import NAMESPACE
from jacquemart.runtime.model.errors import StartError

log = logging.getLogger("jacquemart.warden")

#: How long each step of leaving Ray may take.
STOP_S = 3.0


@dataclass(slots=True)
class RaySession:
    """This process's connection to Ray, and, if embedded, Ray itself."""

    address: str
    token_path: str = ""
    node: Any = None
    """Ray's node object; None: a cluster that was there before, and stays."""

    @property
    def embedded(self) -> bool:
        """Return whether Ray ends with this session."""
        return bool(self.token_path)

    def processes(self) -> dict[str, int]:
        """Return the pids of Ray's own processes that the city cannot do without."""
        if self.node is None:
            return {}
        found = {}
        for kind, entries in self.node.all_processes.items():
            if kind in ("raylet", "gcs_server"):
                found[kind] = entries[0].process.pid
        return found

    def agents(self) -> list[int]:
        """Return the pids of the raylet's agents: it ends itself, and all cells, without one."""
        if self.node is None:
            return []
        from jacquemart.runtime.cluster import quiet_node

        raylet = self.processes().get("raylet")
        own = [one.pid for one in processes.all_processes() if one.parent == raylet]
        return [pid for pid in own if quiet_node.is_agent(processes.command_line(pid))]

    def end_raylet(self) -> None:
        """End the raylet by SIGKILL. In order it would end the cells first."""
        processes.kill([self.processes()["raylet"]], 0.0)

    def asks(self) -> dict[str, Callable[[], object]]:
        """Return what comes back when one of Ray's processes answers; may block.

        The raylet is asked nothing: a question that is under way when it ends would have Ray end
        this process. That it is stopped shows in its state.
        """
        if self.node is None:
            return {}
        kv: Any = importlib.import_module("ray.experimental.internal_kv")
        return {"gcs_server": lambda: kv._internal_kv_exists(b"jacquemart")}  # noqa: SLF001

    def restart_gcs(self) -> bool:
        """Start the GCS again where it was; return whether it runs.

        Its tables are on disk, so it knows its nodes and actors again. To be called from the
        main thread, with which it ends. Takes about 0.1 s.
        """
        if self.node is None or ray_settings.GCS_STORAGE != "rocksdb":
            return False
        try:
            self.node.kill_gcs_server(check_alive=False)
            self.node.start_gcs_server()
        except Exception:
            log.exception("the GCS cannot be started again")
            return False
        return "gcs_server" in self.processes()

    def resources(self) -> dict[str, float]:
        """Return the resources of the whole cluster."""
        ray: Any = importlib.import_module("ray")
        return {str(name): float(amount) for name, amount in ray.cluster_resources().items()}

    def hosts(self) -> int:
        """Return how many nodes of the cluster live."""
        ray: Any = importlib.import_module("ray")
        return sum(bool(node.get("Alive")) for node in ray.nodes())

    def stop(self) -> None:
        """Leave Ray; end it if it is embedded. Never raises; idempotent."""
        import ray

        if self.node is not None:  # who is frozen can neither let go nor end in order
            pids = self.processes().values()
            processes.kill([pid for pid in pids if processes.stopped(pid)], STOP_S)
        for step in (ray.shutdown, self._end_node):
            # In threads: what waits for a Ray that does not answer is left to itself.
            thread = threading.Thread(target=_quietly, args=(step,), daemon=True)
            thread.start()
            thread.join(STOP_S)

    def _end_node(self) -> None:
        node, self.node = self.node, None
        if node is not None:
            node.kill_all_processes(check_alive=False, allow_graceful=True)


def _quietly(step: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):
        step()


def prepare_environment(private_dir: Path, address: str) -> Path | None:
    """Set this process up for Ray; to be called before anything imports Ray.

    Args:
        private_dir: where the token and Ray's session go; whoever made it removes it.
        address: of the cluster to attach to; empty: an embedded Ray.

    Returns:
        The token's path, for ``start_embedded``; None for a cluster that is there already.
    """
    if not address:
        token = ray_settings.make_token(private_dir)
        ray_settings.apply(token, private_dir / "gcs")
        return token
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    if address.startswith((f"{ray_settings.LOOPBACK}:", "localhost:")):
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return None


def start_embedded(token: Path, cpus: int, resources: Mapping[str, float]) -> RaySession:
    """Start Ray on loopback, behind a token, in the token's directory, and connect to it.

    To be called from the main thread of a process that lives as long as Ray shall: Ray's
    processes die with the thread.

    Args:
        token: what ``prepare_environment`` gave.
        cpus: the ``CPU`` resource, and how many workers are started in advance.
        resources: custom resources of this node.

    Raises:
        StartError: Ray could not be started; the session's logs say why.
    """
    import ray

    from jacquemart.runtime.cluster import quiet_node

    _quiet()
    private_dir = token.parent
    session = RaySession("", str(token))
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # a late question must not start another Ray
    try:
        if quiet_node.supported():
            session.node = quiet_node.start(private_dir, cpus, resources)
            session.address = session.node.address
            _connect(session.address, _node_ip_address=ray_settings.LOOPBACK)
        else:
            context = _connect(
                "local",
                num_cpus=cpus,
                resources=dict(resources),
                include_dashboard=False,
                object_store_memory=ray_settings.OBJECT_STORE_BYTES,
                _temp_dir=str(private_dir),
                _node_ip_address=ray_settings.LOOPBACK,
            )
            session.address = str(context.address_info["gcs_address"])
        _check(session)
    except BaseException as error:
        session.stop()
        if isinstance(error, Exception) and not isinstance(error, StartError):
            raise StartError(
                f"Ray {ray.__version__} did not start: {error}", where=str(private_dir)
            ) from error
        raise
    return session


def attach(address: str) -> RaySession:
    """Connect to a Ray cluster that has a node on this host; it is never stopped from here.

    Raises:
        StartError: it cannot be reached, or the address is one of Ray Client.
    """
    if "://" in address:
        raise StartError(
            "Ray Client addresses cannot carry a city",
            where=address,
            advice="give host:port of the cluster's GCS, from a host that has a Ray node",
        )
    _quiet()
    try:
        _connect(address)
    except Exception as error:
        raise StartError(
            f"no Ray cluster answers: {error}", where=address, advice="is it running?"
        ) from error
    return RaySession(address)


def _connect(address: str, **more: Any) -> Any:
    import ray

    return ray.init(
        address=address,
        namespace=NAMESPACE,
        log_to_driver=False,
        configure_logging=False,
        **more,
    )


def _quiet() -> None:
    logging.getLogger("ray").setLevel(logging.WARNING)


def _check(session: RaySession) -> None:
    """Refuse a Ray that did not take the settings which safety rests on.

    Raises:
        StartError: it is open to others, or slow where it must be fast.
    """
    _raylet: Any = importlib.import_module("ray._raylet")
    wrong: list[str] = []
    hidden: list[str] = []
    if not session.address.startswith(f"{ray_settings.LOOPBACK}:"):
        wrong.append(f"it listens on {session.address} and not on loopback")
    mode = getattr(_raylet, "AuthenticationMode", None)
    if mode is None or _raylet.get_authentication_mode() != mode.TOKEN:
        wrong.append("it asks nobody for a token")
    for name, value in ray_settings.RAY_CONFIG.items():
        read = getattr(_raylet.Config, name, None)
        if read is None:
            hidden.append(name)
        elif str(read()) != value:
            wrong.append(f"{name} is {read()} and not {value}")
    wrong.extend(f"it has no setting {name}" for name in _unknown(hidden))
    if wrong:
        raise StartError(f"Ray did not take its settings: {'; '.join(wrong)}")


def _unknown(settings: list[str]) -> list[str]:
    """Return the settings that the raylet's program has no name for.

    Not every setting can be read back; but an environment variable that nothing looks for says
    nothing, so it is seen to that the program knows its name. Takes about 0.1 s.
    """
    services: Any = importlib.import_module("ray._private.services")
    path = getattr(services, "RAYLET_EXECUTABLE", "")
    try:
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as program,
        ):
            return [name for name in settings if program.find(b"RAY_%b\0" % name.encode()) < 0]
    except (OSError, ValueError):
        return settings
