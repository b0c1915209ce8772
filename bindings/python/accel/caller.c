/*
 * Caller: calls a WSGI application on the main thread, as Inline does in Python, and answers with what it returns if that is
 * whole, as with most: one piece, in a list or from an iterable that is closed then, as those of frameworks are. For
 * anything else Python's exchange is made, and goes on from there.
 */
#include <string.h>

#include "accel.h"

enum { STATUS_LEAST = 200, STATUS_MOST = 599, STATUS_NO_CONTENT = 204, STATUS_NOT_MODIFIED = 304 };

/* What is the same for all requests to an application. */
typedef struct {
    PyObject_HEAD PyObject *application;
    PyObject *adopt; /* makes Python's exchange of address, input, status and length */
    PyObject *file;  /* the type of wsgi.file_wrapper */
    accel_environs environs;
} caller;

/* One call of it, which is its start_response, too. */
typedef struct {
    PyObject_HEAD caller *by;
    PyObject *address;
    PyObject *environ;
    PyObject *input;    /* of the environ, before the application had it */
    PyObject *exchange; /* Python's; NULL: it is not needed yet */
    PyObject *length;   /* what Content-Length says; NULL: nothing */
    int status;         /* 0: start_response was not called */
    bool is_answered;   /* without Python's exchange: the request has ended */
} call;

static PyTypeObject *call_type;

static caller *of(PyObject *self)
{
    return (caller *)(void *)self;
}

static call *call_of(PyObject *self)
{
    return (call *)(void *)self;
}

/* An exchange of Python's, which has what is known by now. A new reference; NULL: an exception is set. */
static PyObject *adopt(const call *self)
{
    PyObject *status = self->status != 0 ? PyLong_FromLong(self->status) : Py_NewRef(Py_None);
    PyObject *exchange = NULL;
    if (status != NULL) {
        exchange = PyObject_CallFunctionObjArgs(self->by->adopt, self->address, self->input, status,
                                                self->length != NULL ? self->length : Py_None, NULL);
    }
    Py_XDECREF(status);
    return exchange;
}

/* Python's exchange, from now on. Borrowed; NULL: an exception is set. */
static PyObject *exchange_of(call *self)
{
    if (self->is_answered) {
        PyErr_SetString(PyExc_AssertionError, "the response is complete");
        return NULL;
    }
    if (self->exchange == NULL) {
        self->exchange = adopt(self);
    }
    return self->exchange;
}

/* --------------------------------------------------------------------------------------------------- start_response */

/* The bytes of a text that is ASCII without NUL. NULL without an exception: Python has to look at it. */
static const char *plain(PyObject *text)
{
    Py_ssize_t len;
    const char *bytes = PyUnicode_CheckExact(text) ? PyUnicode_AsUTF8AndSize(text, &len) : NULL;
    if (bytes == NULL || len != PyUnicode_GetLength(text) || strlen(bytes) != (size_t)len) {
        PyErr_Clear();
        return NULL;
    }
    return bytes;
}

/* The number of "200 OK". 0: Python has to look at it. */
static int status_of(PyObject *status)
{
    const char *text = plain(status);
    if (text == NULL || strspn(text, "0123456789") != 3 || (text[3] != '\0' && text[3] != ' ')) {
        return 0;
    }
    int number = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    return number >= STATUS_LEAST && number <= STATUS_MOST ? number : 0;
}

/* Whether a field is a pair of such texts. `length_out` is the Content-Length. false: Python has to look at it. */
static bool is_plain(PyObject *field, const char **length_out)
{
    if (!PyTuple_CheckExact(field) || PyTuple_Size(field) != 2) {
        return false;
    }
    const char *name = plain(PyTuple_GetItem(field, 0));
    const char *value = name != NULL ? plain(PyTuple_GetItem(field, 1)) : NULL;
    if (value == NULL || !accel_is_special(name)) {
        return value != NULL;
    }
    *length_out = value;
    return accel_is_name(name, "content-length") && value[0] != '\0' && strspn(value, "0123456789") == strlen(value);
}

static bool add_fields(forker_request *req, PyObject *fields)
{
    for (Py_ssize_t i = 0; i < PyList_Size(fields); i++) {
        PyObject *field = PyList_GetItem(fields, i);
        const char *name = plain(PyTuple_GetItem(field, 0));
        if (!accel_is_special(name) &&
            forker.response_header_add(req, name, plain(PyTuple_GetItem(field, 1))) != FORKER_OK) {
            return false;
        }
    }
    return true;
}

