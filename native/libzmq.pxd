"""The part of libzmq's C interface that the pump uses, declared without its headers.

libzmq.so is not linked: ``pump`` takes the addresses from the library that pyzmq loaded. See
the reference of libzmq 4.3: zmq_msg_recv(3), zmq_msg_send(3), zmq_getsockopt(3).
"""

from libc.stdint cimport uint64_t

cdef extern from "<dlfcn.h>" nogil:
    void *dlopen(const char *path, int flags)
    void *dlsym(void *library, const char *name)
    int RTLD_LAZY
    int RTLD_NOLOAD

cdef enum:
    ZMQ_DONTWAIT = 1
    ZMQ_SNDMORE = 2
    ZMQ_POLLIN = 1
    ZMQ_POLLOUT = 2
    ZMQ_FD = 14
    ZMQ_EVENTS = 15
    ZMQ_ETERM = 156384765


# 64 opaque bytes since libzmq 4.1, aligned as a pointer. Never copied, never moved.
cdef struct zmq_msg_t:
    uint64_t[8] opaque


ctypedef int (*msg_init_call)(zmq_msg_t *message) noexcept nogil
ctypedef int (*msg_init_size_call)(zmq_msg_t *message, size_t size) noexcept nogil
ctypedef void *(*msg_data_call)(zmq_msg_t *message) noexcept nogil
ctypedef size_t (*msg_size_call)(const zmq_msg_t *message) noexcept nogil
ctypedef int (*msg_more_call)(const zmq_msg_t *message) noexcept nogil
ctypedef int (*msg_close_call)(zmq_msg_t *message) noexcept nogil
ctypedef int (*msg_io_call)(zmq_msg_t *message, void *socket, int flags) noexcept nogil
ctypedef int (*getsockopt_call)(
    void *socket, int option, void *value, size_t *size
) noexcept nogil
ctypedef int (*errno_call)() noexcept nogil
ctypedef void (*version_call)(int *major, int *minor, int *patch) noexcept nogil


cdef struct Library:
    msg_init_call msg_init
    msg_init_size_call msg_init_size
    msg_data_call msg_data
    msg_size_call msg_size
    msg_more_call msg_more
    msg_close_call msg_close
    msg_io_call msg_recv
    msg_io_call msg_send
    getsockopt_call getsockopt
    errno_call last_error
    version_call version


# The entry points of one library that is loaded already; False if it does not have them.
cdef inline bint take_library(Library *lib, str path) except -1:
    cdef void *handle = dlopen(path.encode("utf-8", "surrogateescape"), RTLD_LAZY | RTLD_NOLOAD)
    cdef Library found
    if handle == NULL:
        return False
    # The handle is never closed: the addresses stay valid as long as the process lives. dlsym
    # looks in this library and in those it was linked with, not in what else is loaded.
    found.msg_init = <msg_init_call> dlsym(handle, b"zmq_msg_init")
    found.msg_init_size = <msg_init_size_call> dlsym(handle, b"zmq_msg_init_size")
    found.msg_data = <msg_data_call> dlsym(handle, b"zmq_msg_data")
    found.msg_size = <msg_size_call> dlsym(handle, b"zmq_msg_size")
    found.msg_more = <msg_more_call> dlsym(handle, b"zmq_msg_more")
    found.msg_close = <msg_close_call> dlsym(handle, b"zmq_msg_close")
    found.msg_recv = <msg_io_call> dlsym(handle, b"zmq_msg_recv")
    found.msg_send = <msg_io_call> dlsym(handle, b"zmq_msg_send")
    found.getsockopt = <getsockopt_call> dlsym(handle, b"zmq_getsockopt")
    found.last_error = <errno_call> dlsym(handle, b"zmq_errno")
    found.version = <version_call> dlsym(handle, b"zmq_version")
    if not (
        found.msg_init != NULL and found.msg_init_size != NULL and found.msg_data != NULL
        and found.msg_size != NULL and found.msg_more != NULL and found.msg_close != NULL
        and found.msg_recv != NULL and found.msg_send != NULL and found.getsockopt != NULL
        and found.last_error != NULL and found.version != NULL
    ):
        return False
    lib[0] = found
    return True
