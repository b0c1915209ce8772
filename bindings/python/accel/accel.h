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
    __typeof__(&forker_request_user) request_user;
    __typeof__(&forker_request_body) request_body;
    __typeof__(&forker_request_body_fd) request_body_fd;
    __typeof__(&forker_request_on_body) request_on_body;
    __typeof__(&forker_request_defer) request_defer;
    __typeof__(&forker_response_status) response_status;
    __typeof__(&forker_response_header_add) response_header_add;
    __typeof__(&forker_response_reset) response_reset;
    __typeof__(&forker_respond) respond;
    __typeof__(&forker_deferred_respond) deferred_respond;
    __typeof__(&forker_deferred_on_close) deferred_on_close;
    __typeof__(&forker_deferred_enter) deferred_enter;
    __typeof__(&forker_deferred_leave) deferred_leave;
} accel_functions;

extern accel_functions forker;

/* Text that is needed for each request, as objects of Python: accel_words.name is "name". */
#define ACCEL_WORDS(word)                                                                                              \
    word(type) word(asgi) word(http_version) word(method) word(scheme) word(path) word(raw_path) word(query_string)    \
        word(headers) word(client) word(server) word(state) word(extensions) word(status) word(body) word(more_body)   \
            word(trailers) word(call_soon) word(context) word(done) word(set_result) word(create_future)               \
                word(get_task_factory) word(create_task) word(http) word(https) word(run) word(send)                   \
                    word(REQUEST_METHOD) word(RAW_URI) word(REQUEST_URI) word(PATH_INFO) word(QUERY_STRING)            \
                        word(SERVER_PROTOCOL) word(CONTENT_LENGTH) word(REMOTE_ADDR) word(REMOTE_PORT)                 \
                            word(REMOTE_USER) word(HTTPS) word(close)
typedef struct {
#define DECLARE(name) PyObject *name;
    ACCEL_WORDS(DECLARE)
#undef DECLARE
    PyObject *version_10, *version_11, *version_2; /* "1.0" ... */
    PyObject *wsgi_input, *wsgi_url_scheme;
    PyObject *http_request, *http_disconnect, *response_start, *response_body; /* types of messages of ASGI */
} accel_word_table;

extern accel_word_table accel_words;

/* The exception that is set, with its trace; then none is. */
PyObject *accel_fetch(void);

/* The request whose address a number is. NULL: an exception is set. */
forker_request *accel_request(PyObject *address);

/* Functions of the module. */
PyObject *accel_handler(PyObject *module, PyObject *function);
PyObject *accel_environ(PyObject *module, PyObject *args);
PyObject *accel_set_fields(PyObject *module, PyObject *args);
PyObject *accel_respond(PyObject *module, PyObject *args);
PyObject *accel_defer(PyObject *module, PyObject *args);

/*
 * What a name of a field stands for: as `keys` has it, or else `make_key` makes it and puts it there. A new reference.
 */
PyObject *accel_key(PyObject *keys, PyObject *make_key, const char *name);

/* Puts a value into a dict, and drops the reference to it. NULL is a failure before. */
int accel_put(PyObject *dict, PyObject *key, PyObject *value);
PyObject *accel_text(const char *data, size_t len);

/* Has something refer to another object, of which it takes the reference. */
static inline void accel_set(PyObject **reference, PyObject *object)
{
    PyObject *before = *reference;
    *reference = object;
    Py_XDECREF(before);
}

/* The address of a client that has connected itself, over TCP: "192.0.2.1:50000" or "[2001:db8::1]:50000". */
typedef struct {
    const char *host;
    size_t host_len;
    const char *port;
} accel_address;

/* false: it is none of these, or a proxy is in between, or may be and tells the scheme: Python looks at it. */
bool accel_client(forker_request *req, accel_address *address_out);

/* What all environs of an application are made of. */
typedef struct {
    PyObject *base;   /* what all of them have */
    Py_ssize_t taken; /* of the path, by SCRIPT_NAME */
    PyObject *keys;   /* by name of a field */
    PyObject *make_key;
    PyObject *bytes_io; /* io.BytesIO */
    PyObject *add_body; /* Python's, for what is not as most are */
    PyObject *add_peer;
} accel_environs;

/* The environ of the request whose address a number is. NULL: an exception is set. */
PyObject *accel_make_environ(const accel_environs *environs, PyObject *address);

/* Whether two names of fields are the same: ASCII, whatever locale the program has set, as no function of strings.h does. */
bool accel_is_name(const char *a, const char *b);

/* Whether a field of a response means something to the library or to the package. */
bool accel_is_special(const char *name);

/* The number that a Content-Length of digits is. false, without an exception: C has none for it, which Python tells. */
bool accel_length(const char *digits, PyObject **number_out);

/* Adds the types to the module. Each returns -1 with an exception if it fails. */
int accel_add_caller(PyObject *module);
int accel_add_entry(PyObject *module);
int accel_add_exchange(PyObject *module);
int accel_add_turns(PyObject *module);
int accel_add_calls(PyObject *module);
int accel_add_steps(PyObject *module);

/* The type that a specification describes, which is added to the module, too, unless that is NULL. NULL: it failed. */
PyTypeObject *accel_add_type(PyObject *module, const char *name, PyType_Spec *spec);

/* ISO C has no conversion of a function's address to void *, which is what a slot has. */
#define ACCEL_SLOT(id, function)                                                                                       \
    {                                                                                                                  \
        id, __extension__(void *)(function)                                                                            \
    }

#endif
