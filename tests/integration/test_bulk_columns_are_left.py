"""What comes between a bulk command and its devices: in columns and one by one, the same ends.

The field holds a call of the driver until it is let go. So some devices are in the driver's hands,
and others wait, when something else comes for them; with the field stuck, all wait for their proof.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from patience import wait_until

from jacquemart.drivers.contract import BoundPoint, Driver, DriverError, LinkError
from jacquemart.runtime.actor import DeviceActor
from jacquemart.runtime.cell.writes import WRITES_A_CALL
from jacquemart.runtime.model.ids import new_command_id
from jacquemart.runtime.model.outcome import BulkOutcome, Outcome, Status
from jacquemart.runtime.testing import LocalCity

HERE = "test_bulk_columns_are_left"
MORE = 40
COUNT = WRITES_A_CALL + MORE
#: One of the first call, and one that waits for the second.
IN_HAND, WAITS = "lamp-7", f"lamp-{COUNT - 7}"
CITY = f"""
[city]
id = "left-columns"
[zones.north]
[links.street]
driver = "{HERE}:Held"
zone = "north"
[templates.lamp]
kind = "{HERE}:Lamp"
driver = "{HERE}:Held"
points.level = {{ writable = true, poll_ms = 600000, settle_ms = 700 }}
""" + "".join(
    f'[[device]]\nid = "lamp-{n}"\ntemplate = "lamp"\nlink = "street"\n' for n in range(COUNT)
)


class Lamp(DeviceActor):
    """Leaves everything as it is."""

    kind = "lamp"
    open_points = True


class Held(Driver):
    """Holds its calls until it is let go; ``stuck`` shows nothing of what is written."""

    own_addresses = True
    gate: ClassVar[threading.Event] = threading.Event()
    stuck: ClassVar[bool] = False
    lost: ClassVar[bool] = False

    def __init__(self, link: Any, publish: Any) -> None:
        """Have nothing written."""
        super().__init__(link, publish)
        self.shown: dict[str, float] = {}
        self.log: list[tuple[str, float]] = []
        self.calls: list[int] = []
        """How many writes each had."""

    @classmethod
    def address_of(cls, point: Any, device: Any) -> str:
        """Return the device."""
        return str(device.id)

    async def open(self) -> None:
        """Be there, unless it is lost."""
        if self.lost:
            raise LinkError("gone")

    async def read(self, plan: Sequence[BoundPoint]) -> Sequence[float]:
        """Show what was written."""
        return [0.0 if self.stuck else self.shown.get(one.address, 0.0) for one in plan]

    async def write(
        self, writes: Sequence[tuple[BoundPoint, float]]
    ) -> Sequence[DriverError | None]:
        """Wait, and keep the values."""
        self.calls.append(len(writes))
        while not self.gate.is_set():  # noqa: ASYNC110 - the test lets go, on another thread
            await asyncio.sleep(0.002)
        if self.lost:
            raise LinkError("gone")
        for point, value in writes:
            self.log.append((point.address, value))
            self.shown[point.address] = value
        return [None] * len(writes)


class Scene:
    """A bulk command on its way in a city."""

    def __init__(self, city: LocalCity) -> None:
        """Give nothing yet."""
        self.city = city
        self.id = new_command_id()
        self.found: list[BulkOutcome] = []
        self.driver: Held = self.inside(
            lambda cell: next(iter(cell.shards.values())).links["street"].driver
        )

    def inside(self, action: Callable[[Any], Any]) -> Any:
        """Return what an action finds in the device cell, on its loop."""
        host = self.city.hosts["device-1"]
        return host._ask(lambda: action(host._service))

    def give(self, within_s: float = 20.0) -> None:
        """Have the bulk command come to the devices; the first ones are in the driver's hands."""
        client = self.city.client(principal="ada")

        def run() -> None:
            self.found.append(client.set_all("level", 5.0, within_s=within_s, id=self.id))

        threading.Thread(target=run, daemon=True).start()
        wait_until(lambda: bool(self.driver.calls))
        wait_until(lambda: not self.inside(
            lambda cell: any(run.unposted for run in cell.intake.runs.values())
        ))  # fmt: skip

    def beside(self, action: Callable[[Any], Outcome]) -> list[Outcome]:
        """Have another client do something meanwhile."""
        client, ends = self.city.client(principal="bob"), []
        threading.Thread(target=lambda: ends.append(action(client)), daemon=True).start()
        return ends

    def ends(self) -> dict[str, tuple[str, str]]:
        """Let the driver go, and return how each device ended."""
        Held.gate.set()
        wait_until(lambda: bool(self.found), seconds=30.0)
        told = self.found[0].outcomes
        assert len({one.device for one in told}) == len(told) == COUNT
        assert not self.inside(lambda cell: [
            id for id, one in cell.devices.items() if one._busy or one._owner or one.waiting
        ])  # fmt: skip
        return {one.device: (one.status.name, one.reason) for one in told}

    def written(self, device: str) -> list[float]:
        """Return what was written to a device."""
        return [value for id, value in self.driver.log if id == device]


@pytest.fixture(params=["columns", "one by one"])
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    Held.gate.clear()
    Held.stuck = Held.lost = False
    path = tmp_path / "city.toml"
    path.write_text(CITY)
    with LocalCity(path) as city:
        made = Scene(city)
        in_columns = request.param == "columns"
        made.inside(lambda cell: setattr(cell.intake.plain_parts, "open", in_columns))
        yield made
        Held.gate.set()
        taken = made.inside(lambda cell: cell.intake.plain_parts.taken)
        assert taken >= COUNT if in_columns else not taken