/* Sets status and fields. false without an exception: Python has to do it, and will begin anew. */
static bool start(call *self, PyObject *status, PyObject *fields)
{
    int number = status_of(status);
    const char *length = NULL;
    if (number == 0 || !PyList_CheckExact(fields)) {
        return false;
    }
    for (Py_ssize_t i = 0; i < PyList_Size(fields); i++) {
        if (!is_plain(PyList_GetItem(fields, i), &length)) {
            return false;
        }
    }
    PyObject *promised = NULL;
    forker_request *req = accel_request(self->address);
    if ((length != NULL && !accel_length(length, &promised)) || forker.response_reset(req) != FORKER_OK ||
        !add_fields(req, fields)) {
        PyErr_Clear();
        Py_XDECREF(promised);
        return false;
    }
    accel_set(&self->length, promised);
    self->status = number;
    return true;
}

static PyObject *write_to(PyObject *self, PyObject *data)
{
    PyObject *exchange = exchange_of(call_of(self));
    return exchange != NULL ? PyObject_CallMethod(exchange, "write", "O", data) : NULL;
}

static PyMethodDef write_method = {"write", write_to, METH_O, NULL};

/* start_response(status, headers, exc_info=None) */
static PyObject *start_response(PyObject *self, PyObject *args, PyObject *named)
{
    call *own = call_of(self);
    Py_ssize_t count = PyTuple_Size(args);
    bool is_plain_call = named == NULL && (count == 2 || (count == 3 && PyTuple_GetItem(args, 2) == Py_None));
    if (own->exchange == NULL && own->status == 0 && is_plain_call &&
        start(own, PyTuple_GetItem(args, 0), PyTuple_GetItem(args, 1))) {
        return PyCFunction_NewEx(&write_method, self, NULL);
    }
    PyObject *exchange = PyErr_Occurred() == NULL ? exchange_of(own) : NULL;
    PyObject *method = exchange != NULL ? PyObject_GetAttrString(exchange, "start_response") : NULL;
    PyObject *result = method != NULL ? PyObject_Call(method, args, named) : NULL;
    Py_XDECREF(method);
    return result;
}

/* -------------------------------------------------------------------------------------------------------- the answer */

/* All pieces of a list or tuple of bytes. NULL without an exception: Python has to look at them. */
static PyObject *whole(PyObject *result)
{
    if (!PyList_CheckExact(result) && !PyTuple_CheckExact(result)) {
        return NULL;
    }
    Py_ssize_t count = PySequence_Size(result);
    PyObject *first = count == 1 ? PySequence_GetItem(result, 0) : NULL;
    if (first != NULL && !PyBytes_CheckExact(first)) {
        Py_CLEAR(first);
    }
    return first;
}

/* Whether a body is what Content-Length has promised. */
static bool fits(const call *self, forker_request *req, Py_ssize_t len)
{
    if (self->length == NULL) {
        return true;
    }
    size_t method_len;
    const char *method = forker.request_method(req, &method_len);
    if (self->status == STATUS_NOT_MODIFIED || (method_len == 4 && memcmp(method, "HEAD", 4) == 0)) {
        return false;
    }
    Py_ssize_t promised = PyLong_AsSsize_t(self->length);
    PyErr_Clear();
    return promised == len || self->status == STATUS_NO_CONTENT;
}

/* Answers with what start_response has set. false: Python has to do it. */
static bool respond(const call *self, const char *data, Py_ssize_t len)
{
    forker_request *req = accel_request(self->address);
    return self->exchange == NULL && self->status != 0 && fits(self, req, len) &&
           forker.respond(req, self->status, NULL, data, (size_t)len) == FORKER_OK;
}

/* The same with bytes. */
static bool respond_with(const call *self, PyObject *body)
{
    char *data;
    Py_ssize_t len;
    return body != NULL && PyBytes_AsStringAndSize(body, &data, &len) == 0 && respond(self, data, len);
}

/* Has a method of Python's exchange go on, with arguments that may be NULL, which ends them. Returns its code. */
static PyObject *leave(call *self, const char *method, PyObject *first, PyObject *second, PyObject *third)
{
    PyObject *exchange = exchange_of(self);
    PyObject *name = exchange != NULL ? PyUnicode_FromString(method) : NULL;
    PyObject *code = name != NULL ? PyObject_CallMethodObjArgs(exchange, name, first, second, third, NULL) : NULL;
    Py_XDECREF(name);
    return code;
}

