"""How long does a million rows of published GeoJSON take to become devices in their zones?

The file (about 230 MB) is drawn from a seed: points with an id, a type and a number, one in a
thousand outside of all zones. The zones are 24 outlines, one of them an enclave. The whole city
is loaded in a process of its own: read, checked, each point put into its zone by outline, ids and
addresses compared, devices built. Beside it stands what GDAL alone takes to read the same file
into the same columns (``import_1m_read_s``): the limit of any importer built on it.

``--json`` prints the figures as one object on the last line.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = 1_000_000
WEST, SOUTH, EAST, NORTH = 4.90, 47.22, 5.20, 47.40
ZONES = 24
CITY = """\
[city]
id = "million"

[[inventory]]
file = "zones.geojson"
makes = "zones"
columns = { name = "name" }

[link_templates.field]
driver = "simulated"

[[inventory]]
file = "zones.geojson"
makes = "links"
template = "field"
id_from = ["name"]
id_prefix = "field-"
columns = { zone = "name" }

[templates.lamp]
kind = "generic"
driver = "simulated"
points.level.unit = "%"

[[inventory]]
file = "lamps.geojson"
makes = "devices"
template = "lamp"
columns = { id = "lamp", name = "type", index = "number" }
defaults = { link = "field-{zone}" }
outside = "drop"
"""


def draw_zones(path: Path, rng: random.Random) -> None:
    """Write 24 outlines: cells around random centres, and a round enclave in one of them."""
    import shapely

    centres = [(rng.uniform(WEST, EAST), rng.uniform(SOUTH, NORTH)) for _ in range(ZONES - 1)]
    frame = shapely.box(WEST, SOUTH, EAST, NORTH)
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.MultiPoint(centres), extend_to=frame)
    )
    shapes = [shapely.segmentize(cell.intersection(frame), 0.0005) for cell in cells]
    enclave = max(shapes, key=lambda shape: shape.area).representative_point().buffer(0.004)
    shapes = [shape.difference(enclave) for shape in shapes] + [enclave]
    rows = [
        {
            "type": "Feature",
            "properties": {"name": f"Zone {number}"},
            "geometry": json.loads(shapely.to_geojson(shape)),
        }
        for number, shape in enumerate(shapes, 1)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": rows}))


def draw_lamps(path: Path, rng: random.Random, rows: int) -> None:
    """Write the points, with more columns than the city asks for."""
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type":"FeatureCollection","features":[\n')
        for number in range(rows):
            lon = rng.uniform(WEST, EAST) + (1.0 if number % 1_000 == 999 else 0.0)
            file.write(
                f'{"," if number else ""}{{"type":"Feature","properties":{{"lamp":"l-{number:07d}",'
                f'"cabinet":"c-{number // 50:05d}","number":{number % 50},"type":"LED '
                f'{number % 7 * 10} W","street":"rue de la Liberté {number % 300}",'
                f'"since":"2019-05-{number % 28 + 1:02d}"}},"geometry":{{"type":"Point",'
                f'"coordinates":[{lon:.6f},{rng.uniform(SOUTH, NORTH):.6f}]}}}}\n'
            )
        file.write("]}\n")


def load(folder: Path) -> dict[str, Any]:
    """Load the city in this process, and say what that took."""
    from jacquemart.runtime.city import survey_city

    started = time.perf_counter()
    survey = survey_city(folder / "city.toml")
    took = time.perf_counter() - started
    account = survey.accounts[-1]
    zones = {device.zone for device in survey.city.devices}
    return {
        "import_1m_s": round(took, 1),
        "import_1m_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "rows": account.rows,
        "devices": len(survey.city.devices),
        "left_out": account.rejected,
        "zones": len(zones),
    }


def read(folder: Path) -> dict[str, Any]:
    """Read the same columns by GDAL alone."""
    import pyogrio

    started = time.perf_counter()
    columns = ["lamp", "type", "number"]
    with pyogrio.raw.open_arrow(folder / "lamps.geojson", columns=columns, use_pyarrow=True) as (
        _,
        reader,
    ):
        rows = sum(batch.num_rows for batch in reader)
    return {"import_1m_read_s": round(time.perf_counter() - started, 1), "read_rows": rows}


def measure(rows: int = ROWS) -> dict[str, Any]:
    """Draw a city of so many rows, load it and read it, each in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="jacquemart-bench-") as name:
        folder = Path(name)
        rng = random.Random(2017)
        (folder / "city.toml").write_text(CITY)
        draw_zones(folder / "zones.geojson", rng)
        draw_lamps(folder / "lamps.geojson", rng, rows)
        size = (folder / "lamps.geojson").stat().st_size
        found: dict[str, Any] = {"file_mb": round(size / 1e6)}
        for part in ("read", "load"):
            command = [sys.executable, str(Path(__file__).resolve()), "--part", part, name]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found |= json.loads(done.stdout.splitlines()[-1])
        return found


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one object on the last line")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows; default {ROWS:,}")
    parser.add_argument("--part", choices=("read", "load"), help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps({"read": read, "load": load}[args.part](args.folder)))
        return 0
    found = measure(args.rows)
    for name, figure in found.items():
        print(f"{name:<20} {figure:>12,}")
    if args.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
