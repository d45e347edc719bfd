"""A volatile command that is repeated after its cell was lost is not executed a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from jacquemart.native import frames
from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.testing.simulation import SimulatedCity
from jacquemart.runtime.testing.simulation.standard import standard_city

#: Is on ``device-2``.
JOG = "south-1/jog"
ID = b"j" * 16
Story = Callable[[SimulatedCity], Coroutine[Any, Any, list[Outcome | None]]]


def run(story: Story, *, elsewhere: bool) -> tuple[list[tuple[Status, str]], list[float]]:
    """Return how the commands of a story ended, and what was written."""
    hosts = {"device-2": "10.0.0.2"} if elsewhere else {}
    city = SimulatedCity(standard_city(), 3, hosts=hosts)
    answers = city.run(story)
    ends = [(answer.status, answer.reason) for answer in answers if answer is not None]
    assert len(ends) == len(answers)
    return ends, [write.value for write in city.field.log if write.point == "jog"]


async def begun(city: SimulatedCity) -> None:
    """Wait until something was written."""
    while not city.field.log:  # noqa: ASYNC110 - in virtual time
        await asyncio.sleep(0.0001)


async def ready_again(city: SimulatedCity) -> None:
    await asyncio.sleep(2.0)
    await city.wait_ready()


@pytest.mark.parametrize("elsewhere", [True, False])
def test_what_was_executed_and_lost_with_its_cell_and_its_answer_is_not_executed_again(
    elsewhere: bool,
) -> None:
    async def story(city: SimulatedCity) -> list[Outcome | None]:
        work = asyncio.ensure_future(city.client("ann").set(JOG, 5.0, within_s=30.0))
        await begun(city)
        city.kill("gateway-0")  # so its client hears nothing, and sends it again
        city.kill("device-2")
        return [await work]

    ends, written = run(story, elsewhere=elsewhere)
    assert ends == [(Status.INDETERMINATE, Reason.CELL_LOST)]
    assert written == [5.0]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_an_identity_that_was_used_before_is_not_executed_again(elsewhere: bool) -> None:
    async def story(city: SimulatedCity) -> list[Outcome | None]:
        client = city.client("ann")
        first = await client.set(JOG, 5.0, id=ID, within_s=30.0)
        known = await client.set(JOG, 5.0, id=ID, within_s=30.0)
        city.kill("device-2")
        await ready_again(city)
        return [first, known, await client.set(JOG, 5.0, id=ID, within_s=30.0)]

    ends, written = run(story, elsewhere=elsewhere)
    ok = (Status.APPLIED, Reason.OK)
    assert ends == [ok, ok, (Status.INDETERMINATE, Reason.CELL_LOST)]
    assert written == [5.0]


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_repeat_of_what_nobody_can_have_had_is_executed(elsewhere: bool) -> None:
    """The cell has a successor that knows nothing of before; the command is younger than that."""

    async def story(city: SimulatedCity) -> list[Outcome | None]:
        client = city.client("ann")
        city.kill("device-2")
        await ready_again(city)
        city.network.cut("ann", "gateway-0")  # so it is lost with its gateway, before it comes
        work = asyncio.ensure_future(client.set(JOG, 5.0, within_s=30.0))
        await asyncio.sleep(0.1)
        city.kill("gateway-0")
        city.network.mend("ann", "gateway-0")
        assert not city.field.log
        return [await work]

    assert run(story, elsewhere=elsewhere) == ([(Status.APPLIED, Reason.OK)], [5.0])


@pytest.mark.parametrize("wire", [1, 2])
def test_a_gateway_marks_repeats_for_cells_that_understand_it_and_for_no_others(wire: int) -> None:
    came: list[int] = []

    async def story(city: SimulatedCity) -> list[Outcome | None]:
        gateway, cell = city.cell("gateway-0").service, city.cell("device-2").service
        known = gateway.directory
        older = replace(known.cells["device-2"], wire_most=wire)
        gateway.directory = replace(known, cells={**known.cells, "device-2": older})
        take = cell.command

        def command(request: Any) -> None:
            came.append(frames.decode_command(request.frame).first_ns)
            take(request)

        cell.command = command
        client, began = city.client("ann"), city.scheduler.now_ns
        ends = [await client.set(JOG, 5.0, id=ID) for _ in range(2)]
        assert all(first_ns in (0, began) for first_ns in came)
        journalled = [await client.set("south-1/setpoint", 5.0, id=b"s" * 16) for _ in range(2)]
        return ends + journalled

    ends, written = run(story, elsewhere=False)
    assert {status for status, _ in ends} == {Status.APPLIED}
    assert written == [5.0]
    assert [first_ns > 0 for first_ns in came] == [False, wire == 2, False], "zones need no mark"
