/*
 * Steps: what receive() and send() return. It does what is asked for when it is awaited, as a coroutine does; at once where
 * that is possible, else by another awaitable: a future, or Python's part of the exchange.
 */
#include <string.h>

#include "asgi.h"

enum { STATUS_NO_CONTENT = 204, STATUS_NOT_MODIFIED = 304 };

typedef struct {
    PyObject_HEAD accel_exchange *exchange;
    PyObject *message; /* of send(); NULL: of receive() */
    PyObject *waits;   /* for this; NULL: for nothing yet */
    bool has_ended;
} steps;

static PyTypeObject *steps_type;

static steps *of(PyObject *self)
{
    return (steps *)(void *)self;
}

static PyObject *new (accel_exchange *exchange, PyObject *message)
{
    PyObject *self = PyType_GenericAlloc(steps_type, 0);
    if (self != NULL) {
        Py_INCREF((PyObject *)(void *)exchange);
        of(self)->exchange = exchange;
        of(self)->message = Py_XNewRef(message);
    }
    return self;
}

static bool is_nothing(PyObject *object)
{
    return object == NULL || object == Py_None;
}

/* ---------------------------------------------------------------------------------------------------------- receive */

static PyObject *disconnect(void)
{
    PyObject *message = PyDict_New();
    if (message != NULL && PyDict_SetItem(message, accel_words.type, accel_words.http_disconnect) < 0) {
        Py_CLEAR(message);
    }
    return message;
}

static PyObject *joined(PyObject *pieces)
{
    if (is_nothing(pieces) || PyList_Size(pieces) == 0) {
        return PyBytes_FromStringAndSize(NULL, 0);
    }
    if (PyList_Size(pieces) == 1) {
        return Py_NewRef(PyList_GetItem(pieces, 0));
    }
    PyObject *nothing = PyBytes_FromStringAndSize(NULL, 0);
    PyObject *all = nothing != NULL ? PyObject_CallMethod(nothing, "join", "O", pieces) : NULL;
    Py_XDECREF(nothing);
    return all;
}

