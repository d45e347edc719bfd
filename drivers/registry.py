"""Find drivers: by the name that a package offers, or as ``module:Class``.

The city file's own registry does the finding; here its answer is held to being a
:class:`Driver`, and what is missing is said in full.
"""

from __future__ import annotations

import difflib
import inspect

from jacquemart.drivers.contract import Driver
from jacquemart.runtime.city.registry import DRIVERS, DriverInfo, Registry, find_drivers
from jacquemart.runtime.model.errors import ConfigError

_ENTRY_POINT = f'name = "module:Class" under [project.entry-points."{DRIVERS}"]'


def driver_names(offered: Registry[DriverInfo] | None = None) -> list[str]:
    """Return the names of all drivers that installed packages offer, sorted."""
    return list(offered if offered is not None else find_drivers())


def load_driver(
    name: str, *, where: str = "", offered: Registry[DriverInfo] | None = None
) -> type[Driver]:
    """Return the driver class of a name.

    Args:
        name: what a package offers it as (``simulated``), or ``module:Class``.
        where: the place that names it, for the error (``city.toml:12, links.quay.driver``).
        offered: the drivers to choose from; all that are installed if None.

    Raises:
        ConfigError: no such driver, it cannot be imported, or it is not one: the operator's
            fault, or that of the package; a retry cannot help.
    """
    offered = offered if offered is not None else find_drivers()
    try:
        found: object = offered.by_path(name) if ":" in name else offered[name]
    except KeyError:
        raise ConfigError(
            f"no driver is called {name!r}", where=where, advice=_advice(name, offered)
        ) from None
    except ConfigError as error:
        place = ", ".join(part for part in (where, error.where) if part)
        advice = error.advice or _import_advice(name)
        raise ConfigError(error.message, where=place, advice=advice) from error
    if not (inspect.isclass(found) and issubclass(found, Driver)):
        raise ConfigError(
            f"{name!r} is {_kind(found)}, not a driver",
            where=where,
            advice="a driver is a subclass of jacquemart.drivers.contract.Driver",
        )
    if missing := sorted(found.__abstractmethods__):
        raise ConfigError(
            f"driver {name!r} does not implement {', '.join(missing)}",
            where=where,
            advice=f"write {'it' if len(missing) == 1 else 'them'} in class {found.__name__}",
        )
    return found


def _advice(name: str, offered: Registry[DriverInfo]) -> str:
    names = list(offered)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    known = ", ".join(names) or "none"
    own = f"a class of your own is named module:Class, a package offers {_ENTRY_POINT}"
    return f"installed: {known}; {own}"


def _import_advice(name: str) -> str:
    module = name.partition(":")[0]
    return f"check the spelling, and that {module!r} is installed or on PYTHONPATH"


def _kind(found: object) -> str:
    if inspect.isclass(found):
        return f"the class {found.__module__}.{found.__qualname__}"
    return f"a {type(found).__name__}"
