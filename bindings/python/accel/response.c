/* Responses: their fields, as far as they are such as most are, and those of which all is there. */
#include "accel.h"

#include <string.h>

static const char content_length[] = "content-length";

/* Fields that mean something to the library or to the package: Python looks at them. */
static const char *const special[] = {
    "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection", content_length,
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool accel_is_name(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

/* Most names do not begin as these do. */
bool accel_is_special(const char *name)
{
    if (strchr("ckputCKPUT", name[0]) == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (accel_is_name(name, special[i])) {
            return true;
        }
    }
    return false;
}

bool accel_length(const char *digits, PyObject **number_out)
{
    PyObject *number = PyLong_FromString(digits, NULL, 10);
    if (number == NULL || PyLong_AsLongLong(number) < 0) {
        PyErr_Clear();
        Py_CLEAR(number);
    }
    *number_out = number;
    return number != NULL;
}

/* The bytes of a name or value: `held` is what they lie in. NULL without an exception: Python has to look at it. */
static const char *bytes_of(PyObject *value, PyObject **held)
{
    char *data = NULL;
    Py_ssize_t len;
    *held = NULL;
    if (PyUnicode_Check(value)) {
        *held = PyUnicode_AsLatin1String(value);
        if (*held == NULL) {
            PyErr_Clear();
        }
    } else if (PyBytes_Check(value)) {
        Py_INCREF(value);
        *held = value;
    }
    if (*held == NULL || PyBytes_AsStringAndSize(*held, &data, &len) < 0 || (size_t)len != strlen(data)) {
        PyErr_Clear();
        return NULL;
    }
    return data;
}

/* Adds a field. false: Python has to, or to say what is wrong with it. */
static bool add(forker_request *req, PyObject *name, PyObject *value)
{
    PyObject *name_held = NULL;
    PyObject *value_held = NULL;
    const char *name_bytes = bytes_of(name, &name_held);
    const char *value_bytes = name_bytes != NULL && !accel_is_special(name_bytes) ? bytes_of(value, &value_held) : NULL;
    bool added = value_bytes != NULL && forker.response_header_add(req, name_bytes, value_bytes) == FORKER_OK;
    Py_XDECREF(name_held);
    Py_XDECREF(value_held);
    return added;
}

/* Adds a field of the response, if it is such as most are. false: Python has to, or to say what is wrong with it. */
static bool take(forker_request *req, PyObject *field, PyObject *kind)
{
    if (!PyTuple_Check(field) || PyTuple_Size(field) != 2) {
        return false;
    }
    PyObject *name = PyTuple_GetItem(field, 0);
    PyObject *value = PyTuple_GetItem(field, 1);
    return (PyObject *)Py_TYPE(name) == kind && (PyObject *)Py_TYPE(value) == kind && add(req, name, value);
}

/* Tells if a field is that of the length, which is not sent from here. */
static bool is_length(PyObject *field)
{
    PyObject *held = NULL;
    PyObject *name = PyTuple_Check(field) && PyTuple_Size(field) == 2 ? PyTuple_GetItem(field, 0) : NULL;
    const char *bytes = name != NULL ? bytes_of(name, &held) : NULL;
    bool is = bytes != NULL && accel_is_name(bytes, content_length);
    Py_XDECREF(held);
    return is;
}

/*
 * set_fields(address, headers, kind): sets the fields of a response that are pairs of `kind`, str or bytes, up to the
 * first that is not as most are, and returns what is left for Python: that one and all behind it, so that they go out in
 * their order, and any Content-Length before.
 */
PyObject *accel_set_fields(PyObject *module, PyObject *args)
{
    PyObject *address, *headers, *kind;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOO", &address, &headers, &kind)) {
        return NULL;
    }
    forker_request *req = accel_request(address);
    PyObject *fields = req != NULL ? PySequence_List(headers) : NULL;
    PyObject *left = fields != NULL ? PyList_New(0) : NULL;
    Py_ssize_t count = left != NULL ? PyList_Size(fields) : 0;
    bool takes = true;
    bool failed = left == NULL;
    for (Py_ssize_t i = 0; i < count && !failed; i++) {
        PyObject *field = PyList_GetItem(fields, i);
        bool lasts = is_length(field);
        takes = takes && (lasts || take(req, field, kind));
        if (!takes || lasts) {
            failed = PyList_Append(left, field) < 0;
        }
    }
    Py_XDECREF(fields);
    if (failed) {
        Py_XDECREF(left);
        return NULL;
    }
    return left;
}

/* respond(address, status, body): answers in one call, without a Content-Type of its own. Returns C's code. */
PyObject *accel_respond(PyObject *module, PyObject *args)
{
    PyObject *address;
    int status;
    const char *body;
    Py_ssize_t len;
    (void)module;
    if (!PyArg_ParseTuple(args, "Oiy#", &address, &status, &body, &len)) {
        return NULL;
    }
    forker_request *req = accel_request(address);
    return req != NULL ? PyLong_FromLong(forker.respond(req, status, NULL, body, (size_t)len)) : NULL;
}

/* Calls a function of Python with a handle whose request has ended. */
static void tell_closed(forker_deferred handle, int reason, void *user)
{
    (void)reason;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *result = PyObject_CallFunction(user, "K", (unsigned long long)handle);
    if (result == NULL) {
        PyErr_WriteUnraisable(user);
    }
    Py_XDECREF(result);
    PyGILState_Release(state);
}

/*
 * defer(address, closed): makes a handle, and has `closed` called with it when the request has ended; it must live as long
 * as the process. A negative number is C's code.
 */
PyObject *accel_defer(PyObject *module, PyObject *args)
{
    PyObject *address, *closed;
    forker_deferred handle = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OO", &address, &closed)) {
        return NULL;
    }
    forker_request *req = accel_request(address);
    if (req == NULL) {
        return NULL;
    }
    int code = forker.request_defer(req, &handle);
    if (code != FORKER_OK) {
        return PyLong_FromLong(code);
    }
    (void)forker.deferred_on_close(handle, tell_closed, closed); /* it has not ended yet */
    return PyLong_FromUnsignedLongLong(handle);
}
