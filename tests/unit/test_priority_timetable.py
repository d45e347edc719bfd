"""Timetables in GTFS: what is read, what is refused, and how late somebody is by them."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.actors.priority.approach.plane import metres_between
from jacquemart.actors.priority.timetable import (
    Headways,
    Limits,
    Timetable,
    TimetableErrors,
    TripFollower,
    day_of,
    read_timetable,
)
from jacquemart.actors.priority.timetable.service_day import (
    date_of,
    day_begins,
    days_at,
    seconds_of,
)

PARIS = ZoneInfo("Europe/Paris")
FEED = {
    "agency.txt": "agency_name,agency_timezone\nDivia,Europe/Paris\n",
    "trips.txt": "route_id,service_id,trip_id,direction_id\nL5,week,t1,0\nL6,week,t2,1\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type\n"
        "a,Darcy,47.3200,5.0400,0\nb,Gare,47.3290,5.0400,\nc,Zénith,47.3380,5.0400,0\n"
        "s,Station,47.3,5.0,1\n"
    ),
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "t1,08:10:00,08:10:30,c,9\nt1,8:00:00,8:00:00,a,1\nt1,,,b,4\n"
        "t2,24:50:00,24:50:00,c,1\nt2,25:10:00,25:10:00,a,2\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "week,1,1,1,1,1,0,1,20260101,20261231\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nweek,20260714,2\nweek,20260718,1\n",
}


def zipped(**changed: str | bytes | None) -> io.BytesIO:
    files: dict[str, Any] = {**FEED, **{f"{name}.txt": text for name, text in changed.items()}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as feed:
        for name, text in files.items():
            if text is not None:
                feed.writestr(name, text)
    out.seek(0)
    return out


def read(**changed: str | bytes | None) -> Timetable:
    return read_timetable(zipped(**changed))


def test_a_feed_is_read_as_its_publisher_wrote_it() -> None:
    found = read(agency=b"\xef\xbb\xbf" + FEED["agency.txt"].encode())
    trip = found.trips["t1"]
    assert list(trip.departures) == [8 * 3600, 8 * 3600 + 300, 8 * 3600 + 630]
    assert list(trip.arrivals) == [8 * 3600, 8 * 3600 + 300, 8 * 3600 + 600]
    assert trip.along_m[2] == pytest.approx(2001, abs=5)
    assert found.zone == PARIS
    assert list(found.trips["t2"].departures) == [89_400, 90_600]
    assert set(read_timetable(zipped(), routes={"L6"}).trips) == {"t2"}


def test_a_service_runs_on_its_days_and_those_added_and_not_on_those_removed() -> None:
    found = read()
    days = {7: True, 11: False, 12: True, 14: False, 18: True}  # of July 2026; 14: a Tuesday
    assert {day: found.runs("week", date(2026, 7, day)) for day in days} == days
    assert not found.runs("week", date(2027, 1, 4))
    assert not found.runs("unheard of", date(2026, 7, 7))


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("agency", "agency_timezone\nMars/Olympus\n", 'agency.txt:2: agency_timezone: found "Mars'),
        ("agency", "agency_timezone\n", "agency.txt: found"),
        ("agency", None, "agency.txt: found nothing; allowed: this file"),
        ("trips", "route_id,trip_id\n", "trips.txt:1: found no column service_id"),
        ("trips", "route_id,service_id,trip_id\nL5,w,x\nL5,w,x\n", 'trip_id: found "x"'),
        ("stops", "stop_id,stop_lat,stop_lon\na,97.0,5\n", 'stop_lat: found "97.0"; allowed: -90'),
        ("stops", "stop_id,stop_lat,stop_lon\na,nan,5\n", 'stop_lat: found "nan"'),
        ("stop_times", FEED["stop_times.txt"].replace("8:00:00,8:00:00", "8:61:00,8:61:00"),
         'stop_times.txt:3: arrival_time: found "8:61:00"; allowed: HH:MM:SS'),
        ("stop_times", FEED["stop_times.txt"].replace(",a,1", ",zz,1"),
         'stop_times.txt:3: stop_id: found "zz"; allowed: a stop of stops.txt'),
        ("stop_times", FEED["stop_times.txt"].replace(",b,4", ",b,-4"), "stop_sequence: found"),
        ("stop_times", FEED["stop_times.txt"].replace(",b,4", ",b,9"), "each number once a trip"),
        ("stop_times", FEED["stop_times.txt"].replace("08:10:00,08", "07:10:00,08"),
         "no earlier than at the stop before"),
        ("stop_times", FEED["stop_times.txt"].replace("8:00:00,8:00:00", ","),
         "a time at the first and the last stop"),
        ("calendar", FEED["calendar.txt"].replace("week,1", "week,yes"), 'monday: found "yes"'),
        ("calendar", FEED["calendar.txt"].replace("20260101", "20261301"), "start_date: found"),
        ("calendar_dates", "service_id,date,exception_type\nweek,20260714,3\n",
         'calendar_dates.txt:2: exception_type: found "3"'),
        ("stops", b"stop_id,stop_lat,stop_lon\n\xff,1,1\n", "stops.txt: found no UTF-8"),
        ("stops", 'stop_id,stop_lat,stop_lon\n"a"x,1,1\n', "stops.txt: found no CSV"),
        ("stops", "stop_id,stop_lat,stop_lon\na,1,1,9,9\n", "found \"5 cells\"; allowed: 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_row_column_found_and_allowed(
    file: str, text: Any, problem: str
) -> None:
    with pytest.raises(TimetableErrors) as caught:
        read(**{file: text})
    assert problem in str(caught.value)


def test_a_feed_beyond_its_limits_is_refused_before_it_fills_the_memory() -> None:
    zeros = "stop_id,stop_lat,stop_lon\n" + "a,1,1\n" * 20_000
    for limits, words in (
        (Limits(bytes_of_a_file=100_000), "100,000 at most"),
        (Limits(rows=1_000), "1,000 at most"),
        (Limits(files=2), "2 at most"),
        (Limits(line_bytes=20), "lines of 20 bytes"),
    ):
        with pytest.raises(TimetableErrors, match=words):
            read_timetable(zipped(stops=zeros), limits=limits)


def test_what_is_no_zip_or_a_damaged_one_is_refused() -> None:
    with pytest.raises(TimetableErrors, match="no zip"):
        read_timetable(io.BytesIO(b"PK but no"))
    whole = zipped(stops="stop_id,stop_lat,stop_lon\n" + "a,47.123456,5.0\n" * 500).getvalue()
    broken = bytearray(whole)
    at = broken.index(b"stops.txt") + 20
    broken[at : at + 30] = bytes(30)
    with pytest.raises(TimetableErrors):
        read_timetable(io.BytesIO(bytes(broken)))


def test_only_the_first_hundred_problems_are_kept_and_the_others_counted() -> None:
    rows = "".join(f"s{number},x,5\n" for number in range(250))
    with pytest.raises(TimetableErrors) as caught:
        read(stops="stop_id,stop_lat,stop_lon\n" + rows)
    assert len(caught.value.problems) == 100
    assert caught.value.more >= 150


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([name[:-4] for name in FEED]), st.text(max_size=80)))
def test_whatever_a_feed_holds_it_is_read_or_refused_by_name(files: dict[str, str]) -> None:
    raw = {name: text.encode("utf-8", "surrogatepass") for name, text in files.items()}
    if not raw:
        assert len(read().trips) == 2
        return
    with pytest.raises(TimetableErrors, match="found"):  # no text at random is a whole file
        read(**raw)


# Days and times -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "begins"),
    [
        (date(2026, 3, 28), "2026-03-28T00:00:00+01:00"),
        (date(2026, 3, 29), "2026-03-28T23:00:00+01:00"),  # clocks go forward at 02:00
        (date(2026, 10, 25), "2026-10-25T01:00:00+02:00"),  # and back at 03:00
        (date(2026, 7, 7), "2026-07-07T00:00:00+02:00"),
    ],
)
def test_a_service_day_begins_twelve_hours_before_its_noon(day: date, begins: str) -> None:
    assert day_begins(day, PARIS) == datetime.fromisoformat(begins).timestamp()
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=PARIS)
    assert day_begins(day, PARIS) + seconds_of("12:00:00") == noon.timestamp()


def test_ten_past_one_at_night_belongs_to_the_day_before_also_when_clocks_change() -> None:
    found = read(calendar=FEED["calendar.txt"].replace(",0,1,2026", ",1,1,2026"))
    trip = found.trips["t2"]
    for when, day in (
        ("2026-07-08T01:00:00+02:00", date(2026, 7, 7)),
        ("2026-03-29T01:00:00+01:00", date(2026, 3, 28)),
        ("2026-10-25T00:55:00+02:00", date(2026, 10, 24)),
    ):
        now = datetime.fromisoformat(when).timestamp()
        assert day_of(found, trip, now) == day
    assert day_of(found, trip, datetime(2026, 7, 7, 12, tzinfo=PARIS).timestamp()) is None


@pytest.mark.parametrize("wrong", ["", "8:00", "08:60:00", "-1:00:00", "99:00:00", "08:00:0O"])
def test_what_is_no_time_is_no_time(wrong: str) -> None:
    with pytest.raises(ValueError):
        seconds_of(wrong)


@pytest.mark.parametrize("wrong", ["", "2026-07-01", "20261301", "20260230"])
def test_what_is_no_date_is_no_date(wrong: str) -> None:
    with pytest.raises(ValueError):
        date_of(wrong)


@given(st.integers(1_700_000_000, 1_900_000_000))
def test_every_moment_belongs_to_the_service_day_of_its_date(now: int) -> None:
    days = days_at(now, PARIS)
    assert datetime.fromtimestamp(now, PARIS).date() in days or not days
    assert days == sorted(days, reverse=True)
    assert all(0 <= now - day_begins(day, PARIS) <= 72 * 3_600 for day in days)


# Lateness -----------------------------------------------------------------------------------


def on_trip() -> tuple[TripFollower, int]:
    found = read()
    day = date(2026, 7, 7)
    return TripFollower(found, found.trips["t1"], day), day_begins(day, PARIS)


def test_a_bus_between_two_stops_is_as_late_as_the_clock_says() -> None:
    follower, begins = on_trip()
    due = begins + 8 * 3_600 + 150  # half way from a to b
    found = follower.seen(due + 90, 47.3245, 5.0400, 5.0)
    assert found is not None
    assert found.late_s == pytest.approx(90, abs=1)
    assert 0 < found.doubt_s < 40
    assert found.along_m == pytest.approx(metres_between(47.32, 5.04, 47.3245, 5.04), abs=2)


def test_who_stands_at_a_stop_between_arrival_and_departure_is_on_time() -> None:
    follower, begins = on_trip()
    follower.seen(begins + 8 * 3_600, 47.3200, 5.0400, 5.0)
    for second, late in ((590, -10.0), (600, 0.0), (630, 0.0), (640, 10.0)):
        found = follower.seen(begins + 8 * 3_600 + second, 47.3380, 5.0400, 5.0)
        assert found is not None
        assert found.late_s == pytest.approx(late, abs=0.5)


def test_a_position_that_goes_back_or_is_elsewhere_says_nothing_of_lateness() -> None:
    follower, begins = on_trip()
    assert follower.seen(begins + 8 * 3_600, 47.3290, 5.0400, 5.0) is not None
    assert follower.seen(begins + 8 * 3_600, 47.3210, 5.0400, 5.0) is None
    assert follower.seen(begins + 8 * 3_600, 47.3300, 5.0600, 5.0) is None
    assert follower.seen(begins + 8 * 3_600, float("nan"), 5.0, 5.0) is None
    assert follower.seen(begins + 16 * 3_600, 47.3300, 5.0400, 5.0) is None, "another day's"


def test_how_far_behind_the_one_before_a_bus_is_is_measured_at_the_same_place() -> None:
    headways = Headways()
    for second in range(0, 300, 10):
        assert headways.seen("first", 5.0 * second, float(second)) is None
    assert headways.seen("second", 100.0, 400.0) == pytest.approx(380.0)
    assert headways.seen("second", 200.0, 410.0) == pytest.approx(370.0)
    assert headways.seen("third", 150.0, 420.0) == pytest.approx(15.0), "behind the nearest"
    headways.gone("second")
    assert headways.seen("third", 152.0, 421.0) == pytest.approx(421.0 - 30.4)
