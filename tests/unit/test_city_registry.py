"""Kinds and drivers found by name: in packages, by path, and what is told of broken ones."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest
from city_samples import CABINETS, CITY, LAMPS, problems, write

from jacquemart.runtime.city import CityErrors, find_drivers, find_kinds, load_city
from jacquemart.runtime.city.registry import Offer, ask, kind_registry
from jacquemart.runtime.model.errors import ConfigError

MODULE = """
class Kind:
    required_points = {}

class Driver:
    @classmethod
    def check_link(cls, options): return []
    @classmethod
    def check_point(cls, point, address): return []
    @classmethod
    def address_of(cls, point, device): return None

class Inside:
    Kind = Kind
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of installed packages: one that is sound, two that are not."""
    folder = tmp_path / "packages"
    for name, module, entries in (
        ("lamps-of-ours", MODULE, "ours = {m}:Kind\nshared = {m}:Kind"),
        ("lamps-of-theirs", MODULE, "theirs = {m}:Kind\nshared = {m}:Kind"),
        ("lamps-broken", "import jq_no_such_module", "broken = {m}:Kind"),
        ("lamps-exits", "raise SystemExit(3)", "exits = {m}:Kind"),
        ("lamps-hollow", "Kind = object()", "hollow = {m}:Kind\nlost = {m}:Nothing"),
    ):
        info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        module_name = f"jqtest_{name.replace('-', '_')}"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        text = "[jacquemart.actors]\n" + entries.format(m=module_name)
        text += f"\n[jacquemart.drivers]\n{name} = {module_name}:Driver\n"
        (info / "entry_points.txt").write_text(text)
        (folder / f"{module_name}.py").write_text(module)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return folder


@pytest.mark.usefixtures("packages")
def test_kinds_and_drivers_of_installed_packages_are_found_by_name() -> None:
    kinds, drivers = find_kinds(), find_drivers()
    assert kinds["ours"].required_points == {}
    assert kinds["ours"] is kinds["ours"]
    assert list(drivers["lamps-of-ours"].check_link({})) == []
    assert {"ours", "theirs", "broken", "shared"} <= set(kinds)
    assert "nobodys" not in kinds
    assert len(kinds) == len(list(kinds))


@pytest.mark.usefixtures("packages")
def test_nothing_is_imported_before_it_is_asked_for() -> None:
    assert "broken" in find_kinds()
    assert not [name for name in sys.modules if name.startswith("jqtest_")]


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", ["lamps-broken", "jqtest_lamps_broken:Kind", "ModuleNotFoundError",
                    "jq_no_such_module", "cannot be imported"]),
        ("exits", ["lamps-exits", "SystemExit: 3"]),
        ("lost", ["lamps-hollow", "AttributeError", "Nothing"]),
        ("hollow", ["lamps-hollow", "not a device kind", "required_points"]),
        ("shared", ["lamps-of-ours", "lamps-of-theirs", "several packages"]),
    ],
)  # fmt: skip
def test_a_package_that_does_not_work_is_named_with_the_cause(name: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        find_kinds()[name]
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.usefixtures("packages")
def test_a_city_finds_its_kinds_and_drivers_in_packages(tmp_path: Path) -> None:
    city = CITY.replace('kind = "cabinet"', 'kind = "ours"').replace(
        'kind = "lamp"', 'kind = "ours"'
    )
    path = write(tmp_path, city=city.replace('"bus"', '"lamps-of-ours"'))
    assert len(load_city(path).devices) == 5
    path = write(tmp_path, city=city.replace('"bus"', '"lamps-broken"'))
    with pytest.raises(CityErrors, match="ModuleNotFoundError: No module named 'jq_no_such") as e:
        load_city(path)
    assert [problem.key for problem in e.value.errors] == [
        "link_templates.line.driver", "templates.cabinet.driver", "templates.lamp.driver"
    ]  # fmt: skip


@pytest.mark.usefixtures("packages")
def test_a_class_may_be_named_by_its_path(tmp_path: Path) -> None:
    module = "jqtest_lamps_of_ours"
    city = CITY.replace('kind = "lamp"', f'kind = "{module}:Inside.Kind"')
    city = city.replace('"bus"', f'"{module}:Driver"')
    assert problems(tmp_path, city=city) == []
    (found,) = problems(tmp_path, city=city.replace("Inside.Kind", "Outside"))
    assert "AttributeError" in found
    assert "templates.lamp.kind" in found


@pytest.mark.parametrize("name", [":", "a:", ":a", "..:x", "os:", "json:dumps", "\x01:y", "é:è"])
def test_a_path_to_nothing_useful_is_a_config_error(name: str) -> None:
    offer = Offer(kind_registry(()), {})
    with pytest.raises(ConfigError):
        offer.resolve(name)
    assert offer.get(name) is None


def test_an_unknown_name_is_a_key_error() -> None:
    registry = kind_registry([importlib.metadata.EntryPoint("a", "b:c", "g")])
    with pytest.raises(KeyError):
        registry["x"]
    assert Offer(registry, None).names == ["a"]


def test_a_check_that_fails_is_itself_what_is_wrong() -> None:
    def check(options: object) -> list[tuple[str, object, str]]:
        raise RuntimeError("no")

    ((key, found, allowed),) = ask(check, {})
    assert (key, found) == ("", "RuntimeError: no")
    assert "check does not fail" in allowed


def test_a_driver_that_fails_over_an_address_is_told_and_not_raised(tmp_path: Path) -> None:
    class Faulty:
        @classmethod
        def check_link(cls, options: object) -> list[tuple[str, object, str]]:
            raise ZeroDivisionError("oh")

        @classmethod
        def check_point(cls, point: object, address: object) -> list[tuple[str, object, str]]:
            return []

        @classmethod
        def address_of(cls, point: object, device: object) -> object:
            raise ZeroDivisionError("ah")

    kind = type("Kind", (), {"required_points": {}})
    path = write(tmp_path, city=CITY, cabinets=CABINETS, lamps=LAMPS)
    with pytest.raises(CityErrors) as caught:
        load_city(path, kinds={"lamp": kind, "cabinet": kind}, drivers={"bus": Faulty})
    text = str(caught.value)
    assert text.count("ZeroDivisionError: ah") == 5
    assert text.count("ZeroDivisionError: oh") == 2
