/*
 * The key log of option tls_key_log, for debugging: what decrypts the traffic that was recorded. The spawner opens the
 * file, and workers inherit its descriptor.
 */
#ifndef FORKER_KEYLOG_H
#define FORKER_KEYLOG_H

#include "base/server.h"

/* Opens it, if there is one, with a warning. A step of run: returns FORKER_OK, or FORKER_E_SYSTEM with a sentence. */
int fk_keylog_open(forker_server *server);

void fk_keylog_close(forker_server *server);

#endif
