"""The command line: ``jacquemart run check ls get set watch zones top why events stop``."""

from __future__ import annotations

from jacquemart.cli.entry import main

__all__ = ["main"]
