"""What the runtime logs, said as notes beside the result."""

from __future__ import annotations

import logging

from jacquemart.cli import say


class Notes(logging.Handler):
    """Says each record of the package's log on stderr; the same thing only once in a row."""

    _last = ""

    @classmethod
    def attach(cls) -> None:
        """Say from now on what the package logs; once for the process."""
        log = logging.getLogger("jacquemart")
        if not any(isinstance(handler, cls) for handler in log.handlers):
            log.addHandler(cls(logging.WARNING))

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        text = record.getMessage()
        if text != self._last:
            self._last = text
            say.note(text)
