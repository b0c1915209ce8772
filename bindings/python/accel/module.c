/* The module forker._accel. What it does is the same to the byte as what is done in Python without it. */
#include "accel.h"

#include <dlfcn.h>

accel_functions forker;
accel_word_table accel_words;

#define FUNCTION(name)                                                                                                 \
    {                                                                                                                  \
        "forker_" #name, (void **)(void *)&forker.name                                                                 \
    }

static const struct {
    const char *name;
    void **function;
} functions[] = {
    FUNCTION(request_method),    FUNCTION(request_target),      FUNCTION(request_path),
    FUNCTION(request_query),     FUNCTION(request_header),      FUNCTION(request_header_count),
    FUNCTION(request_header_at), FUNCTION(request_version),     FUNCTION(request_peer),
    FUNCTION(request_client),    FUNCTION(request_scheme),      FUNCTION(request_body),
    FUNCTION(request_body_fd),   FUNCTION(request_on_body),     FUNCTION(request_defer),
    FUNCTION(response_status),   FUNCTION(response_header_add), FUNCTION(response_reset),
    FUNCTION(respond),           FUNCTION(deferred_respond),    FUNCTION(deferred_on_close),
    FUNCTION(deferred_enter),    FUNCTION(deferred_leave),      FUNCTION(request_user),
};

forker_request *accel_request(PyObject *address)
{
    return PyLong_AsVoidPtr(address);
}

PyObject *accel_fetch(void)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL) {
        (void)PyException_SetTraceback(value, trace);
    }
    Py_XDECREF(type);
    Py_XDECREF(trace);
    return value;
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
    {"set_fields", accel_set_fields, METH_VARARGS, NULL},
    {"respond", accel_respond, METH_VARARGS, NULL},
    {"defer", accel_defer, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "forker._accel", .m_doc = "Hot paths of forker in C.",
    .m_size = -1,          .m_methods = methods,
};

/* The words live as long as the process. */
static int make_words(void)
{
    const struct {
        PyObject **word;
        const char *text;
    } words[] = {
#define WORD(name) {&accel_words.name, #name},
        ACCEL_WORDS(WORD)
#undef WORD
            {&accel_words.wsgi_input, "wsgi.input"},
        {&accel_words.wsgi_url_scheme, "wsgi.url_scheme"},
        {&accel_words.version_10, "1.0"},
        {&accel_words.version_11, "1.1"},
        {&accel_words.version_2, "2"},
        {&accel_words.http_request, "http.request"},
        {&accel_words.http_disconnect, "http.disconnect"},
        {&accel_words.response_start, "http.response.start"},
        {&accel_words.response_body, "http.response.body"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        *words[i].word = PyUnicode_InternFromString(words[i].text);
        if (*words[i].word == NULL) {
            return -1;
        }
    }
    return 0;
}

PyTypeObject *accel_add_type(PyObject *module, const char *name, PyType_Spec *spec)
{
    PyObject *type = PyType_FromSpec(spec);
    if (type != NULL && module != NULL && PyModule_AddObjectRef(module, name, type) < 0) {
        Py_CLEAR(type);
    }
    return (PyTypeObject *)(void *)type;
}

PyMODINIT_FUNC PyInit__accel(void)
{
    PyObject *module = PyModule_Create(&definition);
    if (module != NULL && (make_words() < 0 || accel_add_caller(module) < 0 || accel_add_entry(module) < 0 ||
                           accel_add_exchange(module) < 0 || accel_add_turns(module) < 0 ||
                           accel_add_calls(module) < 0 || accel_add_steps(module) < 0)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
