"""The layers of the house: native <- runtime <- drivers <- actors <- jacquemart; and its doors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("native", "runtime", "drivers", "actors")
SOURCES = [
    path
    for folder in (*LAYERS, "jacquemart/cli")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".pyi") and "__pycache__" not in path.parts
] + [ROOT / "jacquemart/__init__.py"]
CYTHON = sorted((ROOT / "native").glob("*.py[xdi]*"))
#: The drivers' author face, which kinds may know; protocols they may not.
DRIVER_FACE = ("jacquemart.drivers.contract", "jacquemart.drivers.registry")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not used here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_only(path: Path) -> None:
    layer = layer_of(path)
    if layer == "jacquemart":
        return
    above = {f"jacquemart.{name}" for name in LAYERS[LAYERS.index(layer) + 1 :]}
    above.add("jacquemart.cli")
    for name in imports_of(path):
        package = ".".join(name.split(".")[:2])
        assert package not in above, f"{path} imports {name} from a layer above"
        if package == name and name.startswith("jacquemart."):
            room = name.split(".")[1]
            assert room in LAYERS, f"{path} imports {name} through the front door"
        assert name.split(".")[0] not in LAYERS, f"{path} imports {name} past the front door"
        if layer == "native":
            assert not name.startswith("jacquemart") or package == "jacquemart.native"
        if layer == "actors" and package == "jacquemart.drivers":
            assert name.startswith(DRIVER_FACE), f"{path} knows a protocol: {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_cluster_knows_ray_and_only_the_wire_knows_zmq(path: Path) -> None:
    room = path.relative_to(ROOT).parts[:2]
    for name in imports_of(path):
        top = name.split(".")[0]
        if top == "ray":
            assert room == ("runtime", "cluster"), f"{path} imports ray"
        if top == "zmq":
            assert room == ("runtime", "wire") or room[0] == "native", f"{path} imports zmq"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_that_the_network_says_is_unpickled_or_evaluated(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), f"{path}: {node.func.id}"
    for name in imports_of(path):
        assert name.split(".")[0] not in ("pickle", "cloudpickle", "marshal", "shelve"), path


@pytest.mark.parametrize("path", CYTHON, ids=lambda p: p.name)
def test_cimports_stay_in_native(path: Path) -> None:
    pattern = re.compile(r"^\s*(?:from\s+(\S+)\s+cimport|cimport\s+(\S+))", re.MULTILINE)
    for match in pattern.finditer(path.read_text(encoding="utf-8")):
        name = match.group(1) or match.group(2)
        assert name.startswith(("jacquemart.native", "libc", "cpython", "posix", "cython")), (
            f"{path.name} cimports {name}"
        )


def test_kernels_are_pure() -> None:
    forbidden = {"time", "random", "threading", "asyncio", "socket", "os", "zmq", "ray", "secrets"}
    for path in sorted((ROOT / "runtime/kernel").glob("*.py")):
        for name in imports_of(path):
            assert name.split(".")[0] not in forbidden, f"{path} imports {name}"
            assert not name.startswith("jacquemart.runtime") or name.startswith(
                ("jacquemart.runtime.kernel", "jacquemart.runtime.model")
            ), f"{path} imports {name}"


def test_every_native_module_has_its_contract_and_its_stub() -> None:
    modules = sorted((ROOT / "native").glob("*.pyx"))
    assert modules
    for module in modules:
        assert module.with_suffix(".pxd").exists(), f"{module.name} has no .pxd"
        assert module.with_suffix(".pyi").exists(), f"{module.name} has no stub"


def test_every_native_module_is_named_in_setup() -> None:
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    for module in (ROOT / "native").glob("*.pyx"):
        assert f'"{module.stem}"' in text, f"setup.py does not build {module.stem}"
