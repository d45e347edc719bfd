"""Contract of the results of bulk commands: the names of many devices without an object each.

One thread: whoever holds the interpreter lock. Names never change, so that all may share them.
"""

from libc.stdint cimport uint8_t


cdef class Names:
    # Texts in order. Never changes.
    cdef bytes packed            # each as msgpack, UTF-8 and sound, one behind the other
    cdef Py_ssize_t count
    cdef list texts              # the same as objects; None until somebody looks

    cdef list all_texts(self)


cdef class NameWriter:
    # Puts names together, one behind the other.
    cdef uint8_t *data           # owned; ``room`` bytes, of which ``size`` are written
    cdef Py_ssize_t size, room
    cdef readonly Py_ssize_t count

    # Put one more behind the others. Raises TypeError, UnicodeEncodeError, MemoryError.
    cdef int put(self, object text) except -1

    # What was put in, as names.
    cdef Names names(self)
