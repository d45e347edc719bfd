"""Reads a city file in a process of its own, for a warden that must not stop watching.

``python -m jacquemart.runtime.cluster.read_city LOADER FILE`` writes to stdout ``C`` and the packed
city, without its source, or ``E`` and an error as one JSON object.
Imports no Ray.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from dataclasses import replace

from jacquemart.runtime.cluster import city_copy
from jacquemart.runtime.cluster.report import error_fields, error_of
from jacquemart.runtime.model.city import CitySpec
from jacquemart.runtime.model.errors import ChangeRefused, JacquemartError, StartError

#: Reading goes behind everything that a cell does.
NICENESS = 5
LONGEST_S = 600.0


def digest(city: CitySpec) -> str:
    """Return what two cities have in common if they are the same, order of rows included.

    Raises:
        TypeError: a driver's options hold something that no city file can say.
    """
    return hashlib.sha256(_packed(city)).hexdigest()


def _packed(city: CitySpec) -> bytes:
    """Return a city as bytes that do not tell where it came from."""
    return city_copy.pack(replace(city, source=""))


def read_city(loader: str, path: str, folder: str) -> tuple[CitySpec, str]:
    """Read a city file; return the city and its digest. Blocks, but not the process's threads.

    Args:
        loader: ``module:function``.
        path: the city file, as the operator named it.
        folder: where the operator was.

    Raises:
        ConfigError: the file is wrong: the operator's fault. ChangeRefused: it cannot be read.
    """
    module = "jacquemart.runtime.cluster.read_city"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, loader, path],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise ChangeRefused(f"cannot read the city file: {error}", where=path) from error
    kind, content = done.stdout[:1], done.stdout[1:]
    if kind == b"C":
        return replace(city_copy.unpack(content), source=path), hashlib.sha256(content).hexdigest()
    if kind == b"E":
        raise error_of(json.loads(content))
    raise ChangeRefused(
        f"the process that reads the city file ended with status {done.returncode}", where=path
    )


def main(arguments: list[str]) -> int:
    """Read one city file and write what became of it."""
    loader, path = arguments
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, prints to stderr
    os.nice(NICENESS)
    try:
        module, _, name = loader.partition(":")
        city: CitySpec = getattr(importlib.import_module(module), name)(path)
        content = b"C" + _packed(city)
    except (JacquemartError, ImportError, AttributeError, TypeError) as error:
        if not isinstance(error, JacquemartError):
            error = StartError(f"{type(error).__name__}: {error}", where=loader)
        content = b"E" + json.dumps(error_fields(error)).encode()
    with out:
        out.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
