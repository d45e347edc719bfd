"""Contract of bundles: messages of one connection that travel as one.

A BUNDLE is ``[1, 13, token, frame, token, frame, …]``: each token and frame is what would be a
message alone. Reading one copies nothing; what is found points into it.
"""

from libc.stdint cimport uint8_t

from jacquemart.native.cursor cimport Cursor


cdef enum:
    MOST = 64                # messages in one
    BUNDLED = 13             # the kind of the frame


cdef struct Piece:           # one message in a bundle
    const uint8_t *token
    const uint8_t *frame
    Py_ssize_t token_size    # bytes; 64 at most
    Py_ssize_t size


# Whether a frame that is well-formed is a bundle; false for what is no frame at all.
cdef bint is_bundle(const uint8_t *data, Py_ssize_t size) noexcept nogil

# Read a bundle whole, into room for MOST pieces: how many, or -1 with the cursor's fault. Of the
# frames in it nothing is checked.
cdef Py_ssize_t open_bundle(
    Cursor *cursor, const uint8_t *data, Py_ssize_t size, Piece *pieces
) noexcept nogil


cdef class Packer:
    # Makes one bundle after the other, in room of its own that is kept.
    cdef uint8_t *room
    cdef Py_ssize_t capacity, size       # bytes
    cdef readonly Py_ssize_t count       # messages in it

    # Put a message in it. Raises MemoryError, ValueError: it has MOST already, or a token is too
    # long; what is in it stays.
    cdef int add(
        self, const uint8_t *token, Py_ssize_t token_size, const uint8_t *frame, Py_ssize_t size
    ) except -1

    # Begin again, with nothing in it.
    cdef void clear(self) noexcept

    # The bundle, which is empty afterwards. Raises MemoryError.
    cdef bytes taken(self)
