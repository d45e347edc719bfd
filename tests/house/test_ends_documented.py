"""Every end that a client can see is on the page: each status, each reason, and both together."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from jacquemart.runtime.model.outcome import Reason, Status

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "commands.md").read_text()
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
REASONS = {name: word for name, word in vars(Reason).items() if name.isupper()}
#: What ends a command with a reason alone, and how.
SHORTHAND = {
    "_refuse": Status.REJECTED, "_end_unknown": Status.INDETERMINATE, "_sort_out": Status.REJECTED,
}  # fmt: skip


def table() -> dict[str, set[str]]:
    """Return reason -> the statuses that it goes with, by the guide."""
    section = GUIDE.partition("## Reasons")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([A-Z, ]+) \| (.+) \|$", section, re.MULTILINE)
    assert len(rows) == len({reason for reason, _, _ in rows}), "one row each"
    return {reason: set(statuses.split(", ")) for reason, statuses, _ in rows}


def _named(node: ast.expr, kind: str) -> str | None:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == kind and node.attr.isupper() else None
    return None


def pairs() -> Iterator[tuple[str, str, str]]:
    """Yield status, reason and place of every end that the code writes out."""
    for package in ("runtime", "drivers", "actors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            if "testing" in path.parts or "Reason." not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.Call):
                    args = list(node.args)
                    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                elif isinstance(node, ast.Tuple):
                    args, name = list(node.elts), ""
                else:
                    continue
                where = f"{path.relative_to(ROOT)}:{node.lineno}"
                for first, second in pairwise(args):
                    status, reason = _named(first, "Status"), _named(second, "Reason")
                    if status and reason:
                        yield status, reason, where
                for arg in args if name in SHORTHAND else ():
                    if reason := _named(arg, "Reason"):
                        yield SHORTHAND[name].name, reason, where


def test_every_reason_is_on_the_page_once_and_no_other_word() -> None:
    assert table().keys() == set(REASONS.values())


def test_every_reason_is_in_the_protocol() -> None:
    listed = PROTOCOL.partition("Reasons: `")[2].partition("`")[0].split()
    assert sorted(listed) == sorted(REASONS.values())


def test_every_status_has_a_row_of_its_own() -> None:
    section = GUIDE.partition("## Ends")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| ([A-Z]+) \|", section, re.MULTILINE)) == set(Status.__members__)


def test_what_the_code_ends_commands_with_is_what_the_page_says() -> None:
    shown = table()
    found = list(pairs())
    assert len(found) > 60, "the search finds nothing any more"
    wrong = sorted(
        f"{where}: {status} {REASONS[reason]}"
        for status, reason, where in found
        if status not in shown[REASONS[reason]]
    )
    assert not wrong, "\n".join(wrong)
