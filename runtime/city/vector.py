"""Read a GeoJSON or a shapefile, zipped or not, by GDAL in batches of Arrow."""

from __future__ import annotations

import codecs
import os
import re
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from jacquemart.runtime.city import codepage
from jacquemart.runtime.city.features import BATCH, Features
from jacquemart.runtime.city.files import report_encoding
from jacquemart.runtime.city.problems import Place, Report, Words, shown
from jacquemart.runtime.model.extras import geo_library

#: Bytes of a text that are looked at together.
_PIECE = 1 << 20
#: Bytes that the parts of a zip may have together.
_UNZIPPED = 8 << 30
#: What reading a broken zip raises, one way or another.
_BAD_ZIP = (ValueError, OSError, EOFError, RuntimeError, KeyError, struct.error, zlib.error,
            zipfile.BadZipFile)  # fmt: skip
_CRS_MEMBER = re.compile(rb'"crs"\s*:\s*(null|\{[^{}]*\{[^{}]*"name"\s*:\s*"([^"]*)")')
_ADVICE = "set encoding in this [[inventory]]"


def read_geojson(
    features: Features, named: Place, report: Report, wanted: Collection[str], encoding: str | None
) -> bool:
    """Read a GeoJSON; return False, with the problem reported, if that cannot be done."""
    features.encoding = encoding or "utf-8"
    features.encoding_from = "given" if encoding else "assumed"
    with tempfile.TemporaryDirectory(prefix="jacquemart-") as folder:
        copy = Path(folder, "utf-8.geojson") if _recoded(encoding) else None
        crs = _check_text(features.file, features.encoding, report, copy)
        if crs is None:
            return False
        source = str(copy or features.file)
        if not _read(features, source, "utf-8", named, report, wanted):
            return False
    # What GDAL does not know of a crs it takes for WGS 84, and says nothing: so the name counts.
    features.crs_from = "found" if crs or features.crs != "EPSG:4326" else "assumed"
    features.crs = crs or features.crs
    return True


def _recoded(encoding: str | None) -> bool:
    return encoding is not None and codecs.lookup(encoding).name != "utf-8"


