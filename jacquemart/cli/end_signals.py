"""The signals that ask a command for its end, taken once and given back.

The first one ends what the command waits for; after it, while things are stopped in order, others
are only asked for patience.
"""

from __future__ import annotations

import signal
from types import TracebackType
from typing import Any, Final, Self

from jacquemart.cli import say

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class EndRequested(BaseException):
    """A signal asks for the end; no code between its arrival and the handler may catch it."""


class EndSignals:
    """Gives the signals back when the block ends to whoever had them; for the main thread."""

    def __enter__(self) -> Self:
        """Take note who has them."""
        self._before = {number: signal.getsignal(number) for number in _SIGNALS}
        return self

    def interrupt(self) -> None:
        """Let the first signal raise ``EndRequested`` from now on."""
        _take(_request)

    def only_answer(self) -> None:
        """Let signals only be answered from now on: what was asked for is under way."""
        _take(_ask_patience)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give them back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _request(*_: object) -> None:
    _take(_ask_patience)
    raise EndRequested


def _ask_patience(*_: object) -> None:
    say.note("stopping; please wait")


def _take(handler: Any) -> None:
    """Take the signals; under nohup the loss of the terminal is none of them."""
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
