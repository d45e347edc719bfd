"""Which devices a zone cell has, and where: for cells whose actors command them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.kernel.finding import MOST_A_QUESTION, Home
from jacquemart.runtime.model.city import TemplateSpec
from jacquemart.runtime.model.errors import FrameError, UsageError
from jacquemart.runtime.wire import messages

if TYPE_CHECKING:
    from jacquemart.runtime.cell.authority import Authority

#: The name of the question.
HOMES = "homes"


def question(devices: Iterable[str]) -> bytes:
    """Return the frame that asks a zone cell which of these devices it has."""
    return messages.query(HOMES, devices=list(devices))


def answer(authority: Authority, args: Mapping[str, Any]) -> dict[str, Any]:
    """Answer it: ``homes``, each ``[zone, shard, [verbs], [points]]``, and ``of``: device -> which.

    ``verbs`` and ``points`` are the volatile ones. A device that is not here is not in ``of``.

    Raises:
        UsageError: the asker's fault.
    """
    devices = args.get("devices")
    if not isinstance(devices, list) or not all(isinstance(one, str) for one in devices):
        raise UsageError("argument 'devices' must be a list of ids")
    if len(devices) > MOST_A_QUESTION:
        raise UsageError(f"{len(devices)} devices in a question, allowed: {MOST_A_QUESTION}")
    homes: list[list[Any]] = []
    numbers: dict[int, int] = {}
    of: dict[str, int] = {}
    for device in devices:
        home = authority.home_of(device)
        if home is None:
            continue
        number = numbers.get(id(home))  # devices of one template in one shard have one in common
        if number is None:
            number = numbers[id(home)] = len(homes)
            homes.append([home.zone, home.shard, *map(list, volatile_of(home.template))])
        of[device] = number
    return {"homes": homes, "of": of}


def volatile_of(template: TemplateSpec) -> tuple[list[str], list[str]]:
    """Return the verbs, and the points, whose commands are never journalled."""
    points = [point.name for point in template.points if point.volatile]
    return sorted(template.volatile), points


def read_answer(frame: bytes) -> dict[str, Home]:
    """Return the homes that an answer names, by device.

    Raises:
        JacquemartError: it is an error, or no such answer.
    """
    told = messages.decode_reply(frame)
    try:
        homes = [
            Home(str(zone), str(shard), frozenset(map(str, verbs)), frozenset(map(str, points)))
            for zone, shard, verbs, points in told["homes"]
        ]
        return {str(device): homes[number] for device, number in told["of"].items()}
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise FrameError(f"not an answer to {HOMES!r}: {error}", where="reply") from error
