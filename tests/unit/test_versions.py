"""Which versions may run in one city, and what one tells the other."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pytest

import jacquemart
from jacquemart.native import frames
from jacquemart.runtime.cluster import cell_line, city_copy, resume, runstate, upgrade
from jacquemart.runtime.cluster.cell_line import directory_of, plain_directory
from jacquemart.runtime.cluster.rolling import Drain, GiveUp, Later, Rolling, Warm
from jacquemart.runtime.model.city import CitySpec, ZoneSpec
from jacquemart.runtime.model.directory import CellAddress, Directory
from jacquemart.runtime.model.errors import (
    ChangeRefused,
    StartError,
    UsageError,
    VersionMismatch,
)
from jacquemart.runtime.model.versions import (
    MINE,
    PACKAGE,
    Span,
    agree,
    journal_format,
    known,
    plain,
    versions_of,
)
from jacquemart.runtime.store import schema

NEXT = replace(MINE, package="9.0", wire=Span(1, 4), journal=Span(1, 2))
HOME = CellAddress("zone-1", "zone", 7, "a", "b", 1, "h")


def test_the_numbers_are_those_of_the_code() -> None:
    assert jacquemart.__version__ == PACKAGE == version("jacquemart")
    assert schema.MIGRATIONS[MINE.journal.most - 1 :] == schema.MIGRATIONS[-1:]
    assert frames.encode_heartbeat(frames.Heartbeat("t/", 1, 2, 3))[1] == MINE.wire.least


def test_neighbours_agree_and_strangers_are_told_who_speaks_what() -> None:
    agree(MINE, NEXT)
    agree(NEXT, MINE)
    with pytest.raises(VersionMismatch) as refused:
        agree(MINE, replace(NEXT, wire=Span(4, 5)))
    assert f"jacquemart {PACKAGE} speaks wire version 1 to 3, jacquemart 9.0 speaks 4 to 5" in str(
        refused.value
    )
    with pytest.raises(VersionMismatch, match=r"host version 1, jacquemart 9\.0 speaks 2"):
        agree(MINE, replace(NEXT, host=Span(2, 2)))


def test_journals_keep_their_format_until_they_are_committed() -> None:
    assert journal_format(0, MINE, NEXT, commit=False) == 1
    assert journal_format(1, NEXT, MINE, commit=False) == 0, "it is the newest of that one"
    assert journal_format(0, MINE, NEXT, commit=True) == 0
    with pytest.raises(VersionMismatch, match=f"format 2; jacquemart {PACKAGE} knows 1"):
        journal_format(0, NEXT, MINE, commit=False)
    newer = replace(NEXT, journal=Span(2, 3))
    with pytest.raises(VersionMismatch, match="format 1"):
        journal_format(1, NEXT, newer, commit=True)


def test_a_file_keeps_a_format_that_the_version_before_knows(tmp_path: Path) -> None:
    migrations = (*schema.MIGRATIONS, "CREATE TABLE later (what TEXT)")
    path = tmp_path / "j"
    connection = sqlite3.connect(path, isolation_level=None)
    schema.migrate(connection, path, migrations, most=1)
    assert schema.format_of(connection) == 1
    schema.migrate(connection, path, migrations)
    assert schema.format_of(connection) == 2
    schema.migrate(connection, path, migrations, most=1)
    assert schema.format_of(connection) == 2, "there is no way back"
    connection.close()


def test_versions_are_told_whole_and_more_is_passed_over() -> None:
    assert versions_of(plain(NEXT)) == NEXT
    assert versions_of({**plain(NEXT), "later": 1}) == NEXT
    for wrong in ({}, {**plain(NEXT), "wire": None}, {**plain(NEXT), "journal": {"least": "x"}}):
        with pytest.raises(ValueError):
            versions_of(wrong)


def test_a_directory_of_a_later_version_is_read_and_what_is_not_known_left_out() -> None:
    told = plain_directory(Directory(3, {"zone-1": HOME}, {}, {"north": "zone-1"}))
    told["cells"][0]["taste"] = "of lemon"
    assert directory_of(told).cells["zone-1"] == HOME
    assert cell_line.directory_of(told).version == 3
    with pytest.raises(TypeError):
        known(CellAddress, {"name": "x"})


def test_a_city_of_a_later_version_is_read_without_what_it_says_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @dataclass(frozen=True, slots=True)
    class LaterZone(ZoneSpec):
        motto: str = "et cetera"

    code = city_copy._CODES[ZoneSpec]
    monkeypatch.setitem(city_copy._CODES, LaterZone, code)
    names = (*city_copy._NAMES[ZoneSpec], "motto")
    monkeypatch.setitem(city_copy._NAMES, LaterZone, names)
    plain_city = CitySpec(id="c", name="C", zones=(ZoneSpec("north"),), links=(), templates={},
                          devices=())  # fmt: skip
    later = replace(plain_city, zones=(LaterZone("north"),))
    assert city_copy.unpack(city_copy.pack(later)) == plain_city


def test_the_memory_of_a_warden_passes_to_another_version_and_back(tmp_path: Path) -> None:
    options = resume.WardenOptions("c.toml", str(tmp_path), journal_format=1)
    history = resume.History(cells=(resume.Left(HOME, 5),)).upgraded("/old/python", 0)
    path = resume.save(options, resume.Again(history, None, "/new/python", 1))
    text = path.read_text().replace('"number": 2', '"mood": "good", "number": 2')
    path.write_text(text.replace('"private_dir"', '"luck": 7, "private_dir"'))
    found = resume.arguments(["--resume", str(path)])
    assert found == (options, history)
    assert history.came_from == "/old/python"
    assert history.back("it raised").undone == "it raised"
    assert not history.back("it raised").came_from, "there is one way back, and not a circle"
    assert not history.proven().came_from


def test_the_file_of_a_running_city_may_say_more_than_is_known(tmp_path: Path) -> None:
    state = runstate.RunState("c", 1, 2, api="tcp://a:1")
    path = tmp_path / "c.json"
    runstate.write(path, state)
    path.write_text(path.read_text().replace('"api"', '"weather": "fair", "api"'))
    assert runstate._read(path) == state
    path.write_text(path.read_text().replace('"tcp://a:1"', "17"))
    assert runstate._read(path) is None


def test_an_installation_says_its_version_itself() -> None:
    told = upgrade.installed(sys.executable)
    assert replace(told, ray="", python="") == MINE
    assert told.ray == version("ray")
    found = upgrade.check(sys.executable, 0, embedded=True, commit=False)
    assert asdict(found.to) == asdict(told)
    assert found.journal_format == 0


def test_what_is_no_installation_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no interpreter"):
        upgrade.installed(str(tmp_path / "python"))
    with pytest.raises(UsageError, match="no interpreter"):
        upgrade.installed("python")
    empty = tmp_path / "empty"
    empty.write_text("#!/bin/sh\necho 'No module named jacquemart' >&2\nexit 1\n")
    empty.chmod(0o755)
    with pytest.raises(StartError, match="No module named jacquemart"):
        upgrade.installed(str(empty))
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\necho nothing\n")
    mute.chmod(0o755)
    with pytest.raises(StartError, match="does not say its version"):
        upgrade.installed(str(mute))
    with pytest.raises(ChangeRefused, match="one version"):
        upgrade.check(sys.executable, 0, embedded=False, commit=False)


def test_a_successor_that_cannot_be_made_is_made_again_and_then_the_pass_is_given_up() -> None:
    made = Rolling(("a", "b"), tries=3)
    assert made.begin() == [Warm("a")]
    assert made.failed("b") == []
    assert made.failed("a") == [Later("a", 1.0)]
    assert made.due("b") == []
    assert made.due("a") == [Warm("a")]
    assert made.failed("a") == [Later("a", 2.0)]
    assert made.failed("a") == [GiveUp("a")]
    assert made.over
    assert made.due("a") == []
    assert made.warm("a") == [], "nobody is taken away any more"


def test_a_pass_that_has_to_be_made_is_never_given_up() -> None:
    made = Rolling(("a",))
    made.begin()
    pauses = [
        step.pause_s for _ in range(10) for step in made.failed("a") if isinstance(step, Later)
    ]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]
    assert made.warm("a") == [Drain("a")]
    assert made.failed("a") == [], "its successor is being asked to adopt"
