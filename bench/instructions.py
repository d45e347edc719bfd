"""How many instructions does each hot native path take, and is that within its budget?

    python bench/instructions.py --json
    python bench/instructions.py --check .ci/instruction-budgets.json
    python bench/instructions.py --renew .ci/instruction-budgets.json

Counted by callgrind (Debian: ``apt-get install valgrind``), so the machine's mood is not in the
figures: they are the same again, but for two in a hundred that the allocator's state makes. The
paths stand in ``measuring/hot_paths.py``. Instructions are the compiler's and the interpreter's
too, so a budget holds for the versions and builds it was taken with, and the file may have an entry
for each; with others the counts are shown and not judged. ``--check`` ends with 1 if a path is over
its budget, or has none. Without valgrind it says so, and ends with 0.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq
from Cython import __version__ as cython_version

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from measuring.budgets import entry_for, judge, renewed  # noqa: E402 - after the path
from measuring.compiled import CannotCompile, compiled, compiler  # noqa: E402
from measuring.count_under_valgrind import FEW, MANY  # noqa: E402
from measuring.hot_paths import PATHS  # noqa: E402

INSTALL = "apt-get install valgrind"
_EVENT = re.compile(r"^desc: Trigger: Client Request: (few|many) (\S+)$", re.MULTILINE)
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)


class CannotCount(Exception):
    """Nothing can be counted here; the text says why."""


def counts(names: list[str]) -> dict[str, int]:
    """Return the instructions of one time of each path.

    Raises:
        CannotCount: valgrind, its headers or a compiler is absent.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CannotCount(f"valgrind is not installed: {INSTALL}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            switch = compiled("callgrind_switch.c", folder, INSTALL, ["-shared", "-fPIC"])
        except CannotCompile as error:
            raise CannotCount(str(error)) from error
        # Nothing of the caller's environment may move the stack or the order of a dictionary.
        environment = {
            "PATH": os.defpath, "HOME": "/", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }  # fmt: skip
        done = subprocess.run(
            [
                *(valgrind, "--quiet", "--tool=callgrind", "--instr-atstart=no"),
                f"--callgrind-out-file={folder}/out", sys.executable, "-X", "utf8",
                str(HERE / "measuring" / "count_under_valgrind.py"), str(switch), *names,
            ],
            env=environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"valgrind ended with {done.returncode}:\n{done.stderr[-3_000:]}")
        found: dict[tuple[str, str], int] = {}
        for dump in folder.glob("out.*"):
            text = dump.read_text(errors="replace")
            event, total = _EVENT.search(text), _TOTAL.search(text)
            if event is not None and total is not None:
                found[event[1], event[2]] = int(total[1])
    wanted = [path.name for path in PATHS if not names or path.name in names]
    return {
        name: round((found["many", name] - found["few", name]) / (MANY - FEW)) for name in wanted
    }


def versions() -> dict[str, str]:
    """Return those on which counts depend: ours are compiled, and so was the interpreter."""
    try:
        name = compiler()
        asked = [name, "-dumpfullversion", "-dumpversion"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20)
        made_by = f"{Path(name).resolve().name} {said.stdout.split('.')[0].strip()}"
    except CannotCompile:
        made_by = "none"
    flags = " ".join(str(sysconfig.get_config_var(key)) for key in ("CFLAGS", "CONFIG_ARGS"))
    build = hashlib.blake2b(flags.encode(), digest_size=4).hexdigest()
    return {
        "machine": platform.machine(),
        "python": f"{platform.python_version()} {platform.python_compiler()} {build}",
        "compiler": made_by,
        "cython": cython_version,
        "pyzmq": zmq.pyzmq_version(),
    }


def show(found: Mapping[str, int], budgets: Mapping[str, int]) -> None:
    """Print the counts, by path and by item, beside their budgets."""
    for path in PATHS:
        count = found.get(path.name)
        if count is not None:
            each = f"{count / path.items:10.1f} an item" if path.items > 1 else " " * 18
            print(f"{path.name:32}{count:>10,}{each}  budget {budgets.get(path.name, 0):>10,}")


def main() -> int:
    """Count, show, and check or renew budgets; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")
    parser.add_argument("--check", type=Path, metavar="FILE", help="hold them against budgets")
    parser.add_argument("--renew", type=Path, metavar="FILE", help="write the counts as budgets")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="of these paths")
    chosen = parser.parse_args()
    if chosen.renew and chosen.only:
        parser.error("--renew counts all paths")
    try:
        found = counts(chosen.only)
    except CannotCount as error:
        print(f"instruction budgets: SKIPPED, nothing was counted: {error}")
        if chosen.json:
            print(json.dumps({"skipped": str(error)}))
        return 0
    file = chosen.check or chosen.renew or HERE.parent / ".ci" / "instruction-budgets.json"
    kept: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    mine = versions()
    show(found, entry_for(kept, mine).get("paths", {}))
    code = 0
    if chosen.check:
        verdict = judge(found, kept, mine, {path.name: path.socket for path in PATHS})
        for line in verdict.notes + verdict.faults:
            print(line)
        code = 1 if verdict.faults else 0
    if chosen.renew:
        text = json.dumps(renewed(kept, mine, found), indent=2)
        chosen.renew.write_text(text + "\n", encoding="utf-8")
    if chosen.json:
        print(json.dumps({"versions": mine, "instructions": found}))
    return code


if __name__ == "__main__":
    sys.exit(main())
