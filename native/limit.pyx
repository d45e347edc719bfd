"""The raw limit of a round trip and of a stream on this machine, measured beside what we do."""

from cpython cimport array
from libc.errno cimport EINTR
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from jacquemart.native.libzmq cimport ZMQ_SNDMORE, Library, take_library, zmq_msg_t
from jacquemart.native.pump cimport boot_clock

from array import array as new_array

import zmq

from jacquemart.native.pump import LIBRARY

cdef Library lib
cdef array.array _TIMES = new_array("q")
cdef array.array _REALS = new_array("d")
cdef enum:
    MOST = 4

if not take_library(&lib, LIBRARY):
    raise ImportError(f"no libzmq in {LIBRARY}, which has shown one before")


cdef int take(void *handle, zmq_msg_t *parts, int most, int *fault) noexcept nogil:
    cdef int count = 0
    while True:
        if count == most:
            fault[0] = -1
            return -1
        lib.msg_init(&parts[count])
        while lib.msg_recv(&parts[count], handle, 0) < 0:
            fault[0] = lib.last_error()
            if fault[0] != EINTR:
                return -1
        count += 1
        if not lib.msg_more(&parts[count - 1]):
            return count


cdef int pass_on(void *handle, zmq_msg_t *parts, int count, int *fault) noexcept nogil:
    cdef int at
    for at in range(count):
        while lib.msg_send(&parts[at], handle, ZMQ_SNDMORE if at < count - 1 else 0) < 0:
            fault[0] = lib.last_error()
            if fault[0] != EINTR:
                return -1
    return 0


cdef int put(
    void *handle, const char *token, size_t token_size, const char *frame, size_t size, int *fault
) noexcept nogil:
    cdef zmq_msg_t[2] parts
    lib.msg_init_size(&parts[0], token_size)
    memcpy(lib.msg_data(&parts[0]), token, token_size)
    lib.msg_init_size(&parts[1], size)
    memcpy(lib.msg_data(&parts[1]), frame, size)
    return pass_on(handle, parts, 2, fault)


cdef int drop(zmq_msg_t *parts, int count) noexcept nogil:
    cdef int at
    for at in range(count):
        lib.msg_close(&parts[at])
    return 0


def echo(socket not None, Py_ssize_t count):
    """Send back ``count`` messages of a ROUTER (identity, token, frame), then return."""
    cdef void *handle = <void *> <size_t> socket.underlying
    cdef zmq_msg_t[MOST] parts
    cdef int fault = 0
    cdef int got = 0
    cdef Py_ssize_t done = 0
    with nogil:
        while done < count:
            got = take(handle, parts, MOST, &fault)
            if got < 0 or pass_on(handle, parts, got, &fault) < 0:
                break
            done += 1
    if done < count:
        raise zmq.ZMQError(fault)


def round_trips(socket not None, bytes frame, Py_ssize_t count):
    """Send ``frame`` with a token and wait for it to come back, ``count`` times; ns of each."""
    cdef void *handle = <void *> <size_t> socket.underlying
    cdef array.array times = array.clone(_TIMES, count, zero=True)
    cdef int64_t[::1] told = times
    cdef const char *content = frame
    cdef size_t size = len(frame)
    cdef zmq_msg_t[MOST] parts
    cdef int fault = 0
    cdef int got = 0
    cdef Py_ssize_t done = 0
    cdef int64_t begin
    with nogil:
        while done < count:
            begin = boot_clock()
            if put(handle, <const char *> &done, sizeof(done), content, size, &fault) < 0:
                break
            got = take(handle, parts, MOST, &fault)
            if got < 0:
                break
            told[done] = boot_clock() - begin
            drop(parts, got)
            done += 1
    if done < count:
        raise zmq.ZMQError(fault)
    return times


def pipelined(socket not None, bytes frame, Py_ssize_t count, Py_ssize_t window):
    """Send ``count`` frames, at most ``window`` without an answer; return ns for all of them."""
    cdef void *handle = <void *> <size_t> socket.underlying
    cdef const char *content = frame
    cdef size_t size = len(frame)
    cdef zmq_msg_t[MOST] parts
    cdef int fault = 0
    cdef int got = 0
    cdef Py_ssize_t sent = 0
    cdef Py_ssize_t done = 0
    cdef int64_t begin = boot_clock()
    with nogil:
        while done < count:
            if sent < count and sent - done < window:
                if put(handle, <const char *> &sent, sizeof(sent), content, size, &fault) < 0:
                    break
                sent += 1
                continue
            got = take(handle, parts, MOST, &fault)
            if got < 0:
                break
            drop(parts, got)
            done += 1
    if done < count:
        raise zmq.ZMQError(fault)
    return boot_clock() - begin


cdef struct Record:              # a reading as a program in C would send it; 24 bytes
    uint32_t slot
    uint32_t zone
    double value
    int64_t time_ns


def push(
    socket not None, bytes readings, Py_ssize_t rows, Py_ssize_t count, bytes topic not None=b"",
):
    """Send ``count`` messages of ``rows`` records each, out of ``readings``, round and round."""
    cdef void *handle = <void *> <size_t> socket.underlying
    cdef const char *content = readings
    cdef Py_ssize_t size = rows * sizeof(Record)
    cdef Py_ssize_t room = len(readings) // size if size > 0 else 0
    cdef const char *name = topic
    cdef size_t letters = len(topic)
    cdef int first = 1 if letters else 0
    cdef zmq_msg_t[2] parts
    cdef int fault = 0
    cdef Py_ssize_t done = 0
    if rows < 1 or room < 1:
        raise ValueError(f"{len(readings)} bytes hold no message of {rows} records")
    with nogil:
        while done < count:
            if first:
                lib.msg_init_size(&parts[0], letters)
                memcpy(lib.msg_data(&parts[0]), name, letters)
            lib.msg_init_size(&parts[first], size)
            memcpy(lib.msg_data(&parts[first]), content + done % room * size, size)
            if pass_on(handle, parts, first + 1, &fault) < 0:
                break
            done += 1
    if done < count:
        raise zmq.ZMQError(fault)


def pull(socket not None, Py_ssize_t slots, Py_ssize_t zones, Py_ssize_t count):
    """Take ``count`` messages into last values and sums of zones; return (readings, sums)."""
    cdef void *handle = <void *> <size_t> socket.underlying
    cdef array.array values = array.clone(_REALS, slots, zero=True)
    cdef array.array times = array.clone(_TIMES, slots, zero=True)
    cdef array.array sums = array.clone(_REALS, zones, zero=True)
    cdef double[::1] value_of = values, sum_of = sums
    cdef int64_t[::1] time_of = times
    cdef zmq_msg_t[2] parts
    cdef Record record
    cdef const char *data
    cdef int fault = 0, got
    cdef Py_ssize_t done = 0, rows, row, readings = 0
    with nogil:
        while done < count:
            got = take(handle, parts, 2, &fault)
            if got < 1:
                break
            data = <const char *> lib.msg_data(&parts[got - 1])
            rows = <Py_ssize_t> (lib.msg_size(&parts[got - 1]) // sizeof(Record))
            for row in range(rows):
                memcpy(&record, data + row * sizeof(Record), sizeof(Record))
                if record.slot < <size_t> slots and record.zone < <size_t> zones:
                    sum_of[record.zone] += record.value - value_of[record.slot]
                    value_of[record.slot] = record.value
                    time_of[record.slot] = record.time_ns
                    readings += 1
            drop(parts, got)
            done += 1
    if done < count:
        raise zmq.ZMQError(fault)
    return readings, sums
