/* Growing blocks and short-lived copies. */
#include "exchange/block.h"

#include <stdlib.h>

enum { BLOCK_LEAST = 4096 };

/* One copy made for an accessor; a list, because their addresses must not change. */
struct fk_text {
    struct fk_text *next;
    char bytes[];
};

bool fk_block_grow(fk_block *block, uint64_t more)
{
    uint64_t need;
    if (__builtin_add_overflow(block->len, more, &need) || need > SIZE_MAX / 2) {
        return false;
    }
    uint64_t cap = block->cap > 0 ? block->cap : BLOCK_LEAST;
    while (cap < need) {
        cap *= 2;
    }
    char *data = realloc(block->data, (size_t)cap);
    if (data == NULL) {
        return false;
    }
    block->data = data;
    block->cap = cap;
    return true;
}

void fk_block_free(fk_block *block)
{
    free(block->data);
    *block = (fk_block){0};
}

char *fk_text_new(forker_request *req, size_t size)
{
    struct fk_text *text = malloc(sizeof *text + size);
    if (text == NULL) {
        return NULL;
    }
    text->next = req->texts;
    req->texts = text;
    return text->bytes;
}

void fk_texts_free(forker_request *req)
{
    while (req->texts != NULL) {
        struct fk_text *text = req->texts;
        req->texts = text->next;
        free(text);
    }
}
