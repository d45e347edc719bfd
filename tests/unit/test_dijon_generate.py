"""The inventories of the example city: counts, places, and the same files from the same seed."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

DIJON = Path(__file__).resolve().parents[2] / "examples" / "dijon"
sys.path.append(str(DIJON))

from generate import generate, parts_here  # noqa: E402
from parts import HOSTS_A_NETWORK, NETWORKS, PARTS, host_of, read_communes, share_out  # noqa: E402
from parts.lighting import MOST_LAMPS, ONE_READ  # noqa: E402

NAMES_2017 = {
    *("Ahuy", "Bressey-sur-Tille", "Bretenière", "Chenôve", "Chevigny-Saint-Sauveur"),
    *("Corcelles-les-Monts", "Crimolois", "Daix", "Dijon", "Fénay", "Flavignerot"),
    *("Fontaine-lès-Dijon", "Hauteville-lès-Dijon", "Longvic", "Magny-sur-Tille"),
    *("Marsannay-la-Côte", "Neuilly-lès-Dijon", "Ouges", "Perrigny-lès-Dijon"),
    *("Plombières-lès-Dijon", "Quetigny", "Saint-Apollinaire", "Sennecey-lès-Dijon", "Talant"),
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def whole_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dijon")
    generate(folder)
    return folder


def test_the_whole_city_has_630_cabinets_and_34000_lamps_with_ids_of_their_own(
    whole_city: Path,
) -> None:
    cabinets, lights = rows(whole_city / "cabinets.csv"), rows(whole_city / "lights.csv")
    assert len(cabinets) == len({row["id"] for row in cabinets}) == 630
    assert len(lights) == len({row["id"] for row in lights}) == 34_000
    assert (cabinets[0]["id"], cabinets[16]["id"]) == ("dij-c001", "dij-c017")
    assert "dij-c017-l03" in {row["id"] for row in lights}
    assert len({(row["host"], row["port"]) for row in cabinets}) == 630
    assert all(row["host"].startswith("127.24.") for row in cabinets)


def test_lamps_stand_behind_their_cabinet_in_its_zone_and_numbered_without_a_hole(
    whole_city: Path,
) -> None:
    cabinets = {row["id"]: row for row in rows(whole_city / "cabinets.csv")}
    behind: dict[str, list[int]] = {}
    for row in rows(whole_city / "lights.csv"):
        cabinet = cabinets[row["cabinet"]]
        assert (row["zone"], row["line"]) == (cabinet["zone"], cabinet["line"])
        behind.setdefault(row["cabinet"], []).append(int(row["number"]))
    for name, numbers in behind.items():
        assert numbers == list(range(int(cabinets[name]["lamps"])))
        assert 40 <= len(numbers) <= ONE_READ
    assert len(behind) == 630


def test_every_commune_is_a_zone_of_the_city_file_and_has_a_cabinet(whole_city: Path) -> None:
    communes = read_communes()
    assert {commune.name for commune in communes} == NAMES_2017
    assert len({commune.insee for commune in communes}) == 24
    assert all(commune.insee.startswith("21") for commune in communes)
    outlines = json.loads((whole_city / "communes.geojson").read_text(encoding="utf-8"))
    zones = [feature["properties"] for feature in outlines["features"]]
    assert {zone["zone"]: zone["name"] for zone in zones} == {
        commune.zone: commune.name for commune in communes
    }
    shares = Counter(row["zone"] for row in rows(whole_city / "cabinets.csv"))
    assert set(shares) == {zone["zone"] for zone in zones}
    people = {commune.zone: commune.people for commune in communes}
    assert shares["dijon"] / 630 == pytest.approx(people["dijon"] / sum(people.values()), abs=0.03)


def test_places_lie_around_the_centre_of_their_commune_and_say_that_they_are_generated(
    whole_city: Path,
) -> None:
    communes = {commune.zone: commune for commune in read_communes()}
    for name in ("cabinets.csv", "lights.csv"):
        for row in rows(whole_city / name):
            commune = communes[row["zone"]]
            north_m = (float(row["lat"]) - commune.lat) * 111_320
            east_m = (float(row["lon"]) - commune.lon) * 111_320 * math.cos(math.radians(47.3))
            assert math.hypot(north_m, east_m) < commune.radius_m + 600
            assert row["origin"] == "generated"


def test_the_columns_that_the_city_file_names_are_there(whole_city: Path) -> None:
    named: set[str] = set()
    for file in ("city.toml", "city-simulated.toml", "inventories.toml"):
        city = tomllib.loads((DIJON / file).read_text(encoding="utf-8"))
        for inventory in city["inventory"]:
            named.add(Path(inventory["file"]).name)
            if inventory["makes"] != "zones":
                first = rows(whole_city / Path(inventory["file"]).name)[0]
                assert set(inventory["columns"].values()) <= set(first)
    assert named == {path.name for path in whole_city.iterdir()}, "what is drawn is used"


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_city(tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        generate(tmp_path / name, seed=seed, scale=0.02)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"cabinets.csv", "lights.csv"} <= set(files)
    for file in files:
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b
        assert a != c or "origin" not in a.decode().partition("\n")[0]


def test_what_one_part_draws_moves_nothing_in_another(tmp_path: Path) -> None:
    generate(tmp_path / "all", scale=0.02)
    for part in parts_here():
        generate(tmp_path / part.name, scale=0.02, only=[part.name])
        for path in (tmp_path / part.name).iterdir():
            assert path.read_bytes() == (tmp_path / "all" / path.name).read_bytes()


@pytest.mark.parametrize("scale", [0.01, 1, 10])
def test_every_part_draws_the_counts_of_the_city_times_the_scale(
    scale: float, tmp_path: Path
) -> None:
    counts = generate(tmp_path, scale=scale)
    for part in parts_here():
        for kind, count in part.counts:
            assert counts[kind] == max(1, round(count * scale)), kind


def test_ids_are_unique_in_the_whole_city_and_devices_say_that_they_are_generated(
    whole_city: Path,
) -> None:
    ids: Counter[str] = Counter()
    for path in sorted(whole_city.glob("*.csv")):
        for row in rows(path):
            if "origin" in row:
                assert row["origin"] == "generated"
                ids[row["id"]] += 1
    assert {id for id, times in ids.items() if times > 1} == set()
    assert all(id.startswith("dij-") for id in ids)
    drawn = sum(count for part in parts_here() for _, count in part.counts)
    assert len(ids) == drawn


def test_addresses_of_servers_are_loopback_and_run_out_with_an_error() -> None:
    assert host_of("127.25", 0) == "127.25.0.1"
    assert host_of("127.25", HOSTS_A_NETWORK - 1) == "127.25.254.250"
    assert len(set(NETWORKS.values())) == len(NETWORKS)
    assert set(NETWORKS) <= {part.name for part in PARTS}
    with pytest.raises(ValueError, match="has addresses for 0 to 63749"):
        host_of("127.25", HOSTS_A_NETWORK)


def test_a_small_city_is_made_from_the_command_line(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "folder"
    command = [sys.executable, str(DIJON / "generate.py"), "--lamps", "540", "--cabinets", "10"]
    command += ["--scale", "0.01"]
    done = subprocess.run(
        [*command, "--port", "15999", "--out", str(out)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("       10  lighting_cabinet\n      540  street_light\n")
    assert done.stdout.endswith(f" devices in {out}\n")
    assert len(rows(out / "lights.csv")) == 540
    assert {row["port"] for row in rows(out / "cabinets.csv")} == {"15999"}
    assert not list(out.glob("*.part"))


@pytest.mark.parametrize(
    ("lamps", "cabinets"), [(9, 10), (MOST_LAMPS + 1, 1), (0, 0), (10, -1), (70_000, 60_001)]
)
def test_numbers_that_do_not_fit_are_refused_and_nothing_is_written(
    lamps: int, cabinets: int, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="allowed"):
        generate(tmp_path / "out", lamps=lamps, cabinets=cabinets)
    assert not (tmp_path / "out").exists()


def test_shares_add_up_and_follow_the_weights() -> None:
    assert share_out(10, [1, 1, 8], 0) == [1, 1, 8]
    assert share_out(10, [1, 1, 1000], 1) == [1, 1, 8]
    assert share_out(3, [5, 5], 0) == [2, 1]
    assert sum(share_out(631, [commune.people for commune in read_communes()], 1)) == 631
