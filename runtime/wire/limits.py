"""How big a frame may be."""

from __future__ import annotations

#: Largest frame between cells (a bulk outcome of a hundred thousand devices fits).
CELL_FRAME_LIMIT = 64 * 2**20
#: Largest frame that a client may send to a gateway.
CLIENT_FRAME_LIMIT = 64 * 2**10
