"""Cities out of published data, as it was published: counted, and every rejected row explained."""

from __future__ import annotations

import json
import re
import shutil
import time
from pathlib import Path

import pytest
import shapely

from jacquemart.cli import main
from jacquemart.runtime.city import CityErrors, survey_city
from jacquemart.runtime.city.load import CitySurvey
from jacquemart.runtime.model.territory import Territory
from jacquemart.runtime.testing import LocalCity

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "open_data"
DATA = ROOT.parent / "shared" / "data"
COMMUNES = DATA / "dijon-communes-2017.geojson"
LIGHTS = DATA / "montpellier-street-lights-lambert93.shp.zip"
CAMERAS = DATA / "montpellier-cctv-lambert93.geojson"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the published data is not in the repository: ../shared/data"
)


def placed(folder: Path, name: str, *changes: tuple[str, str]) -> Path:
    """Copy a city of the example, with the data found from there and some words changed."""
    text = (EXAMPLES / name).read_text(encoding="utf-8").replace("../../../shared/data", str(DATA))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    shutil.copy(EXAMPLES / "districts-drawn.geojson", folder)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture(scope="module")
def montpellier() -> CitySurvey:
    return survey_city(EXAMPLES / "montpellier.toml")


def test_the_communes_of_dijon_are_zones() -> None:
    found = survey_city(EXAMPLES / "dijon.toml")
    zones = {zone.id: zone for zone in found.city.zones}
    assert len(zones) == 24
    assert zones["chenove"].name == "Chenôve"
    assert zones["hauteville-les-dijon"].name == "Hauteville-lès-Dijon"
    assert all(shapely.is_valid(shapely.from_wkb(zone.outline)) for zone in zones.values())
    assert [(a.rows, a.accepted, a.rejected) for a in found.accounts] == [(24, 24, 0)] * 3
    # Each commune's device stands in it, and is known by the number of the institute.
    assert {device.zone: device.name for device in found.city.devices} == {
        zone.id: zone.name for zone in zones.values()
    }
    territory = Territory(found.city.zones)
    for device in found.city.devices:
        assert device.lat is not None
        assert device.lon is not None
        assert re.fullmatch(r"weather-21\d{3}", device.id)
        assert territory.zone_at(device.lat, device.lon) == device.zone
    assert territory.zone_at(47.3220, 5.0415) == "dijon"
    assert territory.nearest(47.0, 5.0)[0] != ""
    assert territory.zone_at(43.6, 3.88) == "", "Montpellier"


def test_the_city_of_the_communes_runs(tmp_path: Path) -> None:
    with LocalCity(placed(tmp_path, "dijon.toml")) as city:
        client = city.client()
        deadline = time.monotonic() + 20
        while not client.get("weather-21231/temperature").good:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert client.get("weather-21231/temperature").value == pytest.approx(12, abs=1)


def test_the_lights_and_cameras_of_montpellier_are_all_there(montpellier: CitySurvey) -> None:
    lights, cameras = montpellier.accounts[-2:]
    assert (lights.rows, lights.accepted, lights.rejected) == (29_969, 29_969, 0)
    assert (cameras.rows, cameras.accepted, cameras.rejected) == (141, 141, 0)
    assert (lights.format, lights.encoding, lights.encoding_from) == (
        "shapefile",
        "cp1252",
        "found",
    )
    assert lights.crs_from == "found"
    assert "Lambert 93" in lights.crs
    assert (cameras.crs, cameras.crs_from) == ("EPSG:2154 (RGF93 v1 / Lambert-93)", "given")
    assert sum(lights.zones.values()) == 29_969
    assert len(lights.zones) == 7
    city = montpellier.city
    assert len({device.id for device in city.devices}) == len(city.devices) == 30_110
    names = [device.name for device in city.devices if device.template == "street_light"]
    assert names.count("LANTERNE") == 22_594
    assert names.count("") == 27


def test_lights_at_one_place_are_kept_apart(montpellier: CitySurvey) -> None:
    ids = [d.id for d in montpellier.city.devices if d.template == "street_light"]
    numbered = [name for name in ids if re.fullmatch(r"light-x\d+y\d+-\d", name)]
    assert len(numbered) == 29_969 - 29_743
    assert all(name.rpartition("-")[0] in ids for name in numbered)


def test_places_are_those_of_the_reprojected_file(montpellier: CitySurvey) -> None:
    lights = [d for d in montpellier.city.devices if d.template == "street_light"]
    lines = (DATA / "montpellier-street-lights.csv").read_text().splitlines()[1:]
    assert len(lines) == len(lights)
    for line, device in zip(lines, lights, strict=True):
        _, lon, lat, lantern = line.split(",")
        assert (device.lon, device.lat) == (
            pytest.approx(float(lon), abs=1.1e-6),
            pytest.approx(float(lat), abs=1.1e-6),
        )
        assert device.name == lantern.strip('"')


def test_cameras_are_known_by_the_number_on_their_mast(montpellier: CitySurvey) -> None:
    cameras = {d.id: d for d in montpellier.city.devices if d.template == "camera"}
    camera = cameras["camera-c59.04"]
    assert (camera.name, camera.zone) == ("Lapeyronie", "hopitaux-facultes")
    assert camera.link == "cameras-hopitaux-facultes"


