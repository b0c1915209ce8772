/* Turns: a coroutine that goes on with another one on behalf of a request, as forker.asgi.turn does it in Python. */
#include "accel.h"

typedef struct {
    PyObject_HEAD PyObject *coroutine;
    forker_deferred handle;
} turns;

static turns *of(PyObject *self)
{
    return (turns *)(void *)self;
}

static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *coroutine;
    unsigned long long handle;
    if (named != NULL && PyDict_Size(named) > 0) {
        PyErr_SetString(PyExc_TypeError, "Turns takes no named arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OK", &coroutine, &handle)) {
        return NULL;
    }
    PyObject *self = PyType_GenericAlloc(type, 0);
    if (self != NULL) {
        Py_INCREF(coroutine);
        of(self)->coroutine = coroutine;
        of(self)->handle = handle;
    }
    return self;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)Py_TYPE(self));
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
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

/* One turn, for those that know how to ask without an exception for the result. */
static PySendResult take_turn(PyObject *self, PyObject *value, PyObject **result)
{
    (void)forker.deferred_enter(of(self)->handle);
    PySendResult how = PyIter_Send(of(self)->coroutine, value, result);
    (void)forker.deferred_leave();
    return how;
}

static PyObject *send(PyObject *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult how = take_turn(self, value, &result);
    if (how == PYGEN_RETURN) {
        PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
        Py_XDECREF(result);
        if (stop != NULL) {
            PyErr_SetObject(PyExc_StopIteration, stop);
            Py_DECREF(stop);
        }
        return NULL;
    }
    return result;
}

static PyObject *throw_into(PyObject *self, PyObject *args)
{
    PyObject *method = PyObject_GetAttrString(of(self)->coroutine, "throw");
    if (method == NULL) {
        return NULL;
    }
    (void)forker.deferred_enter(of(self)->handle);
    PyObject *result = PyObject_CallObject(method, args);
    (void)forker.deferred_leave();
    Py_DECREF(method);
    return result;
}

static PyObject *close_turns(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    return PyObject_CallMethod(of(self)->coroutine, "close", NULL);
}

static PyObject *await(PyObject *self)
{
    Py_INCREF(self);
    return self;
}

static PyObject *next(PyObject *self)
{
    return send(self, Py_None);
}

static PyObject *represent(PyObject *self)
{
    return PyObject_Repr(of(self)->coroutine);
}

static PyMethodDef methods[] = {
    {"send", send, METH_O, NULL},
    {"throw", throw_into, METH_VARARGS, NULL},
    {"close", close_turns, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ISO C has no conversion of a function's address to void *, which is what a slot has. */
#define SLOT(id, function)                                                                                             \
    {                                                                                                                  \
        id, __extension__(void *)(function)                                                                            \
    }

static PyType_Slot slots[] = {
    SLOT(Py_tp_new, make),
    SLOT(Py_tp_traverse, traverse),
    SLOT(Py_tp_clear, clear),
    SLOT(Py_tp_dealloc, free_turns),
    SLOT(Py_tp_repr, represent),
    SLOT(Py_tp_iter, await),
    SLOT(Py_tp_iternext, next),
    SLOT(Py_am_await, await),
    SLOT(Py_am_send, take_turn),
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Turns",
    .basicsize = sizeof(turns),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int accel_add_turns(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    if (type == NULL) {
        return -1;
    }

    return PyModule_AddObject(module, "Turns", type);
}
