"""The rows of a geographic file: columns of Arrow, and a geometry for each row.

Columns stay columns: texts are made once for each distinct value, and only of the columns that
the city asks for. Rows have numbers, from 1 in the order of the file, since a feature of a
GeoJSON or shapefile has no line that a person could look up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from jacquemart.runtime.city.problems import Place
from jacquemart.runtime.city.rows import Rows, cell_key
from jacquemart.runtime.model.extras import geo_library

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Rows that are read at once.
BATCH = 65_536

SOUND, MISSING, EMPTY, NO_POINT = 0, 1, 2, 3


class Features(Rows):
    """The rows of a GeoJSON, a shapefile or a Parquet file.

    Attributes:
        crs: what the file says of its coordinates: a name, WKT or PROJJSON; "" if nothing.
        crs_from: "found" in the file, or "assumed" because its format has only this one.
        located: whether the rows have geometries.
    """

    def __init__(self, file: str, *, keep_shapes: bool = False, inside: bool = False) -> None:
        """Start without rows.

        Args:
            file: the file.
            keep_shapes: keep whole geometries, and not only where they are.
            inside: lines and polygons stand for a point inside of them.
        """
        super().__init__(file)
        self.crs = ""
        self.crs_from = "found"
        self.located = False
        self.shapes: list[bytes | None] = []
        self._keep_shapes = keep_shapes
        self._inside = inside
        self._count = 0
        self._chunks: dict[str, list[Any]] = {}
        self._points: list[tuple[Any, Any, Any]] = []

    def __len__(self) -> int:
        return self._count

    def place(self, row: int, key: str, column: str) -> Place:
        """Return where a cell stands: a row, from 1."""
        return Place(self.file, 0, cell_key(key, column), row + 1)

    def add(self, columns: dict[str, Any], wkb: Any | None, count: int) -> None:
        """Add a batch: arrays of Arrow by column, and one of geometries."""
        self._count += count
        for name, array in columns.items():
            self._chunks.setdefault(name, []).append(array)
        if wkb is None:
            return
        self.located = True
        if self._keep_shapes:
            self.shapes += wkb.to_pylist()
        else:
            self._points.append(_points(wkb, inside=self._inside))

    def points(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return eastings, northings (NaN where there are none) and why there are none."""
        numpy = geo_library("numpy", "geographic files")
        if not self._points:
            nothing = numpy.full(len(self), numpy.nan)
            return nothing, nothing, numpy.full(len(self), MISSING, dtype=numpy.int8)
        x, y, faults = zip(*self._points, strict=True)
        return numpy.concatenate(x), numpy.concatenate(y), numpy.concatenate(faults)

    def cells(self, column: str) -> Sequence[str]:
        """Return a column as text, as CSV would have it; "" where there is nothing."""
        return self.map(column, str)

    def map(self, column: str, make: Callable[[str], Any]) -> list[Any]:
        """Return what ``make`` makes of each cell; equal cells share one result."""
        encoded = self._encoded(column)
        made = [make(_text(value)) for value in encoded.dictionary.to_pylist()]
        made.append(make(""))
        last = len(made) - 1
        return [made[last if at is None else at] for at in encoded.indices.to_pylist()]

    def _encoded(self, column: str) -> Any:
        pyarrow = geo_library("pyarrow", "geographic files")
        chunks = self._chunks[column]
        if not isinstance(chunks, list):
            return chunks
        whole = pyarrow.chunked_array(chunks).combine_chunks()
        if isinstance(whole, pyarrow.ChunkedArray):  # as several dictionaries make
            whole = whole.unify_dictionaries().combine_chunks()
        whole = _plain(whole)
        if not pyarrow.types.is_dictionary(whole.type):
            whole = whole.dictionary_encode()
        self._chunks[column] = whole
        return whole

    def release(self) -> None:
        """Give columns and geometries back."""
        self._chunks, self._points, self.shapes = {}, [], []


def _plain(array: Any) -> Any:
    """Return an array of single values; lists and tables become their JSON.

    GDAL gives a column of JSON where a property is a number here and a text there: 12 and 12B.
    """
    pyarrow = geo_library("pyarrow", "geographic files")
    extended = isinstance(array.type, pyarrow.BaseExtensionType)
    if extended and pyarrow.types.is_string(array.type.storage_type):
        return array.storage
    nested = pyarrow.types.is_nested(array.type) and not pyarrow.types.is_dictionary(array.type)
    if not (extended or nested):
        return array
    return pyarrow.array(map(_flat, array.to_pylist()), "string")


def _flat(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return None if value is None else str(value)


def _text(value: Any) -> str:
    """Return a value as a CSV file would have it: 17.0 of a table of numbers is 17."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:  # as some programs write what is missing
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _points(wkb: Any, *, inside: bool) -> tuple[Any, Any, Any]:
    numpy, shapely = geo_library("numpy", "geometries"), geo_library("shapely", "geometries")
    shapes = shapely.from_wkb(wkb.to_numpy(zero_copy_only=False), on_invalid="ignore")
    kinds = shapely.get_type_id(shapes)
    # A multipoint of one is a point.
    many = numpy.flatnonzero(kinds == 4)
    if len(many):
        single = many[shapely.get_num_geometries(shapes[many]) == 1]
        shapes[single] = shapely.get_geometry(shapes[single], 0)
        kinds[single] = shapely.get_type_id(shapes[single])
    faults = numpy.zeros(len(shapes), dtype=numpy.int8)
    other = kinds > 0
    if other.any() and inside:
        shapes[other] = shapely.point_on_surface(shapes[other])
    elif other.any():
        faults[other] = NO_POINT
        shapes[other] = None
    faults[shapely.is_empty(shapes)] = EMPTY
    faults[kinds < 0] = MISSING
    shapes[faults != SOUND] = None  # shapely raises at the x of an empty point
    return shapely.get_x(shapes), shapely.get_y(shapes), faults