def test_ids_stay_when_the_rows_come_in_another_order(tmp_path: Path) -> None:
    published = json.loads(CAMERAS.read_text(encoding="utf-8"))
    found = []
    for order in (1, -1):
        changed = published | {"features": published["features"][::order]}
        (tmp_path / "cameras.geojson").write_text(json.dumps(changed))
        file = placed(
            tmp_path, "montpellier.toml",
            (str(CAMERAS), "cameras.geojson"), ('id_from = ["Nom"]', 'id_from = "position"'),
        )  # fmt: skip
        devices = survey_city(file).city.devices
        found.append({d.id: (d.name, d.lat, d.lon) for d in devices if d.template == "camera"})
    assert len(found[0]) == 141
    assert found[0] == found[1]


def test_cameras_without_a_crs_are_refused_with_the_one_that_fits(tmp_path: Path) -> None:
    file = placed(tmp_path, "montpellier.toml", ('crs = "EPSG:2154"\n', ""))
    with pytest.raises(CityErrors) as raised:
        survey_city(file)
    (problem,) = raised.value.errors
    assert problem.file == str(CAMERAS)
    assert problem.found == "coordinates such as 768915.19, 6281719.38"
    assert 'they would be in the city as crs = "EPSG:2154"' in problem.message


def test_a_district_with_a_slip_is_left_out_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {
        "Hôpitaux-Facultés": "HOPITAUX-FACULTES", "Mosson": "MOSSON",
        "Les Cévennes": "LES CEVENNES", "Millénaire": "MILLENAIRE",
        "Montpellier Centre": "MONTPELLIER CENTRE", "Croix d'Argent": "CROIX D ARGENT",
        "Près d'Arènes": "PRES D ARENES",
    }  # fmt: skip
    file = placed(
        tmp_path, "montpellier.toml",
        ('columns = { name = "Adresse" }', 'columns = { name = "Adresse", zone = "LIBQUART" }\n'
                                           'bad_rows = "drop"'),
    )  # fmt: skip
    districts = tmp_path / "districts-drawn.geojson"
    text = districts.read_text(encoding="utf-8")
    for name, label in names.items():
        text = text.replace(name, label)
    districts.write_text(text, encoding="utf-8")
    assert main(["check", str(file), "--json"]) == 0
    account = json.loads(capsys.readouterr().out)["inventories"][-1]
    assert (account["rows"], account["accepted"], account["rejected"]) == (141, 140, 1)
    assert account["by_zone"] == {
        "croix-d-argent": 10, "hopitaux-facultes": 4, "les-cevennes": 14, "millenaire": 14,
        "montpellier-centre": 68, "mosson": 26, "pres-d-arenes": 4,
    }  # fmt: skip
    (row,) = account["rejected_rows"]
    assert (row["key"], row["found"]) == ('zone (column "LIBQUART")', '"MONTPELLIER CENTREAIRE"')
    assert row["message"] == 'did you mean "MONTPELLIER CENTRE"?'


def test_montpelliers_lights_are_none_of_dijons(tmp_path: Path) -> None:
    districts = f'file = "{COMMUNES}"'
    file = placed(tmp_path, "montpellier.toml", ('file = "districts-drawn.geojson"', districts))
    with pytest.raises(CityErrors) as raised:
        survey_city(file)
    assert len(raised.value.errors) == 100
    assert raised.value.more == 29_969 + 141 - 100
    assert "m from the nearest zone, " in raised.value.errors[0].message
    dropped = file.read_text().replace("[[inventory]]", '[[inventory]]\noutside = "drop"')
    file.write_text(dropped)
    found = survey_city(file)
    assert found.city.devices == ()
    assert [account.rejected for account in found.accounts[-2:]] == [29_969, 141]


def test_traffic_counts_in_windows_1252_with_holes_are_read_as_published(tmp_path: Path) -> None:
    counts = DATA / "montpellier-traffic-counts-1997-2013.csv"
    city = f"""
[city]
id = "counts"
[zones.montpellier]
[links.field]
driver = "simulated"
zone = "montpellier"
[templates.counter]
kind = "generic"
driver = "simulated"
points.flow.unit = "1/d"
[[inventory]]
file = "{counts}"
makes = "devices"
template = "counter"
encoding = "windows-1252"
id_prefix = "count-"
columns = {{ id = "OBJECTID,N,10,0", name = "NOM,C,254" }}
defaults = {{ link = "field" }}
"""
    (tmp_path / "city.toml").write_text(city, encoding="utf-8")
    found = survey_city(tmp_path / "city.toml")
    assert found.accounts[0].accepted == 3_314
    assert found.city.devices[0].name == "Voie non dénommée"
    (tmp_path / "city.toml").write_text(city.replace('encoding = "windows-1252"\n', ""))
    with pytest.raises(CityErrors, match='it may be windows-1252, where this byte is "é"'):
        survey_city(tmp_path / "city.toml")
