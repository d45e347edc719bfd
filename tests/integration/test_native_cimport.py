"""The .pxd files are a contract: a module from outside compiles against them and runs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import jacquemart.native

OUTSIDE = """
# cython: language_level=3
from jacquemart.native.lease cimport Gate
from jacquemart.native.mailbox cimport COMMANDS, Mailbox
from jacquemart.native.row_steps cimport accept
from jacquemart.native.rows cimport DIRTY
from jacquemart.native.table cimport PointTable

def store(PointTable table, int slot, double value):
    cdef bint changed
    with nogil:
        changed = accept(&table.rows, slot, value, 0, 5, 6)
    return changed, bool(table.rows.flags[slot] & DIRTY), table.capacity

def may_write(Gate gate):
    cdef bint allowed
    with nogil:
        allowed = gate.is_open() and gate.left() > 0
    return allowed

def exchange(Mailbox mailbox, message):
    return mailbox.put(COMMANDS, message, None), mailbox.next_message(), mailbox.conflated
"""


@pytest.mark.slow
def test_a_module_from_outside_can_cimport_table_mailbox_and_gate(tmp_path: Path) -> None:
    source = tmp_path / "outside.pyx"
    source.write_text(OUTSIDE)
    native = Path(jacquemart.native.__file__).parent
    root = native.parent if native.parent.name == "jacquemart" else native.parent / "jacquemart"
    subprocess.run(
        [sys.executable, "-m", "cython", "-I", str(root.parent), str(source)],
        check=True,
        cwd=tmp_path,
    )
    library = tmp_path / f"outside{sysconfig.get_config_var('EXT_SUFFIX')}"
    subprocess.run(
        [
            os.environ.get("CC", "gcc"),
            *("-shared", "-fPIC", "-O0", f"-I{sysconfig.get_path('include')}"),
            *(str(source.with_suffix(".c")), "-o", str(library)),
        ],
        check=True,
    )
    spec = importlib.util.spec_from_file_location("outside", library)
    assert spec is not None
    assert spec.loader is not None
    outside = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(outside)

    from jacquemart.native.mailbox import Mailbox
    from jacquemart.native.table import PointTable

    table = PointTable(8, 1)
    assert outside.store(table, 3, 2.5) == (True, True, 8)
    assert table.read(3) == (2.5, 0, 5, 6)
    assert outside.exchange(Mailbox(), "message") == (True, "message", 0)

    from jacquemart.native.lease import Gate
    from jacquemart.native.pump import boot_ns

    gate = Gate()
    assert not outside.may_write(gate)
    gate.extend(boot_ns() + 3_600 * 10**9)
    assert outside.may_write(gate)
    gate.seal()
    assert not outside.may_write(gate)
