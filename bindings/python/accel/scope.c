/* ``scope``: requests as ASGI applications see them. */
#include "accel.h"

#include <stdlib.h>
#include <string.h>

/* The pair of a field: its name by `names`, which has those that were seen before in lower case, and its value. */
static PyObject *pair(PyObject *names, PyObject *lower, const char *name, const char *value)
{
    PyObject *lowered = accel_key(names, lower, name);
    PyObject *content = lowered != NULL ? PyBytes_FromString(value) : NULL;
    PyObject *made = content != NULL ? PyTuple_Pack(2, lowered, content) : NULL;
    Py_XDECREF(lowered);
    Py_XDECREF(content);
    return made;
}

static PyObject *fields(forker_request *req, PyObject *names, PyObject *lower)
{
    size_t count = forker.request_header_count(req);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count && list != NULL; i++) {
        const char *name = "";
        const char *value = "";
        (void)forker.request_header_at(req, i, &name, &value);
        PyObject *made = pair(names, lower, name, value);
        if (made == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        (void)PyList_SetItem(list, (Py_ssize_t)i, made);
    }
    return list;
}

static int put_version(PyObject *scope, forker_request *req)
{
    int version = forker.request_version(req);
    return accel_put(scope, "http_version",
                     version == 11   ? PyUnicode_FromString("1.1")
                     : version == 10 ? PyUnicode_FromString("1.0")
                                     : PyUnicode_FromString("2"));
}

/* The target has to begin with a slash. */
static int put_target(PyObject *scope, forker_request *req)
{
    size_t len;
    const char *target = forker.request_target(req, &len);
    const char *mark = memchr(target, '?', len);
    size_t path_len = mark != NULL ? (size_t)(mark - target) : len;
    if (accel_put(scope, "raw_path", PyBytes_FromStringAndSize(target, (Py_ssize_t)path_len)) < 0) {
        return -1;
    }
    const char *path = forker.request_path(req, &len);
    if (accel_put(scope, "path", PyUnicode_DecodeUTF8(path, (Py_ssize_t)len, "replace")) < 0) {
        return -1;
    }
    const char *query = forker.request_query(req, &len);
    return accel_put(scope, "query_string", PyBytes_FromStringAndSize(query, (Py_ssize_t)len));
}

static int put_client(PyObject *scope, const accel_address *address)
{
    PyObject *host = accel_text(address->host, address->host_len);
    PyObject *port = host != NULL ? PyLong_FromLong(strtol(address->port, NULL, 10)) : NULL;
    PyObject *client = port != NULL ? PyTuple_Pack(2, host, port) : NULL;
    Py_XDECREF(host);
    Py_XDECREF(port);
    return accel_put(scope, "client", client);
}

/* Fills in what stands in the request. */
static int fill(PyObject *scope, forker_request *req, const accel_address *address, PyObject *names, PyObject *lower)
{
    size_t method_len;
    size_t scheme_len;
    const char *method = forker.request_method(req, &method_len);
    const char *scheme = forker.request_scheme(req, &scheme_len);
    if (put_version(scope, req) < 0 || accel_put(scope, "method", accel_text(method, method_len)) < 0 ||
        accel_put(scope, "scheme", accel_text(scheme, scheme_len)) < 0 || put_target(scope, req) < 0 ||
        put_client(scope, address) < 0) {
        return -1;
    }
    return accel_put(scope, "headers", fields(req, names, lower));
}

/*
 * scope(address, base, names, lower): a copy of `base` with what there is to know of a request; None if Python has to make
 * it: a proxy may have told something, the client has no such address, or the target is no path.
 */
PyObject *accel_scope(PyObject *module, PyObject *args)
{
    PyObject *number, *base, *names, *lower;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOOO", &number, &base, &names, &lower)) {
        return NULL;
    }
    forker_request *req = accel_request(number);
    if (req == NULL) {
        return NULL;
    }
    accel_address address;
    if (forker.request_target(req, NULL)[0] != '/' || !accel_client(req, &address)) {
        Py_RETURN_NONE;
    }
    PyObject *scope = PyDict_Copy(base);
    if (scope != NULL && fill(scope, req, &address, names, lower) < 0) {
        Py_DECREF(scope);
        return NULL;
    }
    return scope;
}
