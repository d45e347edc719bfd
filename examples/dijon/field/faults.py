"""Draw from a seed what is broken today."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from field.errors import FieldError

HOSTILE_KINDS = (
    "reset",
    "wrong_function",
    "late",
    "dribble",
    "wrong_transaction",
    "short",
    "long",
    "exception_4",
    "exception_6",
    "exception_11",
)
"""What hostile cabinets do, in turn, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class FaultShares:
    """How much is broken: shares of all lamps and cabinets, or numbers of cabinets."""

    dead_lamps: float = 0.008
    stuck_lamps: float = 0.002
    lying_lamps: float = 0.0
    dead_cabinets: int = 6
    mute_cabinets: int = 2
    hostile_cabinets: float = 0.0


@dataclass(frozen=True, slots=True)
class Faults:
    """Which lamps and cabinets are broken, by id."""

    dead_lamps: frozenset[str]
    stuck_lamps: frozenset[str]
    lying_lamps: frozenset[str]
    """Lamps that show the level that they were told and never move."""
    refusing: frozenset[str]
    """Dead cabinets at whose address nobody listens."""
    silent: frozenset[str]
    """Dead cabinets that accept a connection and never answer."""
    mute: frozenset[str]
    """Cabinets that take one write and are silent from then on."""
    hostile: Mapping[str, str]
    """Cabinets that break the protocol, and how."""


def draw_faults(
    seed: int, shares: FaultShares, cabinets: Sequence[str], lamps: Sequence[str]
) -> Faults:
    """Return the same faults for the same arguments; no cabinet has two.

    Raises:
        FieldError: more is to be broken than there is.
    """
    rng = random.Random(f"field-faults-{seed}")
    dead = _count("dead_lamps", shares.dead_lamps, len(lamps))
    stuck = _count("stuck_lamps", shares.stuck_lamps, len(lamps))
    lying = _count("lying_lamps", shares.lying_lamps, len(lamps))
    hostile = _count("hostile", shares.hostile_cabinets, len(cabinets))
    broken_count = dead + stuck + lying
    gone, mute = shares.dead_cabinets, shares.mute_cabinets
    if min(gone, mute) < 0 or gone + mute + hostile > len(cabinets) or broken_count > len(lamps):
        raise FieldError(
            f"{gone} dead, {mute} mute and {hostile} hostile of {len(cabinets)} cabinets, "
            f"{dead} dead, {stuck} stuck and {lying} lying of {len(lamps)} lamps: not possible"
        )
    broken_lamps = rng.sample(lamps, broken_count)
    broken = rng.sample(cabinets, gone + mute + hostile)
    refusing = (gone + 1) // 2
    return Faults(
        dead_lamps=frozenset(broken_lamps[:dead]),
        stuck_lamps=frozenset(broken_lamps[dead : dead + stuck]),
        lying_lamps=frozenset(broken_lamps[dead + stuck :]),
        refusing=frozenset(broken[:refusing]),
        silent=frozenset(broken[refusing:gone]),
        mute=frozenset(broken[gone : gone + mute]),
        hostile=assign(broken[gone + mute :], HOSTILE_KINDS),
    )


def assign(cabinets: Sequence[str], kinds: Sequence[str]) -> dict[str, str]:
    """Give each cabinet one of the kinds, in turn."""
    return {cabinet: kinds[n % len(kinds)] for n, cabinet in enumerate(cabinets)}


def _count(name: str, share: float, whole: int) -> int:
    if not 0.0 <= share <= 1.0:
        raise FieldError(f"{name}: {share}, allowed 0 to 1")
    return round(share * whole)
