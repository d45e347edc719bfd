"""Where journals lie: the state folder of a city, and the names of the files in it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

#: A journal's database, and with ``MARK_SUFFIX`` its watermark.
SUFFIX = ".journal"
MARK_SUFFIX = ".mark"
LOCK_SUFFIX = ".lock"
_LONGEST_NAME = 200
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_.-")


def state_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return this user's folder for the states of cities; it may not exist yet.

    ``$XDG_STATE_HOME/jacquemart``, and ``~/.local/state/jacquemart`` without that variable or
    where it is no absolute path (which the XDG specification has one ignore).
    """
    base = (os.environ if environ is None else environ).get("XDG_STATE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state"
    return home / "jacquemart"


def state_folder(city: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return where a city keeps its journals if nobody says otherwise."""
    return state_home(environ) / file_name(city)


def absolute_state(state: str | os.PathLike[str]) -> str:
    """Return what a city is told of a chosen state folder; empty stays empty: there is none."""
    found = os.fspath(state)
    return str(Path(found).expanduser().absolute()) if found else ""


def journal_path(folder: Path, zone: str) -> Path:
    """Return the database of a zone's journal."""
    return folder / f"{file_name(zone)}{SUFFIX}"


def mark_path(database: Path) -> Path:
    """Return the watermark that belongs to a database."""
    return database.with_name(database.name + MARK_SUFFIX)


def lock_path(database: Path) -> Path:
    """Return the file whose lock says that somebody owns a database."""
    return database.with_name(database.name + LOCK_SUFFIX)


def zone_of(database: Path) -> str:
    """Return what the name of a file says of its zone; a long id is only in the file itself."""
    return unquote(database.name.removesuffix(SUFFIX))


def journals_in(folder: Path) -> list[Path]:
    """Return the databases of all journals in a folder, in the order of their names."""
    return sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())


def file_name(id: str) -> str:
    """Return a file name for an id: the same for the same id, and for no other one.

    Capitals are escaped too, so that two ids differ on a disk that does not tell them apart.
    """
    name = "".join(
        chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in id.encode("utf-8", "replace")
    )
    if name.startswith("."):
        name = f"%2e{name[1:]}"
    if not 0 < len(name) <= _LONGEST_NAME:
        digest = hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()[:32]
        name = f"{name[: _LONGEST_NAME - 40]}%%{digest}"
    return name
