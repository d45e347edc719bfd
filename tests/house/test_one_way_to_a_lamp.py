"""Nothing goes round the interlock of traffic signals: one maker of outputs, one rule set."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from jacquemart.actors.traffic import SignalController

ROOT = Path(__file__).resolve().parents[2]
OURS = [
    path
    for folder in ("runtime", "drivers", "actors", "jacquemart/cli", "jacquemart/traffic")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
#: Who may make an interlock; who may call its ``write`` has one.
MAKER = "actors/signals/lamps.py"
#: What SUMO takes, and the only shell that may say it: with letters of a ``Cleared``.
SUMO_CALLS = re.compile(r"setRedYellowGreenState|setPhase\b|setPhaseDuration|setProgram\b")


def names_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def test_only_one_place_makes_an_interlock_and_the_storm_is_for_tests() -> None:
    makers = []
    for path in OURS:
        names = names_of(path)
        assert not any(name.startswith("jacquemart.native.storm") for name in names), path
        if "jacquemart.native.interlock.Interlock" in names or any(
            name == "jacquemart.native.interlock" for name in names
        ):
            makers.append(str(path.relative_to(ROOT)))
    assert makers == [MAKER]


def test_the_rules_are_all_on_wherever_the_interlock_is_asked() -> None:
    """Only the storm, which shows that each rule is needed, may leave one out."""
    for path in sorted((ROOT / "native").glob("*.pyx")):
        text = path.read_text(encoding="utf-8")
        if "interlock" not in text or path.stem == "storm":
            continue
        if path.stem != "interlock":
            assert "native.interlock" not in text, f"{path.name} asks past the door"
            continue
        assert len(re.findall(r"\bjudge\(", text)) == 2, "its definition, and one caller"
        assert len(re.findall(r"\bALL\b", text)) == 2, "the look, and the note of what was written"


def test_a_cleared_is_made_where_the_interlock_writes_and_nowhere_else() -> None:
    for path in sorted((ROOT / "native").glob("*.pyx")):
        made = path.read_text(encoding="utf-8").count("Cleared.__new__")
        assert made == (1 if path.stem == "interlock" else 0), path.name


def test_what_sets_lamps_of_sumo_takes_only_what_was_cleared() -> None:
    for path in OURS:
        text = path.read_text(encoding="utf-8")
        if SUMO_CALLS.search(text):
            assert "Cleared" in text, f"{path} sets lamps from something else than a Cleared"


def test_a_city_cannot_set_a_stage_or_a_group() -> None:
    writable = {point.name for point in SignalController.points if point.writable}
    # A request for priority is one: what comes of it the site's granter and interlock decide.
    assert writable == {"mode", "plan", "priority_*"}, (
        "a new one that moves lamps needs the interlock"
    )
