"""Writing msgpack in its shortest form; each function returns where the next item goes.

The caller proves that there is room: a head takes at most 9 bytes, a body what it takes.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy


# A head byte and a big-endian number of 1, 2, 4 or 8 bytes.
cdef inline uint8_t *put_wide(
    uint8_t *out, uint8_t head, uint64_t number, int width
) noexcept nogil:
    cdef int i
    out[0] = head
    for i in range(width):
        out[1 + i] = <uint8_t> (number >> (8 * (width - 1 - i)))
    return out + 1 + width


cdef inline uint8_t *put_unsigned(uint8_t *out, uint64_t number) noexcept nogil:
    if number < 0x80:
        out[0] = <uint8_t> number
        return out + 1
    if number < 0x100:
        return put_wide(out, 0xCC, number, 1)
    if number < 0x10000:
        return put_wide(out, 0xCD, number, 2)
    if number < 0x100000000ULL:
        return put_wide(out, 0xCE, number, 4)
    return put_wide(out, 0xCF, number, 8)


cdef inline uint8_t *put_signed(uint8_t *out, int64_t number) noexcept nogil:
    if number >= 0:
        return put_unsigned(out, <uint64_t> number)
    if number >= -0x20:
        out[0] = <uint8_t> number
        return out + 1
    if number >= -0x80:
        return put_wide(out, 0xD0, <uint64_t> number, 1)
    if number >= -0x8000:
        return put_wide(out, 0xD1, <uint64_t> number, 2)
    if number >= -0x80000000LL:
        return put_wide(out, 0xD2, <uint64_t> number, 4)
    return put_wide(out, 0xD3, <uint64_t> number, 8)


cdef inline uint8_t *put_real(uint8_t *out, double number) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &number, 8)
    return put_wide(out, 0xCB, bits, 8)


cdef inline uint8_t *put_nil(uint8_t *out) noexcept nogil:
    out[0] = 0xC0
    return out + 1


cdef inline uint8_t *put_boolean(uint8_t *out, bint value) noexcept nogil:
    out[0] = 0xC3 if value else 0xC2
    return out + 1


cdef inline uint8_t *put_body(uint8_t *out, const char *data, Py_ssize_t size) noexcept nogil:
    memcpy(out, data, <size_t> size)
    return out + size


# ``size`` below 2**16.
cdef inline uint8_t *put_text(uint8_t *out, const char *data, Py_ssize_t size) noexcept nogil:
    if size < 0x20:
        out[0] = <uint8_t> (0xA0 | size)
        out += 1
    elif size < 0x100:
        out = put_wide(out, 0xD9, <uint64_t> size, 1)
    else:
        out = put_wide(out, 0xDA, <uint64_t> size, 2)
    return put_body(out, data, size)


# ``size`` below 2**32.
cdef inline uint8_t *put_blob_head(uint8_t *out, uint64_t size) noexcept nogil:
    if size < 0x100:
        return put_wide(out, 0xC4, size, 1)
    if size < 0x10000:
        return put_wide(out, 0xC5, size, 2)
    return put_wide(out, 0xC6, size, 4)
