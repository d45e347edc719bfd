"""The reference pages are what the declarations say today."""

from __future__ import annotations

from pathlib import Path

from jacquemart.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "kinds.md"


def test_the_reference_of_kinds_is_up_to_date(capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["kinds", "--markdown"]) == 0
    written = PAGE.read_text(encoding="utf-8")
    assert capsys.readouterr().out == written, "run `make reference`"
