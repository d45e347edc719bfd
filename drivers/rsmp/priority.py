"""The requests for priority that a link has at its sites: M0022 and S0033. No I/O.

*Theory.* A point asks for priority by a number, and RSMP by a request with an id. Without ``item``
a point is the request of one movement; with it, it is one slot of several, each with a request of
its own, whatever the movement. The id of a slot's request begins with device and slot, so what a
slot finds at its site is its own also after a restart, and can be taken back.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jacquemart.drivers.rsmp.address import RsmpAddress

_Key = tuple[str, str, tuple[tuple[str, str], ...]]
OPEN: Final = ("received", "queued", "activated")
_ENDED: Final = ("completed", "timeout", "rejected", "cooldown", "stale")
#: The states of S0033 by the numbers that a point shows; 0: there is no request.
STATES: Final = ("", *OPEN, "completed", "timeout", "rejected", "cooldown", "stale")
#: Requests of before a restart that are remembered of one slot; a site has no more than some.
MOST_STRAYS: Final = 16


@dataclass(slots=True)
class _Asked:
    """A priority request that was sent."""

    identity: str
    value: float
    seen: bool = False
    ended: bool = False
    movement: float = 0.0
    """What a request keeps: vehicle type and signal group, as in the number."""


@dataclass(slots=True)
class _Place:
    """What is known of one movement or slot."""

    asked: _Asked | None = None
    strays: list[str] = field(default_factory=list)
    """Open requests of this slot at the site that nobody here has sent."""


@dataclass(frozen=True, slots=True)
class Step:
    """One M0022."""

    identity: str
    arguments: dict[str, str]
    value: float

    @property
    def takes_back(self) -> bool:
        """Return whether it takes a request back."""
        return not self.value


class Requests:
    """The requests of one link."""

    def __init__(self) -> None:
        """Begin without a request."""
        self._places: dict[_Key, _Place] = {}

    def look(self, address: RsmpAddress, told: object) -> tuple[str, float, float]:
        """Take a site's S0033 as it came; return the request of a movement or slot.

        Its id, what was written for it, and its state by its number. One that has ended there,
        or that was there and is gone, is over.
        """
        place = self._places.get(_key(address))
        rows = [row for row in told if isinstance(row, dict)] if isinstance(told, list) else []
        prefix = _prefix(address)
        if place is None:
            if not prefix or not any(str(row.get("r")).startswith(prefix) for row in rows):
                return "", 0.0, 0.0
            place = self._places[_key(address)] = _Place()
        asked = place.asked
        mine = asked.identity if asked is not None else ""
        state, stray = "", ""
        if prefix and isinstance(told, list):
            place.strays = []
        for row in rows:
            identity, word = row.get("r"), row.get("s")
            if identity == mine and mine:
                state = word if word in STATES else ""
                continue
            is_stray = prefix and isinstance(identity, str) and identity.startswith(prefix)
            if is_stray and word in OPEN and len(place.strays) < MOST_STRAYS:
                place.strays.append(str(identity))
                stray = word
        if asked is not None and isinstance(told, list):
            ended = state in _ENDED if state else asked.seen
            asked.ended = asked.ended or ended
            asked.seen = asked.seen or bool(state)
        number = float(STATES.index(state or stray))
        return mine, asked.value if asked is not None else 0.0, number

    def steps(
        self, address: RsmpAddress, value: float, arguments: dict[str, str]
    ) -> Iterator[Step]:
        """Yield what is to be sent for a value, one after the other.

        Args:
            arguments: of M0022, without id and type.
        """
        place = self._places.setdefault(_key(address), _Place())
        movement = value // 100_000
        asked = place.asked
        open_ = asked if asked is not None and not asked.ended else None
        back = list(place.strays)
        if open_ is not None and (not value or open_.movement != movement):
            back.append(open_.identity)
            open_ = None
        for identity in back:
            yield Step(identity, {"requestId": identity, "type": "cancel", "level": "0"}, 0.0)
        if not value:
            return
        identity = open_.identity if open_ is not None else _prefix(address) + uuid.uuid4().hex
        what = "new" if open_ is None else "update"
        kept = {
            name: text
            for name, text in arguments.items()
            if what == "new" or name in ("level", "eta")
        }
        yield Step(identity, {"requestId": identity, "type": what, **kept}, value)

    def said(self, address: RsmpAddress, step: Step, *, refused: bool, unknown: bool) -> None:
        """Take what a site says to a step."""
        place = self._places[_key(address)]
        asked = place.asked
        if step.takes_back:
            if unknown:
                return  # it may still be there
            if step.identity in place.strays:
                place.strays.remove(step.identity)
            if asked is not None and asked.identity == step.identity:
                place.asked = None
        elif not refused:
            seen = asked.seen if asked is not None and asked.identity == step.identity else False
            place.asked = _Asked(step.identity, step.value, seen, movement=step.value // 100_000)
        elif asked is not None and asked.identity == step.identity:
            asked.ended = True  # an update of what the site does not know any more


def _key(address: RsmpAddress) -> _Key:
    if address.item:
        return address.site, address.component, (("slot", _prefix(address)),)
    movement = tuple(pair for pair in address.fixed if pair[0].endswith("Id"))
    return address.site, address.component, movement


def _prefix(address: RsmpAddress) -> str:
    """Return what the ids of a slot's requests begin with; nothing for a movement's."""
    return f"{address.device}.{address.item}." if address.item else ""
