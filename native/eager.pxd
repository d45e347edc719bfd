"""Contract of eager work: the first step of a coroutine, at once.

One thread: the loop's. What never waits is over with it, and has needed no turn of the loop; what
waits goes on as a task, which is the one that it has seen as the current one from its first step.
"""


cdef class Begun:
    # Work that waits; awaited by what goes on with it, which is the coroutine of its task.
    cdef object loop, context
    cdef object work         # the coroutine that was begun
    cdef object pending      # what it, and then ``body``, has yielded last
    cdef object body         # what awaits it; None: nobody yet, or nobody ever
    cdef readonly object task
    cdef bint real           # the task is known to its loop
    cdef bint held           # ``pending`` is not yielded to the task yet

    # Have the loop know the task, whose first step comes in the next turn.
    cdef int be_real(self) except -1

    # One step of a coroutine as the task, in its context: what it yields, or returns. Raises what
    # it raises.
    cdef object step(self, object coroutine, bint *yielded)


# Do the first step of a coroutine; what it returns, or a Begun. Raises what it raises.
cdef object begin(object loop, object work)
