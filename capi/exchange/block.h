/* Growing blocks and short-lived copies, in malloc(3) memory: what a handler's calls produce. */
#ifndef FORKER_BLOCK_H
#define FORKER_BLOCK_H

#include <stdbool.h>
#include <string.h>

#include "base/object.h"
#include "exchange/exchange.h"

/* Whether `more` bytes fit into the body of a response: its length is an int64_t wherever it is counted. */
static inline bool fk_body_has_room(const fk_response *response, uint64_t more)
{
    return more <= (uint64_t)INT64_MAX - response->body.len - response->extra;
}

/* Makes a block larger, so that `more` bytes fit behind block->len. false: out of memory. */
bool fk_block_grow(fk_block *block, uint64_t more);

/* Makes room for `more` bytes behind block->len. false: out of memory. */
static inline bool fk_block_reserve(fk_block *block, uint64_t more)
{
    return block->cap - block->len >= more || fk_block_grow(block, more);
}

/* Appends bytes. false: out of memory, the block is unchanged. */
static inline bool fk_block_append(fk_block *block, const void *data, uint64_t len)
{
    if (!fk_block_reserve(block, len)) {
        return false;
    }
    if (len > 0) { /* data may be NULL */
        memcpy(block->data + block->len, data, (size_t)len);
        block->len += len;
    }
    return true;
}

/* Frees the memory of a block, which is empty then. */
void fk_block_free(fk_block *block);

/* Gives `size` bytes that live until the request ends, or NULL. */
char *fk_text_new(forker_request *req, size_t size);

/* Frees all of a request's copies. */
void fk_texts_free(forker_request *req);

#endif
