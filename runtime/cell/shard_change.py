"""A change of one live shard: made ready and checked whole, so that doing it cannot fail.

*Theory.* First everything that the new shard needs beside the old one is made: actors, drivers,
plans, room in the table. Whatever is wrong shows then, and the shard goes on as it was. After that
those that leave end (``leave``) and those that come begin (``come``). Neither does any I/O, and
neither touches a device that stays: its actor, slots, link and poll times are what they were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from jacquemart.runtime.actor.base import RAISED
from jacquemart.runtime.actor.device import DeviceActor
from jacquemart.runtime.cell.layout_change import grow, layout_change, retire
from jacquemart.runtime.cell.link import LinkShell
from jacquemart.runtime.cell.reading_plan import ReadingPlan
from jacquemart.runtime.cell.shard import Shard, watch_and_poll
from jacquemart.runtime.cell.succession import Succession
from jacquemart.runtime.model.city import LinkSpec, TemplateSpec
from jacquemart.runtime.model.directory import ShardSpec
from jacquemart.runtime.model.layout import ShardLayout

#: Points of new devices read in one call, between two polls of those that stay.
FIRST_LOOK = 64
LEFT = "the city has changed: the device was removed, or is another one now"
REOPENED = "the city has changed: the link is opened anew"


class LinkPart:
    """What becomes of a live link that stays open while its devices change."""

    def __init__(
        self,
        shell: LinkShell,
        actors: list[DeviceActor],
        coming: list[DeviceActor],
        gone: Collection[int],
    ) -> None:
        """Make the plans, without the slots that are ``gone``; a poll that stays keeps its own."""
        self.shell = shell
        self.actors = actors
        self.coming = coming
        driver, before = shell.driver, shell.plans
        self.watchers = {slot: w for slot, w in shell.watchers.items() if slot not in gone}
        polled = watch_and_poll(driver, coming, self.watchers)
        new = {period_ms * 1_000_000: members for period_ms, members in polled.items()}
        plans: dict[int, ReadingPlan] = {}
        for period, plan in before.items():
            members = [point for point in plan.points if point.slot not in gone]
            if len(members) == len(plan.points) and period not in new:
                plans[period] = plan
            elif members:
                members.extend(new.get(period, ()))
                plans[period] = ReadingPlan(members, driver.plan(members), self.watchers)
        for period, added in new.items():
            if period not in plans:
                plans[period] = ReadingPlan(added, driver.plan(added), self.watchers)
        self.periods = sorted(plans)
        self.plans = [plans[period] for period in self.periods]
        self.first_looks = [
            ReadingPlan(some, driver.plan(some), self.watchers)
            for period, added in new.items()
            if period in before
            for at in range(0, len(added), FIRST_LOOK)
            for some in [added[at : at + FIRST_LOOK]]
        ]

    def do(self) -> None:
        """Have the link go on with its devices of now."""
        self.shell.watchers.clear()
        self.shell.watchers.update(self.watchers)
        self.shell.change(self.actors, self.coming, self.plans, self.periods, self.first_looks)


class ShardChange:
    """The way of one live shard to another spec; see the module."""

    def __init__(
        self,
        shard: Shard,
        spec: ShardSpec,
        templates: Mapping[str, TemplateSpec],
        kinds: Mapping[str, type[DeviceActor]],
        host: Any,
    ) -> None:
        """Compare, and make the actors that come; no I/O.

        Raises:
            UsageError: the spec does not follow from the shard's; see :func:`layout_change`.
        """
        self.shard = shard
        self.spec = spec
        self.layout = ShardLayout(spec, templates, shard.layout)
        self.difference = layout_change(shard.layout, self.layout)
        self._host = host
        stay = {actor.id: actor for actor in shard.actors}
        self.leaving = [stay.pop(device.id) for device, _ in self.difference.removed]
        made = {
            device.id: kinds[templates[device.template].kind](
                device, templates[device.template], shard, base, host
            )
            for device, base in self.difference.added
        }
        self.coming = list(made.values())
        self.actors = [made.get(device.id) or stay[device.id] for device in spec.devices]
        self._parts: list[LinkPart] = []
        self.opened: dict[str, LinkShell] = {}
        """Links that are new, or opened anew, by id."""
        self.closed: dict[str, LinkShell] = {}
        """Links that are no more, or are opened anew, by id."""

    async def prepare(self, drivers: Mapping[str, type[Any]]) -> None:
        """Make links and plans, and room in the table; the loop has a turn after each link.

        Raises:
            JacquemartError: a driver cannot take a point or its options: the operator's fault.
            MemoryError: there is no room. The shard is as it was.
        """
        shard = self.shard
        gone = {
            slot
            for device, base in self.difference.removed
            for slot in range(base, base + self.difference.old.size(device))
        }
        of_link: dict[str, list[DeviceActor]] = {link.id: [] for link in self.spec.links}
        for actor, device in zip(self.actors, self.spec.devices, strict=True):
            of_link[device.link].append(actor)
        touched = {actor.spec.link for actor in (*self.leaving, *self.coming)}
        coming: dict[str, list[DeviceActor]] = {}
        for actor in self.coming:
            coming.setdefault(actor.spec.link, []).append(actor)
        for link in self.spec.links:
            shell = shard.links.get(link.id)
            if shell is not None and shell.spec == link:
                if link.id in touched:
                    async with shell.turn:  # no plan is made during a call
                        part = LinkPart(shell, of_link[link.id], coming.get(link.id, []), gone)
                    self._parts.append(part)
                    await asyncio.sleep(0)
                continue
            self.opened[link.id] = self._open(link, of_link[link.id], drivers, shell)
            if shell is not None:
                self.closed[link.id] = shell
            await asyncio.sleep(0)
        known = {link.id for link in self.spec.links}
        self.closed.update({id: one for id, one in shard.links.items() if id not in known})
        grow(self.difference, shard.table)

    def _open(
        self,
        link: LinkSpec,
        actors: list[DeviceActor],
        drivers: Mapping[str, type[Any]],
        before: LinkShell | None,
    ) -> LinkShell:
        shell = self.shard.make_link(link, actors, drivers[link.driver], self._host)
        if before is not None:
            shell.epoch = before.epoch
            ids = {id for actor in actors for id in (actor.id, actor.spec.fed_by)}
            shell.points.dead_feeders = before.points.dead_feeders & ids
        return shell

    def leave(self, succession: Succession) -> None:
        """End the devices that leave, with their commands, and show reopened links as down."""
        shard = self.shard
        for actor in self.leaving:
            succession.leaves(actor)
            actor.stop(LEFT)
        for id, shell in shard.links.items():
            leaving = [actor for actor in self.leaving if actor.spec.link == id]
            if leaving:
                shell.drop(leaving, LEFT)
        retire(self.difference, shard.table)
        for id, shell in self.closed.items():
            if id in self.opened:
                shell.give_up(REOPENED)
            else:
                shell.ending = LEFT

    def come(self, succession: Succession) -> None:
        """Begin with the devices that come; those that stay may have another name from now on."""
        shard, layout = self.shard, self.layout
        shard.adopt(layout, self.difference.added, self.actors)
        for actor in self.actors:
            known = self.difference.kept.get(actor.id)
            if known is not None and known is not actor.spec:
                actor.spec = known
                actor.template = layout.templates[known.template]
        shard.links = {
            link.id: self.opened.get(link.id) or shard.links[link.id] for link in self.spec.links
        }
        for actor in self.coming:
            succession.comes(actor)
            try:
                actor.start()
            except RAISED as error:  # one actor never stops the others
                self._host.failed(actor, error)
        for part in self._parts:
            part.do()
            if part.shell.up:
                for actor in part.coming:
                    try:
                        actor.link_changed(True)
                    except RAISED as error:
                        self._host.failed(actor, error)
