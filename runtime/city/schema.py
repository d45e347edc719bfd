"""The keys of the city file, as tables. docs/guides/city-file.md tells the same to people."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Mapping
from typing import Any

from jacquemart.runtime.city.checks import (
    BOOLEAN,
    CHARACTER,
    IDENTIFIER,
    INTERVAL,
    OPTIONAL_IDENTIFIER,
    SCALAR,
    TABLE,
    TABLES,
    TEXTS,
    Check,
    Key,
    known,
    number,
    one_of,
    text,
    whole,
)
from jacquemart.runtime.city.files import ENCODINGS
from jacquemart.runtime.city.registry import Offer
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.ids import valid_id, valid_word

#: A day: longer periods are schedules, and no polls.
DAY_MS = 86_400_000


def _accept_host(value: Any) -> str:
    if value == "localhost":
        return "127.0.0.1"
    try:
        loopback = isinstance(value, str) and ipaddress.IPv4Address(value).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError
    return str(value)


_LOOPBACK = Check(
    "a loopback address (127.0.0.1 or localhost): the city is not secured, so no other "
    "machine may reach its API",
    _accept_host,
)


def _accept_words(value: Any) -> tuple[str, ...]:
    sound = isinstance(value, list) and 1 <= len(value) <= 255 and all(map(valid_word, value))
    if not sound or len(set(value)) < len(value):
        raise ValueError
    return tuple(value)


def _accept_guards(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) and valid_id(item) for item in value):
        return tuple(value)
    raise ValueError


_WORDS = Check(
    "1 to 255 different words of a-z 0-9 _, with a letter first: what 0, 1, 2 … mean", _accept_words
)
_GUARDS = Check("names of points", _accept_guards)

#: What a file that the city file includes may have.
INCLUDED = (
    Key("zones", TABLE, {}),
    Key("links", TABLE, {}),
    Key("link_templates", TABLE, {}),
    Key("templates", TABLE, {}),
    Key("inventory", TABLES, []),
    Key("device", TABLES, []),
    Key("signals", TABLE, {}),  # read by kinds, as those that follow; see kind_tables
    Key("priority", TABLE, {}),
    Key("approaches", TABLE, {}),
)
DOCUMENT = (
    Key("include", TEXTS, []),
    Key("city", TABLE),
    Key("gateway", TABLE, {}),
    Key("cells", TABLE, {}),
    *INCLUDED,
)
CITY = (
    Key("id", IDENTIFIER),
    Key("name", text(), ""),
    Key("tick_ms", whole(1, 1_000), 20),
)
GATEWAY = (
    Key("host", _LOOPBACK, "127.0.0.1"),
    Key("port", whole(0, 65_535), 4747),
    Key("stream_port", whole(0, 65_535), 4748),
)
CELLS = (Key("count", whole(0, 1_024), 0),)
ZONE = (Key("name", text(), ""),)
POINT = (
    Key("unit", text(16), ""),
    Key("range", INTERVAL, None),
    Key("writable", BOOLEAN, False),
    Key("feedback", OPTIONAL_IDENTIFIER, ""),
    Key("tolerance", number(0), 0.0),
    Key("settle_ms", whole(0, DAY_MS), 1_000),
    Key("poll_ms", whole(0, DAY_MS), 1_000),
    Key("stale_after_ms", whole(0, DAY_MS), 0),
    Key("keep", one_of("last", "every"), "last"),
    Key("urgent", BOOLEAN, False),
    Key("words", _WORDS, ()),
    Key("pulse", BOOLEAN, False),
    Key("guards", _GUARDS, ()),
    Key("volatile", BOOLEAN, False),
    Key("min_on_s", number(0, DAY_MS / 1e3), 0.0),
    Key("min_off_s", number(0, DAY_MS / 1e3), 0.0),
    Key("default", number(-1e300, 1e300), None),
    Key("address", TABLE, {}),
)


def _accept_id_source(value: Any) -> str | list[str]:
    if value == "position":
        return "position"
    if isinstance(value, list) and value:
        return [str(TEXTS.accept([name])[0]) for name in value]
    raise ValueError


def _accept_prefix(value: Any) -> str:
    if isinstance(value, str) and len(value) <= 32 and (not value or valid_id(value + "0")):
        return value
    raise ValueError


_PREFIX = Check("0 to 32 of A-Z a-z 0-9 _ . : -, with a letter or digit first", _accept_prefix)
#: How ids are made where there is no column of them.
_ID_SOURCE = Check('"position" or a list of columns', _accept_id_source)
INVENTORY = (
    Key("file", text(4_096, 1)),
    Key("makes", one_of("links", "devices", "zones")),
    Key("template", text(), ""),
    Key("format", one_of("csv", "geojson", "shapefile", "parquet"), None),
    Key("layer", text(), ""),
    Key("encoding", one_of(*ENCODINGS), None),
    Key("delimiter", CHARACTER, ","),
    Key("crs", text(10_000, 1), None),
    Key("columns", TABLE, {}),
    Key("defaults", TABLE, {}),
    Key("id_from", _ID_SOURCE, None),
    Key("id_prefix", _PREFIX, ""),
    Key("shapes", one_of("refuse", "point_inside"), "refuse"),
    Key("outside", one_of("refuse", "nearest", "drop"), "refuse"),
    Key("outside_within_m", number(0), 1_000.0),
    Key("bad_rows", one_of("refuse", "drop"), "refuse"),
    Key("repair", BOOLEAN, False),
)
PARAMETER = (
    Key("type", one_of("whole", "text"), "whole"),
    Key("range", INTERVAL, None),
    Key("default", SCALAR, None),
)


def provided(what: str, offer: Offer[Any]) -> Check:
    """Allow the names of an offer, and ``module:Class``."""
    names = sorted(offer.names)

    def accept(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError
        try:
            offer.resolve(value)
        except KeyError:
            raise ValueError from None
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value

    some = ", ".join(names) or "none is installed"
    return Check(f"a {what} ({some}) or module:Class", accept, among=names)


def template_keys(kinds: Offer[Any], drivers: Offer[Any]) -> tuple[Key, ...]:
    """Return the keys of ``[templates.<name>]``."""
    return (
        Key("kind", provided("kind", kinds)),
        Key("driver", provided("driver", drivers)),
        Key("options", TABLE, {}),
        Key("parameters", TABLE, {}),
        Key("points", TABLE),
        Key("on_zone_lost", one_of("keep", "fail_safe"), "keep"),
        Key("fail_safe_after_s", number(1, 86_400), 60.0),
    )


def place_keys(zones: Mapping[str, str]) -> tuple[Key, ...]:
    """Return what one link has of its own, in an inventory too."""
    return (
        Key("zone", known("a zone", zones), None, instead=""),
        Key("isolation", one_of("shared", "process"), "shared"),
        Key("node", text(64), ""),
    )


def link_keys(zones: Mapping[str, str], drivers: Offer[Any]) -> tuple[Key, ...]:
    """Return the keys of ``[links.<id>]`` and ``[link_templates.<name>]``; others are options."""
    return (Key("driver", provided("driver", drivers)), *place_keys(zones))


def device_keys(
    zones: Mapping[str, str],
    templates: Iterable[str],
    links: Iterable[str],
    *,
    all_links: bool = True,
) -> tuple[Key, ...]:
    """Return the keys of ``[[device]]``, which are the columns of an inventory too."""
    return (
        Key("id", IDENTIFIER),
        Key("template", known("a template", {name: name for name in templates})),
        Key("zone", known("a zone", zones), None, instead=""),
        Key("link", known("a link", {name: name for name in links}, complete=all_links)),
        Key("name", text(), ""),
        Key("index", whole(0, 1_000_000), 0, instead=-1),
        Key("unit_id", whole(0, 65_535), 1, instead=-1),
        Key("fed_by", OPTIONAL_IDENTIFIER, ""),
        Key("lat", number(-90, 90), None, instead=math.nan),
        Key("lon", number(-180, 180), None, instead=math.nan),
        Key("parameters", TABLE, {}),
    )
