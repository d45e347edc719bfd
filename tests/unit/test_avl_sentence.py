"""Sentences of NMEA 0183: what is said comes through, and whatever else comes is refused."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pynmea2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.drivers.avl.framing import Lines
from jacquemart.drivers.avl.sentence import (
    LONGEST,
    Duty,
    Fix,
    Other,
    Refused,
    checksum,
    decode,
    encode,
)

NAMES = st.text("ABCxyz0123456789-_.", min_size=1, max_size=12)
MOMENTS = st.integers(946_684_800_000, 4_102_444_799_999)  # ms: 2000 to 2099


def signed(body: str, tag: str = "s:BUS-1") -> bytes:
    lead = f"\\{tag}*{checksum(tag)}\\" if tag else ""
    return f"{lead}${body}*{checksum(body)}".encode()


@given(
    NAMES, MOMENTS, st.sampled_from("ADEFMPRS"), st.floats(-90, 90), st.floats(-180, 180),
    st.floats(0, 149), st.one_of(st.just(math.nan), st.floats(0, 360)),
)  # fmt: skip
def test_a_position_comes_through_to_two_centimetres(
    name: str, ms: int, mode: str, lat: float, lon: float, speed: float, heading: float
) -> None:
    told = decode(encode(Fix(name, ms * 1_000_000, mode, lat, lon, speed, heading)).rstrip())
    assert isinstance(told, Fix)
    assert (told.vehicle, told.taken_ns, told.mode) == (name, ms * 1_000_000, mode)
    assert told.lat == pytest.approx(lat, abs=1e-7)
    assert told.lon == pytest.approx(lon, abs=1e-7)
    assert told.speed_mps == pytest.approx(speed, abs=0.001)
    if math.isnan(heading):
        assert math.isnan(told.heading_deg)
    else:
        apart = abs(told.heading_deg - heading) % 360.0
        assert min(apart, 360.0 - apart) <= 0.051


@given(
    NAMES, st.integers(0, 4), st.one_of(st.just(math.nan), st.integers(0, 9_999)),
    st.one_of(st.just(math.nan), st.integers(-3_600, 36_000)),
    st.one_of(st.just(math.nan), st.integers(0, 150)), st.sampled_from((math.nan, 0, 1)),
)  # fmt: skip
def test_duty_comes_through_and_what_was_not_said_stays_unsaid(
    name: str, status: float, line: float, delay: float, load: float, door: float
) -> None:
    told = decode(encode(Duty(name, status, line, delay, load, door)).rstrip())
    assert isinstance(told, Duty)
    assert told == pytest.approx((name, status, line, delay, load, door), nan_ok=True)


@given(st.binary(max_size=400))
def test_whatever_comes_there_is_an_answer(data: bytes) -> None:
    assert isinstance(decode(data), Refused | Other | Fix | Duty)


@given(st.binary(min_size=1, max_size=3), st.integers(0, 200))
def test_no_damaged_line_is_taken_for_another_position(damage: bytes, place: int) -> None:
    whole = encode(Fix("BUS-12", 1_763_885_916_250_000_000, "A", 47.322, 5.0412, 8.3, 84.4))
    at = place % (len(whole) - 2)
    broken = whole[:at] + damage + whole[at + len(damage) :]
    told = decode(broken.rstrip())
    # One xor-sum of eight bits finds one damaged character, and a length; not all that two make.
    if len(damage) == 1 and broken != whole:
        same = isinstance(told, Fix) and told == decode(whole.rstrip())  # a digit's case
        assert isinstance(told, Refused) or same


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "no sentence"),
        (b"$GPRMC,hello", "no sentence"),
        (b"\xff\xfe$GPRMC*00", "no ASCII"),
        (b"$GPRMC,081836.25,A,4719.32,N,00502.46,E,16,84,231126,,,A*00", "checksum"),
        (b"\\s:BUS-1*00\\" + signed("GPGGA,1", ""), "checksum"),
        (b"x" * (LONGEST + 1), "too long"),
        (signed("GPRMC,1,2"), "number of fields"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,16,84,231126", "s:a b"), "TAG block"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,16,84,231126", "s:a,s:b"), "TAG block"),
        (signed("GPRMC,241836,A,4719.32,N,00502.46,E,16,84,231126"), "time"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,16,84,310226"), "time"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,16,84,"), "time"),
        (signed("GPRMC,081836,X,4719.32,N,00502.46,E,16,84,231126"), "status"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,16,84,231126,,,Q"), "status"),
        (signed("GPRMC,081836,A,4760.00,N,00502.46,E,16,84,231126"), "place"),
        (signed("GPRMC,081836,A,9000.01,N,00502.46,E,16,84,231126"), "place"),
        (signed("GPRMC,081836,A,4719.32,E,00502.46,E,16,84,231126"), "place"),
        (signed("GPRMC,081836,A,4719.32,N,18100.00,E,16,84,231126"), "place"),
        (signed("GPRMC,081836,A,,,,,16,84,231126"), "place"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,nan,84,231126"), "speed or course"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,-1,84,231126"), "speed or course"),
        (signed("GPRMC,081836,A,4719.32,N,00502.46,E,16,361,231126"), "speed or course"),
        (signed("PJQMV,,3"), "duty"),
        (signed("PJQMV,5"), "duty"),
        (signed("PJQMV,0.5"), "duty"),
        (signed("PJQMV,1,3,1e9"), "duty"),
        (signed("PJQMV,1,3,0,0,0,0"), "number of fields"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_whole_with_its_reason(line: bytes, why: str) -> None:
    assert decode(line) == Refused(why)


def test_a_receiver_without_a_place_says_so_and_other_sentences_are_let_by() -> None:
    told = decode(signed("GPRMC,081836,V,,,,,,,231126,,,N"))
    assert isinstance(told, Fix)
    assert told.mode == "N"
    assert math.isnan(told.lat)
    assert decode(signed("GPGGA,081836,4719.32,N,00502.46,E,1,08,0.9,245,M,46.9,M,,")) == Other(
        "GPGGA"
    )
    anonymous = decode(signed("GNRMC,081836,A,4719.32,N,00502.46,E,16,84,231126", ""))
    assert isinstance(anonymous, Fix)
    assert anonymous.vehicle == ""


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b""))),
       st.integers(1, 17))  # fmt: skip
def test_lines_come_whole_however_they_are_cut(lines: list[bytes], size: int) -> None:
    data = b"".join(line + b"\r\n" for line in lines)
    framing = Lines()
    found = [
        line for at in range(0, len(data), size) for line in framing.feed(data[at : at + size])
    ]
    assert found == [line for line in lines if line]
    assert framing.dropped == 0


def test_a_line_without_end_costs_one_line_and_no_memory() -> None:
    framing = Lines()
    for _ in range(1_000):
        assert list(framing.feed(b"x" * 1_000)) == []
    assert len(framing._rest) <= LONGEST
    assert list(framing.feed(b"tail\nnext\n")) == [b"next"]
    assert framing.dropped == 1


def test_another_implementation_reads_ours_and_ours_reads_its() -> None:
    moment = datetime(2026, 11, 23, 8, 18, 36, 250_000, tzinfo=UTC)
    ours = Fix("", int(moment.timestamp() * 1_000) * 1_000_000, "A", 47.32201, -5.04123, 8.3, 84.4)
    theirs = pynmea2.parse(encode(ours).decode().strip(), check=True)
    assert theirs.latitude == pytest.approx(ours.lat, abs=1e-6)
    assert theirs.longitude == pytest.approx(ours.lon, abs=1e-6)
    assert theirs.datetime == moment
    assert float(theirs.spd_over_grnd) == pytest.approx(8.3 / 1852 * 3600, abs=0.001)
    made = pynmea2.RMC("GP", "RMC", (
        "081836.25", "A", "4719.3201", "N", "00502.4640", "W", "16.2", "84.4", "231126", "", "",
        "D",
    ))  # fmt: skip
    told = decode(str(made).encode())
    assert isinstance(told, Fix)
    assert told.mode == "D"
    assert (told.lat, told.lon) == pytest.approx((made.latitude, made.longitude), abs=1e-9)
    assert told.taken_ns == int(moment.timestamp() * 1_000) * 1_000_000
