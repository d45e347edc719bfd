"""The native bundle; what it promises stands in the stub."""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from jacquemart.native.cursor cimport (
    BAD_FIELD, BAD_KIND, BLOB, SOUND, Cursor, refuse, take_bytes,
)
from jacquemart.native.envelope cimport PROTOCOL, close_envelope, open_envelope, start
from jacquemart.native.frames cimport malformed
from jacquemart.native.writer cimport put_blob_head, put_body

cdef enum:
    TOKEN = 64               # bytes of a token, at most
    HEAD = 5                 # bytes before the first token
    HEADS = 2 * 5            # bytes that stand before a token and a frame, at most

#: Messages in one bundle, at most.
MOST_IN_ONE = MOST


cdef bint is_bundle(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef Cursor cursor
    cdef uint64_t items
    start(&cursor, data, size)
    return open_envelope(&cursor, &items) == BUNDLED


cdef Py_ssize_t open_bundle(
    Cursor *cursor, const uint8_t *data, Py_ssize_t size, Piece *pieces
) noexcept nogil:
    cdef uint64_t items, n
    cdef Py_ssize_t length
    cdef Piece *piece
    start(cursor, data, size)
    if open_envelope(cursor, &items) != BUNDLED:
        cursor.position = 1
        return refuse(cursor, BAD_KIND, cursor.last, b"13, a bundle")
    if items % 2 or items > 2 + 2 * MOST:
        cursor.position = -1
        return refuse(cursor, BAD_FIELD, 0, b"an array of 2 items and 2 for each message, up to 64")
    for n in range((items - 2) // 2):
        piece = &pieces[n]
        piece.token = take_bytes(cursor, BLOB, 0, TOKEN, b"bin of at most 64 bytes", &length)
        piece.token_size = length
        piece.frame = take_bytes(cursor, BLOB, 0, size, b"bin, a frame", &length)
        piece.size = length
        if cursor.fault != SOUND:
            return -1
    if close_envelope(cursor) != 0:
        return -1
    return <Py_ssize_t> ((items - 2) // 2)


def bundled(bytes frame not None):
    """Return whether a frame is a bundle; see the stub."""
    return is_bundle(<const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame))


def unbundled(bytes frame not None):
    """Return the messages in a bundle; see the stub."""
    cdef Piece[MOST] pieces
    cdef Cursor cursor
    cdef Py_ssize_t n, count = open_bundle(
        &cursor, <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame), pieces
    )
    if count < 0:
        raise malformed(&cursor, BUNDLED)
    return [
        (
            PyBytes_FromStringAndSize(<const char *> pieces[n].token, pieces[n].token_size),
            PyBytes_FromStringAndSize(<const char *> pieces[n].frame, pieces[n].size),
        )
        for n in range(count)
    ]


@cython.final
@cython.auto_pickle(False)
cdef class Packer:
    """Makes bundles."""

    def __dealloc__(self):
        PyMem_Free(self.room)

    def put(self, bytes token not None, bytes frame not None):
        """Put a message in the bundle; see the stub."""
        self.add(
            <const uint8_t *> PyBytes_AS_STRING(token), PyBytes_GET_SIZE(token),
            <const uint8_t *> PyBytes_AS_STRING(frame), PyBytes_GET_SIZE(frame),
        )

    def take(self):
        """Return the bundle; see the stub."""
        return self.taken()

    cdef int add(
        self, const uint8_t *token, Py_ssize_t token_size, const uint8_t *frame, Py_ssize_t size
    ) except -1:
        cdef Py_ssize_t needed, larger
        cdef uint8_t *out
        if self.count == MOST:
            raise ValueError(f"a bundle has at most {MOST} messages")
        if token_size > TOKEN:
            raise ValueError(f"token has {token_size} bytes, allowed: at most {TOKEN}")
        if self.count == 0:
            self.size = HEAD
        needed = self.size + HEADS + token_size + size
        if needed > self.capacity:
            larger = max(2 * self.capacity, needed)
            out = <uint8_t *> PyMem_Realloc(self.room, <size_t> larger)
            if out == NULL:
                raise MemoryError()
            self.room, self.capacity = out, larger
        out = put_body(
            put_blob_head(self.room + self.size, <uint64_t> token_size),
            <const char *> token, token_size,
        )
        out = put_body(put_blob_head(out, <uint64_t> size), <const char *> frame, size)
        self.size = out - self.room
        self.count += 1
        return 0

    cdef void clear(self) noexcept:
        self.count = self.size = 0

    cdef bytes taken(self):
        cdef uint8_t[HEAD] head
        cdef Py_ssize_t items = 2 + 2 * self.count
        cdef bytes made
        head[0] = 0xDC
        head[1], head[2] = <uint8_t> (items >> 8), <uint8_t> (items & 0xFF)
        head[3], head[4] = PROTOCOL, BUNDLED
        if self.count == 0:
            return PyBytes_FromStringAndSize(<const char *> head, HEAD)
        memcpy(self.room, head, HEAD)
        made = PyBytes_FromStringAndSize(<const char *> self.room, self.size)
        self.count = self.size = 0
        return made
