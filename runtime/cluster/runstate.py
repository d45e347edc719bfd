"""Which cities of this user run on this host, and where they answer.

One small file a city, written by its warden and readable by its owner only. It names the warden
by pid and start time, so a file that a killed warden left behind is known as such.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from urllib.parse import quote

from jacquemart.runtime.cluster.private_dir import owned_dir
from jacquemart.runtime.cluster.processes import ProcessId, identify
from jacquemart.runtime.model.errors import StartError
from jacquemart.runtime.model.versions import known


@dataclass(frozen=True, slots=True)
class RunState:
    """A city that runs. ``api`` and ``stream`` are empty until it is ready."""

    city: str
    pid: int
    """The warden's."""
    started: int
    """The warden's start time, in clock ticks since boot."""
    api: str = ""
    stream: str = ""
    ray_address: str = ""
    token_path: str = ""
    """Where the embedded Ray's token lies; empty for a cluster that was there before."""
    control: str = ""
    """The warden's socket for ``jacquemart plan`` and ``apply``; empty until it is ready."""

    @property
    def live(self) -> bool:
        """Return whether the warden still runs."""
        return ProcessId(self.pid, self.started).alive


def state_of(city: str, ray_address: str, token_path: str) -> RunState:
    """Return the state of a city whose warden is this process."""
    me = identify(os.getpid())
    return RunState(
        city,
        os.getpid(),
        me.started if me else 0,
        ray_address=ray_address,
        token_path=token_path,
    )


def folders() -> list[Path]:
    """Return where run states may lie, the preferred place first."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    found = [Path(runtime) / "jacquemart"] if runtime else []
    with contextlib.suppress(RuntimeError):
        found.append(Path.home() / ".local" / "state" / "jacquemart")
    found.append(Path(tempfile.gettempdir()) / f"jacquemart-{os.getuid()}" / "run")
    return found


def running() -> list[RunState]:
    """Return the cities of this user that run on this host, by name."""
    states = [state for folder in folders() for state in _states(folder) if state.live]
    return sorted({state.city: state for state in reversed(states)}.values(), key=lambda s: s.city)


def find(city: str) -> RunState | None:
    """Return the state of a running city, or None."""
    return next((state for state in running() if state.city == city), None)


def refuse_twin(city: str, pid: int) -> None:
    """Refuse a city that runs already under another warden than ``pid``.

    Raises:
        StartError: it does.
    """
    other = find(city)
    if other is not None and other.pid != pid:
        raise StartError(
            f'a city named "{city}" is running already (pid {other.pid})',
            where=other.api,
            advice=f"stop it first: jacquemart stop {city}",
        )


def claim(state: RunState) -> Path:
    """Write the state of a city that is being started; return the file, to be handed to ``write``.

    Raises:
        StartError: a city of this name runs already, or there is nowhere to write.
    """
    folder = _usable_folder()
    with _locked(folder):
        refuse_twin(state.city, state.pid)
        path = folder / f"{quote(state.city, safe='')}.json"
        write(path, state)
    return path


def write(path: Path, state: RunState) -> None:
    """Replace a city's state; readers see the old one or the new one, never a part."""
    draft = path.with_suffix(f".{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
    draft.replace(path)


def remove(path: Path, pid: int) -> None:
    """Remove a city's state if it is the one that this warden wrote."""
    state = _read(path)
    if state is not None and state.pid == pid:
        path.unlink(missing_ok=True)


def forget(city: str, pid: int) -> None:
    """Remove the state of a city whose warden was killed, wherever it lies."""
    for folder in folders():
        remove(folder / f"{quote(city, safe='')}.json", pid)


def _usable_folder() -> Path:
    failures: list[str] = []
    for folder in folders():
        try:
            return owned_dir(folder)
        except StartError as error:
            failures.append(str(error))
    raise StartError("nowhere to write the run state", where="; ".join(failures))


def _states(folder: Path) -> Iterator[RunState]:
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("*.json")):
            state = _read(path)
            if state is not None:
                yield state


def _read(path: Path) -> RunState | None:
    """Return what a file says, or None if it is gone, not ours, or not a run state."""
    try:
        with open(path, encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            found = json.load(file)
        kinds = {one.name: type(getattr(_EMPTY, one.name)) for one in fields(RunState)}
        if not isinstance(found, dict) or any(
            not isinstance(value, kinds.get(key, object)) for key, value in found.items()
        ):
            return None
        return known(RunState, found)
    except (OSError, ValueError, TypeError):
        return None


_EMPTY = RunState("", 0, 0)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let only one warden at a time look and write; the kernel frees it if we die."""
    fd = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