def test_a_lockout_stops_what_waits_and_not_what_is_in_the_drivers_hands(scene: Scene) -> None:
    scene.give()
    bob = scene.city.client(principal="bob")
    assert [bob.lockout(id, why="work").status for id in (IN_HAND, WAITS)] == [Status.APPLIED] * 2
    ends = scene.ends()
    assert ends.pop(WAITS) == ("REJECTED", "held")
    assert Counter(ends.values()) == {("APPLIED", "ok"): COUNT - 1}
    assert (scene.written(IN_HAND), scene.written(WAITS)) == ([5.0], [])


def test_life_safety_comes_first_and_stands(scene: Scene) -> None:
    scene.give()
    first = scene.beside(lambda bob: bob.set(f"{IN_HAND}/level", 9.0, priority=1))
    second = scene.beside(lambda bob: bob.set(f"{WAITS}/level", 9.0, priority=1))
    wait_until(lambda: scene.inside(lambda cell: all(
        cell.devices[id]._beside for id in (IN_HAND, WAITS)
    )))  # fmt: skip
    ends = scene.ends()
    wait_until(lambda: bool(first and second))
    assert first[0].applied
    assert second[0].applied
    assert ends.pop(WAITS) == ("SUPERSEDED", "newer")
    assert ends.pop(IN_HAND) in (("INDETERMINATE", "no_readback"), ("APPLIED", "ok"))
    assert Counter(ends.values()) == {("APPLIED", "ok"): COUNT - 2}
    assert (scene.written(IN_HAND), scene.written(WAITS)) == ([5.0, 9.0], [9.0])


def test_a_later_command_waits_for_the_end_of_the_bulk_command(scene: Scene) -> None:
    scene.give()
    later = [
        scene.beside(lambda bob, id=id: bob.set(f"{id}/level", 6.0)) for id in (IN_HAND, WAITS)
    ]
    wait_until(lambda: scene.inside(
        lambda cell: all(cell.devices[id].waiting == 1 for id in (IN_HAND, WAITS))
    ))  # fmt: skip
    assert scene.inside(lambda cell: cell.devices[WAITS].last_ticket.value) == 5.0
    Held.gate.set()
    wait_until(lambda: all(later))
    assert set(scene.ends().values()) == {("APPLIED", "ok")}
    assert [one[0].value for one in later] == [6.0, 6.0]
    assert scene.written(IN_HAND) == scene.written(WAITS) == [5.0, 6.0]


def test_what_is_taken_back_is_not_sent(scene: Scene) -> None:
    scene.give()
    said = scene.city.client(principal="ada").cancel(scene.id)
    (sent,) = scene.driver.calls
    assert (said.cancelled, said.too_late) == (COUNT - sent, sent)
    ends = scene.ends()
    assert Counter(ends.values()) == {
        ("APPLIED", "ok"): sent, ("CANCELLED", "withdrawn"): COUNT - sent
    }  # fmt: skip
    assert scene.driver.calls == [sent]


def test_nothing_is_sent_after_the_deadline(scene: Scene) -> None:
    scene.give(within_s=0.6)
    wait_until(lambda: bool(scene.found))
    ends = Counter(scene.ends().values())
    (sent,) = scene.driver.calls
    assert ends == {("EXPIRED", "deadline"): COUNT - sent, ("INDETERMINATE", "no_answer"): sent}
    assert scene.driver.log == []


def test_with_the_link_everything_ends_as_it_must(scene: Scene) -> None:
    scene.give()
    Held.lost = True
    ends = Counter(scene.ends().values())
    assert ends == {("REJECTED", "unreachable"): COUNT}
    assert scene.driver.log == []


def test_a_device_that_shows_nothing_fails_and_why_tells_so(scene: Scene) -> None:
    Held.stuck = True
    scene.give()
    Held.gate.set()
    wait_until(lambda: len(scene.driver.log) == COUNT)
    ask = scene.city.client()
    assert ask.why(WAITS)["last_command"]["status"] == "in hand"
    ends = scene.ends()
    assert set(ends.values()) == {("FAILED", "not_following")}
    told = ask.why(IN_HAND)["last_command"]
    assert (told["status"], told["reason"], told["value"]) == ("FAILED", "not_following", 5.0)


def test_why_tells_of_what_ended_in_columns(scene: Scene) -> None:
    scene.give()
    assert set(scene.ends().values()) == {("APPLIED", "ok")}
    told = scene.city.client().why(IN_HAND)["last_command"]
    assert (told["status"], told["principal"], told["value"]) == ("APPLIED", "ada", 5.0)
    assert told["id"] == scene.id
    times = [told[f"{name}_ns"] for name in ("received", "dispatched", "acknowledged", "finished")]
    assert 0 < times[0] <= times[1] <= times[2] <= times[3]


def test_what_is_kept_of_columns_is_bounded_and_each_device_knows_its_last(scene: Scene) -> None:
    Held.gate.set()
    client = scene.city.client(principal="ada")
    patterns = ["*", "lamp-*[0-4]", "*", "lamp-*[0-2]", "lamp-?", "*-1*", "lamp-1", "lamp-1"]
    wanted: dict[str, float] = {}
    for number, pattern in enumerate(patterns):
        found = client.set_all("level", float(number), device=pattern)
        assert found.counts() == {"APPLIED": len(found.outcomes)}
        wanted.update((one.device, float(number)) for one in found.outcomes)

    def look(cell: Any) -> tuple[int, dict[str, float]]:
        kept = cell.intake.plain_parts._rows
        return kept, {id: one.last_ticket.outcome.value for id, one in cell.devices.items()}

    kept, last = scene.inside(look)
    assert last == wanted
    assert kept <= 2 * COUNT
