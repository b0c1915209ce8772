/* Entry: the way in for each request to an application. */
#include "asgi.h"

static accel_entry *of(PyObject *self)
{
    return (accel_entry *)(void *)self;
}

/* What an entry refers to, but for what it makes itself. */
static int take(accel_entry *entry, PyObject *shared)
{
    if (shared == Py_None) {
        entry->base = Py_NewRef(Py_None);
        return 0;
    }
    if (!PyArg_ParseTuple(shared, "OOO!O!O", &entry->base, &entry->server, &PyTuple_Type, &entry->extensions,
                          &PyDict_Type, &entry->names, &entry->lower)) {
        entry->base = entry->server = entry->extensions = entry->names = entry->lower = NULL;
        return -1;
    }
    Py_INCREF(entry->base);
    Py_INCREF(entry->server);
    Py_INCREF(entry->extensions);
    Py_INCREF(entry->names);
    Py_INCREF(entry->lower);
    return 0;
}

/* Entry(mounted, kind, application, shared, state, loop, run, tasks, task, late, call_program) */
static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *mounted, *kind, *application, *shared, *state, *loop, *run, *tasks, *task, *late, *call_program;
    (void)named;
    if (!PyArg_ParseTuple(args, "OO!OOOOOO!OO!O", &mounted, &PyType_Type, &kind, &application, &shared, &state, &loop,
                          &run, &PyDict_Type, &tasks, &task, &PyList_Type, &late, &call_program)) {
        return NULL;
    }
    PyObject *self = PyType_GenericAlloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    accel_entry *entry = of(self);
    entry->mounted = Py_NewRef(mounted);
    entry->kind = Py_NewRef(kind);
    entry->application = Py_NewRef(application);
    entry->state = Py_NewRef(state);
    entry->loop = Py_NewRef(loop);
    entry->run = Py_NewRef(run);
    entry->tasks = Py_NewRef(tasks);
    entry->start = Py_NewRef(task);
    entry->late = Py_NewRef(late);
    entry->named = Py_BuildValue("{s:O}", "loop", loop);
    entry->calls = accel_calls_new(loop, call_program);
    if (accel_turns_prepare() < 0 || take(entry, shared) < 0 || entry->named == NULL || entry->calls == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    entry->attributes = PyObject_GetAttrString(loop, "__dict__");
    if (entry->attributes == NULL || !PyDict_CheckExact(entry->attributes)) {
        PyErr_Clear();
        Py_CLEAR(entry->attributes);
    }
    return self;
}

static PyObject *handle(PyObject *self, PyObject *address)
{
    forker_request *req = accel_request(address);
    PyObject *scope = req != NULL ? accel_scope(of(self), req) : NULL;
    if (scope == NULL || scope == Py_None) {
        return scope;
    }
    long code = accel_begin(of(self), req, scope);
    Py_DECREF(scope);
    return code < 0 ? NULL : PyLong_FromLong(code);
}

static PyObject *begin(PyObject *self, PyObject *args)
{
    PyObject *address, *scope;
    if (!PyArg_ParseTuple(args, "OO!", &address, &PyDict_Type, &scope)) {
        return NULL;
    }
    forker_request *req = accel_request(address);
    long code = req != NULL ? accel_begin(of(self), req, scope) : -1;
    return code < 0 ? NULL : PyLong_FromLong(code);
}

static PyObject *loop_of(PyObject *self, void *unused)
{
    (void)unused;
    return Py_NewRef(of(self)->loop);
}

/* The first step of a task within the handler, unless the program makes its tasks itself. A new reference. */
static PyObject *make_task(accel_exchange *exchange, PyObject *steps)
{
    accel_entry *entry = exchange->entry;
    PyObject *factory = PyObject_CallMethodObjArgs(entry->loop, accel_words.get_task_factory, NULL);
    PyObject *task = NULL;
    if (factory == Py_None && accel_calls_begin(entry)) {
        PyObject *args = PyTuple_Pack(2, entry->start, steps);
        task = args != NULL ? PyObject_Call(entry->run, args, entry->named) : NULL;
        Py_XDECREF(args);
        if (accel_calls_end(entry) < 0) {
            Py_CLEAR(task);
        }
    } else if (factory != NULL) {
        PyObject *create = PyObject_GetAttr(entry->loop, accel_words.create_task);
        task = create != NULL ? PyObject_CallFunctionObjArgs(entry->run, create, steps, NULL) : NULL;
        Py_XDECREF(create);
    }
    Py_XDECREF(factory);
    return task;
}

int accel_start(accel_exchange *exchange)
{
    exchange->has_begun = 1;
    PyObject *steps = accel_turns(exchange);
    PyObject *task = steps != NULL ? make_task(exchange, steps) : NULL;
    Py_XDECREF(steps);
    if (task == NULL) {
        return -1;
    }
    int code = exchange->has_ended ? 0 : PyDict_SetItem(exchange->entry->tasks, (PyObject *)(void *)exchange, task);
    Py_DECREF(task);
    return code;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    accel_entry *entry = of(self);
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT(entry->mounted);
    Py_VISIT(entry->kind);
    Py_VISIT(entry->application);
    Py_VISIT(entry->base);
    Py_VISIT(entry->server);
    Py_VISIT(entry->extensions);
    Py_VISIT(entry->names);
    Py_VISIT(entry->lower);
    Py_VISIT(entry->state);
    Py_VISIT(entry->loop);
    Py_VISIT(entry->attributes);
    Py_VISIT(entry->run);
    Py_VISIT(entry->tasks);
    Py_VISIT(entry->start);
    Py_VISIT(entry->late);
    Py_VISIT(entry->named);
    Py_VISIT(entry->calls);
    return 0;
}

static int clear(PyObject *self)
{
    accel_entry *entry = of(self);
    Py_CLEAR(entry->mounted);
    Py_CLEAR(entry->kind);
    Py_CLEAR(entry->application);
    Py_CLEAR(entry->base);
    Py_CLEAR(entry->server);
    Py_CLEAR(entry->extensions);
    Py_CLEAR(entry->names);
    Py_CLEAR(entry->lower);
    Py_CLEAR(entry->state);
    Py_CLEAR(entry->loop);
    Py_CLEAR(entry->attributes);
    Py_CLEAR(entry->run);
    Py_CLEAR(entry->tasks);
    Py_CLEAR(entry->start);
    Py_CLEAR(entry->late);
    Py_CLEAR(entry->named);
    Py_CLEAR(entry->calls);
    return 0;
}

static void free_entry(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear(self);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static PyMethodDef methods[] = {
    {"handle", handle, METH_O, NULL},
    {"begin", begin, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef attributes[] = {
    {"loop", loop_of, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    ACCEL_SLOT(Py_tp_new, make),
    ACCEL_SLOT(Py_tp_traverse, traverse),
    ACCEL_SLOT(Py_tp_clear, clear),
    ACCEL_SLOT(Py_tp_dealloc, free_entry),
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Entry",
    .basicsize = sizeof(accel_entry),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int accel_add_entry(PyObject *module)
{
    return accel_add_type(module, "Entry", &spec) != NULL ? 0 : -1;
}
