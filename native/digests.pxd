"""Contract of the digests of many commands: BLAKE2b (RFC 7693) of 16 bytes, without a key.

No thread of its own, and no state. Four messages of a block each are worked on side by side; a
longer one alone. Nothing is kept of them.
"""

from libc.stdint cimport uint8_t, uint64_t


cdef enum:
    DIGEST_BYTES = 16
    BLOCK_BYTES = 128


cdef struct Digest:
    uint64_t[8] state
    uint8_t[BLOCK_BYTES] block   # what was not mixed in yet
    Py_ssize_t held              # its bytes, 0 .. BLOCK_BYTES
    uint64_t mixed               # bytes that were mixed in


# Begin, take some bytes, and put the digest out; each of a digest that was begun.
cdef void begin(Digest *digest) noexcept nogil
cdef void take(Digest *digest, const uint8_t *data, Py_ssize_t size) noexcept nogil
cdef void end(Digest *digest, uint8_t *out) noexcept nogil
