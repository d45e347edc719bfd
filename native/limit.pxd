"""Contract of the raw limit: what libzmq itself takes, with nothing of the interpreter around it.

For benches only. Each function blocks in C without the GIL until it is done, on a socket of
pyzmq that nobody else uses meanwhile, and checks nothing of what it gets but its parts.
"""

from libc.stdint cimport int64_t

from jacquemart.native.libzmq cimport zmq_msg_t


# One message of up to MOST parts, received whole; -1 and errno in ``fault`` if it failed.
cdef int take(void *handle, zmq_msg_t *parts, int most, int *fault) noexcept nogil

# The parts sent on, in their order; what was taken is libzmq's again. -1 if it failed.
cdef int pass_on(void *handle, zmq_msg_t *parts, int count, int *fault) noexcept nogil

# One message of a token and a frame, copied as a sender must.
cdef int put(
    void *handle, const char *token, size_t token_size, const char *frame, size_t size, int *fault
) noexcept nogil
