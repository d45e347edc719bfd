"""The native digests; what they promise stands in the stub."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.string cimport memcpy, memset

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL

cdef extern from *:
    """
    /* Four messages of one block each, side by side: BLAKE2b has no step in which one word waits
       for nobody, so one message alone leaves most of the processor idle. By GNU C's vectors, which
       every target has in some form; which one is chosen when the library is loaded. */
    typedef uint64_t jq_four __attribute__((vector_size(32)));
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define JQ_BY_PROCESSOR __attribute__((target_clones("avx2", "default")))
    #else
    #define JQ_BY_PROCESSOR
    #endif
    #define JQ_TURNED(word, by) (((word) >> (by)) | ((word) << (64 - (by))))
    #define JQ_MIX(a, b, c, d, x, y) \\
        a += b + x; d = JQ_TURNED(d ^ a, 32); c += d; b = JQ_TURNED(b ^ c, 24); \\
        a += b + y; d = JQ_TURNED(d ^ a, 16); c += d; b = JQ_TURNED(b ^ c, 63);

    JQ_BY_PROCESSOR
    static void jq_compress_four(
        const uint8_t *blocks, const uint64_t *sizes, const uint64_t *begun,
        const uint64_t *initial, const uint8_t *order, uint8_t *out
    ) {
        jq_four v[16], m[16], size;
        uint64_t word;
        int lane, at, turn;
        for (lane = 0; lane < 4; lane++) {
            for (at = 0; at < 16; at++) {
                memcpy(&word, blocks + 128 * lane + 8 * at, 8);
                m[at][lane] = word;
            }
            size[lane] = sizes[lane];
        }
        for (at = 0; at < 8; at++) {
            v[at] = (jq_four) {begun[at], begun[at], begun[at], begun[at]};
            v[8 + at] = (jq_four) {initial[at], initial[at], initial[at], initial[at]};
        }
        v[12] ^= size;
        v[14] = ~v[14];
        for (turn = 0; turn < 12; turn++) {
            const uint8_t *s = order + 16 * (turn < 10 ? turn : turn - 10);
            JQ_MIX(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]])
            JQ_MIX(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]])
            JQ_MIX(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]])
            JQ_MIX(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]])
            JQ_MIX(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]])
            JQ_MIX(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]])
            JQ_MIX(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]])
            JQ_MIX(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]])
        }
        for (lane = 0; lane < 4; lane++) {
            for (at = 0; at < 2; at++) {
                word = begun[at] ^ v[at][lane] ^ v[8 + at][lane];
                memcpy(out + 16 * lane + 8 * at, &word, 8);
            }
        }
    }
    """
    void jq_compress_four(
        const uint8_t *blocks, const uint64_t *sizes, const uint64_t *begun,
        const uint64_t *initial, const uint8_t *order, uint8_t *out
    ) noexcept nogil

cdef uint64_t[8] INITIAL = [
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
]
#: Which word of the block is mixed in where, in each round; the last two are the first two again.
cdef uint8_t[160] ORDER = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
    7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
    9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
    2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
    12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
    13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
    6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
    10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]

cdef enum:
    ROUNDS = 12
    ORDERS = 10


cdef inline uint64_t turned(uint64_t word, int by) noexcept nogil:
    return (word >> by) | (word << (64 - by))


cdef inline void mix(
    uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d, uint64_t x, uint64_t y
) noexcept nogil:
    a[0] = a[0] + b[0] + x
    d[0] = turned(d[0] ^ a[0], 32)
    c[0] = c[0] + d[0]
    b[0] = turned(b[0] ^ c[0], 24)
    a[0] = a[0] + b[0] + y
    d[0] = turned(d[0] ^ a[0], 16)
    c[0] = c[0] + d[0]
    b[0] = turned(b[0] ^ c[0], 63)


cdef void compress(Digest *digest, bint last) noexcept nogil:
    cdef uint64_t[16] v
    cdef uint64_t[16] m
    cdef const uint8_t *s
    cdef int turn, at
    memcpy(m, digest.block, BLOCK_BYTES)  # little-endian, as the build has seen to
    for at in range(8):
        v[at] = digest.state[at]
        v[8 + at] = INITIAL[at]
    v[12] ^= digest.mixed
    if last:
        v[14] = ~v[14]
    for turn in range(ROUNDS):
        s = ORDER + 16 * (turn if turn < ORDERS else turn - ORDERS)
        mix(&v[0], &v[4], &v[8], &v[12], m[s[0]], m[s[1]])
        mix(&v[1], &v[5], &v[9], &v[13], m[s[2]], m[s[3]])
        mix(&v[2], &v[6], &v[10], &v[14], m[s[4]], m[s[5]])
        mix(&v[3], &v[7], &v[11], &v[15], m[s[6]], m[s[7]])
        mix(&v[0], &v[5], &v[10], &v[15], m[s[8]], m[s[9]])
        mix(&v[1], &v[6], &v[11], &v[12], m[s[10]], m[s[11]])
        mix(&v[2], &v[7], &v[8], &v[13], m[s[12]], m[s[13]])
        mix(&v[3], &v[4], &v[9], &v[14], m[s[14]], m[s[15]])
    for at in range(8):
        digest.state[at] ^= v[at] ^ v[8 + at]


cdef void begin(Digest *digest) noexcept nogil:
    memcpy(digest.state, INITIAL, sizeof(INITIAL))
    digest.state[0] ^= 0x01010000 ^ DIGEST_BYTES
    digest.held = 0
    digest.mixed = 0


cdef void take(Digest *digest, const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t part
    while size > 0:
        if digest.held == BLOCK_BYTES:  # and there is more: so it is not the last
            digest.mixed += BLOCK_BYTES
            compress(digest, False)
            digest.held = 0
        part = min(size, BLOCK_BYTES - digest.held)
        memcpy(digest.block + digest.held, data, <size_t> part)
        digest.held += part
        data += part
        size -= part


cdef void end(Digest *digest, uint8_t *out) noexcept nogil:
    memset(digest.block + digest.held, 0, <size_t> (BLOCK_BYTES - digest.held))
    digest.mixed += <uint64_t> digest.held
    compress(digest, True)
    memcpy(out, digest.state, DIGEST_BYTES)


cdef enum:
    LANES = 4


cdef struct Lanes:
    uint8_t[LANES * BLOCK_BYTES] blocks
    uint64_t[LANES] sizes
    Py_ssize_t[LANES] places     # in the result
    int used


# Put the digests of what is in the lanes where they belong, and have the lanes empty.
cdef void end_lanes(Lanes *lanes, const Digest *begun, uint8_t *out) noexcept nogil:
    cdef uint8_t[LANES * DIGEST_BYTES] found
    cdef int lane
    jq_compress_four(lanes.blocks, lanes.sizes, begun.state, INITIAL, ORDER, found)
    for lane in range(lanes.used):
        memcpy(out + DIGEST_BYTES * lanes.places[lane], &found[lane * DIGEST_BYTES], DIGEST_BYTES)
    lanes.used = 0


def digest_each(bytes before not None, list texts not None, bytes after not None):
    """Return the digests of ``before + text + after``, one behind the other."""
    cdef Py_ssize_t at, size, rest, count = len(texts)
    cdef Py_ssize_t head = PyBytes_GET_SIZE(before), tail = PyBytes_GET_SIZE(after)
    cdef bytes found = PyBytes_FromStringAndSize(NULL, DIGEST_BYTES * count)
    cdef uint8_t *out = <uint8_t *> PyBytes_AS_STRING(found)
    cdef const uint8_t *text
    cdef uint8_t *block
    cdef Lanes lanes
    cdef Digest begun, digest
    begin(&begun)
    rest = BLOCK_BYTES - head - tail  # bytes of a text that is in one block with the others
    memset(&lanes, 0, sizeof(lanes))
    for at in range(LANES if rest >= 0 else 0):
        memcpy(&lanes.blocks[at * BLOCK_BYTES], PyBytes_AS_STRING(before), <size_t> head)
    for at in range(count):
        text = <const uint8_t *> PyUnicode_AsUTF8AndSize(texts[at], &size)
        if size > rest:
            digest = begun
            take(&digest, <const uint8_t *> PyBytes_AS_STRING(before), head)
            take(&digest, text, size)
            take(&digest, <const uint8_t *> PyBytes_AS_STRING(after), tail)
            end(&digest, out + DIGEST_BYTES * at)
            continue
        block = &lanes.blocks[lanes.used * BLOCK_BYTES] + head
        memcpy(block, text, <size_t> size)
        memcpy(block + size, PyBytes_AS_STRING(after), <size_t> tail)
        memset(block + size + tail, 0, <size_t> (rest - size))
        lanes.sizes[lanes.used] = <uint64_t> (head + size + tail)
        lanes.places[lanes.used] = at
        lanes.used += 1
        if lanes.used == LANES:
            end_lanes(&lanes, &begun, out)
    if lanes.used:
        end_lanes(&lanes, &begun, out)
    return found
