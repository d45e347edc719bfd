"""The part of SQLite's C interface that commits use, declared without its headers.

libsqlite3 is not linked: the addresses are taken from the library that Python's ``sqlite3`` has
loaded. A second one in the same process would undo the first one's locks on files. See
https://sqlite.org/c3ref: sqlite3_open_v2, sqlite3_prepare_v2, sqlite3_bind, sqlite3_step.
"""

from libc.stdint cimport int64_t

from jacquemart.native.libzmq cimport RTLD_LAZY, RTLD_NOLOAD, dlopen, dlsym

cdef enum:
    SQLITE_OK = 0
    SQLITE_NOMEM = 7
    SQLITE_DONE = 101
    SQLITE_OPEN_READWRITE = 0x00000002
    SQLITE_OPEN_URI = 0x00000040
    SQLITE_OPEN_FULLMUTEX = 0x00010000


ctypedef const char *(*version_call)() noexcept nogil
ctypedef int (*number_call)() noexcept nogil
ctypedef int (*open_call)(
    const char *uri, void **connection, int flags, const char *system
) noexcept nogil
ctypedef int (*of_one_call)(void *it) noexcept nogil
ctypedef const char *(*text_call)(void *connection) noexcept nogil
ctypedef int (*time_call)(void *connection, int ms) noexcept nogil
ctypedef int (*exec_call)(
    void *connection, const char *sql, void *row, void *about, char **message
) noexcept nogil
ctypedef int (*prepare_call)(
    void *connection, const char *sql, int size, void **statement, const char **rest
) noexcept nogil
ctypedef int (*bind_number_call)(void *statement, int place, int64_t value) noexcept nogil
ctypedef int (*bind_bytes_call)(
    void *statement, int place, const void *value, int size, void *release
) noexcept nogil


cdef struct Library:
    version_call version
    number_call threadsafe
    open_call open
    of_one_call close
    of_one_call extended_code
    of_one_call changes
    of_one_call step
    of_one_call reset
    of_one_call clear
    of_one_call finalize
    text_call message
    time_call busy_timeout
    exec_call exec
    prepare_call prepare
    bind_number_call bind_number
    bind_bytes_call bind_bytes


# The entry points of the library that a module at ``path`` was linked with; False if it shows none.
cdef inline bint take_library(Library *lib, str path) except -1:
    cdef void *handle = dlopen(path.encode("utf-8", "surrogateescape"), RTLD_LAZY | RTLD_NOLOAD)
    cdef Library found
    cdef void **entries = <void **> &found
    cdef size_t at
    if handle == NULL:
        return False
    # Never closed: the addresses stay valid as long as the process lives.
    found.version = <version_call> dlsym(handle, b"sqlite3_libversion")
    found.threadsafe = <number_call> dlsym(handle, b"sqlite3_threadsafe")
    found.open = <open_call> dlsym(handle, b"sqlite3_open_v2")
    found.close = <of_one_call> dlsym(handle, b"sqlite3_close")
    found.extended_code = <of_one_call> dlsym(handle, b"sqlite3_extended_errcode")
    found.changes = <of_one_call> dlsym(handle, b"sqlite3_changes")
    found.step = <of_one_call> dlsym(handle, b"sqlite3_step")
    found.reset = <of_one_call> dlsym(handle, b"sqlite3_reset")
    found.clear = <of_one_call> dlsym(handle, b"sqlite3_clear_bindings")
    found.finalize = <of_one_call> dlsym(handle, b"sqlite3_finalize")
    found.message = <text_call> dlsym(handle, b"sqlite3_errmsg")
    found.busy_timeout = <time_call> dlsym(handle, b"sqlite3_busy_timeout")
    found.exec = <exec_call> dlsym(handle, b"sqlite3_exec")
    found.prepare = <prepare_call> dlsym(handle, b"sqlite3_prepare_v2")
    found.bind_number = <bind_number_call> dlsym(handle, b"sqlite3_bind_int64")
    found.bind_bytes = <bind_bytes_call> dlsym(handle, b"sqlite3_bind_blob")
    for at in range(sizeof(Library) // sizeof(void *)):
        if entries[at] == NULL:
            return False
    lib[0] = found
    return True
