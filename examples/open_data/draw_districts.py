"""Draw outlines for Montpellier's districts: cells around the mean place of each one's cameras.

    python examples/open_data/draw_districts.py

The districts' names and the places of the cameras are facts, published by the city; the outlines
are drawn, and are not the districts' real borders.
"""

from __future__ import annotations

import json
import statistics
from collections import defaultdict
from pathlib import Path

import pyproj
import shapely

HERE = Path(__file__).resolve().parent
CAMERAS = HERE.parents[2] / "shared" / "data" / "montpellier-cctv-lambert93.geojson"
NAMES = {
    "HOPITAUX-FACULTES": "Hôpitaux-Facultés",
    "MOSSON": "Mosson",
    "LES CEVENNES": "Les Cévennes",
    "MILLENAIRE": "Millénaire",
    "MONTPELLIER CENTRE": "Montpellier Centre",
    "CROIX D ARGENT": "Croix d'Argent",
    "PRES D ARENES": "Près d'Arènes",
}
#: Around all street lights, in Lambert-93.
FRAME = shapely.box(765_000, 6_274_800, 776_000, 6_284_500)


def main() -> None:
    """Draw, and write districts-drawn.geojson."""
    places = defaultdict(list)
    for feature in json.loads(CAMERAS.read_text(encoding="utf-8"))["features"]:
        # One camera of the published file is in "MONTPELLIER CENTREAIRE"; it counts nowhere.
        places[feature["properties"]["LIBQUART"]].append(feature["geometry"]["coordinates"])
    to_degrees = pyproj.Transformer.from_crs("EPSG:2154", "EPSG:4326", always_xy=True)
    centres = {
        name: shapely.Point(*(statistics.fmean(axis) for axis in zip(*places[label], strict=True)))
        for label, name in NAMES.items()
    }
    cells = shapely.voronoi_polygons(shapely.MultiPoint(list(centres.values())), extend_to=FRAME)
    features = []
    for name, centre in centres.items():
        cell = next(cell for cell in cells.geoms if cell.contains(centre)).intersection(FRAME)
        corners = [to_degrees.transform(x, y) for x, y in cell.exterior.coords]
        ring = [[round(lon, 5), round(lat, 5)] for lon, lat in corners]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"name": name}, "geometry": geometry})
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    text = f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'
    (HERE / "districts-drawn.geojson").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
