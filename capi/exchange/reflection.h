/* Reflection of gRPC: what services a server has, and what their messages look like, for clients that were built without knowing it. */
#ifndef FORKER_REFLECTION_H
#define FORKER_REFLECTION_H

#include <stddef.h>

#include "forker.h"

/* A FileDescriptorSet of the services that are the library's own; reflectionown.c. */
extern const unsigned char fk_reflection_own[];
extern const size_t fk_reflection_own_len;

/* Enters the methods of reflection, all or none. Returns what forker_server_grpc() does. */
int fk_reflection_enter_methods(forker_server *server);

#endif
