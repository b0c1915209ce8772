/* The C handler of a route, which calls a function of Python. */
#include "accel.h"

/* What the function returns is what the handler does. It deals with all exceptions; what it cannot is written. */
static int call(forker_request *req, void *user)
{
    PyGILState_STATE state = PyGILState_Ensure();
    long code = FORKER_E_INTERNAL;
    PyObject *address = PyLong_FromVoidPtr(req);
    PyObject *result = address != NULL ? PyObject_CallFunctionObjArgs(user, address, Py_None, NULL) : NULL;
    if (result != NULL) {
        code = PyLong_AsLong(result);
    }
    if (PyErr_Occurred() != NULL) {
        code = FORKER_E_INTERNAL;
        PyErr_WriteUnraisable(user);
    }
    Py_XDECREF(result);
    Py_XDECREF(address);
    PyGILState_Release(state);
    return (int)code;
}

/* handler(function): the addresses of a handler, and of what it is registered with. The function must outlive both. */
PyObject *accel_handler(PyObject *module, PyObject *function)
{
    forker_handler handler = call;
    void *address;
    (void)module;
    memcpy(&address, &handler, sizeof address);
    return Py_BuildValue("NN", PyLong_FromVoidPtr(address), PyLong_FromVoidPtr(function));
}
