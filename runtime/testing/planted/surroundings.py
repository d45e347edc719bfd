"""Bugs in time, journals, incarnations, streams and resources."""

from __future__ import annotations

from typing import Any

from jacquemart.runtime.actor import ticket as tickets
from jacquemart.runtime.kernel import stream
from jacquemart.runtime.model.errors import JacquemartError
from jacquemart.runtime.testing.planted.registering import bug
from jacquemart.runtime.testing.simulation import disk, scheduler, sockets, warden
from jacquemart.runtime.testing.virtual_time import START_NS, WALL_START_NS
from jacquemart.runtime.wire import channel, follower

S = 1_000_000_000

# Time -------------------------------------------------------------------------------------


@bug(tickets.Ticket, "__init__")
def deadlines_are_late_in_the_cell(real: Any) -> Any:
    """The cell takes half a second more than it has."""

    def init(self: Any, *args: Any, **named: Any) -> None:
        real(self, *args, **named)
        self.deadline_ns += S // 2

    return init


@bug(scheduler.Scheduler, "boot_ns")
def deadlines_by_the_wall_clock(real: Any) -> Any:
    """Somebody sets the clock, and everything is late or early."""
    return lambda self: self.wall_ns() - WALL_START_NS + START_NS


# Journals -----------------------------------------------------------------------------------


@bug(disk.SimulatedJournal, "append")
def accepted_before_it_is_on_disk(real: Any) -> Any:
    """The flush is not waited for."""

    def append(self: Any, drafts: Any, done: Any) -> int:
        number: int = real(self, drafts, lambda error: None)
        self._post(done, None if number else self.fault)
        return number

    return append


@bug(disk.SimulatedJournal, "append")
def a_full_disk_is_not_noticed(real: Any) -> Any:
    """What could not be written is taken for written."""

    def append(self: Any, drafts: Any, done: Any) -> int:
        if self.fault is not None:
            self._post(done, None)
            reached: int = self.next
            return reached
        number: int = real(self, drafts, done)
        return number

    return append


# Incarnations -------------------------------------------------------------------------------


@bug(warden.SimulatedWarden, "give_up")
def the_frozen_one_is_not_killed(real: Any) -> Any:
    """A successor is started beside a cell that only sleeps, and nothing fences that."""

    def give_up(self: Any, name: str) -> None:
        cell = self.cells[name]
        cell.process.on_death.clear()
        self._replace(cell.config, beside=True)

    return give_up


@bug(warden.SimulatedWarden, "next_epoch")
def a_successor_has_the_same_epoch(real: Any) -> Any:
    """Nobody can tell a cell from the one before."""
    return lambda self, epoch: epoch


@bug(warden.SimulatedWarden, "told")
def gateways_are_not_told(real: Any) -> Any:
    """A gateway goes on with the directory that it had first."""

    def told(self: Any) -> Any:
        others = [cell for cell in real(self) if cell.config.role != "gateway"]
        return others if self.directory.version > 1 else real(self)

    return told


# Streams ------------------------------------------------------------------------------------


@bug(stream.TopicFollower, "message")
def a_gap_is_not_noticed(real: Any) -> Any:
    """Whatever comes after a loss is applied as if nothing were missing."""

    def message(self: Any, epoch: int, sequence: int) -> Any:
        if self.synchronised and epoch == self.epoch and sequence > self.sequence:
            self.sequence = sequence
            return stream.Step.APPLY
        return real(self, epoch, sequence)

    return message


@bug(follower.Follower, "_fetch")
def a_snapshot_is_asked_for_once(real: Any) -> Any:
    """If the answer is lost, the topic stays without its state."""

    async def fetch(self: Any, entry: Any) -> None:
        try:
            content = await self._ask_snapshot(entry.name)
        except JacquemartError:
            return
        if content is not None:
            self._whole_again(entry, content)

    return fetch


@bug(follower.Follower, "_release")
def what_came_meanwhile_is_dropped(real: Any) -> Any:
    """Messages held back during a snapshot are forgotten, and counted as seen."""

    def release(self: Any, entry: Any) -> None:
        if entry.held:
            entry.position.sequence = entry.held[-1][1]
            entry.held.clear()

    return release


@bug(sockets.SubscriberSocket, "joined")
def nobody_subscribes_again(real: Any) -> Any:
    """After a reconnect a subscriber hears nothing any more."""

    def joined(self: Any, connection: Any) -> None:
        topics = self._topics
        if self.network.scheduler.now_ns > START_NS + S:  # not the first time
            self._topics = {}
        real(self, connection)
        self._topics = topics

    return joined


# Resources ----------------------------------------------------------------------------------


@bug(channel.Channel, "close")
def closing_leaves_the_socket_open(real: Any) -> Any:
    """A channel stops to read, and keeps its socket."""

    def close(self: Any) -> None:
        socket, self.socket = self.socket, _Nothing()
        real(self)
        self.socket = socket

    return close


class _Nothing:
    def close(self) -> None:
        """Close nothing."""
