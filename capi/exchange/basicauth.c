/* Names and passwords that requests show (RFC 7617), of which the program says whether they are good. */
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "exchange/base64.h"
#include "exchange/block.h"
#include "exchange/challenge.h"
#include "exchange/credentials.h"
#include "setup/group.h"
#include "setup/setup.h"

enum { NAME_MOST = 255, PAIR_MOST = 1024 };

/* What a group asks for. */
typedef struct {
    forker_password_fn check;
    void *user;
} basic_auth;

/* Decodes a pair to memory of the request. false: it is malformed, has a control character, or is longer than anybody's. */
static bool read_pair(forker_request *req, const char *coded, size_t len, char **name_out, char **password_out)
{
    char *pair = len % 4 == 0 && len <= PAIR_MOST / 3 * 4 ? fk_text_new(req, len + 1) : NULL;
    ptrdiff_t size = pair != NULL ? fk_base64_decode(pair, coded, len) : -1;
    if (size < 0) {
        return false;
    }
    pair[size] = '\0';
    for (ptrdiff_t i = 0; i < size; i++) {
        if (fk_ascii_is_control(pair[i])) {
            return false;
        }
    }
    char *colon = strchr(pair, ':');
    if (colon == NULL || colon == pair || colon - pair > NAME_MOST) {
        return false;
    }
    *colon = '\0';
    *name_out = pair;
    *password_out = colon + 1;
    return true;
}

static int check_password(forker_request *req, void *user)
{
    const basic_auth *auth = user;
    char *name, *password;
    size_t len;
    const char *coded = fk_credentials_find(req, "Authorization", "Basic", &len);
    bool shown = coded != NULL && read_pair(req, coded, len, &name, &password);
    int result = shown ? auth->check(req, name, password, auth->user) : FORKER_OK;
    if (fk_challenge_is_due(req, result)) {
        int code = fk_challenge_add(req, "Basic", ", charset=\"UTF-8\"");
        return code == FORKER_OK ? forker_respond_error(req, 401, "name and password are needed") : code;
    }
    if (shown && result == FORKER_NEXT) {
        req->user_len = (uint8_t)strlen(name);
        memcpy(req->user, name, (size_t)req->user_len + 1);
    }
    return result;
}

int forker_group_basic_auth(forker_group *group, forker_password_fn check, void *user)
{
    int refused = group != NULL ? fk_setup_refuses(group->server) : FORKER_E_INVALID;
    if (refused != FORKER_OK) {
        return refused;
    }
    if (check == NULL) {
        return fk_setup_fail(group->server, FORKER_E_INVALID, "basic_auth: check is NULL");
    }
    basic_auth *auth = malloc(sizeof *auth);
    if (auth == NULL) {
        return fk_setup_fail(group->server, FORKER_E_MEMORY, "basic_auth: out of memory");
    }
    *auth = (basic_auth){check, user};
    int code = fk_group_use(group, "basic_auth", &(fk_use){.before = check_password, .user = auth, .destroy = free});
    if (code != FORKER_OK) {
        free(auth);
    }
    return code;
}
