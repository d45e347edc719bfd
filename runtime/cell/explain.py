"""``why``: all that a cell knows of a point or device, and of what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.kernel.standing import refusal_of
from jacquemart.runtime.model.errors import UnknownDevice
from jacquemart.runtime.model.quality import Quality

if TYPE_CHECKING:
    from jacquemart.runtime.cell.device_cell import DeviceCell


def why(cell: DeviceCell, subject: str) -> dict[str, Any]:
    """Explain ``device`` or ``device/point``.

    Raises:
        UnknownDevice, UnknownPoint: the asker's fault.
    """
    if "/" in subject:
        actor, index = cell.find(subject)
        indices = [index]
    else:
        found = cell.devices.get(subject)
        if found is None:
            raise UnknownDevice(f"no device {subject!r} in this cell")
        actor = found
        indices = list(range(len(actor.template.points)))
    spec = actor.spec
    up, error = actor.shard.link_state(actor)
    return {
        "device": spec.id,
        "name": spec.name,
        "kind": actor.kind,
        "zone": actor.zone,
        "cell": f"{cell.config.name}@{cell.config.epoch}",
        "link": {"id": spec.link, "up": up, "error": error},
        "fed_by": _feeder(cell, spec.fed_by),
        "points": [_point(actor, at) for at in indices],
        "texts": texts(cell, actor),
        "claims": _claims(actor, indices),
        "waiting": actor.waiting,
        "last_command": _last(actor),
        "reasons": _reasons(cell, actor, indices),
    }


def texts(cell: DeviceCell, actor: DeviceActor) -> dict[str, str]:
    """Return what the kind tells of the device in words; nothing if its code fails."""
    try:
        return {str(label): str(text) for label, text in actor.texts().items()}
    except RAISED as error:
        cell.failed(actor, error)
        return {}


def _point(actor: DeviceActor, index: int) -> dict[str, Any]:
    spec = actor.template.points[index]
    value, quality, source_ns, receive_ns = actor.shard.table.read(actor.base + index)
    return {
        "point": spec.name,
        "value": value,
        "unit": spec.unit,
        "quality": quality,
        "source_ns": source_ns,
        "receive_ns": receive_ns,
        "writable": spec.writable,
        "feedback": spec.feedback,
        "poll_ms": spec.poll_ms,
        "range": [spec.low, spec.high],
        "words": list(spec.words),
    }


def _claims(actor: DeviceActor, indices: list[int]) -> list[dict[str, Any]]:
    """Return what stands on the points, and on the device as a whole; the strongest first."""
    if actor.claims is None:
        return []
    names = {"", *(actor.template.points[at].name for at in indices)}
    return [c.as_plain() for c in actor.claims.kernel.claims() if c.point in names]


def _held(actor: DeviceActor, indices: list[int], now_ns: int) -> list[str]:
    """Say who has a say, why and until when."""
    if actor.claims is None:
        return []
    kernel = actor.claims.kernel
    names = {"", *(actor.template.points[at].name for at in indices)}
    said = [refusal_of(claim).text for claim in kernel.claims() if claim.point in names]
    for name in sorted(names):
        refusal = kernel.switch_refusal(name, now_ns) if name else None
        if refusal is not None:
            said.append(f"{name}: {refusal.why} {refusal.until}")
    return said


def _feeder(cell: DeviceCell, feeder: str) -> dict[str, Any] | None:
    actor = cell.devices.get(feeder)
    if actor is None:
        return None
    up, error = actor.shard.link_state(actor)
    points = {}
    for index, spec in enumerate(actor.template.points):
        value, quality, _, _ = actor.shard.table.read(actor.base + index)
        points[spec.name] = [value, quality]
    return {"device": feeder, "link_up": up, "error": error, "points": points}


def _last(actor: DeviceActor) -> dict[str, Any] | None:
    ticket = actor.last_ticket
    if ticket is None:
        return None
    outcome = ticket.outcome
    return {
        "id": ticket.id,
        "principal": ticket.principal,
        "verb": ticket.verb,
        "point": ticket.point,
        "value": ticket.value if not isinstance(ticket.value, str) else ticket.value[:80],
        "status": outcome.status.name if outcome is not None else "in hand",
        "reason": outcome.reason if outcome is not None else "",
        "detail": outcome.detail if outcome is not None else "",
        "received_ns": ticket.received_ns,
        "dispatched_ns": ticket.dispatched_ns,
        "acknowledged_ns": ticket.acknowledged_ns,
        "finished_ns": outcome.stages.finished if outcome is not None else 0,
    }


def _reasons(cell: DeviceCell, actor: DeviceActor, indices: list[int]) -> list[str]:
    """Say in words, most important first, why things are as they are."""
    spec = actor.spec
    up, error = actor.shard.link_state(actor)
    said: list[str] = []
    qualities = {actor.shard.table.quality(actor.base + at) for at in indices}
    if actor.parked:
        said.append(f"{spec.id} is parked: {actor.parked}; `unpark` lets it work again")
    if not up:
        said.append(f"link {spec.link} is down: {error}")
    if Quality.BAD_FED_BY in qualities:
        said.append(f"unreachable by {spec.fed_by}, which is dead; no fault of {spec.id}")
    for quality in sorted(qualities, reverse=True):
        text = _SENTENCES.get(Quality.from_code(quality))
        if text is not None:
            said.append(text.format(device=spec.id, link=spec.link))
    said.extend(_held(actor, indices, cell.clock.boot_ns()))
    ticket = actor.last_ticket
    if ticket is not None and ticket.outcome is not None and not ticket.outcome.applied:
        outcome = ticket.outcome
        said.append(f"last command ended {outcome.status.name}: {outcome.reason}, {outcome.detail}")
    if actor.waiting:
        said.append(f"{actor.waiting} commands wait for this device")
    return said or ["all is well"]


_SENTENCES = {
    Quality.BAD_UNIT: "link {link} works, but {device} does not answer on it",
    Quality.BAD_NEVER_READ: "a point of {device} was never read",
    Quality.BAD_CONFIG: "the field refuses an address of {device}; the city file is wrong",
    Quality.BAD_DEVICE: "{device} says that a value is faulty",
    Quality.BAD_VALUE: "{device} answered something that is no value",
    Quality.BAD_WITHHELD: "{device} is not known to be on duty; where it is, nobody is told",
    Quality.STALE_AGE: "no new reading of {device} within its time limit",
    Quality.GOOD_SUBSTITUTED: "somebody has put a value in place of a reading of {device}",
    Quality.UNCERTAIN_CLOCK: "the clock of {device} is ahead of ours",
    Quality.UNCERTAIN_RANGE: "a value of {device} lies outside its declared range",
}
