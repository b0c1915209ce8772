/*
 * Calls: stands for call_soon() of a loop for a moment, and notes what it is asked for, as loop.Soon does in Python. Only
 * what tasks and futures ask for is noted: a function with a context, and at most one argument.
 */
#include "asgi.h"

enum { NOTED_MOST = 16 };

typedef struct {
    PyObject *function;
    PyObject *argument; /* NULL: none */
    PyObject *context;
} noted_call;

typedef struct {
    PyObject_HEAD PyObject *before; /* what is called call_soon among the loop's attributes; NULL: nothing */
    PyObject *others;               /* call_soon of the loop */
    PyObject *call_program;
    int count;
    bool notes;
    noted_call noted[NOTED_MOST];
} calls;

static PyTypeObject *calls_type;

static calls *of(PyObject *self)
{
    return (calls *)(void *)self;
}

static PyObject *call_soon(PyObject *self, PyObject *args, PyObject *named)
{
    calls *to = of(self);
    Py_ssize_t count = PyTuple_Size(args);
    PyObject *context = named != NULL ? PyDict_GetItemWithError(named, accel_words.context) : NULL;
    if (!to->notes || to->count == NOTED_MOST || context == NULL || context == Py_None || count < 1 || count > 2) {
        return PyObject_Call(to->before != NULL ? to->before : to->others, args, named);
    }
    noted_call *call = &to->noted[to->count++];
    call->function = Py_NewRef(PyTuple_GetItem(args, 0));
    call->argument = count == 2 ? Py_NewRef(PyTuple_GetItem(args, 1)) : NULL;
    call->context = Py_NewRef(context);
    Py_RETURN_NONE;
}

bool accel_calls_begin(accel_entry *entry)
{
    calls *to = of(entry->calls);
    if (entry->attributes == NULL || to->notes) {
        return false;
    }
    to->before = Py_XNewRef(PyDict_GetItemWithError(entry->attributes, accel_words.call_soon));
    to->notes = PyDict_SetItem(entry->attributes, accel_words.call_soon, entry->calls) == 0;
    if (!to->notes) {
        PyErr_Clear();
        Py_CLEAR(to->before);
    }
    return to->notes;
}

static int call(const calls *by, noted_call *noted)
{
    PyObject *result = PyObject_CallMethodObjArgs(noted->context, accel_words.run, by->call_program, noted->function,
                                                  noted->argument, NULL);
    Py_DECREF(noted->function);
    Py_XDECREF(noted->argument);
    Py_DECREF(noted->context);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

int accel_calls_end(accel_entry *entry)
{
    calls *to = of(entry->calls);
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    int code = to->before != NULL ? PyDict_SetItem(entry->attributes, accel_words.call_soon, to->before)
                                  : PyDict_DelItem(entry->attributes, accel_words.call_soon);
    Py_CLEAR(to->before);
    noted_call noted[NOTED_MOST];
    int count = to->count;
    for (int i = 0; i < count; i++) { /* what is called may note calls of its own */
        noted[i] = to->noted[i];
    }
    to->count = 0;
    to->notes = false;
    for (int i = 0; i < count; i++) {
        if (code < 0) {
            PyErr_WriteUnraisable(entry->calls);
        }
        code = call(to, &noted[i]);
    }
    if (type == NULL) {
        return code;
    }
    if (code < 0) {
        PyErr_WriteUnraisable(entry->calls);
    }
    PyErr_Restore(type, value, trace);
    return -1;
}

PyObject *accel_calls_new(PyObject *loop, PyObject *call_program)
{
    PyObject *self = PyType_GenericAlloc(calls_type, 0);
    PyObject *others = self != NULL ? PyObject_GetAttr(loop, accel_words.call_soon) : NULL;
    if (others == NULL) {
        Py_XDECREF(self);
        return NULL;
    }
    of(self)->others = others;
    of(self)->call_program = Py_NewRef(call_program);
    return self;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT(of(self)->others);
    Py_VISIT(of(self)->call_program);
    return 0;
}

static int clear(PyObject *self)
{
    Py_CLEAR(of(self)->others);
    Py_CLEAR(of(self)->call_program);
    return 0;
}

static void free_calls(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear(self);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static PyType_Slot slots[] = {
    ACCEL_SLOT(Py_tp_traverse, traverse),
    ACCEL_SLOT(Py_tp_clear, clear),
    ACCEL_SLOT(Py_tp_dealloc, free_calls),
    ACCEL_SLOT(Py_tp_call, call_soon),
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Calls",
    .basicsize = sizeof(calls),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int accel_add_calls(PyObject *module)
{
    (void)module;
    calls_type = accel_add_type(NULL, NULL, &spec);
    return calls_type != NULL ? 0 : -1;
}