static int resume(accel_exchange *exchange)
{
    PyObject *result = PyObject_CallMethod((PyObject *)(void *)exchange, "_resume", NULL);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

static PyObject *next_piece(accel_exchange *exchange)
{
    PyObject *body = joined(exchange->pieces);
    PyObject *message = body != NULL ? PyDict_New() : NULL;
    if (message == NULL) {
        Py_XDECREF(body);
        return NULL;
    }
    Py_CLEAR(exchange->pieces);
    exchange->held = 0;
    exchange->is_reading = 1;
    exchange->is_read = exchange->has_all && !exchange->is_lost;
    if (PyDict_SetItem(message, accel_words.type, accel_words.http_request) < 0 ||
        accel_put(message, accel_words.body, body) < 0 ||
        PyDict_SetItem(message, accel_words.more_body, exchange->is_read ? Py_False : Py_True) < 0 ||
        (exchange->is_paused && !exchange->has_all && resume(exchange) < 0)) {
        Py_DECREF(message);
        return NULL;
    }
    return message;
}

/* Has `self` wait for a future, with which the next look is taken. */
static int wait(steps *self)
{
    accel_exchange *exchange = self->exchange;
    PyObject *future = PyObject_CallMethodObjArgs(exchange->entry->loop, accel_words.create_future, NULL);
    if (future == NULL) {
        return -1;
    }
    if (is_nothing(exchange->waiters)) {
        accel_set(&exchange->waiters, PyList_New(0));
    }
    if (exchange->waiters != NULL && PyList_Append(exchange->waiters, future) == 0) {
        self->waits = PyObject_GetIter(future);
    }
    Py_DECREF(future);
    return self->waits != NULL ? 0 : -1;
}

/* The message that there is, or NULL: without an exception, `self` has to wait. */
static PyObject *look(steps *self)
{
    accel_exchange *exchange = self->exchange;
    if (exchange->has_left) {
        return disconnect();
    }
    bool has_piece = !is_nothing(exchange->pieces) || (exchange->has_all && !exchange->is_lost);
    if (!exchange->is_read && has_piece) {
        return next_piece(exchange);
    }
    if (exchange->is_lost || exchange->state == ACCEL_COMPLETE) {
        return disconnect();
    }
    if (!exchange->is_paused || exchange->is_read || resume(exchange) == 0) {
        (void)wait(self);
    }
    return NULL;
}

static PySendResult receive(steps *self, PyObject *value, PyObject **result)
{
    for (;;) {
        if (self->waits != NULL) {
            PySendResult how = PyIter_Send(self->waits, value, result);
            if (how != PYGEN_RETURN) {
                return how;
            }
            Py_CLEAR(*result);
            Py_CLEAR(self->waits);
        }
        *result = look(self);
        if (*result != NULL || PyErr_Occurred() != NULL) {
            return *result != NULL ? PYGEN_RETURN : PYGEN_ERROR;
        }
        value = Py_None;
    }
}

/* ------------------------------------------------------------------------------------------------------------- send */

/* The bytes of a part of a field. NULL: Python has to look at it. */
static const char *part(PyObject *field, Py_ssize_t index)
{
    PyObject *value = PyTuple_Check(field) ? PyTuple_GetItem(field, index) : PyList_GetItem(field, index);
    char *data = NULL;
    Py_ssize_t len;
    if (!PyBytes_CheckExact(value) || PyBytes_AsStringAndSize(value, &data, &len) < 0 || strlen(data) != (size_t)len) {
        PyErr_Clear();
        return NULL;
    }
    return data;
}

/* Whether a field is a pair of bytes. `length_out` is that which it says, as digits. false: Python has to look at it. */
static bool is_plain(PyObject *field, const char **length_out)
{
    Py_ssize_t count = PyTuple_CheckExact(field)  ? PyTuple_Size(field)
                       : PyList_CheckExact(field) ? PyList_Size(field)
                                                  : 0;
    const char *name = count == 2 ? part(field, 0) : NULL;
    const char *value = name != NULL ? part(field, 1) : NULL;
    if (value == NULL) {
        return false;
    }
    if (!accel_is_special(name)) {
        return true;
    }
    *length_out = value;
    return accel_is_name(name, "content-length") && value[0] != '\0' && strspn(value, "0123456789") == strlen(value);
}

/* Whether all fields are; then they are set. */
static bool set_fields(accel_exchange *exchange, PyObject *fields)
{
    const char *length = NULL;
    Py_ssize_t count = PyList_Size(fields);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!is_plain(PyList_GetItem(fields, i), &length)) {
            return false;
        }
    }
    PyObject *number = NULL;
    if (length != NULL && !accel_length(length, &number)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *field = PyList_GetItem(fields, i);
        if (accel_is_special(part(field, 0))) {
            continue;
        }
        if (forker.response_header_add(accel_request_of(exchange), part(field, 0), part(field, 1)) != FORKER_OK) {
            (void)forker.response_reset(accel_request_of(exchange)); /* as Python will, which says why */
            Py_XDECREF(number);
            return false;
        }
    }
    accel_set(&exchange->length, number);
    return true;
}

/* "http.response.start". false without an exception: Python has to do it. */
static bool start(accel_exchange *exchange, PyObject *message)
{
    PyObject *status = PyDict_GetItemWithError(message, accel_words.status);
    PyObject *fields = PyDict_GetItemWithError(message, accel_words.headers);
    PyObject *trailers = PyDict_GetItemWithError(message, accel_words.trailers);
    if (exchange->state != ACCEL_NONE || status == NULL || !PyLong_CheckExact(status) ||
        (trailers != NULL && trailers != Py_False) ||
        (fields != NULL && !PyList_CheckExact(fields) && !PyTuple_CheckExact(fields))) {
        return false;
    }
    long number = PyLong_AsLong(status);
    if (PyErr_Occurred() != NULL || number != (int)number ||
        forker.response_status(accel_request_of(exchange), (int)number) != FORKER_OK) {
        PyErr_Clear();
        return false;
    }
    PyObject *list = fields == NULL || PyList_CheckExact(fields) ? Py_XNewRef(fields) : PySequence_List(fields);
    bool set = fields == NULL || (list != NULL && set_fields(exchange, list));
    Py_XDECREF(list);
    if (set) {
        exchange->status = (int)number;
        exchange->state = ACCEL_STARTED;
    }
    return set;
}

