"""What it looks like when SUMO has ended, in words of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from jacquemart.runtime.model.errors import LinkError


@contextlib.contextmanager
def ended() -> Iterator[None]:
    """Say of a simulation that has ended that it has.

    Raises:
        LinkError: it has; start another one.
    """
    from traci.exceptions import FatalTraCIError

    try:
        yield
    except (FatalTraCIError, OSError) as error:
        raise LinkError(f"SUMO has ended: {error}", where="sumo") from error
