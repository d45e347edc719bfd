"""C programs of the benches, compiled when they are needed, or the reason why they cannot be."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


class CannotCompile(Exception):
    """There is no compiler, or a header or library is absent. The text says what to install."""


def compiler() -> str:
    """Return the C compiler.

    Raises:
        CannotCompile: there is none.
    """
    name = (sysconfig.get_config_var("CC") or "cc").split()[0]
    found = shutil.which(name) or shutil.which("cc")
    if found is None:
        raise CannotCompile("no C compiler: apt-get install gcc")
    return found


def compiled(
    source: str,
    folder: Path,
    install: str,
    flags: Sequence[str] = (),
    libraries: Sequence[str] = (),
) -> Path:
    """Compile a source of this folder into ``folder``, and return what was made.

    Raises:
        CannotCompile: see there; ``install`` is the line that would help.
    """
    made = folder / Path(source).stem
    done = subprocess.run(
        [compiler(), "-O2", "-Wall", *flags, "-o", str(made), str(HERE / source), *libraries],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        (first, *_) = [line for line in done.stderr.splitlines() if "error" in line] or ["?"]
        raise CannotCompile(f"{first.strip()}: {install}")
    return made
