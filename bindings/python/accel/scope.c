/* ``scope``: requests as ASGI applications see them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "asgi.h"

/*
 * Pairs of name and value that were made before: clients send the same ones again and again, and neither can be changed.
 * Not kept are long values, and those that are secrets.
 */
enum { KEPT = 512, KEPT_LEN = 128 };
static PyObject *kept[KEPT];

/* Tells if a pair is that of a field. */
static bool is_pair(PyObject *made, const char *name, const char *value)
{
    const char *lowered = PyBytes_AsString(PyTuple_GetItem(made, 0));
    return accel_is_name(lowered, name) && strcmp(PyBytes_AsString(PyTuple_GetItem(made, 1)), value) == 0;
}

static bool is_secret(const char *name)
{
    return accel_is_name(name, "cookie") || accel_is_name(name, "authorization") ||
           accel_is_name(name, "proxy-authorization");
}

/* Where the pair of a field is kept; NULL: nowhere. Names that differ in the case of letters only come to the same place. */
static PyObject **place_of(const char *name, const char *value)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (; *name != '\0'; name++) {
        hash = (hash ^ ((uint8_t)*name | 0x20)) * 16777619U;
    }
    const char *end = value;
    for (; *end != '\0' && end - value < KEPT_LEN; end++) {
        hash = (hash ^ (uint8_t)*end) * 16777619U;
    }
    return *end == '\0' ? &kept[(hash ^ hash >> 16) % KEPT] : NULL;
}

/* The pair of a field: its name by `names`, which has those that were seen before in lower case, and its value. */
static PyObject *pair(const accel_entry *entry, const char *name, const char *value)
{
    PyObject **place = place_of(name, value);
    if (place != NULL && *place != NULL && is_pair(*place, name, value)) {
        return Py_NewRef(*place);
    }
    PyObject *lowered = accel_key(entry->names, entry->lower, name);
    PyObject *content = lowered != NULL ? PyBytes_FromString(value) : NULL;
    PyObject *made = content != NULL ? PyTuple_Pack(2, lowered, content) : NULL;
    Py_XDECREF(lowered);
    Py_XDECREF(content);
    if (made != NULL && place != NULL && !is_secret(name)) {
        accel_set(place, Py_NewRef(made));
    }
    return made;
}

static PyObject *fields(const accel_entry *entry, forker_request *req)
{
    size_t count = forker.request_header_count(req);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; i < count && list != NULL; i++) {
        const char *name = "";
        const char *value = "";
        (void)forker.request_header_at(req, i, &name, &value);
        PyObject *made = pair(entry, name, value);
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
    return PyDict_SetItem(scope, accel_words.http_version,
                          version == 11   ? accel_words.version_11
                          : version == 10 ? accel_words.version_10
                                          : accel_words.version_2);
}

/* The target has to begin with a slash. */
static int put_target(PyObject *scope, forker_request *req)
{
    size_t len;
    const char *target = forker.request_target(req, &len);
    const char *mark = memchr(target, '?', len);
    size_t path_len = mark != NULL ? (size_t)(mark - target) : len;
    if (accel_put(scope, accel_words.raw_path, PyBytes_FromStringAndSize(target, (Py_ssize_t)path_len)) < 0) {
        return -1;
    }
    const char *path = forker.request_path(req, &len);
    if (accel_put(scope, accel_words.path, PyUnicode_DecodeUTF8(path, (Py_ssize_t)len, "replace")) < 0) {
        return -1;
    }
    const char *query = forker.request_query(req, &len);
    return accel_put(scope, accel_words.query_string, PyBytes_FromStringAndSize(query, (Py_ssize_t)len));
}

static int put_client(PyObject *scope, const accel_address *address)
{
    PyObject *host = accel_text(address->host, address->host_len);
    PyObject *port = host != NULL ? PyLong_FromLong(strtol(address->port, NULL, 10)) : NULL;
    PyObject *client = port != NULL ? PyTuple_Pack(2, host, port) : NULL;
    Py_XDECREF(host);
    Py_XDECREF(port);
    return accel_put(scope, accel_words.client, client);
}

static int put_scheme(PyObject *scope, forker_request *req)
{
    const char *scheme = forker.request_scheme(req, NULL);
    return PyDict_SetItem(scope, accel_words.scheme,
                          strcmp(scheme, "https") == 0 ? accel_words.https : accel_words.http);
}

/* What each scope has for itself of what is the same for all. */
static int put_own(PyObject *scope, const accel_entry *entry)
{
    PyObject *asgi = PyDict_GetItemWithError(scope, accel_words.asgi);
    PyObject *extensions = asgi != NULL ? PyDict_New() : NULL;
    for (Py_ssize_t i = 0; extensions != NULL && i < PyTuple_Size(entry->extensions); i++) {
        if (accel_put(extensions, PyTuple_GetItem(entry->extensions, i), PyDict_New()) < 0) {
            Py_CLEAR(extensions);
        }
    }
    if (accel_put(scope, accel_words.extensions, extensions) < 0 ||
        accel_put(scope, accel_words.asgi, PyDict_Copy(asgi)) < 0 ||
        PyDict_SetItem(scope, accel_words.server, entry->server) < 0) {
        return -1;
    }
    return entry->state == Py_None ? 0 : accel_put(scope, accel_words.state, PyDict_Copy(entry->state));
}

/* Fills in what stands in the request. */
static int fill(PyObject *scope, const accel_entry *entry, forker_request *req, const accel_address *address)
{
    size_t len;
    const char *method = forker.request_method(req, &len);
    if (put_version(scope, req) < 0 || accel_put(scope, accel_words.method, accel_text(method, len)) < 0 ||
        put_scheme(scope, req) < 0 || put_target(scope, req) < 0 || put_client(scope, address) < 0 ||
        accel_put(scope, accel_words.headers, fields(entry, req)) < 0) {
        return -1;
    }
    return put_own(scope, entry);
}

/* Python has to make it if a proxy may have told something, the client has no such address, or the target is no path; and
 * to see whether a WebSocket is asked for. */
PyObject *accel_scope(const accel_entry *entry, forker_request *req)
{
    accel_address address;
    if (entry->base == Py_None || forker.request_target(req, NULL)[0] != '/' || !accel_client(req, &address) ||
        forker.request_header(req, "Upgrade", NULL) != NULL) {
        Py_RETURN_NONE;
    }
    PyObject *scope = PyDict_Copy(entry->base);
    if (scope != NULL && fill(scope, entry, req, &address) < 0) {
        Py_DECREF(scope);
        return NULL;
    }
    return scope;
}
