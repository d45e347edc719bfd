"""A kind with one fault is caught, by the card that is there for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from jacquemart.runtime.actor import Aggregate, Argument, DeviceActor, Point, Ticket, command
from jacquemart.runtime.cell.shard import bind
from jacquemart.runtime.testing.kinds import cards


class Fan(DeviceActor):
    """A fan that is sound."""

    kind = "fan"
    points = (
        Point("speed", "how fast it shall turn", unit="%", low=0, high=100, writable=True,
              feedback="turns", guards=("clear",)),
        Point("turns", "how fast it turns", unit="%", low=0, high=100),
        Point("clear", "whether nobody reaches in", "flag"),
        Point("load", "share of its power", unit="%", low=0, high=100, derived=True),
    )  # fmt: skip
    watched = frozenset({"turns"})
    summary = (Aggregate("speed", "turns", "mean", "%"),)

    def on_start(self) -> None:
        self.runs = getattr(self, "runs", 0)

    def interlock(self, point: str, value: float) -> str | None:
        return None if self.value("clear") or not value else "somebody reaches in"

    def reading(self, point: str, value: float, quality: int) -> None:
        self.publish("load", min(100.0, max(0.0, value)))

    def save(self) -> Mapping[str, Any]:
        return {"runs": getattr(self, "runs", 0)}

    def load(self, state: Mapping[str, Any]) -> None:
        self.runs = state["runs"]

    @command("boost", "turns fast", takes=Argument("%", 50, 100))
    def boost(self, ticket: Ticket) -> None:
        self.runs += 1
        self.write("speed", float(ticket.value or 0), ticket)


def test_the_sound_fan_passes_every_card() -> None:
    for card in cards(Fan):
        card.check()
        assert card.about.endswith(".")


class Nameless(Fan):
    """Its kind is no word."""

    kind = "Big Fan"


class Mute(Fan):
    """A command does not say what it does."""

    @command("wave")
    def wave(self, ticket: Ticket) -> None:
        pass


class LooksElsewhere(Fan):
    """It watches a point that it does not declare."""

    watched = frozenset({"truns"})


class PollsBadly(Fan):
    """Its reader of readings raises at the first one."""

    def reading(self, point: str, value: float, quality: int) -> None:
        raise KeyError(point)


class SetsAnyway(Fan):
    """It acknowledges what is out of range, before anybody has looked."""

    def handle(self, ticket: Ticket) -> bool:
        if ticket.verb == "set" and ticket.point == "speed":
            return bool(self.shard.submit(self, 0, 1.0, ticket)) or True
        return super().handle(ticket)


class RaisingRule(Fan):
    """Its rule divides by what may be 0."""

    def rule(self, point: str, value: float) -> str | None:
        return "too fast" if value / self.value("turns") > 3 else None


class WordyRule(Fan):
    """Its rule says False instead of nothing."""

    def rule(self, point: str, value: float) -> Any:
        return False


class Overflowing(Fan):
    """It publishes what no share of power can be."""

    def reading(self, point: str, value: float, quality: int) -> None:
        self.publish("load", value * 3.0)


class GoesRound(Fan):
    """It takes the driver by itself, past guards and interlock."""

    def handle(self, ticket: Ticket) -> bool:
        if ticket.point == "speed":
            driver = self.shard.links["link-1"].driver  # type: ignore[attr-defined]
            self.host.loop.create_task(driver.write([(bind(driver, self, 0), 100.0)]))
        return super().handle(ticket)


class TrustsArguments(Fan):
    """It reads its argument before anybody has checked it."""

    def handle(self, ticket: Ticket) -> bool:
        if ticket.verb == "boost":
            ticket.value = 50.0
        return super().handle(ticket)


class Endless(Fan):
    """A command of it never comes back, and takes no cancelling."""

    @command("spin", "spins up")
    async def spin(self, ticket: Ticket) -> None:
        while True:
            try:
                await asyncio.sleep(3_600.0)
            except asyncio.CancelledError:
                if self._stopped:
                    raise


class TrustsOthers(Fan):
    """It counts on the number of another device, which may not have answered."""

    @command("follow", "does as another does")
    def follow(self, ticket: Ticket) -> None:
        self.command("fan-2", "report", then=lambda outcome: self.note(outcome.value))

    def note(self, speed: Any) -> None:
        self.emit("follows", speed=round(speed, 1))


class StartsOnce(Fan):
    """It cannot be started a second time."""

    def on_start(self) -> None:
        super().on_start()
        if hasattr(self, "began"):
            raise RuntimeError("started twice")
        self.began = True


class Forgetful(Fan):
    """It does not take back all that it saved."""

    def load(self, state: Mapping[str, Any]) -> None:
        self.runs = state["runs"] + 1


class SavesObjects(Fan):
    """What it saves is no plain value."""

    def save(self) -> Mapping[str, Any]:
        return {"runs": {1, 2}}


class TalksOn(Fan):
    """It goes on talking when it has been stopped."""

    def on_start(self) -> None:
        super().on_start()
        self.host.loop.call_later(600.0, self.emit, "still_here")


CAUGHT = [
    (Nameless, "declares"),
    (Mute, "declares"),
    (LooksElsewhere, "declares"),
    (PollsBadly, "reaches_every_point"),
    (PollsBadly, "readings_never_raise"),
    (SetsAnyway, "refuses_what_may_not_be_written"),
    (RaisingRule, "rules_never_raise"),
    (WordyRule, "rules_never_raise"),
    (Overflowing, "readings_never_raise"),
    (GoesRound, "guards_let_nothing_through"),
    (TrustsArguments, "checks_arguments"),
    (Endless, "commands_end"),
    (TrustsOthers, "hears_any_end_of_others"),
    (StartsOnce, "restarts"),
    (Forgetful, "keeps_its_state"),
    (SavesObjects, "keeps_its_state"),
    (TalksOn, "stops"),
]


@pytest.mark.parametrize(
    ("kind", "name"), CAUGHT, ids=[f"{kind.__name__}-{name}" for kind, name in CAUGHT]
)
def test_a_fault_is_caught_by_its_card(kind: type[DeviceActor], name: str) -> None:
    (card,) = (card for card in cards(kind) if card.name == name)
    with pytest.raises(AssertionError):
        card.check()


def test_every_card_has_caught_somebody() -> None:
    assert {card.name for card in cards(Fan)} == {name for _, name in CAUGHT}
