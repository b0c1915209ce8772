/* What the program's functions have for each other about a request: values in slots, which end with it. */
#include "exchange/value.h"

#include <stdlib.h>

#include "exchange/failure.h"

static void destroy_value(const forker_request *req, int slot)
{
    forker_release_fn destroy = req->server->routing.value_destroy[slot];
    if (req->values[slot] != NULL && destroy != NULL) {
        destroy(req->values[slot]);
    }
}

static bool is_slot(const forker_request *req, int slot)
{
    return slot >= 0 && (uint32_t)slot < req->server->routing.value_slots;
}

int forker_request_set(forker_request *req, int slot, void *value)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!is_slot(req, slot)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "set: there is no slot %d", slot);
    }
    if (req->values == NULL) {
        req->values = calloc(FK_VALUES_MAX, sizeof *req->values);
    }
    if (req->values == NULL) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "set: no memory for a value");
    }
    if (req->values[slot] != value) {
        destroy_value(req, slot);
    }
    req->values[slot] = value;
    return FORKER_OK;
}

void *forker_request_get(forker_request *req, int slot)
{
    return req != NULL && req->values != NULL && is_slot(req, slot) ? req->values[slot] : NULL;
}

void fk_values_free(forker_request *req)
{
    for (int slot = FK_VALUES_MAX; req->values != NULL && slot-- > 0;) {
        destroy_value(req, slot);
    }
    free(req->values);
    req->values = NULL;
}
