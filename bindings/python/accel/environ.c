/* ``environ``: requests as WSGI applications see them. */
#include "accel.h"

#include <string.h>

PyObject *accel_text(const char *data, size_t len)
{
    return PyUnicode_DecodeLatin1(data, (Py_ssize_t)len, NULL);
}

int accel_put(PyObject *dict, PyObject *key, PyObject *value)
{
    int code = value != NULL ? PyDict_SetItem(dict, key, value) : -1;
    Py_XDECREF(value);
    return code;
}

static int put_text(PyObject *dict, PyObject *key, const char *(*accessor)(forker_request *, size_t *),
                    forker_request *req)
{
    size_t len;
    const char *data = accessor(req, &len);
    return accel_put(dict, key, accel_text(data, len));
}

static int put_path(PyObject *environ, forker_request *req, Py_ssize_t taken)
{
    size_t len;
    const char *path = forker.request_path(req, &len);
    size_t begin = (size_t)taken < len ? (size_t)taken : len;
    return accel_put(environ, accel_words.PATH_INFO, accel_text(path + begin, len - begin));
}

static int put_target(PyObject *environ, forker_request *req)
{
    size_t len;
    const char *target = forker.request_target(req, &len);
    PyObject *value = accel_text(target, len);
    int code = value != NULL ? PyDict_SetItem(environ, accel_words.RAW_URI, value) : -1;
    return code == 0 ? accel_put(environ, accel_words.REQUEST_URI, value) : (Py_XDECREF(value), -1);
}

static int put_protocol(PyObject *environ, forker_request *req)
{
    int version = forker.request_version(req);
    PyObject *value = version == 10 || version == 11 ? PyUnicode_FromFormat("HTTP/1.%d", version - 10)
                                                     : PyUnicode_FromFormat("HTTP/%d", version / 10);
    return accel_put(environ, accel_words.SERVER_PROTOCOL, value);
}

PyObject *accel_key(PyObject *keys, PyObject *make_key, const char *name)
{
    PyObject *bytes = PyBytes_FromString(name);
    if (bytes == NULL) {
        return NULL;
    }
    PyObject *key = PyDict_GetItemWithError(keys, bytes);
    if (key != NULL) {
        Py_INCREF(key);
    } else if (PyErr_Occurred() == NULL) {
        key = PyObject_CallFunctionObjArgs(make_key, bytes, NULL);
    }
    Py_DECREF(bytes);
    return key;
}

/* A field of a name that there was already: fields are joined. Takes the reference to the value. */
static int join(PyObject *environ, PyObject *key, PyObject *before, PyObject *value)
{
    if (PyUnicode_CompareWithASCIIString(key, "CONTENT_LENGTH") == 0) {
        Py_DECREF(value);
        return 0;
    }
    const char *between = PyUnicode_CompareWithASCIIString(key, "HTTP_COOKIE") == 0 ? "; " : ",";
    PyObject *joined = PyUnicode_FromFormat("%U%s%U", before, between, value);
    int code = joined != NULL ? PyDict_SetItem(environ, key, joined) : -1;
    Py_XDECREF(joined);
    Py_DECREF(value);
    return code;
}

static int put_field(PyObject *environ, PyObject *keys, PyObject *make_key, const char *name, const char *data)
{
    PyObject *key = accel_key(keys, make_key, name);
    if (key == NULL || key == Py_None) {
        Py_XDECREF(key);
        return key == NULL ? -1 : 0;
    }
    PyObject *value = accel_text(data, strlen(data));
    PyObject *before = value != NULL ? PyDict_GetItemWithError(environ, key) : NULL;
    int code = -1;
    if (before != NULL) {
        code = join(environ, key, before, value);
    } else if (value != NULL && PyErr_Occurred() == NULL) {
        code = PyDict_SetItem(environ, key, value);
        Py_DECREF(value);
    } else {
        Py_XDECREF(value);
    }
    Py_DECREF(key);
    return code;
}

static int put_fields(PyObject *environ, forker_request *req, PyObject *keys, PyObject *make_key)
{
    size_t count = forker.request_header_count(req);
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        const char *name;
        const char *value;
        code = forker.request_header_at(req, i, &name, &value) == FORKER_OK
                   ? put_field(environ, keys, make_key, name, value)
                   : 0;
    }
    return code;
}

