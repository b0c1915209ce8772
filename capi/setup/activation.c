/*
 * Socket activation: LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. The environment is left as it is: it is the program's.
 */
#include "setup/activation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ascii.h"

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

/* A variable that holds a number; 0 if it does not. */
static long number_of(const char *variable)
{
    const char *text = secure_getenv(variable);
    uint64_t number;
    return text != NULL && fk_ascii_number(text, INT32_MAX, &number) ? (long)number : 0;
}

/* Whether name number `index` of a list that is separated by colons is `name`. */
static bool is_named(const char *names, long index, const char *name)
{
    while (names != NULL && index-- > 0) {
        names = strchr(names, ':');
        names = names != NULL ? names + 1 : NULL;
    }
    return names != NULL && strcspn(names, ":") == strlen(name) && strncmp(names, name, strlen(name)) == 0;
}

int fk_activation_listen(const fk_address *address)
{
    const char *name = strchr(address->text, ':');
    const char *names = secure_getenv("LISTEN_FDNAMES");
    long count = number_of("LISTEN_FDS");
    uint32_t before = address->server->listener_count;
    if (count == 0 || number_of("LISTEN_PID") != getpid()) {
        return fk_address_refuse(address, "this process was not started by socket activation (LISTEN_PID, LISTEN_FDS)");
    }
    for (long i = 0; i < count; i++) {
        if (name != NULL && !is_named(names, i, name + 1)) {
            continue;
        }
        (void)fcntl(FIRST_FD + (int)i, F_SETFD, FD_CLOEXEC);
        int code = fk_listener_borrow(address, FIRST_FD + (int)i);
        if (code != FORKER_OK) {
            fk_listeners_drop(address->server, before);
            return code;
        }
    }
    return address->server->listener_count > before
               ? FORKER_OK
               : fk_address_refuse(address, "LISTEN_FDNAMES has no socket of that name");
}
