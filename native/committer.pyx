"""Commits without the interpreter lock; what they promise stands in the stub."""

import errno
import os
import sqlite3
import sys

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.errno cimport EINTR
from libc.errno cimport errno as last_errno

from jacquemart.native.libsqlite cimport (
    SQLITE_DONE, SQLITE_NOMEM, SQLITE_OK, SQLITE_OPEN_FULLMUTEX, SQLITE_OPEN_READWRITE,
    SQLITE_OPEN_URI, Library, take_library,
)

cdef extern from "<unistd.h>" nogil:
    ssize_t pwrite(int fd, const void *data, size_t size, int64_t place)

cdef enum:
    MOST_PLACES = 16

cdef Library lib


class SqlError(Exception):
    """SQLite refused something; see the stub."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


def _found():
    """Whether the library that ``sqlite3`` uses shows its interface, for any thread."""
    path = getattr(sys.modules.get("_sqlite3"), "__file__", None)
    if not path or not take_library(&lib, path):
        return False
    return lib.version().decode() == sqlite3.sqlite_version and lib.threadsafe() != 0


AVAILABLE = _found()


# Bytes or a number, kept by the caller while it is bound.
cdef struct Value:
    const void *data         # NULL: it is a number
    Py_ssize_t size
    int64_t number


@cython.final
@cython.auto_pickle(False)
cdef class Committer:
    """One statement, and the mark behind it."""

    def __init__(self, str uri not None, str setup not None, str sql not None, int busy_ms):
        cdef bytes where = uri.encode(), first = setup.encode(), text = sql.encode()
        cdef const char *at = where
        cdef const char *begin = first
        cdef const char *prepared = text
        cdef int code, flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX
        if not AVAILABLE:
            raise RuntimeError("the library of sqlite3 does not show its interface")
        if self.connection != NULL:
            raise TypeError("a Committer stays with its database")
        with nogil:
            code = lib.open(at, &self.connection, flags, NULL)
            if code == SQLITE_OK:
                lib.busy_timeout(self.connection, busy_ms)
                code = lib.exec(self.connection, begin, NULL, NULL, NULL)
            if code == SQLITE_OK:
                code = lib.prepare(self.connection, prepared, -1, &self.statement, NULL)
        if code != SQLITE_OK:
            error = self.refused(code)
            self.close()
            raise error

    def __dealloc__(self):
        self.close()

    def close(self):
        """Close the connection; idempotent."""
        cdef void *connection = self.connection
        cdef void *statement = self.statement
        self.connection = self.statement = NULL
        if connection != NULL:
            with nogil:
                lib.finalize(statement)
                lib.close(connection)

    cdef object refused(self, int code):
        if self.connection == NULL:
            return SqlError("out of memory", SQLITE_NOMEM)
        cdef bytes said = lib.message(self.connection)
        return SqlError(said.decode("utf-8", "replace"), lib.extended_code(self.connection) or code)

    def commit(self, values not None, int fd, bytes mark not None, int64_t place):
        """Do the statement, and write the mark behind it; see the stub."""
        cdef Value[MOST_PLACES] bound
        cdef tuple kept = tuple(values)
        cdef int count = <int> min(len(kept), MOST_PLACES + 1)
        cdef int at, code = SQLITE_OK, changed = 0, fault = 0
        cdef const char *data = PyBytes_AS_STRING(mark)
        cdef Py_ssize_t size = PyBytes_GET_SIZE(mark), written = 0
        if self.connection == NULL:
            raise ValueError("the committer is closed")
        if count > MOST_PLACES:
            raise ValueError(f"{len(kept)} values, allowed: up to {MOST_PLACES}")
        for at in range(count):
            value = kept[at]
            if isinstance(value, bytes):
                if len(<bytes> value) > 0x7FFFFFFF:
                    raise ValueError("a value has more than 2 GiB")
                bound[at].data = PyBytes_AS_STRING(value)
                bound[at].size = PyBytes_GET_SIZE(value)
            else:
                bound[at].data = NULL
                bound[at].number = value
        with nogil:
            for at in range(count):
                if code != SQLITE_OK:
                    break
                if bound[at].data != NULL:
                    code = lib.bind_bytes(
                        self.statement, at + 1, bound[at].data, <int> bound[at].size, NULL
                    )
                else:
                    code = lib.bind_number(self.statement, at + 1, bound[at].number)
            if code == SQLITE_OK:
                code = lib.step(self.statement)
                if code == SQLITE_DONE:
                    changed = lib.changes(self.connection)
                    code = lib.reset(self.statement)
                else:
                    lib.reset(self.statement)  # it says the same error again
            if code == SQLITE_OK and changed > 0:
                while True:
                    written = pwrite(fd, data, size, place)
                    if written >= 0 or last_errno != EINTR:
                        break
                fault = last_errno if written < 0 else 0
        if code != SQLITE_OK:
            error = self.refused(code)
            lib.clear(self.statement)
            raise error
        lib.clear(self.statement)  # the values are not ours from now on
        if changed <= 0:
            return False
        if written != size:
            fault = fault or errno.ENOSPC
            raise OSError(fault, os.strerror(fault))
        return True
