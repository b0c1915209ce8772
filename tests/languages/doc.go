// Package languages runs the hello of bindings/hello in each language: `make test-languages`, which installs what it
// needs.
package languages
