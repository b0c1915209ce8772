/* Turns: the coroutine of a request's task, as core.Core._run() and turn.Turns are in Python. */
#include "asgi.h"

typedef struct {
    PyObject_HEAD accel_exchange *exchange;
    PyObject *coroutine; /* the application's; NULL before the first step, and when it has ended */
    bool runs;           /* it takes a step now */
} turns;

static PyTypeObject *turns_type;
/* Found by accel_turns_prepare(). */
static PyObject *coroutine_type; /* types.CoroutineType */
static PyObject *cancelled;      /* asyncio.CancelledError */

static turns *of(PyObject *self)
{
    return (turns *)(void *)self;
}

static PyObject *exchange_of(PyObject *self)
{
    return (PyObject *)(void *)of(self)->exchange;
}

PyObject *accel_turns(accel_exchange *exchange)
{
    PyObject *self = PyType_GenericAlloc(turns_type, 0);
    if (self != NULL) {
        Py_INCREF((PyObject *)(void *)exchange);
        of(self)->exchange = exchange;
    }
    return self;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT(exchange_of(self));
    Py_VISIT(of(self)->coroutine);
    return 0;
}

static int clear(PyObject *self)
{
    Py_CLEAR(of(self)->coroutine);
    return 0;
}

static void free_turns(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear(self);
    PyObject *exchange = exchange_of(self);
    PyObject_GC_Del(self);
    Py_XDECREF(exchange);
    Py_DECREF((PyObject *)type);
}

/* Calls the application, whose result is to be awaited. */
static int call_application(turns *self)
{
    accel_exchange *exchange = self->exchange;
    PyObject *receive = accel_receive_of(exchange);
    PyObject *send = receive != NULL ? accel_send_of(exchange) : NULL;
    PyObject *awaitable =
        send != NULL ? PyObject_CallFunctionObjArgs(exchange->entry->application, exchange->scope, receive, send, NULL)
                     : NULL;
    Py_XDECREF(receive);
    Py_XDECREF(send);
    if (awaitable == NULL || (PyObject *)Py_TYPE(awaitable) == coroutine_type) {
        self->coroutine = awaitable;
        return awaitable != NULL ? 0 : -1;
    }
    self->coroutine = PyObject_CallMethod(awaitable, "__await__", NULL);
    if (self->coroutine == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "the application has returned what cannot be awaited: %R", awaitable);
    }
    Py_DECREF(awaitable);
    return self->coroutine != NULL ? 0 : -1;
}

/* In a handler the request is noted already, and before it has a handle it cannot be. */
static bool enter(const accel_exchange *exchange)
{
    return exchange->handle != 0 && !exchange->is_inside && forker.deferred_enter(exchange->handle) == FORKER_OK;
}

static PySendResult fail(turns *self, PyObject **result)
{
    PyObject *exception = accel_fetch();
    bool ends = PyObject_IsInstance(exception, cancelled) == 1;
    PyObject *done = ends ? PyObject_CallMethod(exchange_of((PyObject *)(void *)self), "_give_up", NULL)
                          : PyObject_CallMethod(exchange_of((PyObject *)(void *)self), "_fail", "O", exception);
    if (done != NULL && ends) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    }
    Py_XDECREF(done);
    Py_DECREF(exception);
    *result = done != NULL && !ends ? Py_NewRef(Py_None) : NULL;
    return *result != NULL ? PYGEN_RETURN : PYGEN_ERROR;
}

/* The application has returned, or raised. */
static PySendResult finish(turns *self, PySendResult how, PyObject **result)
{
    accel_exchange *exchange = self->exchange;
    if (how == PYGEN_RETURN && exchange->state != ACCEL_COMPLETE && !exchange->has_left) {
        PyObject *done = PyObject_CallMethod((PyObject *)(void *)exchange, "_end", NULL);
        if (done == NULL) {
            Py_CLEAR(*result);
            how = PYGEN_ERROR;
        }
        Py_XDECREF(done);
    } else if (how == PYGEN_ERROR) {
        how = fail(self, result);
    }
    Py_CLEAR(self->coroutine);
    exchange->has_ended = 1;
    PyObject *tasks = exchange->entry->tasks;
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (PyDict_Contains(tasks, (PyObject *)(void *)exchange) == 1) {
        (void)PyDict_DelItem(tasks, (PyObject *)(void *)exchange);
    }
    PyErr_Restore(type, value, trace);
    return how;
}

/* Whether a step may be taken. An exception is set if not: such a call does not end the task. */
static bool may_run(const turns *self)
{
    if (self->exchange->has_ended) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return false;
    }
    if (self->runs) {
        PyErr_SetString(PyExc_ValueError, "coroutine already executing");
        return false;
    }
    return true;
}

