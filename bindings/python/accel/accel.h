/* The hot paths of forker.wsgi and forker.asgi in C: what the files of the extension share. */
#ifndef ACCEL_H
#define ACCEL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

#include "forker.h"

/* The functions of the library that is loaded already, by their names without "forker_". */
typedef struct {
    __typeof__(&forker_request_method) request_method;
    __typeof__(&forker_request_target) request_target;
    __typeof__(&forker_request_path) request_path;
    __typeof__(&forker_request_query) request_query;
    __typeof__(&forker_request_header) request_header;
    __typeof__(&forker_request_header_count) request_header_count;
    __typeof__(&forker_request_header_at) request_header_at;
    __typeof__(&forker_request_version) request_version;
    __typeof__(&forker_request_peer) request_peer;
    __typeof__(&forker_request_client) request_client;
    __typeof__(&forker_request_scheme) request_scheme;
    __typeof__(&forker_request_body) request_body;
    __typeof__(&forker_request_body_fd) request_body_fd;
    __typeof__(&forker_request_defer) request_defer;
    __typeof__(&forker_response_status) response_status;
    __typeof__(&forker_response_header_add) response_header_add;
    __typeof__(&forker_respond) respond;
    __typeof__(&forker_deferred_respond) deferred_respond;
    __typeof__(&forker_deferred_on_close) deferred_on_close;
    __typeof__(&forker_deferred_enter) deferred_enter;
    __typeof__(&forker_deferred_leave) deferred_leave;
} accel_functions;

extern accel_functions forker;

/* The request whose address a number is. NULL: an exception is set. */
forker_request *accel_request(PyObject *address);

/* Functions of the module. */
PyObject *accel_handler(PyObject *module, PyObject *function);
PyObject *accel_environ(PyObject *module, PyObject *args);
PyObject *accel_scope(PyObject *module, PyObject *args);
PyObject *accel_set_fields(PyObject *module, PyObject *args);
PyObject *accel_set_status(PyObject *module, PyObject *args);
PyObject *accel_respond(PyObject *module, PyObject *args);
PyObject *accel_defer(PyObject *module, PyObject *args);
PyObject *accel_deferred_respond(PyObject *module, PyObject *args);

/*
 * What a name of a field stands for: as `keys` has it, or else `make_key` makes it and puts it there. A new reference.
 */
PyObject *accel_key(PyObject *keys, PyObject *make_key, const char *name);

/* Puts a value into a dict, and drops the reference to it. NULL is a failure before. */
int accel_put(PyObject *dict, const char *key, PyObject *value);
PyObject *accel_text(const char *data, size_t len);

/* The address of a client that has connected itself, over TCP: "192.0.2.1:50000" or "[2001:db8::1]:50000". */
typedef struct {
    const char *host;
    size_t host_len;
    const char *port;
} accel_address;

/* false: it is none of these, or a proxy is in between, or may be and tells the scheme: Python looks at it. */
bool accel_client(forker_request *req, accel_address *address_out);

/* Adds the type Turns to the module. */
int accel_add_turns(PyObject *module);

#endif
