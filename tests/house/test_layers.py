"""The layers of the house: native <- runtime <- drivers <- actors <- jacquemart; and its doors."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("native", "runtime", "drivers", "actors")
SOURCES = [
    path
    for folder in (*LAYERS, "jacquemart/cli")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".pyi") and "__pycache__" not in path.parts
] + [ROOT / "jacquemart/__init__.py"]
CYTHON = sorted(p for p in (ROOT / "native").iterdir() if p.suffix in (".pyx", ".pxd"))
#: The drivers' author face, which kinds may know; protocols they may not.
DRIVER_FACE = ("jacquemart.drivers.contract", "jacquemart.drivers.registry")


@functools.cache
def read(path: Path) -> tuple[list[str], list[str]]:
    """Return what a file imports, and which plain names it calls; every file is parsed once."""
    imports: list[str] = []
    calls: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imports += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not used here"
            imports += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            calls.append(node.func.id)
    return imports, calls


def imports_of(path: Path) -> list[str]:
    return read(path)[0]


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def test_there_are_files_to_look_at() -> None:
    assert len(SOURCES) > 400
    assert {layer_of(path) for path in SOURCES} == {*LAYERS, "jacquemart"}
    assert {path.suffix for path in CYTHON} == {".pyx", ".pxd"}


def test_imports_point_down_only() -> None:
    for path in SOURCES:
        look_down(path)


def look_down(path: Path) -> None:
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


def test_only_the_cluster_knows_ray_and_only_the_wire_knows_zmq() -> None:
    for path in SOURCES:
        room = path.relative_to(ROOT).parts[:2]
        for name in imports_of(path):
            top = name.split(".")[0]
            if top == "ray":
                assert room == ("runtime", "cluster"), f"{path} imports ray"
            if top == "zmq":
                assert room == ("runtime", "wire") or room[0] == "native", f"{path} imports zmq"


def test_nothing_that_the_network_says_is_unpickled_or_evaluated() -> None:
    for path in SOURCES:
        imports, calls = read(path)
        assert not {"eval", "exec"} & set(calls), path
        for name in imports:
            assert name.split(".")[0] not in ("pickle", "cloudpickle", "marshal", "shelve"), path


def test_cimports_stay_in_native() -> None:
    pattern = re.compile(r"^\s*(?:from\s+(\S+)\s+cimport|cimport\s+(\S+))", re.MULTILINE)
    for path in CYTHON:
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
