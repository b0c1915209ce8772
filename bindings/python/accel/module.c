/* The module forker._accel. What it does is the same to the byte as what is done in Python without it. */
#include "accel.h"

#include <dlfcn.h>

accel_functions forker;

#define FUNCTION(name)                                                                                                 \
    {                                                                                                                  \
        "forker_" #name, (void **)(void *)&forker.name                                                                 \
    }

static const struct {
    const char *name;
    void **function;
} functions[] = {
    FUNCTION(request_method),      FUNCTION(request_target),  FUNCTION(request_path),
    FUNCTION(request_query),       FUNCTION(request_header),  FUNCTION(request_header_count),
    FUNCTION(request_header_at),   FUNCTION(request_version), FUNCTION(request_peer),
    FUNCTION(request_client),      FUNCTION(request_scheme),  FUNCTION(request_body),
    FUNCTION(request_body_fd),     FUNCTION(request_defer),   FUNCTION(response_status),
    FUNCTION(response_header_add), FUNCTION(respond),         FUNCTION(deferred_respond),
    FUNCTION(deferred_on_close),   FUNCTION(deferred_enter),  FUNCTION(deferred_leave),
};

forker_request *accel_request(PyObject *address)
{
    return PyLong_AsVoidPtr(address);
}

/* use(handle): finds the functions of the library that ctypes has loaded, by its handle. */
static PyObject *use(PyObject *module, PyObject *handle)
{
    (void)module;
    void *library = PyLong_AsVoidPtr(handle);
    if (library == NULL && PyErr_Occurred() != NULL) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        *functions[i].function = dlsym(library, functions[i].name);
        if (*functions[i].function == NULL) {
            return PyErr_Format(PyExc_ImportError, "the library has no %s()", functions[i].name);
        }
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"use", use, METH_O, NULL},
    {"handler", accel_handler, METH_O, NULL},
    {"environ", accel_environ, METH_VARARGS, NULL},
    {"scope", accel_scope, METH_VARARGS, NULL},
    {"set_fields", accel_set_fields, METH_VARARGS, NULL},
    {"set_status", accel_set_status, METH_VARARGS, NULL},
    {"respond", accel_respond, METH_VARARGS, NULL},
    {"defer", accel_defer, METH_VARARGS, NULL},
    {"deferred_respond", accel_deferred_respond, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "forker._accel", .m_doc = "Hot paths of forker in C.",
    .m_size = -1,          .m_methods = methods,
};

PyMODINIT_FUNC PyInit__accel(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && accel_add_turns(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
