"""What came later for a device is never sent before what waits for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from jacquemart.native import frames
from jacquemart.runtime.cell.dispatcher import Dispatcher
from jacquemart.runtime.kernel.lifecycle import Entry, Event, State


class Desk:
    """Has a command sent when it may be, and wait when it was not."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self.dispatcher = dispatcher
        self.asked: set[str] = set()

    def waits_for_older(self, entry: Entry) -> bool:
        """Whether its device's commands of before a restart are still asked about."""
        return entry.payload.device in self.asked

    def happen(self, entry: Entry, event: Event) -> None:
        """Send, or have it wait."""
        if event is Event.READY:
            self.send(entry)
        elif event is Event.UNSENT:
            entry.state = State.ACCEPTED
            self.dispatcher.wait(self, entry)  # type: ignore[arg-type]

    def send(self, entry: Entry) -> None:
        """Have it sent, as a new one is."""
        entry.state = State.DISPATCHED
        self.dispatcher.send(self, entry)  # type: ignore[arg-type]


class Scene:
    """A zone cell whose device cell takes everything."""

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.timers: list[Any] = []
        address = SimpleNamespace(name="device-1", epoch=1, commands="", ledger="")
        service: Any = SimpleNamespace(
            directory=SimpleNamespace(homes={"street": "device-1"}, cells={"device-1": address}),
            caller=lambda name: SimpleNamespace(call=self._call),
            loop=SimpleNamespace(call_later=self._later),
            clock=SimpleNamespace(boot_ns=lambda: 1),
            stopping=False,
        )
        authority: Any = SimpleNamespace(shard_of=lambda device: "street")
        self.dispatcher = Dispatcher(service, authority)
        self.desk = Desk(self.dispatcher)

    def _call(self, frame: bytes, *_: object) -> bool:
        value = frames.decode_command(frame).value
        assert isinstance(value, float)
        self.sent.append(value)
        return True

    def _later(self, _: float, action: Any) -> Any:
        self.timers.append(action)
        return SimpleNamespace(cancel=self.timers.clear)

    def comes(self, device: str, value: float) -> None:
        """Have a command come that the journal has."""
        number = len(self.sent) + self.dispatcher.waiting + 1
        command = frames.Command(
            number.to_bytes(16, "big"), "ann", device, "set", "level", value, "", 8, 2**60, 0
        )
        entry = Entry(("ann", command.id), b"", 2**60, 1, 0, command, State.DISPATCHED)
        entry.number = number
        self.desk.send(entry)

    def look(self) -> None:
        """Have the timer for what waits fire."""
        self.timers[0]()


def test_a_newer_command_waits_behind_an_older_that_waited_for_what_is_asked() -> None:
    scene = Scene()
    scene.desk.asked.add("lamp")
    scene.comes("lamp", 1.0)
    scene.look()  # it still waits: the cell did not refuse it, so the others need not
    scene.comes("other", 9.0)
    scene.desk.asked.clear()
    scene.comes("lamp", 2.0)
    assert scene.sent == [9.0], "the newer one would have overtaken the older"
    scene.look()
    assert scene.sent == [9.0, 1.0, 2.0]
    assert scene.dispatcher.waiting == 0
    scene.comes("lamp", 3.0)
    assert scene.sent[-1] == 3.0, "nothing waits any more"
