"""Another version of this software, really installed: a copy of the tree with changes, and a venv.

The copy stands for the version after this one. It tells more than this one knows in everything
that the two exchange, and it has another format of journals.
"""

from __future__ import annotations

import shutil
import site
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEXT = "0.2.0"
#: File -> what is replaced in it.
CHANGES: dict[str, tuple[tuple[str, str], ...]] = {
    "runtime/model/versions.py": (
        ('PACKAGE: Final = "0.1.0"', f'PACKAGE: Final = "{NEXT}"'),
        ("journal=Span(1, 1)", "journal=Span(1, 2)"),
        ("wire=Span(1, 3)", "wire=Span(1, 4)"),
    ),
    # A cell's address, the warden's memory and the file for other programs have more fields.
    "runtime/model/directory.py": (
        ("    wire_most: int = 1\n", '    wire_most: int = 1\n    taste: str = "of lemon"\n'),
    ),
    "runtime/cluster/resume.py": (
        ('    undone: str = ""\n', '    undone: str = ""\n    mood: str = "good"\n'),
    ),
    "runtime/cluster/options.py": (
        ("    starter_pid: int = 0\n", "    starter_pid: int = 0\n    luck: int = 7\n"),
    ),
    "runtime/cluster/runstate.py": (
        ('    control: str = ""\n', '    control: str = ""\n    weather: str = "fair"\n'),
    ),
    # So have the city that one image of the warden leaves for the next, and each question.
    "runtime/model/city.py": (
        ('    outline: bytes = b""\n', '    outline: bytes = b""\n    motto: str = "et cetera"\n'),
    ),
    "runtime/wire/messages.py": (
        ("frames.QUERY, verb, args)", 'frames.QUERY, verb, {**args, "added_later": 1})'),
    ),
    # So have the records of a journal, which have a new kind besides, and its file another format.
    "runtime/cell/carried.py": (
        ('"boot_ns": now_ns,\n', '"boot_ns": now_ns, "added_later": [1, 2],\n'),
    ),
    "runtime/store/schema.py": (
        (
            "MIGRATIONS: tuple[str, ...] = (_FORMAT_1,)",
            'MIGRATIONS: tuple[str, ...] = (_FORMAT_1, "CREATE TABLE later (what TEXT)")',
        ),
    ),
}


def install(folder: Path, changes: dict[str, tuple[tuple[str, str], ...]] = CHANGES) -> Path:
    """Install the changed copy in a folder; return the interpreter that runs it."""
    tree = folder / "tree"
    for part in ("actors", "drivers", "jacquemart", "native", "runtime"):
        shutil.copytree(
            ROOT / part, tree / part, symlinks=True,
            ignore=shutil.ignore_patterns("__pycache__", "*.c", "*.pyx", "*.html"),
        )  # fmt: skip
    for name, pairs in changes.items():
        text = (tree / name).read_text(encoding="utf-8")
        for old, new in pairs:
            assert text.count(old) == 1, f"{name} has changed: {old!r}"
            text = text.replace(old, new)
        (tree / name).write_text(text, encoding="utf-8")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    packages = next((venv / "lib").glob("python*/site-packages"))
    here = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (packages / "tree.pth").write_text("\n".join([str(tree), *here]) + "\n", encoding="utf-8")
    found = next(Path(path) for at in here for path in Path(at).glob("jacquemart-*.dist-info"))
    info = packages / f"jacquemart-{NEXT}.dist-info"
    shutil.copytree(found, info)
    meta = (info / "METADATA").read_text(encoding="utf-8")
    (info / "METADATA").write_text(meta.replace("Version: 0.1.0", f"Version: {NEXT}"), "utf-8")
    return venv / "bin" / "python"
