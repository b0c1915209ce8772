/* Exchange: one request on its way through an application, as core.Core is in Python. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "asgi.h"

#include <structmember.h> /* behind Python.h */

enum { BODY_MOST = 64 * 1024 }; /* of core.py */
enum { HTTP_2 = 20 };

static accel_exchange *of(PyObject *self)
{
    return (accel_exchange *)(void *)self;
}

static PyObject *object(accel_exchange *exchange)
{
    return (PyObject *)(void *)exchange;
}

forker_request *accel_request_of(const accel_exchange *exchange)
{
    return (forker_request *)(uintptr_t)exchange->address;
}

/* Calls a method of Python's part. */
static int ask(accel_exchange *exchange, const char *method)
{
    PyObject *result = PyObject_CallMethod(object(exchange), method, NULL);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

/* The client waits to be told that it may send the body. */
static bool is_asked_first(const accel_exchange *exchange)
{
    return forker.request_header(accel_request_of(exchange), "Expect", NULL) != NULL;
}

/*
 * Handler or on_body are about to return: makes a handle, if the application goes on without an event of C's. Without one
 * the request ends, of which the task has to know.
 */
static int settle(accel_exchange *exchange)
{
    if (exchange->state == ACCEL_COMPLETE || exchange->has_left || exchange->handle != 0) {
        return 0;
    }
    int code = 0;
    bool waits = exchange->waiters != NULL && exchange->waiters != Py_None;
    if (exchange->has_all) {
        code = ask(exchange, "_hold");
    } else if (!waits && is_asked_first(exchange)) {
        code = ask(exchange, "_pause"); /* the client is told to go on when the application reads */
    }
    exchange->has_left = code < 0;
    return code;
}

static int wake_all(PyObject *waiters)
{
    for (Py_ssize_t i = 0; i < PyList_Size(waiters); i++) {
        PyObject *future = PyList_GetItem(waiters, i);
        PyObject *done = PyObject_CallMethodObjArgs(future, accel_words.done, NULL);
        PyObject *result = done == Py_False ? PyObject_CallMethodObjArgs(future, accel_words.set_result, Py_None, NULL)
                                            : Py_XNewRef(done);
        Py_XDECREF(done);
        Py_XDECREF(result);
        if (result == NULL) {
            return -1;
        }
    }
    return 0;
}

int accel_wake(accel_exchange *exchange, bool at_once)
{
    PyObject *waiters = exchange->waiters;
    if (waiters == NULL || waiters == Py_None) {
        return 0;
    }
    exchange->waiters = NULL;
    bool notes = at_once && accel_calls_begin(exchange->entry);
    int code = wake_all(waiters);
    if (notes && accel_calls_end(exchange->entry) < 0) {
        code = -1;
    }
    Py_DECREF(waiters);
    return code;
}

static int keep(accel_exchange *exchange, const char *data, size_t len)
{
    if (exchange->pieces == NULL || exchange->pieces == Py_None) {
        accel_set(&exchange->pieces, PyList_New(0));
    }
    PyObject *piece = exchange->pieces != NULL ? PyBytes_FromStringAndSize(data, (Py_ssize_t)len) : NULL;
    int code = piece != NULL ? PyList_Append(exchange->pieces, piece) : -1;
    Py_XDECREF(piece);
    exchange->held += (Py_ssize_t)len;
    return code;
}

static int take(accel_exchange *exchange, const char *data, size_t len, int last)
{
    if (last != 0) {
        exchange->has_all = 1;
        exchange->is_lost = last < 0;
        if (last < 0 && exchange->handle == 0 && exchange->state != ACCEL_COMPLETE) {
            exchange->has_left = 1;
        }
    }
    if (data != NULL && len > 0) {
        if (keep(exchange, data, len) < 0) {
            return -1;
        }
        if (last == 0 && exchange->held >= BODY_MOST && exchange->state != ACCEL_COMPLETE &&
            ask(exchange, "_pause") < 0) {
            return -1;
        }
    }
    return accel_wake(exchange, true);
}

static void report(const accel_exchange *exchange, int code)
{
    if (code < 0) {
        PyErr_WriteUnraisable(exchange->entry->mounted);
    }
}

/* Has the task begin, where no handler answers if there is none. */
static int try_task(accel_exchange *exchange)
{
    if (accel_start(exchange) == 0) {
        return 0;
    }
    PyObject *exception = accel_fetch();
    PyObject *result = PyObject_CallMethod(object(exchange), "_fail", "O", exception);
    Py_DECREF(exception);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

/* C gives the body as it comes. `user` is the exchange, with a reference that ends with the last call. */
static int on_body(forker_request *req, const void *data, size_t len, int last, void *user)
{
    PyGILState_STATE state = PyGILState_Ensure();
    accel_exchange *exchange = user;
    (void)req;
    exchange->is_inside = last >= 0;
    int code = take(exchange, data, len, last);
    if (!exchange->has_begun) {
        exchange->has_begun = 1;
        code = code == 0 && last >= 0 ? try_task(exchange) : code;
    }
    exchange->is_inside = 0;
    report(exchange, code);
    if (exchange->has_all) {
        report(exchange, settle(exchange));
    }
    if (last != 0) {
        Py_DECREF(object(exchange));
    }
    PyGILState_Release(state);
    return ACCEL_OK;
}

static bool has_body(forker_request *req)
{
    const char *length = forker.request_header(req, "Content-Length", NULL);
    return (length != NULL && strcmp(length, "0") != 0) ||
           forker.request_header(req, "Transfer-Encoding", NULL) != NULL || forker.request_version(req) == HTTP_2;
}

static int take_body(accel_exchange *exchange, forker_request *req)
{
    if (!has_body(req)) {
        return 0;
    }
    Py_INCREF(object(exchange));
    if (forker.request_on_body(req, on_body, exchange) != FORKER_OK) {
        Py_DECREF(object(exchange));
        PyErr_SetString(PyExc_RuntimeError, "the body of the request cannot be asked for");
        return -1;
    }
    exchange->has_all = 0;
    return 0;
}

static accel_exchange *make(accel_entry *entry, forker_request *req, PyObject *scope)
{
    PyObject *self = PyType_GenericAlloc((PyTypeObject *)(void *)entry->kind, 0);
    PyObject *method = self != NULL ? PyDict_GetItemWithError(scope, accel_words.method) : NULL;
    if (method == NULL) {
        Py_XDECREF(self);
        return NULL;
    }
    accel_exchange *exchange = of(self);
    Py_INCREF((PyObject *)(void *)entry);
    exchange->entry = entry;
    exchange->mounted = Py_NewRef(entry->mounted);
    exchange->scope = Py_NewRef(scope);
    exchange->address = (uintptr_t)req;
    exchange->is_head = PyUnicode_CompareWithASCIIString(method, "HEAD") == 0;
    exchange->has_all = 1;
    return exchange;
}

long accel_begin(accel_entry *entry, forker_request *req, PyObject *scope)
{
    accel_exchange *exchange = make(entry, req, scope);
    if (exchange == NULL) {
        return -1;
    }
    int code = take_body(exchange, req);
    if (code == 0 && !exchange->has_all && !is_asked_first(exchange)) {
        code = PyList_Append(entry->late, object(exchange));
        Py_DECREF(object(exchange));
        return code < 0 ? -1 : ACCEL_OK;
    }
    if (code == 0) {
        exchange->is_inside = 1;
        code = accel_start(exchange);
        exchange->is_inside = 0;
    }
    if (code == 0) {
        code = settle(exchange);
    }
    long result = code < 0 ? -1 : exchange->handle != 0 ? ACCEL_DEFERRED : ACCEL_OK;
    Py_DECREF(object(exchange));
    return result;
}

static PyObject *start(PyObject *self, PyObject *unused)
{
    (void)unused;
    if (accel_start(of(self)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    accel_exchange *exchange = of(self);
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT((PyObject *)(void *)exchange->entry);
    Py_VISIT(exchange->mounted);
    Py_VISIT(exchange->scope);
    Py_VISIT(exchange->pieces);
    Py_VISIT(exchange->waiters);
    Py_VISIT(exchange->length);
    return 0;
}

static int clear(PyObject *self)
{
    accel_exchange *exchange = of(self);
    Py_CLEAR(exchange->mounted);
    Py_CLEAR(exchange->scope);
    Py_CLEAR(exchange->pieces);
    Py_CLEAR(exchange->waiters);
    Py_CLEAR(exchange->length);
    return 0;
}

static void free_exchange(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear(self);
    PyObject *entry = (PyObject *)(void *)of(self)->entry;
    PyObject_GC_Del(self);
    Py_XDECREF(entry);
    Py_DECREF((PyObject *)type);
}

#define MEMBER(name, kind, field, flags)                                                                               \
    {                                                                                                                  \
        name, kind, offsetof(accel_exchange, field), flags, NULL                                                       \
    }

static PyMemberDef members[] = {
    MEMBER("_mounted", T_OBJECT, mounted, READONLY),
    MEMBER("_scope", T_OBJECT, scope, READONLY),
    MEMBER("_pieces", T_OBJECT, pieces, 0),
    MEMBER("_waiters", T_OBJECT, waiters, 0),
    MEMBER("_length", T_OBJECT, length, 0),
    MEMBER("_address", T_ULONGLONG, address, READONLY),
    MEMBER("_handle", T_ULONGLONG, handle, 0),
    MEMBER("_sent", T_ULONGLONG, sent, 0),
    MEMBER("_held", T_PYSSIZET, held, 0),
    MEMBER("_state", T_INT, state, 0),
    MEMBER("_status", T_INT, status, 0),
    MEMBER("_is_head", T_BOOL, is_head, READONLY),
    MEMBER("_has_begun", T_BOOL, has_begun, READONLY),
    MEMBER("_is_inside", T_BOOL, is_inside, READONLY),
    MEMBER("_has_all", T_BOOL, has_all, READONLY),
    MEMBER("_is_reading", T_BOOL, is_reading, READONLY),
    MEMBER("_is_read", T_BOOL, is_read, READONLY),
    MEMBER("_is_paused", T_BOOL, is_paused, 0),
    MEMBER("_is_lost", T_BOOL, is_lost, READONLY),
    MEMBER("_has_left", T_BOOL, has_left, 0),
    MEMBER("_trails", T_BOOL, trails, 0),
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef methods[] = {
    {"_make_task", start, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    ACCEL_SLOT(Py_tp_traverse, traverse),
    ACCEL_SLOT(Py_tp_clear, clear),
    ACCEL_SLOT(Py_tp_dealloc, free_exchange),
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Exchange",
    .basicsize = sizeof(accel_exchange),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE,
    .slots = slots,
};

int accel_add_exchange(PyObject *module)
{
    return accel_add_type(module, "Exchange", &spec) != NULL ? 0 : -1;
}