bool accel_client(forker_request *req, accel_address *address_out)
{
    size_t len;
    size_t client_len;
    const char *peer = forker.request_peer(req, &len);
    const char *client = forker.request_client(req, &client_len);
    const char *colon = memrchr(peer, ':', len);
    if (colon == NULL || colon == peer || colon[1] == '\0' ||
        forker.request_header(req, "X-Forwarded-Proto", NULL) != NULL) {
        return false;
    }
    bool bracketed = peer[0] == '[' && colon[-1] == ']';
    address_out->host = bracketed ? peer + 1 : peer;
    address_out->host_len = (size_t)(colon - peer) - (bracketed ? 2 : 0);
    address_out->port = colon + 1;
    return address_out->host_len == client_len && memcmp(address_out->host, client, client_len) == 0;
}

/* 1: done. 0: Python has to, because the body is in a file. */
static int put_body(PyObject *environ, forker_request *req, PyObject *bytes_io)
{
    size_t len;
    const char *data = forker.request_body(req, &len);
    if (forker.request_body_fd(req) >= 0) {
        return 0;
    }
    PyObject *input = PyObject_CallFunction(bytes_io, "y#", data, (Py_ssize_t)len);
    if (accel_put(environ, accel_words.wsgi_input, input) < 0) {
        return -1;
    }
    if (len > 0 || forker.request_header(req, "Content-Length", NULL) != NULL) {
        return accel_put(environ, accel_words.CONTENT_LENGTH, PyUnicode_FromFormat("%zu", len)) < 0 ? -1 : 1;
    }
    return 1;
}

/* Who has shown the right password (RFC 3875 section 4.1.11). */
static int put_user(PyObject *environ, forker_request *req)
{
    size_t len;
    const char *user = forker.request_user(req, &len);
    return user != NULL ? accel_put(environ, accel_words.REMOTE_USER, accel_text(user, len)) : 0;
}

/* 1: done. 0: Python has to, because a proxy may have told something, or there is no such address. */
static int put_peer(PyObject *environ, forker_request *req)
{
    size_t len;
    accel_address address;
    if (!accel_client(req, &address)) {
        return 0;
    }
    const char *scheme = forker.request_scheme(req, &len);
    if (accel_put(environ, accel_words.REMOTE_ADDR, accel_text(address.host, address.host_len)) < 0 ||
        accel_put(environ, accel_words.REMOTE_PORT, accel_text(address.port, strlen(address.port))) < 0 ||
        accel_put(environ, accel_words.wsgi_url_scheme, accel_text(scheme, len)) < 0) {
        return -1;
    }
    if (strcmp(scheme, "https") == 0) {
        return accel_put(environ, accel_words.HTTPS, PyUnicode_FromString("on")) < 0 ? -1 : 1;
    }
    return 1;
}

/* Calls a function of Python with the environ and the address for what is not done here. */
static int leave_to(PyObject *function, PyObject *environ, PyObject *address)
{
    PyObject *result = PyObject_CallFunctionObjArgs(function, environ, address, NULL);
    Py_XDECREF(result);
    return result != NULL ? 0 : -1;
}

PyObject *accel_make_environ(const accel_environs *environs, PyObject *address)
{
    forker_request *req = accel_request(address);
    PyObject *environ = req != NULL ? PyDict_Copy(environs->base) : NULL;
    if (environ == NULL) {
        return NULL;
    }
    if (put_text(environ, accel_words.REQUEST_METHOD, forker.request_method, req) < 0 || put_target(environ, req) < 0 ||
        put_path(environ, req, environs->taken) < 0 ||
        put_text(environ, accel_words.QUERY_STRING, forker.request_query, req) < 0 || put_protocol(environ, req) < 0 ||
        put_fields(environ, req, environs->keys, environs->make_key) < 0 || put_user(environ, req) < 0) {
        Py_DECREF(environ);
        return NULL;
    }
    int body = put_body(environ, req, environs->bytes_io);
    body = body == 0 ? leave_to(environs->add_body, environ, address) : body;
    int peer = body >= 0 ? put_peer(environ, req) : -1;
    peer = peer == 0 ? leave_to(environs->add_peer, environ, address) : peer;
    if (peer < 0) {
        Py_DECREF(environ);
        return NULL;
    }
    return environ;
}

/*
 * environ(address, base, taken, keys, make_key, bytes_io, add_body, add_peer): a copy of `base` with what there is to
 * know of a request. The last two are called where body and peer are not as most are.
 */
PyObject *accel_environ(PyObject *module, PyObject *args)
{
    PyObject *address;
    accel_environs environs;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOnOOOOO", &address, &environs.base, &environs.taken, &environs.keys,
                          &environs.make_key, &environs.bytes_io, &environs.add_body, &environs.add_peer)) {
        return NULL;
    }
    return accel_make_environ(&environs, address);
}
