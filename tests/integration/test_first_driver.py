"""The driver in the README, as a newcomer takes it from there: it runs a city of one lamp."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jacquemart import Client, Event, Quality, Status
from jacquemart.runtime.model.outcome import Reason
from jacquemart.runtime.testing.local_city import LocalCity

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "first_driver"


def block_of(document: Path, name: str) -> str:
    """Return the Python block that a document marks with a file's name."""
    text = document.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {re.escape(name)} -->\n```python\n(.*?)```\n", text, re.DOTALL)
    assert found, f"{document} shows no {name}"
    return found[1]


@pytest.fixture
def leds(tmp_path: Path) -> Path:
    """What Linux would show of a lamp with a thermometer."""
    lamp = tmp_path / "leds" / "lamp-1"
    lamp.mkdir(parents=True)
    (lamp / "brightness").write_text("0\n")
    (lamp / "temperature").write_text("21.5\n")
    return tmp_path / "leds"


@pytest.fixture
def client(leds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A city whose driver is the README's block, saved to a file and nothing else."""
    code = block_of(ROOT / "README.md", "first_driver.py")
    (tmp_path / "first_driver.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    text = (EXAMPLE / "city.toml").read_text(encoding="utf-8")
    (tmp_path / "city.toml").write_text(text.replace("/tmp/first_driver", str(leds)))
    sys.modules.pop("first_driver", None)
    try:
        with LocalCity(tmp_path / "city.toml") as city:
            assert sys.modules["first_driver"].__file__ == str(tmp_path / "first_driver.py")
            yield city.client()
    finally:
        sys.modules.pop("first_driver", None)


def until(true: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + 20.0
    while not true():
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.05)


def test_the_readme_shows_the_example_as_it_is() -> None:
    code = (EXAMPLE / "first_driver.py").read_text(encoding="utf-8")
    assert block_of(ROOT / "README.md", "first_driver.py") == code


def test_it_sets_and_reads_what_is_in_the_files(client: Client, leds: Path) -> None:
    outcome = client.set("lamp-1/brightness", 200.0)
    assert (outcome.status, outcome.value) == (Status.APPLIED, 200.0)
    assert (leds / "lamp-1" / "brightness").read_text() == "200\n"
    reading = client.get("lamp-1/temperature")
    assert (reading.value, reading.unit, reading.quality) == (21.5, "degC", Quality.GOOD)
    (leds / "lamp-1" / "brightness").write_text("17\n")
    until(lambda: client.get("lamp-1/brightness").value == 17.0, "what somebody else wrote")


def test_a_file_without_a_number_or_without_a_file_is_that_point_s_trouble_alone(
    client: Client, leds: Path
) -> None:
    (leds / "lamp-1" / "temperature").write_text("warm\n")
    until(
        lambda: client.get("lamp-1/temperature").quality is Quality.BAD_VALUE,
        "a temperature that is no number",
    )
    assert client.set("lamp-1/brightness", 3.0).applied
    (leds / "lamp-1" / "temperature").unlink()
    until(
        lambda: client.get("lamp-1/temperature").quality is Quality.BAD_UNIT,
        "a temperature that is gone",
    )
    assert client.set("lamp-1/brightness", 4.0).applied


def test_unplugged_and_plugged_in_again_the_link_goes_down_and_comes_back(
    client: Client, leds: Path
) -> None:
    assert client.set("lamp-1/brightness", 100.0).applied
    leds.rename(leds.with_name("unplugged"))
    until(lambda: not client.why("lamp-1")["link"]["up"], "the link is down")
    link = client.why("lamp-1")["link"]
    assert link["error"] == f"there is no folder {leds}"
    assert client.get("lamp-1/brightness").quality is Quality.BAD_COMM
    refused = client.set("lamp-1/brightness", 50.0)
    assert (refused.status, refused.reason) == (Status.REJECTED, Reason.UNREACHABLE)
    assert str(leds) in refused.detail
    leds.with_name("unplugged").rename(leds)
    until(lambda: client.get("lamp-1/brightness").good, "the link is back")
    assert client.get("lamp-1/brightness").value == 100.0
    assert client.set("lamp-1/brightness", 50.0).applied
    names = [Event.from_list(row).name for row in client.query("events", number=100)]
    assert names.count("link_down") == 1
    assert names.count("link_up") == 2
