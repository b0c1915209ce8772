/*
 * Where log lines end up: a file, a pipe, a terminal, a socket, of which the open file description may be shared with
 * whoever started the program.
 *
 * Invariant: nothing here waits for a reader, and a line is there whole or not at all. So O_NONBLOCK is not the way:
 * it would be set for the shell and its other programs too.
 */
#ifndef FORKER_SINK_H
#define FORKER_SINK_H

#include <stddef.h>

typedef struct {
    int fd;
    int aside; /* a descriptor of the same pipe that never blocks, where the kernel needs one; else -1 */
} fk_sink;

/*
 * Writes lines, each with its newline. Returns how many bytes were taken, up to the end of a line; if not all, errno
 * tells why, and the others are lost. EAGAIN: there is no room. Any thread; async-signal-safe. No signal comes of it.
 */
size_t fk_sink_write(fk_sink sink, const char *lines, size_t len);

/*
 * Opens what fk_sink.aside is, if `fd` is a pipe and the kernel cannot write to it without waiting (Linux before 6.4).
 * -1: there is no need, or no permission, which whoever gives up privileges will not have later.
 */
int fk_sink_open_aside(int fd);

#endif
