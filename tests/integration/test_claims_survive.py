"""What stands, stands after the loss of a cell, of the zone cell, and of the whole city."""

from __future__ import annotations

import time
from pathlib import Path

from patience import soon
from small_city import field, write_small_city

from jacquemart.drivers.simulated import SimulatedField
from jacquemart.runtime.model.outcome import Reason, Status
from jacquemart.runtime.testing import LocalCity

SET = "north-1/setpoint"


class Town:
    """A city of two lamps with a folder for its journals, that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.write()

    def write(self, settle_ms: int = 1_000, more: str = "") -> None:
        self.file = write_small_city(self.folder, lamps=2, settle_ms=settle_ms, more=more)

    def run(self, epoch: int = 1) -> LocalCity:
        return LocalCity(self.file, state=str(self.state), epoch=epoch)


def refused(city: LocalCity) -> str:
    """Return what somebody is told who sets the lamp, as soon as the city is whole again."""

    def tried() -> str:
        got = city.client(principal="cat").set(SET, 99.0)
        assert not got.applied, "nobody keeps a stranger from it"
        return got.detail if got.reason == Reason.HELD else ""

    return str(soon(tried))


def test_a_hold_survives_its_cell_and_is_written_again_where_the_field_lost_it(
    tmp_path: Path,
) -> None:
    SimulatedField.forget("st-north")
    with Town(tmp_path).run() as city:
        ann = city.client(principal="ann")
        assert ann.set(SET, 80.0).applied
        assert ann.set("north-2/setpoint", 30.0).applied
        assert ann.hold(SET, 40.0, why="works").applied
        city.hosts["device-1"].stop(0.5)
        field().set(SET, 5.0)
        field().set("north-2/setpoint", 5.0)
        city.replace("device-1")
        soon(lambda: field().value("north-1/level") == 40.0)
        assert "ann holds setpoint in slot 8" in refused(city)
        assert field().value("north-2/level") == 5.0, "what is not held is not written again"
        released = ann.release(SET)
        assert (released.status, released.value) == (Status.APPLIED, 80.0), "the last set"


def test_holds_survive_the_zone_cell_and_a_lockout_the_whole_city(tmp_path: Path) -> None:
    SimulatedField.forget("st-north")
    town = Town(tmp_path)
    with town.run() as city:
        ann = city.client(principal="ann")
        assert ann.hold(SET, 40.0, lease_s=600, why="works").applied
        assert ann.lockout("north-2", why="lamp open").applied
        city.replace("zone-0")
        assert "ann holds setpoint in slot 8 until" in refused(city)
        city.replace("device-1")
        assert "works" in refused(city)
    field().set(SET, 7.0)
    with town.run(epoch=10) as city:
        soon(lambda: field().value("north-1/level") == 40.0)
        assert "ann holds setpoint in slot 8 until" in refused(city)
        bob = city.client(principal="bob")
        assert "lamp open" in bob.set("north-2/setpoint", 1.0).detail
        assert city.client(principal="ann").release("north-2", slot=3).applied
        assert bob.set("north-2/setpoint", 1.0).applied


def test_a_lease_that_ran_out_meanwhile_is_over(tmp_path: Path) -> None:
    SimulatedField.forget("st-north")
    town = Town(tmp_path)
    with town.run() as city:
        ann = city.client(principal="ann")
        assert ann.set(SET, 80.0).applied
        assert ann.hold(SET, 40.0, lease_s=0.4).applied
        city.hosts["device-1"].stop(0.5)
    time.sleep(0.4)
    with town.run(epoch=10) as city:
        bob = city.client(principal="bob")
        assert bob.claims() == []
        soon(lambda: bob.set(SET, 20.0).applied)


def test_a_change_of_the_city_loses_no_claim(tmp_path: Path) -> None:
    SimulatedField.forget("st-north")
    town = Town(tmp_path)
    with town.run() as city:
        ann = city.client(principal="ann")
        assert ann.hold(SET, 40.0).applied
        assert ann.lockout("north-2", why="lamp open").applied
        town.write(2_000, "min_on_s = 1")
        city.apply(town.file)
        assert "ann holds setpoint" in refused(city)
        assert "lamp open" in ann.set("north-2/setpoint", 1.0).detail
