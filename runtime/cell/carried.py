"""Commands and claims as a zone carries them: to the journal, to the cell, and back to who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.kernel.command_window import EndedBody, Key
from jacquemart.runtime.kernel.lifecycle import End, Entry
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.claim import CLAIM_VERBS
from jacquemart.runtime.wire import messages
from jacquemart.runtime.wire.messages import ClaimCommand

Carried = frames.Command | ClaimCommand


def body_of(carried: Carried, now_ns: int, wall_ns: int) -> dict[str, Any]:
    """Return the body of its ACCEPTED record.

    Args:
        carried: a command or claim.
        now_ns: boot-time.
        wall_ns: POSIX ns at the same moment.
    """
    body = {
        "id": carried.id, "principal": carried.principal, "device": carried.device,
        "verb": carried.verb, "point": carried.point, "value": carried.value,
        "unit": carried.unit, "priority": carried.priority, "deadline_ns": carried.deadline_ns,
        "deadline_wall_ns": carried.deadline_ns - now_ns + wall_ns, "boot_ns": now_ns,
    }  # fmt: skip
    if isinstance(carried, ClaimCommand):
        lease_ns = carried.lease_ms * 1_000_000
        body["lease_ms"] = carried.lease_ms
        body["until_wall_ns"] = wall_ns + lease_ns if lease_ns else 0
        body["grace_ms"] = carried.grace_ms
        body["why"] = carried.why
    return body


def number_of(carried: Carried, template: TemplateSpec) -> float | None:
    """Return what a word means as the value of a point; None if nothing is to be said of it."""
    value = carried.value
    if not isinstance(value, str):
        return None
    at = template.point_index(carried.point)
    words = template.points[at].words if at >= 0 else ()
    return float(words.index(value)) if value in words else None


def carried_of(body: Mapping[str, Any]) -> Carried:
    """Return the command or claim of an ACCEPTED record."""
    common = (
        body["id"], body["principal"], body["device"], body["verb"], body.get("point", ""),
        body.get("value"), body.get("unit", ""), body.get("priority", 8),
        body.get("deadline_ns", 0), 0,
    )  # fmt: skip
    if body["verb"] not in CLAIM_VERBS:
        return frames.Command(*common)
    return ClaimCommand(
        *common, body.get("lease_ms", 0), body.get("grace_ms", -1), body.get("why", "")
    )


def frame_for(carried: Carried, epoch: int) -> bytes:
    """Return the frame for a cell of that epoch."""
    if isinstance(carried, ClaimCommand):
        return messages.encode_claim(replace(carried, epoch=epoch))
    return frames.encode_command(carried.with_route(carried.principal, epoch))


def outcome_of(carried: Carried, end: End, received_ns: int, now_ns: int) -> bytes:
    """Return the OUTCOME frame of an end that the zone itself has decided."""
    return frames.encode_outcome(
        frames.OutcomeFrame(
            carried.id, carried.device, carried.point, end.status, end.reason, end.detail[:1_000],
            None, received_ns, 0, 0, now_ns,
        )
    )  # fmt: skip


def ended_body(key: Key, frame: bytes) -> EndedBody:
    """Return the body of an ENDED record from the OUTCOME."""
    found = frames.decode_outcome(frame)
    stages = [found.received_ns, found.dispatched_ns, found.acknowledged_ns, found.finished_ns]
    fields = {
        "id": key[1], "principal": key[0], "status": found.status, "reason": found.reason,
        "detail": found.detail, "value": found.value,
        "stages": stages,
    }  # fmt: skip
    return EndedBody(fields, frame)


def letter_of(entry: Entry) -> dict[str, Any]:
    """Return the body of a DEAD_LETTER record of a command that its zone gave up."""
    carried: Carried = entry.payload
    return {
        "id": carried.id, "principal": carried.principal, "device": carried.device,
        "verb": carried.verb, "point": carried.point, "value": carried.value,
        "unit": carried.unit, "priority": carried.priority, "attempts": entry.losses,
        "reason": entry.end.detail if entry.end is not None else "", "stack": "",
    }  # fmt: skip
