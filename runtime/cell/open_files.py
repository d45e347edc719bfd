"""How many files a cell may have open: it has one for each connection to the field."""

from __future__ import annotations

import logging
import resource
from collections.abc import Iterable, Mapping
from typing import Any

from jacquemart.runtime.model.city import LinkSpec
from jacquemart.runtime.model.errors import StartError

log = logging.getLogger("jacquemart.cell")

#: Files of a cell besides its links: libraries, logs, sockets to other cells, Ray's own.
BESIDES = 256


def raise_file_limit() -> None:
    """Raise RLIMIT_NOFILE to what the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard and soft != resource.RLIM_INFINITY:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (ValueError, OSError) as error:
            log.warning("cannot raise the limit of open files above %d: %s", soft, error)


def need_files(cell: str, links: Iterable[LinkSpec], drivers: Mapping[str, Any]) -> None:
    """See that the links of a cell fit its limit of open files.

    Raises:
        StartError: they do not; the operator's fault, who may raise the limit or have more cells.
    """
    sockets = sum(int(getattr(drivers[link.driver], "files", 1)) for link in links)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and sockets + BESIDES > limit:
        raise StartError(
            f"its links need {sockets} connections, and it may have {limit} open files",
            where=f"cell {cell}",
            advice=f"raise the hard limit (ulimit -Hn {sockets + BESIDES}) or start more cells",
        )
