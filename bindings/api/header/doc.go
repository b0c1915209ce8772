// Package header reads include/forker.h, which has a fixed style, into a description for bindings.
//
// What types do not say is said in the header by set phrases, which people read as sentences: the first comment of the
// header lists them. Whatever this package does not understand is an error with file and line, so that the description is never
// less than the header.
package header
