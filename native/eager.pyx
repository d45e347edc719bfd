"""The native first step of a coroutine; what it promises stands in the stub."""

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import Coroutine

cimport cython
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF

cdef extern from "Python.h":
    ctypedef enum PySendResult:
        PYGEN_RETURN
        PYGEN_ERROR
        PYGEN_NEXT
    PySendResult PyIter_Send(object it, object value, PyObject **result) except PYGEN_ERROR
    object PyContext_CopyCurrent()
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    Py_ssize_t Py_REFCNT(object it)

cdef object current_task = asyncio.current_task
cdef object new_task = asyncio.Task.__new__


class EagerTask(asyncio.Task):
    """A task whose coroutine has begun before its loop knows of it.

    While nobody asks for more than who it is and whether it is to be cancelled, it costs nothing:
    so does one whose work never waits. Whatever else is asked makes it known to its loop first.
    """

    __slots__ = ("begun",)

    def cancel(self, msg=None):
        know(self)
        return super().cancel(msg)

    def add_done_callback(self, fn, *, context=None):
        know(self)
        return super().add_done_callback(fn, context=context)

    def get_name(self):
        know(self)
        return super().get_name()

    def set_name(self, value):
        know(self)
        super().set_name(value)

    def get_coro(self):
        know(self)
        return super().get_coro()

    def get_loop(self):
        know(self)
        return super().get_loop()

    def __await__(self):
        know(self)
        return super().__await__()

    __iter__ = __await__

    def __repr__(self):
        know(self)
        return super().__repr__()


# Have its loop know a task that has begun.
cdef int know(object task) except -1:
    begun = task.begun
    if type(begun) is Begun:
        (<Begun> begun).be_real()
    return 0


cdef object eager_task = EagerTask
cdef object init_task = asyncio.Task.__init__


@cython.final
@cython.auto_pickle(False)
cdef class Begun:
    """Work that waits, and the coroutine of the task that goes on with it."""

    cdef int be_real(self) except -1:
        if not self.real:
            self.real = True
            init_task(self.task, self, loop=self.loop, name="handler", context=self.context)
        return 0

    cdef object step(self, object coroutine, bint *yielded):
        cdef PyObject *result = NULL
        cdef PySendResult how
        cdef object loop = self.loop, outer = current_task(loop)
        if outer is not None:
            _leave_task(loop, outer)
        try:
            _enter_task(loop, self.task)
            try:
                PyContext_Enter(self.context)
                try:
                    how = PyIter_Send(coroutine, None, &result)
                finally:
                    PyContext_Exit(self.context)
            finally:
                _leave_task(loop, self.task)
        finally:
            if outer is not None:
                _enter_task(loop, outer)
        yielded[0] = how == PYGEN_NEXT
        made = <object> result
        Py_DECREF(made)  # PyIter_Send gives a reference away
        return made

    def go_on(self, body):
        """Go on with a coroutine that awaits this; see the stub."""
        cdef bint yielded = False
        if self.body is not None:
            raise RuntimeError("it goes on already")
        self.be_real()
        pending = self.step(body, &yielded)
        if not yielded:
            raise RuntimeError("what goes on with work that waits has not waited for it")
        self.pending, self.held, self.body = pending, True, body

    def __await__(self):
        return rest_of(self.work, self.pending)

    # As the coroutine of its task ------------------------------------------------------------

    def send(self, value):
        """Go on; the first time with what was waited for when the task began."""
        if self.body is None:
            raise StopIteration
        if self.held:
            self.held = False
            pending, self.pending = self.pending, None
            return pending
        return self.body.send(value)

    def throw(self, *error):
        """Raise in the body."""
        if self.body is None:
            raise error[0]
        if self.held:
            self.held = False
            pending, self.pending = self.pending, None
            if asyncio.isfuture(pending):  # as a task does that is cancelled while it waits
                pending.cancel()
        return self.body.throw(*error)

    def close(self):
        """Close the body."""
        if self.body is not None:
            self.body.close()

    @property
    def cr_frame(self):
        """Of what runs, for those who show stacks."""
        return None if self.body is None else self.body.cr_frame

    @property
    def cr_code(self):
        """The same."""
        return self.work.cr_code

    @property
    def cr_running(self):
        """The same."""
        return self.body is not None and self.body.cr_running

    @property
    def cr_await(self):
        """The same."""
        return self.work


Coroutine.register(Begun)


def rest_of(work, pending):
    """Await the rest of a coroutine that has yielded ``pending``."""
    while True:
        try:
            yield pending
        except BaseException as error:
            try:
                pending = work.throw(error)
            except StopIteration as end:
                return end.value
        else:
            break
    return (yield from work.__await__())


cdef object begin(object loop, object work):
    cdef Begun begun = Begun.__new__(Begun)
    cdef bint yielded = False
    begun.loop = loop
    begun.context = PyContext_CopyCurrent()
    begun.work = work
    begun.task = new_task(eager_task)
    begun.task.begun = begun
    try:
        result = begun.step(work, &yielded)
        if yielded:
            begun.pending = result
            return begun
        return result
    finally:
        if not yielded and not begun.real:
            task = begun.task
            if Py_REFCNT(task) == 2:  # we, and begun: nobody else has it; it leaves no cycle
                task.begun = None
            else:
                begun.be_real()  # for whoever has it: it ends in the next turn


def begin_now(loop, work):
    """Do the first step of a coroutine; see the stub."""
    return begin(loop, work)
