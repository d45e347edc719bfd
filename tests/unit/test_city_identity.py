"""Ids that are made: of columns, of places; stable whatever the order, and never two in one."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from geo_samples import HEAD, TWO_ZONES, features, inventory, point, problems, survey
from hypothesis import given, settings
from hypothesis import strategies as st

from jacquemart.runtime.city.identity import slug
from jacquemart.runtime.model.ids import valid_id

CITY = HEAD + TWO_ZONES
DEFAULTS = {"link": "l"}

Row = tuple[str, int, int]
"""A kind, and a place in tenths of a metre east and north."""


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Chenôve", "chenove"), ("L'Haÿ-les-Roses", "l-hay-les-roses"), ("C59.04", "c59.04"),
        ("  12/b ", "12-b"), ("Œuvre d’Alès", "oeuvre-d-ales"), ("STRASSE ß", "strasse-ss"),
        ("№ 7", "no-7"), ("---", ""), ("東京", ""), ("", ""), ("a__b", "a__b"),
    ],
)  # fmt: skip
def test_a_slug_is_small_letters_without_accents(text: str, made: str) -> None:
    assert slug(text) == made


@given(st.text(max_size=64))
def test_a_slug_is_an_id_or_nothing(text: str) -> None:
    made = slug(text)
    assert made == "" or len(made) > 64 or valid_id(made)
    assert slug(made) == made


def written(folder: Path, rows: list[Row], name: str = "lamps.geojson") -> None:
    """Write rows in Lambert-93, 0.1 m apart."""
    found = [({"kind": k}, point(850_000 + x / 10, 6_690_000 + y / 10)) for k, x, y in rows]
    (folder / name).write_text(features(found))


LAMPS = inventory(
    "lamps.geojson", columns={"name": "kind"}, defaults=DEFAULTS, crs="EPSG:2154",
    id_from="position", id_prefix="lamp-",
)  # fmt: skip


def test_an_id_of_a_place_is_its_centimetres(tmp_path: Path) -> None:
    written(tmp_path, [("a", 0, 0), ("b", 15, 27)])
    devices = survey(tmp_path, CITY + LAMPS).city.devices
    assert [device.id for device in devices] == [
        "lamp-x85000000y669000000", "lamp-x85000150y669000270"
    ]  # fmt: skip


def test_an_id_of_degrees_is_their_ten_millionths(tmp_path: Path) -> None:
    (tmp_path / "lamps.csv").write_text("kind,lat,lon\na,47.3,-5.05\nb,47.3,-5.0500001\n")
    lamps = inventory(
        "lamps.csv", columns={"name": "kind", "lat": "lat", "lon": "lon"},
        defaults=DEFAULTS, id_from="position",
    )  # fmt: skip
    devices = survey(tmp_path, CITY + lamps).city.devices
    assert [d.id for d in devices] == ["x-50500000y473000000", "x-50500001y473000000"]
    (tmp_path / "lamps.csv").write_text("kind,lat,lon\na,,\nb,x,5\n")
    assert problems(tmp_path, CITY + lamps) == [
        "lamps.csv:2: id: found nothing; allowed: lat and lon, of which the id is made",
        'lamps.csv:3: lat (column "lat"): found "x"; allowed: a number from -90 to 90',
    ]


def test_rows_at_one_place_are_numbered_by_what_they_say(tmp_path: Path) -> None:
    written(tmp_path, [("wall", 0, 0), ("pole", 0, 0), ("pole", 0, 0), ("pole", 1, 0)])
    devices = survey(tmp_path, CITY + LAMPS).city.devices
    assert {(device.id.removeprefix("lamp-x850000"), device.name) for device in devices} == {
        ("00y669000000", "pole"), ("00y669000000-2", "pole"), ("00y669000000-3", "wall"),
        ("10y669000000", "pole"),
    }  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 3)),
        min_size=1, max_size=25,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_ids_of_places_do_not_depend_on_the_order_of_rows(
    rows: list[Row], rng: random.Random
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = []
        for order in (rows, rng.sample(rows, len(rows))):
            written(folder, order)
            devices = survey(folder, CITY + LAMPS).city.devices
            assert len({device.id for device in devices}) == len(rows)
            found.append({(device.id, device.name) for device in devices})
    assert found[0] == found[1]


def test_an_id_of_columns_is_their_slugs(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("district,no\nChenôve,12/b\nLes Grésilles,1\n")
    made = inventory("x.csv", columns={}, defaults=DEFAULTS, id_from=["district", "no"])
    devices = survey(tmp_path, CITY + made).city.devices
    assert [device.id for device in devices] == ["chenove-12-b", "les-gresilles-1"]


def test_two_rows_are_never_one(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("no\nA 1\na-1\nB\n")
    made = inventory("x.csv", columns={}, defaults=DEFAULTS, id_from=["no"])
    assert problems(tmp_path, CITY + made) == [
        'x.csv:3: id: found "a-1"; allowed: an id that no other device has (first at x.csv:2)'
    ]
    left = survey(tmp_path, CITY + made + 'bad_rows = "drop"\n')
    assert [device.id for device in left.city.devices] == ["a-1", "b"]


def test_text_of_which_no_id_can_be_made_is_told(tmp_path: Path) -> None:
    long = "x" * 70
    (tmp_path / "x.csv").write_text(f"a,b\n東京,1\n1,\n{long},1\nok,1\n")
    made = inventory("x.csv", columns={}, defaults=DEFAULTS, id_from=["a", "b"])
    told = problems(tmp_path, CITY + made)
    assert [text.partition("; allowed")[0] for text in told] == [
        'x.csv:2: id (column "a"): found "東京"', 'x.csv:3: id (column "b"): found nothing',
        f'x.csv:4: id (column "a"): found "{long}-1"',
    ]  # fmt: skip
    wrong = inventory("x.csv", columns={}, defaults=DEFAULTS, id_from=["c"])
    (found,) = problems(tmp_path, CITY + wrong)
    assert 'inventory[0].id_from[0]: found "c"; allowed: a column of "x.csv": a, b' in found


def test_a_prefix_keeps_inventories_apart(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("no\n1\n2\n")
    one = inventory("x.csv", columns={"id": "no"}, defaults=DEFAULTS)
    two = inventory("x.csv", columns={"id": "no"}, defaults=DEFAULTS, id_prefix="b-")
    devices = survey(tmp_path, CITY + one + two).city.devices
    assert [device.id for device in devices] == ["1", "2", "b-1", "b-2"]
    wrong = inventory("x.csv", columns={"id": "no"}, defaults=DEFAULTS, id_prefix="é ")
    assert "inventory[0].id_prefix" in problems(tmp_path, CITY + wrong)[0]


def test_without_ids_it_is_told_how_to_make_them(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("no\n1\n")
    (found,) = problems(tmp_path, CITY + inventory("x.csv", columns={}, defaults=DEFAULTS))
    assert "columns.id: found no column for id" in found
    assert "id_from makes ids of columns or of positions" in found


def test_links_stand_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("no\n1\n")
    links = inventory(
        "x.csv", makes="links", template="line", columns={}, defaults={"zone": "west"},
        id_from="position",
    )  # fmt: skip
    (found,) = problems(tmp_path, CITY + links)
    assert 'inventory[0].id_from: found "position"; allowed: columns' in found
