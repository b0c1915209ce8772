// Package static is directories whose files are served: what a path names in one, what a file's response says of it, and
// what of that a request asks for (RFC 9110 §8.8, §12.5.3, §13, §14). What is sent then is the engine's.
//
// Invariant: no path leads out of its directory, whatever it and the links in it say: the kernel resolves it below the
// directory (openat2(2)). What a client asks for in a way that cannot be read counts as not asked.
//
// A Cache and the files in it belong to one loop. Mount.Load and Mount.List may be called on any thread.
package static
