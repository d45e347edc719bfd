"""Read a Parquet file in batches of Arrow; as GeoParquet if it says what its geometries are."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from jacquemart.runtime.city.features import BATCH, Features
from jacquemart.runtime.city.problems import Place, Report, Words, shown
from jacquemart.runtime.model.extras import geo_library


def read_parquet(features: Features, named: Place, report: Report, wanted: Collection[str]) -> bool:
    """Read a Parquet file; return False, with the problem reported, if that cannot be done."""
    pyarrow = geo_library("pyarrow", "Parquet files")
    parquet = geo_library("pyarrow.parquet", "Parquet files")
    try:
        with parquet.ParquetFile(features.file) as file:
            features.header = list(file.schema_arrow.names)
            twice = [name for name in wanted if features.header.count(name) > 1]
            for name in twice:
                message = "this one is there more than once"
                report.add(Place(features.file), name, "each column name once", message)
            if twice:
                return False
            shape = _geometry(features, file.schema_arrow.metadata or {}, report)
            if shape is None:
                return False
            taken = [name for name in features.header if name in wanted]
            asked = [*taken, shape] if shape and shape not in taken else taken
            if not asked:
                features.add({}, None, file.metadata.num_rows)
                return True
            for batch in file.iter_batches(batch_size=BATCH, columns=asked):
                columns = {name: batch.column(name) for name in taken}
                wkb = batch.column(shape) if shape else None
                features.add(columns, wkb, batch.num_rows)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, KeyError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        place = Place(features.file, key=named.key)
        allowed = "a Parquet file"
        report.add(place, Words("a file that cannot be read"), allowed, cause)
        return False
    return True


def _geometry(features: Features, metadata: dict[bytes, bytes], report: Report) -> str | None:
    """Return the column with the geometries ("": there is none), and note their system.

    None, with the problem reported, if it has them in a way that is not understood.
    """
    if b"geo" not in metadata:
        return ""
    place = Place(features.file)
    try:
        geo: Any = json.loads(metadata[b"geo"])
        name = str(geo["primary_column"])
        about = geo["columns"][name]
        encoding = str(about["encoding"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        found = Words(f"metadata that is no GeoParquet ({type(error).__name__}: {error})")
        report.add(place, found, "GeoParquet 1.0 or 1.1")
        return None
    if encoding != "WKB" or name not in features.header:
        report.add(place, Words(f"geometries as {shown(encoding)} in {shown(name)}"), "WKB")
        return None
    features.crs_from = "found"
    if "crs" not in about:
        features.crs, features.crs_from = "OGC:CRS84", "assumed"
    elif about["crs"] is not None:
        features.crs = json.dumps(about["crs"])
    return name
