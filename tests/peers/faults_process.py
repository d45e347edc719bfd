"""The field of the boxes as a process of its own, which survives whatever becomes of a city."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SCRIPT = Path(__file__).with_name("faults_field.py")


@contextmanager
def field_ports(
    log: Path, links: int, *address: str, before: Sequence[str] = ()
) -> Iterator[list[int]]:
    """Run the field, behind the words ``before``; give its ports, one a link."""
    process = subprocess.Popen(
        [*before, sys.executable, str(SCRIPT), str(log), str(links), *address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        yield [int(port) for port in process.stdout.readline().split()]
    finally:
        process.communicate(timeout=10.0)
