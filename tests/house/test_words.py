"""Names say what they mean: no rooms for leftovers, no words of the workshop."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN_PARTS = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
CODE = [
    path
    for folder in ("native", "runtime", "drivers", "actors", "jacquemart/cli", "bench", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "__pycache__" not in path.parts
]


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return what a file says; every file is parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)}


def test_no_file_class_or_function_is_a_drawer_for_leftovers() -> None:
    assert len(CODE) > 400
    for path in CODE:
        assert not words_of(path.stem) & FORBIDDEN_PARTS, path
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                assert not words_of(node.name) & FORBIDDEN_PARTS, f"{path}: {node.name}"


def test_files_are_small_enough_to_read() -> None:
    lengths = sorted(len(path.read_text(encoding="utf-8").splitlines()) for path in CODE)
    assert lengths[len(lengths) // 2] <= 150
    big = [p for p in CODE if len(p.read_text(encoding="utf-8").splitlines()) > 450]
    assert not big, f"split these: {big}"


def test_public_names_have_docstrings() -> None:
    missing = []
    for path in CODE:
        if path.parts[len(ROOT.parts)] in ("bench", "examples"):
            continue
        tree = tree_of(path)
        if not ast.get_docstring(tree):
            missing.append(str(path.relative_to(ROOT)))
        missing.extend(
            f"{path.relative_to(ROOT)}:{node.name}"
            for node in tree.body
            if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        )
    assert not missing, missing


def test_tracked_files_name_no_place_of_a_workshop() -> None:
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    for name in done.stdout.splitlines():
        path = ROOT / name
        if path.is_symlink() or not path.is_file() or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for place in ("/work/" + "main", "/work/" + "shared", ".libr" + "ary/"):
            assert place not in text, f"{name} names {place}"
