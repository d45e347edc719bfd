"""The command line: ``jacquemart run check plan apply ls get set watch`` and more."""

from __future__ import annotations

from jacquemart.cli.entry import main

__all__ = ["main"]
