"""What is built is whole: the source distribution, the wheel made from it, and both ways in."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("native", "runtime", "drivers", "actors", "jacquemart")
LEFT_OUT = shutil.ignore_patterns(
    *(".*", "__pycache__", "build", "dist", "*.egg-info", "*.so", "*.c", "generated", "results"),
    *("tests", "bench", "docs", "examples"),
)
CITY = """
[city]
id = "small"
[zones.north]
[links.street]
driver = "simulated"
zone = "north"
[links.cabinet]
driver = "modbus"
zone = "north"
host = "127.0.0.1"
[templates.lamp]
kind = "generic"
driver = "simulated"
points.level = { unit = "%", writable = true }
[[device]]
id = "lamp-1"
template = "lamp"
link = "street"
"""
PROGRAM = """
import jacquemart, sys
from jacquemart.native import batch, frames, lease, mailbox, pump, table
from jacquemart.runtime.testing.local_city import LocalCity
with LocalCity(sys.argv[1]) as city:
    outcome = city.client().set("lamp-1/level", 40.0)
print(jacquemart.__file__, table.__file__, outcome.status.name, sep="\\n")
"""


def run(*command: str | Path, cwd: Path, **more: str) -> str:
    """Run a command in a clean environment; return what it printed."""
    kept = ("PATH", "HOME", "LANG", "CC", "CFLAGS", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**environment, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, links as links, so that nothing is built in the checkout."""
    folder = tmp_path_factory.mktemp("source") / "checkout"
    shutil.copytree(ROOT, folder, symlinks=True, ignore=LEFT_OUT)
    return folder


@pytest.fixture(scope="module")
def built(source: Path) -> Path:
    """The folder with the source distribution, and the wheel that was made from it."""
    folder = source.parent
    # Without optimizing: this is about what is there, and compiles in half the time.
    run(
        *(sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", source),
        cwd=folder,
        JACQUEMART_DEBUG="1",
    )
    return folder / "dist"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A virtual environment without us, in which our dependencies can be imported."""
    folder = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=tmp_path)
    packages = next((folder / "lib").glob("python3.*/site-packages"))
    # Folders that a .pth file names are only looked into: editable installs there stay unseen.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    (tmp_path / "city.toml").write_text(CITY, encoding="utf-8")
    done = subprocess.run(
        [str(folder / "bin" / "python"), "-c", "import jacquemart"], cwd=tmp_path, check=False,
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True,
    )  # fmt: skip
    assert "ModuleNotFoundError" in done.stderr
    return folder


def install(python: Path, *what: str | Path, **more: str) -> None:
    """Install without dependencies and without a network."""
    run(
        *(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check"),
        *("install", "--no-index", "--no-deps", "--no-build-isolation", *what),
        cwd=python.parents[2],
        **more,
    )


def names_of(archive: Path) -> set[str]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return set(wheel.namelist())
    with tarfile.open(archive) as sdist:
        return {name.partition("/")[2] for name in sdist.getnames()}


def shipped() -> Iterator[str]:
    """Yield every file that belongs into a wheel, as it is imported."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*"):
            inside = path.relative_to(ROOT / room)
            if path.suffix in (".py", ".pyi", ".pxd", ".pyx") or path.name == "py.typed":
                yield str(
                    "jacquemart" / inside
                    if room == "jacquemart"
                    else Path("jacquemart", room, inside)
                )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_is_a_native_one_and_has_every_package_stub_and_declaration(built: Path) -> None:
    wheel, sdist = next(built.glob("*.whl")), next(built.glob("*.tar.gz"))
    version = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert wheel.name.split("-")[2:4] == [version, version]
    assert not wheel.name.endswith("-any.whl")
    with zipfile.ZipFile(wheel) as opened:
        about = opened.read(next(n for n in opened.namelist() if n.endswith("/WHEEL"))).decode()
        entries = opened.read(
            next(n for n in opened.namelist() if n.endswith("/entry_points.txt"))
        ).decode()
    assert "Root-Is-Purelib: false" in about
    assert f"Tag: {version}-{version}-" in about
    inside = names_of(wheel)
    assert {name.partition("/")[0].partition("-")[0] for name in inside} == {"jacquemart"}
    assert set(shipped()) - inside == set()
    native = {name.rpartition("/")[2].partition(".")[0] for name in inside if name.endswith(".so")}
    assert native == {path.stem for path in (ROOT / "native").glob("*.pyx")}
    assert not [name for name in inside if name.endswith((".c", ".pyc"))]
    for word in ("jacquemart = jacquemart.cli:main", "modbus = ", "street_light = ", "zone = "):
        assert word in entries
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    carried = names_of(sdist)
    assert set(shipped()) - carried == set()
    assert {"pyproject.toml", "setup.py", "README.md", "LICENSE", "CHANGELOG.md"} <= carried
    assert not [name for name in carried if name.endswith((".c", ".so", ".pyc"))]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_wheel_runs_a_city_in_a_clean_environment(built: Path, clean: Path) -> None:
    folder, python = clean.parent, clean / "bin" / "python"
    install(python, next(built.glob("*.whl")))
    jacquemart = clean / "bin" / "jacquemart"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(jacquemart, "--version", cwd=folder) == f"jacquemart {version}\n"
    assert "devices          1" in run(jacquemart, "check", "city.toml", cwd=folder)
    package, native, status = run(python, "-c", PROGRAM, "city.toml", cwd=folder).splitlines()
    assert Path(package).is_relative_to(clean)
    assert Path(native).is_relative_to(clean)
    assert status == "APPLIED"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_editable_install_runs_from_the_sources(source: Path, clean: Path) -> None:
    folder, python = clean.parent, clean / "bin" / "python"
    install(python, "--editable", source, JACQUEMART_DEBUG="1")
    assert "devices          1" in run(
        clean / "bin" / "jacquemart", "check", "city.toml", cwd=folder
    )
    package, native, status = run(python, "-c", PROGRAM, "city.toml", cwd=folder).splitlines()
    assert Path(package) == source / "jacquemart" / "__init__.py"
    assert Path(native).resolve().parent == source / "native"
    assert status == "APPLIED"


#: Where an extra may be imported; that nothing else needs it, the clean environment shows.
EXTRAS = {
    "runtime/city/": "geo",
    "runtime/model/territory.py": "geo",
    "runtime/testing/kinds/": "kinds",
    "drivers/sumo/": "traffic",
    "jacquemart/traffic/": "traffic",
}


def test_every_import_is_of_the_standard_library_or_of_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    providers = importlib.metadata.packages_distributions()
    undeclared: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            declared = packages_in(project["dependencies"])
            for start, extra in EXTRAS.items():
                if where.startswith(start):
                    declared |= packages_in(extras[extra])
            for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
                if name in sys.stdlib_module_names or name == "jacquemart":
                    continue
                if not declared & {one.lower() for one in providers.get(name, [name])}:
                    undeclared.add(f"{where}: {name}")
    assert undeclared == set()


def packages_in(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~\[ ]", line, maxsplit=1)[0].lower() for line in requirements}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
