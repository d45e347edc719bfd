"""A card: one promise that every kind keeps, as a check that its declaration is enough for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.testing.kinds import (
    cards_commands,
    cards_declared,
    cards_life,
    cards_refused,
    cards_rules,
)
from jacquemart.runtime.testing.kinds.sample import Sample, sample_of


@dataclass(frozen=True, slots=True)
class Card:
    """One promise, for one kind."""

    name: str
    about: str
    sample: Sample
    run: Callable[[Sample], None]

    def __str__(self) -> str:
        return self.name

    def check(self) -> None:
        """Check the promise.

        Raises:
            AssertionError: the kind does not keep it; the text says where.
        """
        self.run(self.sample)


_CHECKS = (
    cards_declared.declares,
    cards_declared.reaches_every_point,
    cards_refused.refuses_what_may_not_be_written,
    cards_rules.rules_never_raise,
    cards_rules.readings_never_raise,
    cards_rules.guards_let_nothing_through,
    cards_commands.checks_arguments,
    cards_commands.commands_end,
    cards_commands.hears_any_end_of_others,
    cards_life.restarts,
    cards_life.keeps_its_state,
    cards_life.stops,
)


def cards(kind: type[DeviceActor], **sample: object) -> list[Card]:
    """Return the cards of a kind, for ``pytest.mark.parametrize("card", cards(Kind), ids=str)``.

    Args:
        kind: the kind.
        sample: ``options`` of a template, ``points`` with keys that some points need,
            ``members`` of the families, and ``parameters`` of a device, where the declaration
            alone is not enough; as ``template_of`` takes them.
    """
    made = sample_of(kind, **sample)
    return [
        Card(check.__name__, (check.__doc__ or "").partition("\n")[0], made, check)
        for check in _CHECKS
    ]
