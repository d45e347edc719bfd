"""Where a city keeps its journals, and what the files in it are called."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.cluster import options
from jacquemart.runtime.cluster.city import City
from jacquemart.runtime.cluster.options import WardenOptions
from jacquemart.runtime.cluster.prepare import state_of
from jacquemart.runtime.store import folder


def test_the_state_of_a_city_is_in_the_users_state_home(tmp_path: Path) -> None:
    found = folder.state_folder("dijon", {"XDG_STATE_HOME": str(tmp_path)})
    assert found == tmp_path / "jacquemart" / "dijon"


@pytest.mark.parametrize("home", ["", "relative/path"])
def test_without_a_state_home_it_is_below_the_home_folder(
    home: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    found = folder.state_folder("dijon", {"XDG_STATE_HOME": home})
    assert found == tmp_path / ".local" / "state" / "jacquemart" / "dijon"


def test_the_tests_of_this_project_never_write_into_the_home_folder() -> None:
    assert not folder.state_home().is_relative_to(Path.home())


def test_a_city_keeps_its_state_by_default_and_not_if_it_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    chosen = WardenOptions(city="", private_dir="")
    assert state_of("dijon", chosen) == str(tmp_path / "jacquemart" / "dijon")
    monkeypatch.chdir(tmp_path)
    for state, told in (("", ""), ("here", str(tmp_path / "here")), (tmp_path, str(tmp_path))):
        asked = City("city.toml", state=state)._options
        assert state_of("dijon", options.parse(asked.to_line())) == told


@given(st.lists(st.text(), unique=True, max_size=8))
def test_every_id_has_a_file_name_of_its_own(ids: list[str]) -> None:
    names = {folder.file_name(id).casefold() for id in ids}
    assert len(names) == len({id.encode("utf-8", "replace") for id in ids})
    for name in names:
        assert "/" not in name
        assert "\0" not in name
        assert not name.startswith(".")
        assert 0 < len(name.encode()) <= 200


def test_the_name_of_a_file_tells_its_zone() -> None:
    path = folder.journal_path(Path("/state"), "Quartier:Nord")
    assert path.name == "%51uartier%3a%4eord.journal"
    assert folder.zone_of(path) == "Quartier:Nord"
    assert folder.mark_path(path).name == f"{path.name}.mark"
