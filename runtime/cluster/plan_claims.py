"""Which claims a planned change touches: asked of the running city, since only it knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jacquemart.runtime.kernel.change import CityChange
from jacquemart.runtime.model.claim import Claim
from jacquemart.runtime.model.errors import JacquemartError

#: The city is asked for no longer than this; a plan does not wait for what is lost.
ASK_S = 2.0
#: So many claims are named; all are counted.
NAMED = 1_000


def claims_touched(api: str, change: CityChange) -> dict[str, Any]:
    """Return the part ``holds`` of a plan; blocks while the city is asked.

    Args:
        api: the gateway's address.
        change: what is planned.
    """
    from jacquemart.runtime.client import Client

    if not any(_meant(change)):
        return touched((), change)
    try:
        with Client(api, principal="plan", timeout_s=ASK_S) as client:
            return touched(client.claims(), change)
    except JacquemartError as error:
        return {"known": False, "why": f"the city does not say: {error}", "then": ""}


def touched(claims: Iterable[Claim], change: CityChange) -> dict[str, Any]:
    """Return which claims stand on devices that leave, change or move; only types of JSON."""
    leave, others = _meant(change)
    meant = [claim for claim in claims if claim.device in leave or claim.device in others]
    return {
        "known": True,
        "count": len(meant),
        "named": [
            {
                "device": claim.device, "point": claim.point, "verb": claim.verb,
                "slot": claim.slot, "owner": claim.owner, "why": claim.why,
                "until_wall_ns": claim.until_wall_ns, "ends": claim.device in leave,
            }
            for claim in meant[:NAMED]
        ],
        "more": max(0, len(meant) - NAMED),
    }  # fmt: skip


def _meant(change: CityChange) -> tuple[set[str], set[str]]:
    """Return the devices whose claims end, and the others that the change touches."""
    devices = change.devices
    leave = {device.id for device in devices.removed}
    # A zone's journal keeps the claims of its devices, so they do not follow into another zone.
    leave.update(pair.new.id for pair in devices.moved if pair.old.zone != pair.new.zone)
    others = {pair.new.id for pair in (*devices.changed, *devices.moved)}
    others.update(device.id for device in devices.reconnected)
    return leave, others