/* Whether a body is what Content-Length has promised. */
static bool fits(const accel_exchange *exchange, Py_ssize_t len)
{
    if (is_nothing(exchange->length)) {
        return true;
    }
    if (exchange->is_head || exchange->status == STATUS_NOT_MODIFIED) {
        return false;
    }
    Py_ssize_t promised = PyLong_AsSsize_t(exchange->length);
    PyErr_Clear();
    return promised == len || exchange->status == STATUS_NO_CONTENT;
}

/* The whole of "http.response.body". false without an exception: Python has to do it. */
static bool respond(accel_exchange *exchange, PyObject *message)
{
    PyObject *more = PyDict_GetItemWithError(message, accel_words.more_body);
    PyObject *body = PyDict_GetItemWithError(message, accel_words.body);
    char *data = NULL;
    Py_ssize_t len = 0;
    if (exchange->state != ACCEL_STARTED || exchange->trails || (more != NULL && more != Py_False) ||
        (body != NULL && (!PyBytes_CheckExact(body) || PyBytes_AsStringAndSize(body, &data, &len) < 0)) ||
        !fits(exchange, len)) {
        return false;
    }
    int code;
    if (exchange->handle != 0) {
        code = forker.deferred_respond(exchange->handle, exchange->status, NULL, data, (size_t)len);
    } else if (exchange->is_inside) {
        code = forker.respond(accel_request_of(exchange), exchange->status, NULL, data, (size_t)len);
    } else {
        return false;
    }
    if (code != FORKER_OK && code != FORKER_E_ABORTED) {
        return false;
    }
    exchange->state = ACCEL_COMPLETE;
    return accel_wake(exchange, false) == 0;
}

/* false without an exception: Python has to do it. */
static bool send_plain(accel_exchange *exchange, PyObject *message)
{
    if (exchange->has_left || !PyDict_CheckExact(message)) {
        return false;
    }
    PyObject *type = PyDict_GetItemWithError(message, accel_words.type);
    if (type == NULL || !PyUnicode_CheckExact(type)) {
        return false;
    }
    if (type == accel_words.response_start || PyUnicode_Compare(type, accel_words.response_start) == 0) {
        return start(exchange, message);
    }
    if (type == accel_words.response_body || PyUnicode_Compare(type, accel_words.response_body) == 0) {
        return respond(exchange, message);
    }
    return false;
}

static PySendResult send(steps *self, PyObject *value, PyObject **result)
{
    if (self->waits == NULL) {
        if (send_plain(self->exchange, self->message)) {
            *result = Py_NewRef(Py_None);
            return PYGEN_RETURN;
        }
        if (PyErr_Occurred() != NULL) {
            return PYGEN_ERROR;
        }
        PyObject *exchange = (PyObject *)(void *)self->exchange;
        self->waits = PyObject_CallMethodObjArgs(exchange, accel_words.send, self->message, NULL);
        if (self->waits == NULL) {
            return PYGEN_ERROR;
        }
    }
    return PyIter_Send(self->waits, value, result);
}

/* ---------------------------------------------------------------------------------------------------- the awaitable */

static PySendResult take(PyObject *self, PyObject *value, PyObject **result)
{
    steps *own = of(self);
    *result = NULL;
    if (own->has_ended) {
        PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
        return PYGEN_ERROR;
    }
    PySendResult how = own->message == NULL ? receive(own, value, result) : send(own, value, result);
    own->has_ended = how != PYGEN_NEXT;
    return how;
}

static PyObject *outcome_of(PySendResult how, PyObject *result)
{
    if (how != PYGEN_RETURN) {
        return result;
    }
    if (result == Py_None) {
        PyErr_SetNone(PyExc_StopIteration);
    } else {
        PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, result, NULL);
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_XDECREF(stop);
    }
    Py_DECREF(result);
    return NULL;
}

static PyObject *send_value(PyObject *self, PyObject *value)
{
    PyObject *result = NULL;
    PySendResult how = take(self, value, &result);
    return outcome_of(how, result);
}

