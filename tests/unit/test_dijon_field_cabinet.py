"""A cabinet of the example field, asked in bytes: the register map, and refusals by the book."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples" / "dijon"))

from field.cabinet import CONTACTOR_LAG_S, Cabinet
from field.errors import FieldError
from field.faults import FaultShares, draw_faults
from field.lamp import STANDBY_W, Lamp, Pace
from field.modbus import written_registers

LAMPS = 5
LATER = 10.0
"""Long after a write at 0."""


@pytest.fixture
def cabinet() -> Cabinet:
    return make_cabinet()


def make_cabinet() -> Cabinet:
    lamps = [Lamp(f"l{n}", 50.0, Pace(0.2, 1.0), burnt_h=1000.0 * n) for n in range(LAMPS)]
    return Cabinet("c", lamps, voltage=230.0, now=0.0)


def ask(cabinet: Cabinet, unit: int, pdu: str, now: float = 0.0) -> str:
    return cabinet.answer(unit, bytes.fromhex(pdu), now).hex(" ")


@pytest.mark.parametrize(
    ("unit", "pdu", "reply"),
    [
        (1, "01 0000 0001", "01 01 01"),
        (1, "02 0000 0002", "02 01 01"),
        (255, "02 0000 0001", "02 01 01"),
        (0, "02 0001 0001", "02 01 00"),
        (2, "03 0000 0002", "03 04 00 00 00 00"),
        (2, "06 0004 0320", "06 00 04 03 20"),
        (2, "10 0000 0002 04 0320 0190", "10 00 00 00 02"),
        (1, "05 0000 ff00", "05 00 00 ff 00"),
        (1, "0f 0000 0001 01 01", "0f 00 00 00 01"),
        (2, "16 0001 0000 0064", "16 00 01 00 00 00 64"),
        (2, "17 0001 0002 0001 0001 02 0032", "17 04 00 32 00 00"),
    ],
)
def test_requests_by_the_book_are_answered(
    cabinet: Cabinet, unit: int, pdu: str, reply: str
) -> None:
    assert ask(cabinet, unit, pdu) == reply


@pytest.mark.parametrize(
    ("unit", "pdu", "code"),
    [
        (2, "07", 1),
        (2, "2b 0e 01 00", 1),
        (2, "00", 1),
        (2, "03 0005 0001", 2),
        (2, "03 0004 0002", 2),
        (2, "03 ffff 0002", 2),
        (2, "04 0000 0001", 2),
        (2, "04 0064 000b", 2),
        (1, "03 0000 0001", 2),
        (2, "01 0000 0001", 2),
        (2, "05 0000 ff00", 2),
        (1, "05 0001 ff00", 2),
        (1, "06 0000 0001", 2),
        (1, "0f 0000 0002 01 03", 2),
        (2, "10 0004 0002 04 0001 0001", 2),
        (2, "17 0005 0001 0001 0001 02 0032", 2),
        (2, "03 0000 0000", 3),
        (2, "03 0000 007e", 3),
        (2, "03 0000", 3),
        (2, "03 0000 0001 00", 3),
        (1, "01 0000 07d1", 3),
        (1, "05 0000 0001", 3),
        (2, "06 0000 03e9", 3),
        (2, "10 0000 0002 02 0001", 3),
        (2, "10 0000 0000 00", 3),
        (2, "10 0000 0002 04 0001 03e9", 3),
        (2, "17 0000 007e 0001 0001 02 0032", 3),
        (2, "16 0001 0000", 3),
        (3, "03 0000 0001", 10),
    ],
)
def test_requests_against_the_book_are_refused_and_change_nothing(
    cabinet: Cabinet, unit: int, pdu: str, code: int
) -> None:
    function = bytes.fromhex(pdu)[0]
    assert ask(cabinet, unit, pdu) == bytes((function | 0x80, code)).hex(" ")
    assert [lamp.writes for lamp in cabinet.lamps] == [0] * LAMPS
    assert cabinet.contactor_writes == 0
    assert ask(cabinet, 2, "03 0000 0005") == "03 0a" + " 00" * 10


@given(st.integers(0, 255), st.binary(min_size=1, max_size=253))
def test_any_bytes_get_a_reply_of_their_function_that_fits_a_frame(unit: int, pdu: bytes) -> None:
    reply = make_cabinet().answer(unit, pdu, 0.0)
    assert reply[0] in (pdu[0], pdu[0] | 0x80)
    assert 2 <= len(reply) <= 253
    written_registers(pdu)


def test_the_level_register_follows_the_setpoint_with_lag_and_ramp(cabinet: Cabinet) -> None:
    ask(cabinet, 2, "06 0002 0320")
    seen = [ask(cabinet, 2, "04 0068 0001", now) for now in (0.1, 0.7, 1.2, LATER)]
    assert seen == ["04 02 00 00", "04 02 01 90", "04 02 03 20", "04 02 03 20"]
    assert ask(cabinet, 2, "03 0002 0001", LATER) == "03 02 03 20"


def test_power_energy_and_burning_time_follow_the_light(cabinet: Cabinet) -> None:
    def meter(now: float) -> tuple[int, ...]:
        return struct.unpack(">HHII", cabinet.answer(1, bytes.fromhex("0400000006"), now)[2:])

    dark = meter(0.0)
    assert dark[0] == 2300
    assert dark[2] == round(LAMPS * STANDBY_W)
    ask(cabinet, 2, "06 0000 03e8")
    bright = meter(LATER)
    assert bright[2] == round(LAMPS * STANDBY_W + 50.0)
    assert bright[1] == round(100 * (LAMPS * STANDBY_W + 50.0) / (230.0 * 0.95))
    hour = meter(LATER + 3600.0)
    assert hour[3] - bright[3] == pytest.approx(LAMPS * STANDBY_W + 50.0, abs=1)
    assert ask(cabinet, 2, "04 012c 0002", LATER) == "04 04 01 f8 00 04"
    burnt = struct.unpack(">HH", cabinet.answer(2, bytes.fromhex("0401920002"), LATER)[2:])
    assert burnt[0] | burnt[1] << 16 == 1_000_000


def test_an_open_contactor_makes_lamps_unreachable_and_a_closed_one_brings_them_back(
    cabinet: Cabinet,
) -> None:
    ask(cabinet, 2, "06 0000 0320")
    ask(cabinet, 1, "05 0000 0000", LATER)
    assert ask(cabinet, 1, "01 0000 0001", LATER) == "01 01 00"
    assert ask(cabinet, 1, "02 0000 0001", LATER) == "02 01 01", "the contactor takes its time"
    now = LATER + CONTACTOR_LAG_S
    assert ask(cabinet, 1, "02 0000 0001", now) == "02 01 00"
    assert ask(cabinet, 2, "04 0064 0001", now) == "84 0b"
    assert ask(cabinet, 2, "06 0000 0320", now) == "86 0b"
    assert cabinet.lamps[0].writes == 1
    assert cabinet.lamps[0].level_at(now) == 0.0
    ask(cabinet, 1, "05 0000 ff00", now)
    assert ask(cabinet, 2, "04 0064 0001", now + 5.0) == "04 02 03 20"


def test_a_dead_lamp_shows_its_fault_bit_and_a_stuck_one_shows_nothing(cabinet: Cabinet) -> None:
    cabinet.segment.become(0, 0.0, "dead")
    cabinet.segment.become(1, 0.0, "stuck")
    ask(cabinet, 2, "10 0000 0003 06 0320 0320 0320")
    assert ask(cabinet, 2, "04 0064 0006", LATER) == "04 0c 00 00 00 01 00 00 00 00 03 20 00 00"
    assert ask(cabinet, 2, "03 0000 0003", LATER) == "03 06" + " 03 20" * 3


def test_a_lying_lamp_shows_the_level_it_was_told_and_takes_no_power(cabinet: Cabinet) -> None:
    cabinet.segment.become(0, 0.0, "lying")
    assert ask(cabinet, 2, "06 0000 0320") == "06 00 00 03 20"
    assert ask(cabinet, 2, "04 0064 0002", LATER) == "04 04 03 20 00 00"
    assert cabinet.lamps[0].level_at(LATER) == 0.0
    assert cabinet.lamps[0].power_at(LATER) == STANDBY_W


def test_faults_come_from_the_seed_and_no_cabinet_has_two() -> None:
    cabinets, lamps = [f"c{n}" for n in range(630)], [f"l{n}" for n in range(34_000)]
    faults = draw_faults(1, FaultShares(hostile_cabinets=0.1), cabinets, lamps)
    assert faults == draw_faults(1, FaultShares(hostile_cabinets=0.1), cabinets, lamps)
    assert faults != draw_faults(2, FaultShares(hostile_cabinets=0.1), cabinets, lamps)
    assert (len(faults.dead_lamps), len(faults.stuck_lamps)) == (272, 68)
    broken = [*faults.refusing, *faults.silent, *faults.mute, *faults.hostile]
    assert (len(faults.refusing), len(faults.silent), len(faults.mute)) == (3, 3, 2)
    assert len(faults.hostile) == 63
    assert len(broken) == len(set(broken))
    assert not faults.dead_lamps & faults.stuck_lamps


@pytest.mark.parametrize(
    "shares",
    [
        FaultShares(dead_cabinets=3, mute_cabinets=0),
        FaultShares(dead_cabinets=-1),
        FaultShares(dead_lamps=1.5, dead_cabinets=0, mute_cabinets=0),
        FaultShares(dead_lamps=0.8, stuck_lamps=0.8, dead_cabinets=0, mute_cabinets=0),
    ],
)
def test_more_faults_than_there_is_to_break_are_refused(shares: FaultShares) -> None:
    with pytest.raises(FieldError):
        draw_faults(1, shares, ["c1", "c2"], ["l1", "l2"])
