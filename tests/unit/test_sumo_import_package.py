"""The networks that SUMO's own package brings, made by others: what loads, and what is told."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from jacquemart.actors.signals import Controller
from jacquemart.actors.signals.checking import problems
from jacquemart.actors.signals.sumo_import import LONGEST_WAIT_MS, Imported, intersections


def brought() -> list[Path]:
    found = importlib.util.find_spec("sumo")
    if found is None or found.origin is None:
        return []
    home = Path(found.origin).parent
    return sorted(
        path for path in home.rglob("*.net.xml*") if path.name.endswith((".xml", ".xml.gz"))
    )


NETWORKS = brought()
#: Of which every signal has a model. They are other people's, and are where the package has them.
WHOLE = ("A10KW/osm", "corridor/corridor", "cross/cross", "grid6/grid6", "highway/highway",
         "hiking/hiking", "kuehne/kuehne", "ramp/ramp", "square/square", "RiLSA1/rilsa1",
         "RiLSA1BothTLS/rilsa1both", "RiLSA_example4/rilsa4")  # fmt: skip


def one(name: str) -> Path:
    return next(path for path in NETWORKS if name in str(path))


def runs_through(found: Imported) -> None:
    """Run a controller for three cycles of each plan: the interlock has nothing to refuse."""
    model = found.model
    assert model is not None
    assert problems(model) == []
    for plan in model.plans:
        controller, stages = Controller(model), set()
        assert controller.set_plan(plan.number) == ""
        for now in range(0, 30_000 + 3 * plan.cycle_ms, 1_000):
            controller.step(now, now)
            view = controller.view()
            if view.reached and view.plan == plan.number:
                stages.add(view.step)
        told = [told for told in controller.events() if told[0] in ("refused", "fallback")]
        assert told == [], (found.id, told)
        assert stages == set(range(len(plan.steps))), (found.id, plan.name)


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: "/".join(path.parts[-2:]))
def test_each_signal_has_a_model_that_runs_or_a_reason_why_not(path: Path) -> None:
    for found in intersections(path):
        if found.model is None:
            assert found.reason
        else:
            runs_through(found)


@pytest.mark.parametrize("name", WHOLE)
def test_these_load_as_a_whole(name: str) -> None:
    found = intersections(one(name))
    assert found
    assert [(each.id, each.reason, each.left_out) for each in found if each.model is None] == []


def test_a_green_that_waits_for_somebody_who_switches_is_shortened_and_told() -> None:
    for found in intersections(one("corridor/corridor")):
        assert found.changed == (("0", "greens of up to 10005 s last 30 s"),)
        assert found.model is not None
        assert found.model.plans[0].cycle_ms < LONGEST_WAIT_MS


def test_who_must_give_way_to_a_full_green_yields_and_it_is_told() -> None:
    (found,) = intersections(one("RiLSA1/rilsa1"))
    assert found.changed == (
        ("0", "must give way, so full green is yielding: links 2, 5, 8, 11"),
    )  # fmt: skip
    model = found.model
    assert model is not None
    for link in (2, 5, 8, 11):
        at = next(at for at, group in enumerate(model.groups) if link in group.links)
        assert any(who == at for who, _ in model.yields)


def test_a_link_that_no_program_gives_green_stays_red_and_it_is_told() -> None:
    found = next(each for each in intersections(one("ingolstadt")) if each.changed)
    assert found.changed == (("", "never green, so always red: links 12"),)
    assert found.model is not None
    assert 12 not in [link for group in found.model.groups for link in group.links]


def test_a_letter_for_walkers_and_vehicles_at_once_is_refused() -> None:
    reasons = [each.reason for each in intersections(one("ingolstadt"))]
    assert "link 11 is for walkers and for vehicles at once" in reasons
