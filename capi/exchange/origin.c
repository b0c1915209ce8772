/*
 * Functions that say whose pages may read what is answered. They are called when the gates are asked, before anybody knows what
 * becomes of the request: what would answer or keep it is refused (FK_RESPONSE_UNDUE, FK_INSIDE_GATE).
 */
#include "exchange/origin.h"

#include <stdio.h>
#include <string.h>

#include "exchange/block.h"
#include "exchange/dispatch.h"
#include "exchange/failure.h"
#include "log/log.h"
#include "setup/setup.h"

static void tell(forker_request *req, const char *origin, int result)
{
    char line[FK_SENTENCE_MAX];
    const char *why = fk_failure_text(&req->failure);
    (void)snprintf(line, sizeof line,
                   "the on_origin function returned %d%s%s%s for %.128s, which is neither 1 nor 0; "
                   "its pages may not read the answer%s%s",
                   result, result < 0 ? " (" : "", result < 0 ? forker_strerror(result) : "", result < 0 ? ")" : "",
                   origin, why[0] != '\0' ? "; the last call that failed: " : "", why);
    fk_log(req->server, FORKER_LOG_ERROR, "%s", line);
}

bool fk_dispatch_origin(uintptr_t address, uintptr_t judge, uintptr_t origin, uint64_t len)
{
    forker_request *req = (forker_request *)address;
    const fk_origin_judge *asked = (const fk_origin_judge *)judge;
    char *text = fk_text_new(req, len + 1);
    if (text == NULL) {
        return false;
    }
    memcpy(text, (const char *)origin, len);
    text[len] = '\0';
    uint8_t state = req->response.state;
    req->response.state = FK_RESPONSE_UNDUE;
    sigset_t blocked;
    fk_dispatch_enter(req, FK_INSIDE_GATE, &blocked);
    int result = asked->may_read(req, text, asked->user);
    fk_dispatch_leave(req, &blocked);
    req->response.state = state;
    if (result != 0 && result != 1) {
        tell(req, text, result);
    }
    fk_failure_clear(&req->failure);
    return result == 1;
}

int forker_group_on_origin(forker_group *group, forker_origin_fn may_read, void *user)
{
    int refused = group != NULL ? fk_setup_refuses(group->server) : FORKER_E_INVALID;
    if (refused != FORKER_OK) {
        return refused;
    }
    if (may_read == NULL) {
        return fk_setup_fail(group->server, FORKER_E_INVALID, "on_origin: may_read is NULL");
    }
    if (group->judge.may_read != NULL) {
        return fk_setup_fail(group->server, FORKER_E_STATE, "on_origin: the group %s has a function already",
                             group->prefix);
    }
    group->judge = (fk_origin_judge){may_read, user};
    return FORKER_OK;
}