/* The same with the exception that is set. `result` is what the application had returned before; NULL: nothing. */
static PyObject *leave_failed(call *self, PyObject *result)
{
    PyObject *exception = accel_fetch();
    PyObject *code = leave(self, "fail", exception, result, NULL);
    Py_XDECREF(exception);
    return code;
}

/* Tells the application that what it has returned is not needed any more. */
static int close_result(const call *self, PyObject *result)
{
    PyObject *close = PyObject_GetAttr(result, accel_words.close);
    if (close == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        return 0;
    }
    PyObject *closed = close != NULL ? PyObject_CallObject(close, NULL) : NULL;
    Py_XDECREF(close);
    if (closed == NULL) {
        PyObject *exception = accel_fetch();
        PyObject *exchange = adopt(self);
        closed = exchange != NULL ? PyObject_CallMethod(exchange, "report_close", "O", exception) : NULL;
        Py_XDECREF(exchange);
        Py_XDECREF(exception);
    }
    Py_XDECREF(closed);
    return closed != NULL ? 0 : -1;
}

/* The application may keep a view of it. */
static int close_input(const call *self)
{
    PyObject *closed = PyObject_CallMethodObjArgs(self->input, accel_words.close, NULL);
    if (closed == NULL && !PyErr_ExceptionMatches(PyExc_BufferError)) {
        return -1;
    }
    PyErr_Clear();
    Py_XDECREF(closed);
    return 0;
}

/* The response is complete. `result` is what has to be closed; NULL: nothing. Returns what the C handler does. */
static PyObject *end(call *self, PyObject *result)
{
    self->is_answered = true;
    bool is_closed = (result == NULL || close_result(self, result) == 0) && close_input(self) == 0;
    return is_closed ? PyLong_FromLong(FORKER_OK) : NULL;
}

/* The first piece that is not empty, or is none. NULL: there is none, unless an exception is set. */
static PyObject *first_of(PyObject *pieces)
{
    PyObject *piece = PyIter_Next(pieces);
    while (piece != NULL && PyBytes_Check(piece) && PyBytes_Size(piece) == 0) {
        Py_DECREF(piece);
        piece = PyIter_Next(pieces);
    }
    return piece;
}

/* Answers with what an iterable gives, if it is known to be whole with the first piece. Python goes on with all others. */
static PyObject *answer_first(call *self, PyObject *result)
{
    PyObject *pieces = PyObject_GetIter(result);
    PyObject *piece = pieces != NULL ? first_of(pieces) : NULL;
    PyObject *code = NULL;
    if (PyErr_Occurred() != NULL) {
        code = leave_failed(self, result);
    } else if (piece == NULL ? respond(self, NULL, 0)
                             : self->length != NULL && PyBytes_Check(piece) && respond_with(self, piece)) {
        code = end(self, result);
    } else {
        PyObject *nothing = piece == NULL ? PyBytes_FromStringAndSize(NULL, 0) : NULL;
        code = piece != NULL || nothing != NULL ? leave(self, "go_on_from", result, pieces, piece ? piece : nothing)
                                                : NULL;
        Py_XDECREF(nothing);
    }
    Py_XDECREF(piece);
    Py_XDECREF(pieces);
    return code;
}

static PyObject *answer(call *self)
{
    PyObject *result =
        PyObject_CallFunctionObjArgs(self->by->application, self->environ, (PyObject *)(void *)self, NULL);
    if (result == NULL) {
        return leave_failed(self, NULL);
    }
    bool is_iterated = !PyList_Check(result) && !PyTuple_Check(result) && (PyObject *)Py_TYPE(result) != self->by->file;
    PyObject *body = whole(result);
    PyObject *code = NULL;
    if (is_iterated) {
        code = answer_first(self, result);
    } else if (respond_with(self, body)) {
        code = end(self, NULL);
    } else {
        code = leave(self, "go_on_with", result, NULL, NULL);
    }
    Py_XDECREF(body);
    Py_DECREF(result);
    return code;
}

/* handle(address): what the C handler does. */
static PyObject *handle(PyObject *self, PyObject *address)
{
    PyObject *environ = accel_make_environ(&of(self)->environs, address);
    PyObject *made = environ != NULL ? PyType_GenericAlloc(call_type, 0) : NULL;
    if (made == NULL) {
        Py_XDECREF(environ);
        return NULL;
    }
    call_of(made)->by = of(Py_NewRef(self));
    call_of(made)->address = Py_NewRef(address);
    call_of(made)->environ = environ;
    call_of(made)->input = Py_XNewRef(PyDict_GetItemWithError(environ, accel_words.wsgi_input));
    PyObject *code = answer(call_of(made));
    Py_DECREF(made);
    return code;
}

