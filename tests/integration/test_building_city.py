"""Buildings on real Modbus servers: what the city shows, what it may order, and what nobody may."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from building_city import Scene, running

from jacquemart.runtime.model.outcome import Outcome, Reason, Status
from jacquemart.runtime.model.quality import Quality

ONE, OTHER = "dij-b001", "dij-b002"
DISARMED, EXIT, ARMED, ENTRY, FAULT, TAMPER, ALARM, CONFIRMED = range(8)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("buildings")
    with running(folder, plant_min_on_s=0, plant_min_off_s=0, restart_spread_s=1) as found:
        yield found


def zone_is(scene: Scene, building: str, state: int, zone: int = 1) -> None:
    point = f"{building}/intrusion_zone_{zone}"
    scene.until(lambda: scene.value(point) == state, f"{point} shows {state}")


def rejected(outcome: Outcome, reason: str, words: str) -> None:
    assert (outcome.status, outcome.reason) == (Status.REJECTED, reason)
    assert words in outcome.detail


def test_a_building_has_100_points_in_the_field_and_all_of_them_are_read(scene: Scene) -> None:
    template = scene.city.spec.templates["building"]
    points = [point.name for point in template.points if not point.address.get("derived")]
    assert len(points) == 100
    found = scene.client.get_many([f"{ONE}/{name}" for name in points])
    assert {reading.quality for reading in found} == {Quality.GOOD}


def test_a_room_temperature_is_set_and_read_back_from_the_controller(scene: Scene) -> None:
    outcome = scene.client.set(f"{ONE}/heating_setpoint_2", 21.5, unit="°C")
    assert outcome.applied
    assert outcome.value == 21.5
    assert scene.building(f"{ONE} account")["wanted"][1] == 21.5


def test_a_temperature_outside_its_range_is_refused_and_not_sent(scene: Scene) -> None:
    before = scene.building(f"{ONE} account")["writes"]
    rejected(scene.client.set(f"{ONE}/heating_setpoint_1", 31.0), Reason.OUT_OF_RANGE, "5 to 30")
    assert scene.building(f"{ONE} account")["writes"] == before


def test_a_plant_is_stopped_and_started_and_its_feedback_proves_it(scene: Scene) -> None:
    scene.until(lambda: scene.value(f"{ONE}/air_running_1") == 1, "the fan runs")
    assert scene.client.set(f"{ONE}/air_plant_1", 0).applied
    assert scene.building(f"{ONE} account")["fans"][0] is False
    assert scene.client.set(f"{ONE}/air_plant_1", 1).applied
    assert scene.building(f"{ONE} account")["fans"][0] is True


def test_a_zone_is_armed_after_its_exit_time_and_disarmed_in_its_entry_time(scene: Scene) -> None:
    outcome = scene.client.command(ONE, "arm", 2)
    assert outcome.applied
    assert scene.building(f"{ONE} account")["zones"][1] == EXIT
    zone_is(scene, ONE, ARMED, 2)
    assert "intrusion_armed" in scene.told(ONE)
    scene.building(f"{ONE} see 2 1")  # the entry route
    zone_is(scene, ONE, ENTRY, 2)
    assert scene.client.command(ONE, "disarm", 2).applied
    zone_is(scene, ONE, DISARMED, 2)
    assert scene.building(f"{ONE} account")["zones"][1] == DISARMED
    assert "intrusion_alarm" not in scene.told(ONE)


def test_an_alarm_is_confirmed_by_a_second_detector_and_ends_when_disarmed(scene: Scene) -> None:
    assert scene.client.command(OTHER, "arm", 2).applied
    zone_is(scene, OTHER, ARMED, 2)
    scene.building(f"{OTHER} see 2 3")
    zone_is(scene, OTHER, ALARM, 2)
    scene.building(f"{OTHER} see 2 4")
    zone_is(scene, OTHER, CONFIRMED, 2)
    assert scene.value(f"{OTHER}/intrusion") == 1 + CONFIRMED
    told = dict(scene.events(OTHER))
    assert told["intrusion_alarm"]["severity"] == 2
    assert told["intrusion_confirmed"]["intrusion_zone"] == 2
    assert scene.client.command(OTHER, "disarm", 2).applied
    zone_is(scene, OTHER, DISARMED, 2)


def test_a_zone_with_an_open_detector_is_armed_only_without_it(scene: Scene) -> None:
    scene.building(f"{ONE} detector 1 5 open")
    scene.until(lambda: scene.value(f"{ONE}/intrusion_detector_105") == 1, "the detector is open")
    rejected(scene.client.command(ONE, "arm", 1), Reason.RULE, "105 is open")
    rejected(scene.client.set(f"{ONE}/intrusion_arm_1", 1), Reason.RULE, "105 is open")
    assert scene.client.command(ONE, "inhibit", 105).applied
    assert scene.client.command(ONE, "arm", 1).applied
    zone_is(scene, ONE, ARMED)
    assert scene.client.command(ONE, "disarm", 1).applied
    zone_is(scene, ONE, DISARMED)
    # Disarming ended the inhibition; an isolation stays until it is restored.
    scene.until(lambda: scene.value(f"{ONE}/intrusion_inhibited_1") == 0, "nothing is inhibited")
    rejected(scene.client.command(ONE, "arm", 1), Reason.RULE, "105 is open")
    assert scene.client.command(ONE, "isolate", 105).applied
    assert scene.client.command(ONE, "restore", 105).applied
    assert scene.building(f"{ONE} account")["isolated"] == [0, 0]
    scene.building(f"{ONE} detector 1 5 shut")


def test_what_is_not_there_can_be_neither_armed_nor_inhibited(scene: Scene) -> None:
    rejected(scene.client.command(ONE, "arm", 3), Reason.RULE, "no intrusion zone 3; it has 1, 2")
    rejected(scene.client.command(ONE, "inhibit", 209), Reason.RULE, "no detector 209")


def test_tamper_is_told_while_nothing_is_armed_and_must_be_gone_before_arming(
    scene: Scene,
) -> None:
    scene.building(f"{OTHER} tamper 1 on")
    zone_is(scene, OTHER, TAMPER)
    assert dict(scene.events(OTHER))["intrusion_tamper"]["severity"] == 2
    assert scene.client.command(OTHER, "arm", 1).status is Status.REJECTED
    scene.building(f"{OTHER} tamper 1 off")
    scene.until(lambda: scene.value(f"{OTHER}/intrusion_tamper_1") == 0, "tamper is gone")
    assert scene.client.set(f"{OTHER}/intrusion_arm_1", 0).applied
    zone_is(scene, OTHER, DISARMED)


def test_fire_is_seen_at_once_and_releases_the_doors_without_their_being_forced(
    scene: Scene,
) -> None:
    scene.building(f"{ONE} fire 3 on")
    scene.until(lambda: scene.value(f"{ONE}/fire") == 4, "fire shows alarm", within_s=2.0)
    assert dict(scene.events(ONE))["fire_alarm"] == {"point": "fire_alarm_3", "severity": 2}
    scene.until(lambda: scene.value(f"{ONE}/door_locked_6") == 0, "fire releases the doors")
    scene.building(f"{ONE} door 6 force")
    scene.until(lambda: scene.value(f"{ONE}/door_open_6") == 1, "the door is open")
    scene.building(f"{ONE} door 6 shut")
    scene.building(f"{ONE} fire 3 off")
    scene.until(lambda: "fire_alarm_ended" in scene.told(ONE), "the end is told")
    assert "door_forced" not in scene.told(ONE)


def test_nobody_writes_to_the_fire_system_on_any_route(scene: Scene) -> None:
    fire = [p.name for p in scene.city.spec.templates["building"].points
            if p.name.startswith("fire_")]  # fmt: skip
    assert len(fire) == 8
    before = scene.building(f"{ONE} account")
    for name in fire:
        for priority in (1, 8):
            outcome = scene.client.set(f"{ONE}/{name}", 1, priority=priority)
            rejected(outcome, Reason.NOT_WRITABLE, "cannot be written")
        bulk = scene.client.set_all(name, 1, kind="building")
        assert len(bulk.outcomes) == 2
        assert {outcome.status for outcome in bulk.outcomes} == {Status.REJECTED}
    assert scene.client.set(f"{ONE}/fire", 4).status is Status.REJECTED
    after = scene.building(f"{ONE} account")
    assert (after["fire"], after["writes"]) == (0, before["writes"])


def test_an_open_door_cannot_be_locked_and_it_is_said_why(scene: Scene) -> None:
    scene.building(f"{ONE} door 1 force")
    scene.until(lambda: scene.value(f"{ONE}/door_open_1") == 1, "the door is open")
    outcome = scene.client.set(f"{ONE}/door_lock_1", 1)
    assert (outcome.status, outcome.reason) == (Status.FAILED, Reason.NOT_FOLLOWING)
    assert outcome.detail.startswith("the door is open")
    scene.building(f"{ONE} door 1 shut")
    scene.until(lambda: scene.value(f"{ONE}/door_locked_1") == 1, "the bolt is thrown at last")


def test_a_forced_door_is_told_and_so_is_its_shutting(scene: Scene) -> None:
    scene.until(lambda: scene.value(f"{OTHER}/door_locked_4") == 1, "the door is locked")
    scene.building(f"{OTHER} door 4 force")
    scene.until(lambda: "door_forced" in scene.told(OTHER), "it is told")
    assert dict(scene.events(OTHER))["door_forced"] == {"door": "4", "severity": 2}
    scene.building(f"{OTHER} door 4 shut")
    scene.until(lambda: "door_shut" in scene.told(OTHER), "its shutting is told")


def test_plants_that_stood_still_after_a_power_failure_are_started_again(scene: Scene) -> None:
    assert scene.client.set(f"{OTHER}/heating_plant_2", 0).applied
    scene.building(f"{OTHER} power out")
    scene.until(
        lambda: scene.client.get(f"{OTHER}/fire").quality >= Quality.BAD, "the building is lost"
    )
    assert scene.client.get(f"{OTHER}/intrusion_zone_1").quality >= Quality.BAD
    scene.building(f"{OTHER} power back")
    assert scene.building(f"{OTHER} account")["boilers"] == [False, False]
    scene.until(
        lambda: scene.building(f"{OTHER} account")["boilers"] == [True, False],
        "what was wanted on runs again",
        within_s=20.0,
    )
    scene.until(lambda: scene.told(OTHER).count("plant_restarted") == 3, "it is told")
    assert scene.building(f"{OTHER} account")["fans"] == [True, True]
