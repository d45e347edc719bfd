"""Signal programs of SUMO networks become models that show what the programs show."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from jacquemart.actors.signals import Controller, Intersection
from jacquemart.actors.signals.checking import problems
from jacquemart.actors.signals.sumo_import import intersections
from jacquemart.actors.signals.sumo_network import read_network
from jacquemart.drivers.sumo.lamps import letters
from jacquemart.runtime.model.errors import ConfigError

DATA = Path(__file__).resolve().parents[1] / "data/sumo"
NETWORKS = ("walk.net.xml.gz", "spider.net.xml.gz")


@pytest.mark.parametrize("name", NETWORKS)
def test_each_signal_becomes_a_model_without_problems(name: str) -> None:
    found = intersections(DATA / name)
    assert len(found) >= 10
    for one in found:
        assert one.model is not None, one.reason
        assert one.left_out == ()
        assert problems(one.model) == []


@pytest.mark.parametrize("name", NETWORKS)
def test_groups_that_conflict_are_those_whose_links_are_foes(name: str) -> None:
    network = read_network(DATA / name)
    for one in intersections(DATA / name):
        assert one.model is not None
        links = network.signals[one.id].links
        for at, group in enumerate(one.model.groups):
            for other_at, other in enumerate(one.model.groups):
                foes = any(
                    network.requests[way.junction][way.request][1] >> there.request & 1
                    or way.into == there.into
                    for a in group.links for way in links[a].ways
                    for b in other.links for there in links[b].ways
                )  # fmt: skip
                if at != other_at:
                    assert one.model.conflicts(at, other_at) is foes


def links_of(model: Intersection) -> list[tuple[int, ...]]:
    return [group.links for group in model.groups]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_controller_shows_what_sumo_would_show(name: str) -> None:
    network = read_network(DATA / name)
    for one in intersections(DATA / name)[:4]:
        model = one.model
        assert model is not None
        program = network.signals[one.id].programs[0]
        cycle = sum(ms for ms, _ in program.phases)
        second = [state for ms, state in program.phases for _ in range(ms // 1_000)]
        controller, stages = Controller(model), set()
        for now in range(0, 5 * cycle, 1_000):
            cleared = controller.step(now, now)
            if now < 4 * cycle:
                continue
            view = controller.view()
            if view.reached:
                stages.add(view.step)
            position = (now - program.offset_ms) % cycle // 1_000
            shown = letters(links_of(model), cleared.aspects, len(second[0]))
            of = {link: at for at, group in enumerate(model.groups) for link in group.links}
            ends = [of[link] for link, letter in enumerate(second[position]) if letter in "yY"]
            pairs = zip(shown.lower(), second[position].lower(), strict=True)
            for link, (ours, theirs) in enumerate(pairs):
                # Who conflicts with nobody that clears need not wait for them; SUMO has it wait.
                free = not any(model.conflicts(of[link], at) for at in ends)
                earlier = ours == "g" and theirs == "r" and ends and free
                assert ours == theirs or earlier, (one.id, position, link, shown)
        assert stages == set(range(len(model.plans[0].steps)))
        assert not [told for told in controller.events() if told[0] in ("refused", "fallback")]


def changed(folder: Path, find: str, put: str) -> Path:
    text = gzip.decompress((DATA / "walk.net.xml.gz").read_bytes()).decode()
    assert find in text
    path = folder / "changed.net.xml"
    path.write_text(text.replace(find, put), encoding="utf-8")
    return path


def test_a_program_that_breaks_the_right_of_way_is_refused_with_both_links(tmp_path: Path) -> None:
    path = changed(tmp_path, "gGGggrrrrrgGGggrrrrrrGrG", "GGGGGGGGGGGGGGGGGGGGGGGG")
    found = intersections(path)
    assert all(one.model is None for one in found if "conflict" in one.reason)
    told = [one.reason for one in found if one.model is None]
    assert told
    assert "neither gives way" in told[0]
    assert "links" in told[0]


def test_a_yellow_that_is_missing_is_told(tmp_path: Path) -> None:
    path = changed(tmp_path, 'duration="3"  state="yyyyyrrrrryyyyyrrrrrrrrr"',
                   'duration="3"  state="rrrrrrrrrrrrrrrrrrrrrrrr"')  # fmt: skip
    reasons = [one.reason for one in intersections(path) if one.model is None]
    assert any("yellow" in reason for reason in reasons), reasons


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no element"),
        (b"<net><tlLogic", "unclosed"),
        (b'<!DOCTYPE net [<!ENTITY a "aaaa">]><net>&a;</net>', "document type"),
        (b"<net>" * 40 + b"</net>" * 40, "nested deeper"),
        (b'<net><tlLogic offset="0"/></net>', "'id' is missing"),
        (b'<net><tlLogic id="a" offset="nan"/></net>', "a time of nan"),
        (b'<net><connection tl="a" linkIndex="99999" to="b" toLane="0"/></net>', "link 99999"),
        (b'<net><junction id="a"><request index="0" response="2" foes="0"/></junction></net>',
         "invalid literal"),
        (b"\x1f\x8b\x08not gzip at all", "no SUMO network"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad.net.xml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        intersections(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.net\.xml"):
        intersections(tmp_path / "none.net.xml")


def test_a_state_has_one_letter_for_each_link_whatever_the_model_says() -> None:
    model = intersections(DATA / "walk.net.xml.gz")[0].model
    assert model is not None
    for count in (0, 1, 24, 100):
        assert len(letters(links_of(model), bytes([3] * len(model.groups)), count)) == count