/* One turn, for those that know how to ask without an exception for the result. */
static PySendResult take_turn(PyObject *self, PyObject *value, PyObject **result)
{
    accel_exchange *exchange = of(self)->exchange;
    *result = NULL;
    if (!may_run(of(self))) {
        return PYGEN_ERROR;
    }
    bool entered = enter(exchange);
    PySendResult how = PYGEN_ERROR;
    of(self)->runs = true;
    if (of(self)->coroutine != NULL || call_application(of(self)) == 0) {
        how = PyIter_Send(of(self)->coroutine, value, result);
    }
    of(self)->runs = false;
    if (how != PYGEN_NEXT) {
        if (how == PYGEN_RETURN) {
            accel_set(result, Py_NewRef(Py_None));
        }
        how = finish(of(self), how, result);
    }
    if (entered) {
        (void)forker.deferred_leave();
    }
    return how;
}

/* What send() and throw() make of a turn. */
static PyObject *outcome_of(PySendResult how, PyObject *result)
{
    if (how == PYGEN_RETURN) {
        Py_DECREF(result);
        PyErr_SetNone(PyExc_StopIteration);
        return NULL;
    }
    return result;
}

static PyObject *send(PyObject *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult how = take_turn(self, value, &result);
    return outcome_of(how, result);
}

/* What the application's coroutine says to an exception. */
static PySendResult throw_to(turns *self, PyObject *args, PyObject **result)
{
    PyObject *method = self->coroutine != NULL ? PyObject_GetAttrString(self->coroutine, "throw") : NULL;
    if (method == NULL && self->coroutine != NULL) {
        return PYGEN_ERROR;
    }
    if (method == NULL) { /* before the first step */
        PyObject *exception = PyTuple_Size(args) > 0 ? PyTuple_GetItem(args, 0) : Py_None;
        PyErr_SetObject(PyType_Check(exception) ? exception : (PyObject *)Py_TYPE(exception),
                        PyType_Check(exception) ? NULL : exception);
        return PYGEN_ERROR;
    }
    *result = PyObject_CallObject(method, args);
    Py_DECREF(method);
    if (*result != NULL) {
        return PYGEN_NEXT;
    }
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) {
        return PYGEN_ERROR;
    }
    PyErr_Clear();
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

static PyObject *throw_into(PyObject *self, PyObject *args)
{
    if (!may_run(of(self))) {
        return NULL;
    }
    bool entered = enter(of(self)->exchange);
    PyObject *result = NULL;
    of(self)->runs = true;
    PySendResult how = throw_to(of(self), args, &result);
    of(self)->runs = false;
    if (how != PYGEN_NEXT) {
        how = finish(of(self), how, &result);
    }
    if (entered) {
        (void)forker.deferred_leave();
    }
    return outcome_of(how, result);
}

static PyObject *close_turns(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    if (of(self)->coroutine == NULL) {
        Py_RETURN_NONE;
    }
    return PyObject_CallMethod(of(self)->coroutine, "close", NULL);
}

static PyObject *await(PyObject *self)
{
    return Py_NewRef(self);
}

/* An iterator may end without an exception. */
static PyObject *next(PyObject *self)
{
    PyObject *result = NULL;
    PySendResult how = take_turn(self, Py_None, &result);
    if (how == PYGEN_RETURN && result == Py_None) {
        Py_CLEAR(result);
        return NULL;
    }
    return outcome_of(how, result);
}

static PyObject *represent(PyObject *self)
{
    PyObject *coroutine = of(self)->coroutine;
    return PyObject_Repr(coroutine != NULL ? coroutine : of(self)->exchange->entry->application);
}

static PyMethodDef methods[] = {
    {"send", send, METH_O, NULL},
    {"throw", throw_into, METH_VARARGS, NULL},
    {"close", close_turns, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    ACCEL_SLOT(Py_tp_traverse, traverse),
    ACCEL_SLOT(Py_tp_clear, clear),
    ACCEL_SLOT(Py_tp_dealloc, free_turns),
    ACCEL_SLOT(Py_tp_repr, represent),
    ACCEL_SLOT(Py_tp_iter, await),
    ACCEL_SLOT(Py_tp_iternext, next),
    ACCEL_SLOT(Py_am_await, await),
    ACCEL_SLOT(Py_am_send, take_turn),
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Turns",
    .basicsize = sizeof(turns),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyObject *attribute_of(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *attribute = module != NULL ? PyObject_GetAttrString(module, name) : NULL;
    Py_XDECREF(module);
    return attribute;
}

int accel_turns_prepare(void)
{
    if (cancelled == NULL) {
        coroutine_type = attribute_of("types", "CoroutineType");
        cancelled = coroutine_type != NULL ? attribute_of("asyncio", "CancelledError") : NULL;
    }
    return cancelled != NULL ? 0 : -1;
}

int accel_add_turns(PyObject *module)
{
    (void)module;
    turns_type = accel_add_type(NULL, NULL, &spec);
    return turns_type != NULL ? 0 : -1;
}