/* An exception goes to what is waited for; it comes back, or Python's part goes on. */
static PyObject *throw_into(PyObject *self, PyObject *args)
{
    steps *own = of(self);
    PyObject *method = own->waits != NULL ? PyObject_GetAttrString(own->waits, "throw") : NULL;
    if (method == NULL && own->waits != NULL) {
        return NULL;
    }
    if (method == NULL) {
        PyObject *exception = PyTuple_Size(args) > 0 ? PyTuple_GetItem(args, 0) : PyExc_RuntimeError;
        PyErr_SetObject(PyType_Check(exception) ? exception : (PyObject *)Py_TYPE(exception),
                        PyType_Check(exception) ? NULL : exception);
        own->has_ended = true;
        return NULL;
    }
    PyObject *result = PyObject_CallObject(method, args);
    Py_DECREF(method);
    own->has_ended = result == NULL;
    return result;
}

static PyObject *close_steps(PyObject *self, PyObject *ignored)
{
    (void)ignored;
    of(self)->has_ended = true;
    PyObject *waits = of(self)->waits;
    of(self)->waits = NULL;
    if (waits != NULL && of(self)->message != NULL) {
        PyObject *result = PyObject_CallMethod(waits, "close", NULL);
        Py_DECREF(waits);
        return result;
    }
    Py_XDECREF(waits);
    Py_RETURN_NONE;
}

static PyObject *await(PyObject *self)
{
    return Py_NewRef(self);
}

/* An iterator may end without an exception. */
static PyObject *next(PyObject *self)
{
    PyObject *result = NULL;
    PySendResult how = take(self, Py_None, &result);
    if (how == PYGEN_RETURN && result == Py_None) {
        Py_CLEAR(result);
        return NULL;
    }
    return outcome_of(how, result);
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT((PyObject *)(void *)of(self)->exchange);
    Py_VISIT(of(self)->message);
    Py_VISIT(of(self)->waits);
    return 0;
}

static int clear(PyObject *self)
{
    Py_CLEAR(of(self)->message);
    Py_CLEAR(of(self)->waits);
    of(self)->has_ended = true;
    return 0;
}

static void free_steps(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear(self);
    PyObject *exchange = (PyObject *)(void *)of(self)->exchange;
    PyObject_GC_Del(self);
    Py_XDECREF(exchange);
    Py_DECREF((PyObject *)type);
}

static PyMethodDef methods[] = {
    {"send", send_value, METH_O, NULL},
    {"throw", throw_into, METH_VARARGS, NULL},
    {"close", close_steps, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    ACCEL_SLOT(Py_tp_traverse, traverse), ACCEL_SLOT(Py_tp_clear, clear),   ACCEL_SLOT(Py_tp_dealloc, free_steps),
    ACCEL_SLOT(Py_tp_iter, await),        ACCEL_SLOT(Py_tp_iternext, next), ACCEL_SLOT(Py_am_await, await),
    ACCEL_SLOT(Py_am_send, take),         {Py_tp_methods, methods},         {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Steps",
    .basicsize = sizeof(steps),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

int accel_add_steps(PyObject *module)
{
    (void)module;
    steps_type = accel_add_type(NULL, NULL, &spec);
    return steps_type != NULL ? 0 : -1;
}

/* ------------------------------------------------------------------------------------- what an application is given */

static PyObject *call_receive(PyObject *exchange, PyObject *unused)
{
    (void)unused;
    return new ((accel_exchange *)(void *)exchange, NULL);
}

static PyObject *call_send(PyObject *exchange, PyObject *const *args, Py_ssize_t count, PyObject *names)
{
    Py_ssize_t named = names != NULL ? PyTuple_Size(names) : 0;
    if (count + named != 1 ||
        (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "message") != 0)) {
        PyErr_SetString(PyExc_TypeError, "send() takes one argument, message");
        return NULL;
    }
    return new ((accel_exchange *)(void *)exchange, args[0]);
}

static PyMethodDef receive_method = {"receive", call_receive, METH_NOARGS, NULL};
static PyMethodDef send_method = {"send", (PyCFunction)(void (*)(void))call_send, METH_FASTCALL | METH_KEYWORDS, NULL};

PyObject *accel_receive_of(accel_exchange *exchange)
{
    return PyCFunction_NewEx(&receive_method, (PyObject *)(void *)exchange, NULL);
}

PyObject *accel_send_of(accel_exchange *exchange)
{
    return PyCFunction_NewEx(&send_method, (PyObject *)(void *)exchange, NULL);
}
