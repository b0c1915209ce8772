/* Challenges (RFC 9110 section 11.6.1). */
#include "exchange/challenge.h"

#include "exchange/block.h"
#include "exchange/failure.h"
#include "setup/gateoption.h"

static bool append(fk_block *block, const char *text)
{
    return fk_block_append(block, text, strlen(text));
}

/* A quoted string (RFC 9110 section 5.6.4). */
static bool append_quoted(fk_block *block, const char *text)
{
    bool fits = append(block, "\"");
    for (; *text != '\0'; text++) {
        fits = fits && ((*text != '"' && *text != '\\') || append(block, "\\")) && fk_block_append(block, text, 1);
    }
    return fits && append(block, "\"");
}

int fk_challenge_add(forker_request *req, const char *scheme, const char *more)
{
    const fk_route *route = &req->server->routing.routes[req->route];
    fk_block value = {0};
    int code = FORKER_E_MEMORY;
    if (append(&value, scheme) && append(&value, " realm=") &&
        append_quoted(&value, fk_gate_option_text(req->server, route, FK_OPTION_AUTH_REALM)) && append(&value, more) &&
        fk_block_append(&value, "", 1)) {
        code = forker_response_header_add(req, "WWW-Authenticate", value.data);
    }
    fk_block_free(&value);
    return code;
}

bool fk_challenge_is_due(const forker_request *req, int result)
{
    return result == FORKER_OK && req->response.state != FK_RESPONSE_WHOLE && req->deferred == NULL;
}
