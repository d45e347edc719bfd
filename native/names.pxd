"""Contract of the names: texts that come again and again, each made once.

A table of fixed size for the whole process, used with the interpreter lock held. A text that has no
place in it is made as any other: nobody can tell but by the time that it takes.
"""

from libc.stdint cimport uint8_t


# The text of ``size`` bytes of UTF-8, perhaps one that was made before. Raises UnicodeDecodeError.
cdef str name_of(const uint8_t *data, Py_ssize_t size)
