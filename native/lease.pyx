"""The gate before the field: open while a lease lives, and shut by the clock alone.

A process that was frozen comes back with its loop, timers and flags as they were; the clock is
the only thing that went on. So what is asked right before a write is the clock, and nothing that
somebody had to be awake for.
"""

import os

cimport cython
from libc.errno cimport EINTR, errno
from libc.stdint cimport int64_t

from jacquemart.native.pump cimport boot_clock


cdef extern from *:
    # Builtins of GCC and Clang, which know their types by themselves.
    int64_t load_word "__atomic_load_n" (int64_t *word, int order) noexcept nogil
    void store_word "__atomic_store_n" (int64_t *word, int64_t value, int order) noexcept nogil
    bint swap_word "__atomic_compare_exchange_n" (
        int64_t *word, int64_t *expected, int64_t value, bint weak, int ok, int failed
    ) noexcept nogil
    int SEQ_CST "__ATOMIC_SEQ_CST"


cdef extern from "<sys/socket.h>" nogil:
    ssize_t send_bytes "send" (int fd, const void *data, size_t size, int flags)
    int MSG_DONTWAIT
    int MSG_NOSIGNAL


cdef enum:
    SHUT = 0
    SEALED = -1

NO_LEASE = -1
TOO_LATE = -2


@cython.final
@cython.auto_pickle(False)
cdef class Gate:
    """Open until a time of CLOCK_BOOTTIME; shut at first. Any thread may call anything."""

    def extend(self, int64_t until_ns):
        """Keep open until ``until_ns`` (boot-time ns, above 0); never makes it shorter.

        A sealed gate stays shut. Raises ValueError for a time that is none: the caller's bug.
        """
        cdef int64_t before = load_word(&self.until, SEQ_CST)
        if until_ns <= 0:
            raise ValueError(f"until_ns is {until_ns}, allowed: above 0")
        while before != SEALED and before < until_ns:
            if swap_word(&self.until, &before, until_ns, False, SEQ_CST, SEQ_CST):
                return

    def close(self):
        """Shut it, until somebody extends it; idempotent."""
        cdef int64_t before = load_word(&self.until, SEQ_CST)
        while before != SEALED:
            if swap_word(&self.until, &before, SHUT, False, SEQ_CST, SEQ_CST):
                return

    def seal(self):
        """Shut it for ever; idempotent."""
        store_word(&self.until, SEALED, SEQ_CST)

    @property
    def sealed(self):
        """Whether it is shut for ever."""
        return load_word(&self.until, SEQ_CST) == SEALED

    @property
    def until_ns(self):
        """Until when it is open, or was; 0 if it was shut since."""
        cdef int64_t until = load_word(&self.until, SEQ_CST)
        return until if until > 0 else 0

    def open(self):
        """Return whether it is open now. Timing: about 30 ns, two thirds of it the clock."""
        return self.is_open()

    def left_ns(self):
        """Return for how many ns it stays open if nobody moves it; 0 if it is shut."""
        return self.left()

    def send(self, int fd, const unsigned char[::1] data not None, int64_t deadline_ns):
        """Send on a socket if it is open now and ``deadline_ns`` (boot-time ns) is not over.

        Nothing of the interpreter runs between the question and the system call. Returns how
        many bytes the kernel took, ``NO_LEASE`` or ``TOO_LATE``; never waits. Raises OSError:
        the kernel took nothing (BlockingIOError: its buffer is full).
        """
        cdef int64_t now
        cdef ssize_t sent = 0
        cdef size_t size = data.shape[0]
        cdef int error = 0
        with nogil:
            while True:
                now = boot_clock()
                if load_word(&self.until, SEQ_CST) <= now:
                    sent = -1
                elif deadline_ns <= now:
                    sent = -2
                elif size:
                    sent = send_bytes(fd, &data[0], size, MSG_DONTWAIT | MSG_NOSIGNAL)
                    if sent < 0:
                        error = errno
                        if error == EINTR:
                            error = 0
                            continue
                break
        if error:
            raise OSError(error, os.strerror(error))
        return sent

    cdef bint is_open(self) noexcept nogil:
        return self.left() > 0

    cdef int64_t left(self) noexcept nogil:
        cdef int64_t until = load_word(&self.until, SEQ_CST)
        if until <= 0:
            return 0
        until -= boot_clock()
        return until if until > 0 else 0
