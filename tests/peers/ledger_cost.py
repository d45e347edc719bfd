"""What the ledger costs a command: ``python tests/peers/ledger_cost.py``."""

from __future__ import annotations

import tempfile
import time
import timeit
from pathlib import Path

from jacquemart.runtime.actor.ticket import Ticket
from jacquemart.runtime.cell.digests import digest_of
from jacquemart.runtime.cell.ledger import Ledger

ROUNDS = 200_000


def main() -> None:
    """Print nanoseconds of processor time a command, least of five runs."""
    ticket = Ticket(bytes(16), "operator", "lamp-17", "set", "level", 80.0, "%", 8, 0, 0, print)
    with tempfile.TemporaryDirectory() as folder:
        for name, path in (("none", ""), ("a file", str(Path(folder) / "ledger"))):
            ledger = Ledger.create(path)

            def command(ledger: Ledger = ledger) -> None:
                token = ledger.handling(ticket)
                ledger.sent(digest_of(ticket), 1)
                ledger.handled(ledger.returned(token, later=False))

            best = (
                min(timeit.repeat(command, timer=time.process_time, number=ROUNDS, repeat=5))
                / ROUNDS
            )
            print(f"{name:7} {best * 1e9:6.0f} ns a command")
            ledger.close()


if __name__ == "__main__":
    main()
