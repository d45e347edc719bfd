"""Libraries that only some cities need: imported when asked for, with advice where they lack."""

from __future__ import annotations

import importlib
from typing import Any

from jacquemart.runtime.model.errors import ConfigError


def geo_library(name: str, purpose: str) -> Any:
    """Return a library of the extra ``geo``, imported now.

    Args:
        name: the module, e.g. ``shapely``.
        purpose: what it is needed for, as the end of "shapely is needed for …".

    Raises:
        ConfigError: it is not installed, or broken; the installation's fault; a retry cannot help.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        cause = "" if isinstance(error, ModuleNotFoundError) else f" ({error})"
        raise ConfigError(
            f"{name} is needed for {purpose}, and cannot be imported{cause}",
            advice="pip install 'jacquemart[geo]'",
        ) from error
