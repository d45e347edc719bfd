"""Contract of the window of commands that were seen: one execution for each identity.

One thread. A key that runs is never forgotten; of those that ended, the oldest go first.
"""

from libc.stdint cimport int64_t


cpdef enum Found:
    NEW = 0                  # it runs from now on
    RUNNING = 1
    FINISHED = 2
    CONFLICT = 3             # known with another content


cdef class Known:
    cdef object content
    cdef object result       # None while it runs
    cdef list waiters        # None: nobody waits
    cdef int64_t finished_ns
    cdef bint running


cdef class Window:
    cdef dict known          # key -> Known
    cdef list ended          # keys, a ring once it is full: the oldest stands at ``oldest``
    cdef Py_ssize_t oldest
    cdef Py_ssize_t capacity
    cdef readonly Py_ssize_t running
    cdef readonly int64_t forgotten_ns

    # What is known of a key; None: nothing.
    cdef Known of(self, object key)

    # Have a key run that nothing is known of; return what is known of it from now on.
    cdef Known enter(self, object key, object content)

    # Forget a key that has ended.
    cdef int drop(self, object key) except -1

    # End a key of which that is known; who waits for it, or None. Nothing happens to one that does
    # not run, or not any more.
    cdef list close(self, Known known, object key, object result, int64_t now_ns)
