// Api makes things of include/forker.h for bindings: a description of it (api.json), the ctypes of the Python package, and
// pages for man(1). Package header reads it.
package main
