"""The monitor latches what is unsafe, at once, until a person resets it; and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from signal_samples import crossing

from jacquemart.actors.signals import Controller
from jacquemart.actors.signals.monitor import LATCHES_WITHIN_MS, Monitor, Rules

LETTERS = "dRrGgyf"
NAMES = ("main", "side", "turn", "walk")
RULES = Rules(
    {"main": (8_000, 3_000, "f"), "side": (5_000, 3_000, "f"), "turn": (5_000, 3_000, "f"),
     "walk": (6_000, 0, "d")},
    {("main", "side"): 5_000, ("side", "main"): 6_000, ("main", "turn"): 4_500,
     ("turn", "main"): 5_000, ("main", "walk"): 6_000, ("walk", "main"): 8_000,
     ("side", "turn"): 5_000, ("turn", "side"): 5_500},
    frozenset({("turn", "main")}),
)  # fmt: skip


def play(monitor: Monitor, story: list[tuple[float, str]], *, begun: int = 0) -> str:
    """Show each for so many seconds, ten readings a second; return the fault."""
    now = begun
    for seconds, letters in story:
        for _ in range(int(seconds * 10)):
            monitor.see(dict(zip(NAMES, letters, strict=True)), now)
            now += 100
    return monitor.fault


SOUND = [(5, "fffd"), (3, "yyyR"), (3, "RRRR"), (1, "rRgR"), (8, "GRgR"), (3, "yRgR"),
         (1.5, "RRgR"), (1.5, "RRGR"), (12, "RRGG"), (3, "RRyG"), (1.5, "RRRG"), (1, "RrRG"),
         (9, "RGRG"), (3, "RyRR"), (2, "RRRR"), (2, "RRgR"), (1, "rRgR"), (8, "GRgR")]  # fmt: skip


def test_it_is_silent_about_a_sound_cycle() -> None:
    assert play(Monitor(RULES, 0), SOUND) == ""


@pytest.mark.parametrize(
    ("shown", "fault"),
    [
        ([(8, "GGgR")], "main and side go at once"),
        ([(8, "GRGR")], "main and turn go at once"),
        ([(3, "yRgR"), (1, "RGgR")], "side went 3000 ms after main, needed: 5000 ms"),
        ([(3, "yRgR"), (1, "RRGR")], "turn went 3000 ms after main, needed: 4500 ms"),
        # Giving way is no excuse for who begins after main has ended; nor has who gave way cleared.
        ([(3, "yRyR"), (0.5, "RRRR"), (1, "RRgR")],
         "turn went 3500 ms after main, needed: 4500 ms"),
        ([(3, "yRgR"), (2, "RRgR"), (3, "RRyR"), (1, "GRRR")],
         "main went 3000 ms after turn, needed: 5000 ms"),
        ([(1, "yRgR"), (1, "RRgR")], "yellow of main lasted 1000 ms of 3000 ms, then 'R'"),
        ([(1, "RRgR")], "main went from green to 'R'"),
        ([(4, "dRgR")], "main is without control"),
        ([(4, "xRgR")], "main shows nothing that is a signal"),
        ([(3, "yRgR"), (1, "RRRR")], "turn went from green to 'R'"),
        ([(3, "yRgR"), (3, "RRyR"), (4, "RRRR"), (1, "RGRR"), (1, "RyRR")],
         "green of side lasted 1000 ms of 5000 ms"),
    ],
)  # fmt: skip
def test_it_latches_what_is_unsafe(shown: list[tuple[float, str]], fault: str) -> None:
    assert fault in play(Monitor(RULES, 0), [*SOUND[:5], *shown])


def test_it_has_latched_within_three_hundred_ms_of_the_conflict_and_of_silence() -> None:
    monitor = Monitor(RULES, 0)
    play(monitor, SOUND[:5])
    begun = int(sum(seconds for seconds, _ in SOUND[:5]) * 1_000)
    assert monitor.see(dict(zip(NAMES, "GGgR", strict=True)), begun) != ""
    silent = Monitor(RULES, 0)
    play(silent, SOUND[:5])
    last = begun - 100
    assert silent.tick(last + LATCHES_WITHIN_MS) != ""
    assert "nothing was read" in silent.fault
    never = Monitor(RULES, 1_000)
    assert never.tick(1_000 + LATCHES_WITHIN_MS) != ""


def test_it_stays_latched_until_a_person_resets_it() -> None:
    monitor = Monitor(RULES, 0)
    play(monitor, [*SOUND[:5], (1, "GGgR")])
    end = int((sum(seconds for seconds, _ in SOUND[:5]) + 1) * 1_000)
    first = monitor.fault
    assert play(monitor, [(10, "fffd")], begun=end) == first
    monitor.reset(end + 10_000)
    assert play(monitor, SOUND, begun=end + 10_000) == ""


def test_what_the_controller_shows_is_never_a_fault_to_it() -> None:
    controller, monitor = Controller(crossing()), Monitor(RULES, 0)
    for now in range(0, 400_000, 100):
        if now == 100_000:
            controller.insert("tram", 2, 8_000)
        if now % 50_000 == 0:
            controller.hold("bus", 9_000)
        aspects = controller.step(now, now).aspects
        shown = {name: LETTERS[aspect] for name, aspect in zip(NAMES, aspects, strict=True)}
        assert monitor.see(shown, now) == ""


def test_its_code_is_its_own() -> None:
    source = Path(__file__).resolve().parents[2] / "actors/signals/monitor.py"
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not str(node.module).startswith("jacquemart"), "it must share no code"
        assert not isinstance(node, ast.Import)
