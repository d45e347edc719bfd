"""When devices go to their fail-safe because nobody commands their zone any more. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from jacquemart.runtime.kernel.islanding import PATIENCE_NS, Change, Contact


@dataclass(frozen=True, slots=True)
class Lost:
    """The zone cell counts as lost from now on."""


@dataclass(frozen=True, slots=True)
class Enter:
    """The devices whose template waits ``delay_ns`` go to their fail-safe now."""

    delay_ns: int


@dataclass(frozen=True, slots=True)
class Back:
    """The zone cell is back: who went to its fail-safe leaves it."""


Instruction = Lost | Enter | Back


@dataclass(slots=True)
class ZoneLoss:
    """One zone cell as a device cell sees it."""

    contact: Contact
    entered: set[int] = field(default_factory=set)
    """Delays whose devices are in their fail-safe."""

    def look(self, now_ns: int, delays: Collection[int]) -> list[Instruction]:
        """Let time go on; ``delays`` are those that devices of the zone's templates have.

        A delay shorter than what makes a zone cell count as lost makes it count so earlier.
        """
        self.contact.patience_ns = min((PATIENCE_NS, *delays))
        change = self.contact.look(now_ns)
        if change is Change.BACK:
            self.entered.clear()
            return [Back()]
        found: list[Instruction] = [Lost()] if change is Change.LOST else []
        if self.contact.lost:
            for delay in sorted(delays):
                if self.contact.silent_ns >= delay and delay not in self.entered:
                    self.entered.add(delay)
                    found.append(Enter(delay))
        return found
