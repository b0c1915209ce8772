// Api makes things of include/forker.h for bindings: a description of it (api.json), and pages for man(1). Package header reads it.
package main
