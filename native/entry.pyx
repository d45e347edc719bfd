"""The native entry; what its fields mean stands in the stub."""

cimport cython


@cython.auto_pickle(False)
cdef class Entry:
    """One command without a durable end."""

    def __cinit__(self, *_, **__):
        self.frame = b""
        self.waiters = []
