/* Responses that are written piece by piece: what stream.c and callstream.c share. */
#ifndef FORKER_STREAM_H
#define FORKER_STREAM_H

#include "exchange/deferred.h"

/*
 * Begins the stream of an entry whose request is not answered, with the entry's lock. The loop is to be told, with the
 * first piece or without.
 */
int fk_stream_open(fk_deferred *deferred, const char *verb, int64_t length);

#endif