def _check_text(file: str, encoding: str, report: Report, copy: Path | None) -> str | None:
    """Return the name in a crs member ("" if there is none); None if bytes are no text.

    A copy in UTF-8 is made if one is asked for. The crs is looked for at both ends only: a
    property of the same name in the middle means nothing.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = column = 0
    piece = head = tail = b""
    sink = copy.open("wb") if copy else None
    try:
        with open(file, "rb") as stream:
            while True:
                piece = stream.read(_PIECE)
                text = decoder.decode(piece, final=not piece)
                if sink:
                    sink.write(text.encode())
                if not piece:
                    break
                head = head or piece
                tail = tail[-_PIECE:] + piece
                lines += piece.count(b"\n")
                at = piece.rfind(b"\n")
                column = len(piece) - at - 1 if at >= 0 else column + len(piece)
    except UnicodeDecodeError as error:
        column -= len(error.object) - len(piece)  # what was left over of the piece before
        report_encoding(file, error.object, error, report, encoding, _ADVICE, lines, column)
        return None
    finally:
        if sink:
            sink.close()
    if encoding.startswith("utf-16"):
        head, tail = (part.decode("utf-16", "replace").encode() for part in (head, tail))
    start = head.partition(b'"features"')[0]
    end = re.split(rb"\}\s*\]", tail)[-1]
    found = _CRS_MEMBER.search(start) or _CRS_MEMBER.search(end)
    return found[2].decode("utf-8", "replace") if found and found[2] else ""


def read_shapefile(
    features: Features,
    named: Place,
    report: Report,
    wanted: Collection[str],
    encoding: str | None,
    layer: str,
) -> bool:
    """Read a shapefile; return False, with the problem reported, if that cannot be done."""
    zipped = zipfile.is_zipfile(features.file)
    try:
        source, parts = _in_zip(features.file, layer) if zipped else _beside(features.file)
    except _BAD_ZIP as error:
        report.add(
            named, Words(f'"{features.file}"'), "a shapefile with .shp, .shx and .dbf", str(error)
        )
        return False
    known = encoding
    features.encoding_from = "given"
    if known is None:
        features.encoding_from = "found"
        if parts["cpg"]:
            name = parts["cpg"].decode("latin-1")
            known = codepage.by_name(name)
            if known is None:
                found = Words(f"{shown(name)} in the .cpg of {shown(features.file)}")
                report.add(named, found, "the name of an encoding", _ADVICE)
                return False
        else:
            known = codepage.by_mark(parts["dbf"])
    if known is None:
        features.encoding_from = "assumed"
    features.encoding = known or "utf-8"
    return _read(features, source, features.encoding, named, report, wanted)


def _beside(file: str) -> tuple[str, dict[str, bytes]]:
    """Return the shapefile, and the first bytes of what tells its encoding."""
    path = Path(file)
    parts = {}
    for kind in ("dbf", "cpg"):
        found = [p for p in (path.with_suffix(f".{kind}"), path.with_suffix(f".{kind.upper()}"))
                 if p.is_file()]  # fmt: skip
        parts[kind] = b""
        if found:
            with found[0].open("rb") as stream:
                parts[kind] = stream.read(100)
    return file, parts


def _in_zip(file: str, layer: str) -> tuple[str, dict[str, bytes]]:
    """Return the one shapefile in a zip, or that of a name.

    Raises:
        ValueError: there is none, or several and no name.
    """
    with zipfile.ZipFile(file) as archive:
        if sum(info.file_size for info in archive.infolist()) > _UNZIPPED:
            raise ValueError(f"unzipped it has more than {_UNZIPPED:,} bytes")
        members = {name.casefold(): name for name in archive.namelist()}
        shapes = [name for name in archive.namelist() if name.casefold().endswith(".shp")]
        chosen = [name for name in shapes if not layer or Path(name).stem == layer]
        if len(chosen) != 1:
            names = ", ".join(shown(Path(name).stem) for name in shapes) or "none"
            raise ValueError(f"set layer to one of its shapefiles: {names}")
        parts = {}
        for kind in ("dbf", "cpg"):
            member = members.get(f"{chosen[0][:-4]}.{kind}".casefold())
            parts[kind] = b""
            if member:
                with archive.open(member) as stream:
                    parts[kind] = stream.read(100)
    return f"/vsizip/{{{os.path.abspath(file)}}}/{chosen[0]}", parts


def _read(
    features: Features,
    source: str,
    encoding: str,
    named: Place,
    report: Report,
    wanted: Collection[str],
) -> bool:
    pyogrio = geo_library("pyogrio", "GeoJSON and shapefiles")
    pyarrow = geo_library("pyarrow", "GeoJSON and shapefiles")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters is found below
            with pyogrio.raw.open_arrow(
                source, columns=list(wanted), batch_size=BATCH, encoding=encoding, use_pyarrow=True
            ) as (meta, reader):
                features.crs = meta["crs"] or ""
                features.header = [str(name) for name in meta["fields"]]
                shape = meta["geometry_name"] or "wkb_geometry"
                for batch in reader:
                    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                    wkb = columns.pop(shape, None)
                    columns = {name: columns[name] for name in features.header}
                    for name, array in columns.items():
                        if pyarrow.types.is_string(array.type):
                            _check_cells(features, name, array)
                    features.add(columns, wkb, batch.num_rows)
            if set(wanted) - set(features.header):
                info = pyogrio.read_info(source, encoding=encoding)
                features.header = [str(name) for name in info["fields"]]
    except _NoText as error:
        guess = "" if features.encoding_from == "given" else "it may be windows-1252: "
        report.add(error.place, error.found, f"text in {encoding}", f"{guess}{_ADVICE}")
        return False
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, UnicodeDecodeError,
            RuntimeError, pyarrow.ArrowException) as error:  # fmt: skip
        cause = str(error).replace(source, features.file).partition("; It might help")[0]
        place = Place(features.file, key=named.key)
        allowed = "a GeoJSON or shapefile"
        report.add(place, Words("a file that cannot be read"), allowed, cause)
        return False
    return True


class _NoText(Exception):
    def __init__(self, place: Place, found: Words) -> None:
        super().__init__(found)
        self.place = place
        self.found = found


def _check_cells(features: Features, name: str, array: Any) -> None:
    """Raise if a cell is no UTF-8, which is what GDAL makes of all it understands."""
    pyarrow = geo_library("pyarrow", "geographic files")
    try:
        array.validate(full=True)
    except pyarrow.ArrowInvalid:
        for at, cell in enumerate(array.view(pyarrow.binary()).to_pylist()):
            try:
                (cell or b"").decode()
            except UnicodeDecodeError as error:
                place = features.place(len(features) + at, "", "")._replace(key=f'column "{name}"')
                text = cell.decode("ascii", "backslashreplace")
                raise _NoText(place, Words(f"bytes {shown(text)}")) from error
