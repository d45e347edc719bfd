"""Run as a program: for each line ``go``, a process that writes a journal until it is killed.

Says ``pid P``, then ``N`` for each number that was acknowledged, then ``dead``. The value of each
record is its own number.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from journals import OpenJournal, accepted


def flood(folder: Path) -> None:
    """Write for ever: crowds of all sizes, and snapshots in between."""
    journal = OpenJournal(folder, checkpoint_pages=60, history_records=50, wal_bytes=400_000)
    number, told, crowd = journal.records[-1].sequence, 0, 1
    while True:
        for _ in range(crowd):
            number += 1
            assert journal.append(accepted(number, value=number)) == number
        crowd = crowd * 7 % 23 + 1
        while told < len(journal.answers) or not journal.turns.empty():
            while not journal.turns.empty():
                journal.turn()
            for sequence, error in journal.answers[told:]:
                assert error is None
                os.write(1, b"%d\n" % sequence)
            told = len(journal.answers)
        if crowd == 8 and told:
            journal.journal.snapshot(b"s" * 9_000, journal.journal.durable)
        if number - journal.journal.durable > 500:
            journal.turn()


def main() -> None:
    """Start a victim for each line."""
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            flood(Path(sys.argv[1]))
        os.write(1, b"pid %d\n" % pid)
        os.waitpid(pid, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
