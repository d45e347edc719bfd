"""Rows with something wrong: errors, or left out with the reason; many of them are counted."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from city_samples import CITY, DRIVERS, KINDS, load, problems, write
from geo_samples import HEAD, TWO_ZONES, features, inventory, point, survey

from jacquemart.runtime.city import CityErrors, load_city, survey_city

DROP = CITY.replace('file = "lamps.csv"', 'file = "lamps.csv"\nbad_rows = "drop"')
LAMPS = """\
lamp,cabinet,position,lat,lon
l1,c1,1,47.32,5.04
l 2,c1,2,47.32,5.05
l3,c9,1,,
l4,c1,x,,
l5,c1,5
l1,c1,6,,
c2,c1,7,,
l8,c1,8,47.3,
l9,c1,9,99,999
l10,c2,10,,
"""


def test_bad_rows_are_errors_unless_told_otherwise(tmp_path: Path) -> None:
    lines = [text.split(":")[1] for text in problems(tmp_path, lamps=LAMPS)]
    assert {3, 4, 5, 6, 7, 8, 9, 10} <= set(map(int, lines))


def test_bad_rows_are_left_out_each_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path, city=DROP, lamps=LAMPS)
    found = survey_city(tmp_path / "city.toml", kinds=KINDS, drivers=DRIVERS)
    assert [device.id for device in found.city.devices] == ["c1", "c2", "l1", "l10"]
    account = found.accounts[-1]
    assert (account.rows, account.accepted, account.rejected) == (10, 2, 8)
    told = {
        row["line"]: f"{row['key']}: {row['found']}" for row in account.summary()["rejected_rows"]
    }
    assert told == {
        3: 'id (column "lamp"): "l 2"',
        4: 'link (column "cabinet"): "c9"',
        5: 'index (column "position"): "x"',
        6: ": 3 cells",
        7: 'id (column "lamp"): "l1"',
        8: 'id (column "lamp"): "c2"',
        9: 'lon (column "lon"): nothing',
        10: 'lat (column "lat"): "99"',
    }
    assert sum(account.problems.reasons.values()) == 8, "one reason for each"
    assert json.loads(json.dumps(account.summary()))["rejected"] == 8


def test_a_start_says_that_rows_were_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "jacquemart.city"):
        load(tmp_path)
        assert not caplog.records
        load(tmp_path, city=DROP, lamps=LAMPS)
    (record,) = caplog.records
    assert "lamps.csv: 8 of 10 rows were left out; `jacquemart check`" in record.getMessage()


def test_what_is_wrong_between_devices_is_an_error_all_the_same(tmp_path: Path) -> None:
    rows = "lamp,cabinet,position,lat,lon\nl1,c1,1,,\nl2,c1,1,,\n"
    (found,) = problems(tmp_path, city=DROP, lamps=rows)
    assert 'the address of "l1"' in found


def test_a_device_fed_by_one_that_was_left_out_is_an_error(tmp_path: Path) -> None:
    city = CITY.replace('template = "cabinet"\n', 'template = "cabinet"\nbad_rows = "drop"\n')
    city = city.replace('columns = { id = "cabinet", link', 'columns = { id = "name", link')
    cabinets = "cabinet,name,commune,ip\nc1,c1,b,10.0.0.1\nc2,c 2,b,10.0.0.2\n"
    (found,) = problems(tmp_path, city=city, cabinets=cabinets)
    assert found == 'lamps.csv:4: fed_by (column "cabinet"): found "c2"; allowed: a device'


def test_links_that_are_left_out_are_missed(tmp_path: Path) -> None:
    city = CITY.replace('template = "line"', 'template = "line"\nbad_rows = "drop"', 1)
    cabinets = "cabinet,commune,ip\nc1,Chenôve,10.0.0.1\nc2,nowhere,10.0.0.2\n"
    found = problems(tmp_path, city=city, cabinets=cabinets)
    assert found[0] == 'cabinets.csv:3: link (column "cabinet"): found "c2"; allowed: a link: c1'


@pytest.mark.parametrize("policy", ["refuse", "drop"])
def test_of_very_many_bad_rows_the_first_hundred_are_told_and_all_counted(
    policy: str, tmp_path: Path
) -> None:
    count = 30_000
    rows = [({"lamp": f"l {n}"}, point(5, 47)) for n in range(count)]
    rows.append(({"lamp": "good"}, point(5, 47)))
    (tmp_path / "lamps.geojson").write_text(features(rows))
    city = HEAD + TWO_ZONES + inventory("lamps.geojson", defaults={"link": "l"}, bad_rows=policy)
    if policy == "refuse":
        with pytest.raises(CityErrors) as raised:
            survey(tmp_path, city)
        assert (len(raised.value.errors), raised.value.more) == (100, count - 100)
        assert [problem.row for problem in raised.value.errors] == list(range(1, 101))
        return
    found = survey(tmp_path, city)
    assert [device.id for device in found.city.devices] == ["good"]
    assert found.accounts[0].rejected == count
    assert len(found.accounts[0].problems.kept) == 100
    assert found.accounts[0].describe()[-1] == f"    and {count - 100:,} more"


def test_nothing_but_bad_rows_leaves_a_city_without_these_devices(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("lamp\nl 1\nl 2\n")
    city = HEAD + TWO_ZONES + inventory("x.csv", defaults={"link": "l"}, bad_rows="drop")
    found = survey(tmp_path, city)
    assert found.city.devices == ()
    assert found.accounts[0].rejected == 2
    load_city(tmp_path / "city.toml", kinds=KINDS, drivers=DRIVERS)
