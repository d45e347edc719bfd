"""Finding drivers by name or path, and what is said when there is none."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from jacquemart.drivers.contract import Driver
from jacquemart.drivers.registry import driver_names, load_driver
from jacquemart.drivers.simulated import SimulatedDriver
from jacquemart.runtime.city.registry import DriverInfo, Registry, driver_registry
from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.errors import ConfigError

SIMULATED = "jacquemart.drivers.simulated:SimulatedDriver"


def offer(**values: str) -> Registry[DriverInfo]:
    return driver_registry(
        importlib.metadata.EntryPoint(name, value, "jacquemart.drivers")
        for name, value in values.items()
    )


def test_a_driver_is_found_by_the_name_that_a_package_offers() -> None:
    offered = offer(simulated=SIMULATED, other="nowhere:Class")
    assert load_driver("simulated", offered=offered) is SimulatedDriver
    assert driver_names(offered) == ["other", "simulated"]


def test_a_driver_is_found_by_its_path() -> None:
    assert load_driver(SIMULATED, offered=offer()) is SimulatedDriver


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("simulatd", r"quay: no driver is called 'simulatd' \(did you mean 'simulated'\?\)"),
        ("zwave", r"quay: no driver is called 'zwave' \(installed: broken, simulated; .*module:C"),
        ("no_such_module:Driver", r"quay, .*cannot be imported: ModuleNotFoundError.*PYTHONPATH"),
        ("jacquemart.drivers.simulated:Driver", r"AttributeError.*check the spelling"),
        ("json:JSONDecoder", r"not a driver"),
        ("jacquemart.drivers.contract:Driver", r"does not implement open, read, write"),
        ("broken", r"entry point 'nowhere:Class'.*cannot be imported"),
        ("", r"no driver is called ''"),
        (":", r"cannot be imported"),
    ],
)
def test_what_is_wrong_is_said_with_where_and_what_to_do(name: str, message: str) -> None:
    offered = offer(simulated=SIMULATED, broken="nowhere:Class")
    with pytest.raises(ConfigError, match=message) as caught:
        load_driver(name, where="quay", offered=offered)
    assert str(caught.value).startswith("quay")
    assert caught.value.advice or "this is not a driver" in caught.value.message


def test_things_that_only_look_like_drivers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lookalike_driver.py").write_text(
        "class Lookalike:\n"
        "    check_link = check_point = address_of = None\n"
        "instance = Lookalike()\n"
    )
    (tmp_path / "exiting_driver.py").write_text("raise SystemExit('gone')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        with pytest.raises(
            ConfigError, match=r"the class lookalike_driver\.Lookalike, not a driver"
        ):
            load_driver("lookalike_driver:Lookalike", offered=offer())
        with pytest.raises(ConfigError, match="a Lookalike, not a driver"):
            load_driver("lookalike_driver:instance", offered=offer())
        with pytest.raises(ConfigError, match="SystemExit: gone"):
            load_driver("exiting_driver:Driver", offered=offer())
    finally:
        sys.modules.pop("lookalike_driver", None)


def test_a_blocking_driver_has_plain_methods_and_a_plain_close_of_its_own() -> None:
    class Plain(Driver):
        blocking = True

        def open(self) -> None:  # type: ignore[override]
            pass

        def read(self, plan: object) -> list[float]:  # type: ignore[override]
            return []

        def write(self, writes: object) -> list[None]:  # type: ignore[override]
            return []

    link = LinkSpec("l", "plain", "z")
    assert Plain(link, print).close() is None
    with pytest.raises(TypeError, match="Mixed is blocking: its read must be a plain def"):

        class Mixed(Plain):
            async def read(self, plan: object) -> list[float]:  # type: ignore[override]
                return []
