"""Typed stub of the storm of commands against the interlock; for benches and tests."""

from jacquemart.native.interlock import Interlock

def storm(
    seed: int,
    sequences: int,
    *,
    faults: bool = False,
    without: int = 0,
    steps: int = 48,
    until_unsafe: bool = False,
) -> dict[str, int]:
    """Run random sequences of commands over random intersections; judge all that was shown.

    Args:
        seed: the same one gives the same storm.
        sequences: each is an intersection of its own, from the start-up on.
        faults: clocks that jump, restarts, read-backs that are late or wrong, outputs that are
            lost.
        without: rules of the interlock (``Rule``) that are left out, to show that each is needed.
        steps: commands of a sequence.
        until_unsafe: stop at the first unsafe output.

    Returns:
        ``sequences`` that ran; of these ``unsafe``, ``first`` (what the judge found at the first);
        ``greens`` that began, commands ``refused``, ``fallbacks`` written, ``steps`` shown.
    """

def check_ns(interlock: Interlock, proposed: bytes, now: int, rounds: int) -> tuple[float, bool]:
    """Return ns of processor time of one look, without Python, and whether each allowed it.

    ValueError: not one byte a signal group, or no round.
    """
