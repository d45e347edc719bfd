"""The private directory of one running city: Ray's session, its token, the warden's log.

Owner-only, with a short path (Ray puts Unix sockets in it, whose paths may have 107 characters),
and gone when the city is. What a killed city left behind is swept by the next one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import tempfile
from pathlib import Path

from jacquemart.runtime.cluster.processes import ProcessId, identify
from jacquemart.runtime.model.errors import StartError

#: Of the 107 characters of a Unix socket's path Ray needs about 40 below its temporary folder.
LONGEST_PATH = 60
_OWNERS = "owners"


def user_dir() -> Path:
    """Return this user's folder for private directories, made if needed.

    Raises:
        StartError: it belongs to somebody else, or others may enter it.
    """
    for base in (tempfile.gettempdir(), "/tmp"):
        path = Path(base) / f"jacquemart-{os.getuid()}"
        if len(str(path)) + 10 <= LONGEST_PATH:
            return owned_dir(path)
    raise StartError(
        "the path of the temporary folder is too long for Unix sockets",
        where=str(path),
        advice="set TMPDIR to a shorter one",
    )


def owned_dir(path: Path) -> Path:
    """Make a directory that only this user may enter, or check that it is one.

    Raises:
        StartError: it belongs to somebody else, is no directory, or cannot be made.
    """
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700, parents=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise StartError("is not a directory of this user", where=str(path))
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise StartError(error.strerror or str(error), where=str(path)) from error
    return path


def make() -> Path:
    """Make a private directory, owned by this process until somebody else claims it too.

    Raises:
        StartError: there is no safe place for it.
    """
    path = owned_dir(user_dir() / secrets.token_hex(4))
    claim(path)
    return path


def claim(path: Path) -> None:
    """Add this process to the owners: while one of them lives, the directory is not swept."""
    me = identify(os.getpid())
    if me is not None:
        with open(path / _OWNERS, "a", encoding="ascii") as file:
            file.write(f"{me.pid} {me.started}\n")


def remove(path: Path) -> None:
    """Remove a private directory with all in it; nothing happens if there is none."""
    # Twice: a process that is just ending may write a last file while the tree is taken down.
    for _ in range(2):
        shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return


def sweep() -> list[Path]:
    """Remove the private directories of this user whose owners have all ended; return them."""
    swept: list[Path] = []
    for path in user_dir().iterdir():
        owners = _owners(path)
        if owners and not any(owner.alive for owner in owners):
            remove(path)
            swept.append(path)
    return swept


def _owners(path: Path) -> list[ProcessId]:
    try:
        text = (path / _OWNERS).read_text(encoding="ascii")
        return [ProcessId(*map(int, line.split())) for line in text.splitlines()]
    except (OSError, ValueError, TypeError):
        return []