/* -------------------------------------------------------------------------------------------------------- the types */

/* Caller(application, adopt, file, base, taken, keys, make_key, bytes_io, add_body, add_peer) */
static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *self = PyType_GenericAlloc(type, 0);
    caller *own = self != NULL ? of(self) : NULL;
    (void)named;
    if (own == NULL) {
        return NULL;
    }
    accel_environs *environs = &own->environs;
    if (!PyArg_ParseTuple(args, "OOO!O!nO!OOOO", &own->application, &own->adopt, &PyType_Type, &own->file, &PyDict_Type,
                          &environs->base, &environs->taken, &PyDict_Type, &environs->keys, &environs->make_key,
                          &environs->bytes_io, &environs->add_body, &environs->add_peer)) {
        *own = (caller){.ob_base = own->ob_base};
        Py_DECREF(self);
        return NULL;
    }
    PyObject *const all[] = {own->application,   own->adopt,         own->file,
                             environs->base,     environs->keys,     environs->make_key,
                             environs->bytes_io, environs->add_body, environs->add_peer};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        Py_INCREF(all[i]);
    }
    return self;
}

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    caller *own = of(self);
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT(own->application);
    Py_VISIT(own->adopt);
    Py_VISIT(own->file);
    Py_VISIT(own->environs.base);
    Py_VISIT(own->environs.keys);
    Py_VISIT(own->environs.make_key);
    Py_VISIT(own->environs.bytes_io);
    Py_VISIT(own->environs.add_body);
    Py_VISIT(own->environs.add_peer);
    return 0;
}

static int clear(PyObject *self)
{
    caller *own = of(self);
    Py_CLEAR(own->application);
    Py_CLEAR(own->adopt);
    Py_CLEAR(own->file);
    Py_CLEAR(own->environs.base);
    Py_CLEAR(own->environs.keys);
    Py_CLEAR(own->environs.make_key);
    Py_CLEAR(own->environs.bytes_io);
    Py_CLEAR(own->environs.add_body);
    Py_CLEAR(own->environs.add_peer);
    return 0;
}

static void free_caller(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear(self);
    PyObject_GC_Del(self);
    Py_DECREF((PyObject *)type);
}

static int traverse_call(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT((PyObject *)Py_TYPE(self));
    Py_VISIT((PyObject *)(void *)call_of(self)->by);
    Py_VISIT(call_of(self)->environ);
    Py_VISIT(call_of(self)->input);
    Py_VISIT(call_of(self)->exchange);
    return 0;
}

static int clear_call(PyObject *self)
{
    Py_CLEAR(call_of(self)->address);
    Py_CLEAR(call_of(self)->environ);
    Py_CLEAR(call_of(self)->input);
    Py_CLEAR(call_of(self)->exchange);
    Py_CLEAR(call_of(self)->length);
    return 0;
}

static void free_call(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    (void)clear_call(self);
    PyObject *by = (PyObject *)(void *)call_of(self)->by;
    PyObject_GC_Del(self);
    Py_XDECREF(by);
    Py_DECREF((PyObject *)type);
}

static PyMethodDef methods[] = {
    {"handle", handle, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    ACCEL_SLOT(Py_tp_new, make),    ACCEL_SLOT(Py_tp_traverse, traverse),
    ACCEL_SLOT(Py_tp_clear, clear), ACCEL_SLOT(Py_tp_dealloc, free_caller),
    {Py_tp_methods, methods},       {0, NULL},
};

static PyType_Spec spec = {
    .name = "forker._accel.Caller",
    .basicsize = sizeof(caller),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

static PyType_Slot call_slots[] = {
    ACCEL_SLOT(Py_tp_traverse, traverse_call),
    ACCEL_SLOT(Py_tp_clear, clear_call),
    ACCEL_SLOT(Py_tp_dealloc, free_call),
    ACCEL_SLOT(Py_tp_call, start_response),
    {0, NULL},
};

static PyType_Spec call_spec = {
    .name = "forker._accel.Call",
    .basicsize = sizeof(call),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = call_slots,
};

int accel_add_caller(PyObject *module)
{
    call_type = accel_add_type(NULL, NULL, &call_spec);
    return call_type != NULL && accel_add_type(module, "Caller", &spec) != NULL ? 0 : -1;
}
