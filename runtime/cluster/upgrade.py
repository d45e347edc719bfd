"""From the version that runs to another one, and back: what is asked before, and what follows.

The warden goes on as a new image, of the other version's interpreter, as it does when its Ray is
lost: pid, starter and cells stay. That image starts a Ray of its own installation and hands the
cells to processes of it, one after the other. So no version ever has to read what Ray or pickle
made of another one's records: two versions only meet in what is specified and numbered, see
``model.versions``.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from jacquemart.runtime.model.errors import ChangeRefused, StartError, UsageError
from jacquemart.runtime.model.versions import (
    MINE,
    Versions,
    agree,
    journal_format,
    versions_of,
)

#: How long an interpreter may take to say what is installed beside it.
ASK_S = 60.0


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A change to another version that has been found possible."""

    python: str
    """The interpreter of the version that shall run."""
    to: Versions
    journal_format: int
    """See ``WardenOptions.journal_format``."""


def check(python: str, now_format: int, *, embedded: bool, commit: bool) -> Upgrade:
    """Return what it takes to go on with another installation. Blocks for seconds.

    Args:
        python: path of its interpreter.
        now_format: the newest format that journals are written in now; 0: the newest of ours.
        embedded: whether Ray is the city's own.
        commit: let journals have the newest format of that version.

    Raises:
        VersionMismatch: the two do not work together. UsageError, StartError: there is no such
            installation, or it is not whole. ChangeRefused: the city runs in somebody else's Ray.
    """
    if not embedded:
        raise ChangeRefused(
            "the city runs in a Ray cluster that was there before, whose nodes have one version",
            advice="stop the city, bring the nodes to the other version, and start it again",
        )
    to = installed(python)
    agree(MINE, to)
    return Upgrade(python, to, journal_format(now_format, MINE, to, commit=commit))


def installed(python: str) -> Versions:
    """Ask an interpreter which version is installed beside it.

    Raises:
        UsageError: there is no such interpreter. StartError: no whole version is beside it.
    """
    if not (os.path.isabs(python) and os.access(python, os.X_OK)):
        raise UsageError("no interpreter", where=python, advice="give the whole path of python")
    command = [python, "-P", "-m", "jacquemart.runtime.cluster.version_told"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ASK_S, check=False, cwd="/",
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise StartError(lines[-1], where=python, advice="is jacquemart installed there?")
        return versions_of(json.loads(done.stdout.splitlines()[-1]))
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise StartError(f"does not say its version: {error}", where=python) from error
