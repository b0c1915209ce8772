/* The spawner's end of the control protocol (control.h). */
#ifndef FORKER_CHANNEL_H
#define FORKER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/control.h"

/* A message with its payload. */
typedef struct {
    fk_msg head;
    union {
        fk_msg_worker worker;
        fk_msg_failed failed;
        fk_msg_exit exit;
        fk_msg_stop stop;
        fk_msg_kill kill;
        fk_msg_give_up give_up;
        char text[FK_CONTROL_MAX];
    } payload;
} fk_message;

/* Makes a pair of ends, close-on-exec and non-blocking. Returns false with errno. */
bool fk_channel_pair(int ends[2]);

/*
 * Sends a message with `length` bytes of payload and a descriptor (-1: none). false: the other end is gone or does not
 * read.
 */
bool fk_channel_send(int fd, const fk_message *message, int passed);

typedef enum { FK_RECEIVED, FK_RECEIVED_NOTHING, FK_RECEIVED_END } fk_received;

/*
 * Receives a message without waiting; what of `message` did not come is 0. One that is malformed counts as the end, and
 * so does one of the master's whose payload is not as long as its type asks for. Descriptors that came with it are
 * closed by the kernel: no message to the spawner has any.
 */
fk_received fk_channel_receive(int fd, fk_message *message);

#endif
