/* Calls into Go from functions of the program. */
#include "exchange/engine.h"

#include <string.h>

#include "_cgo_export.h"

int fk_engine_interim(forker_request *req, int status, const fk_block *line)
{
    return goInterim(req->server, (uintptr_t)req, status, (uintptr_t)line->data, line->len);
}

int fk_engine_hijack(forker_request *req, int *fd_out)
{
    return goHijack(req->server, (uintptr_t)req, fd_out);
}

void fk_engine_look(forker_request *req)
{
    goLook(req->server, (uintptr_t)req);
}

int fk_engine_sign(forker_server *server, const char *text, size_t len, char *signature_out)
{
    return goSign(server, (uintptr_t)text, len, (uintptr_t)signature_out);
}

bool fk_engine_verify(forker_server *server, const char *text, size_t len, const char *signature)
{
    return goVerify(server, (uintptr_t)text, len, (uintptr_t)signature) == 1;
}

bool fk_engine_token(forker_server *server, const char *name, const char *cookie, size_t len, fk_csrf *out)
{
    memset(out, 0, sizeof *out);
    return goToken(server, (char *)name, (uintptr_t)cookie, len, out) == 1;
}

/* A cookie and a token, both with their lengths. NOLINTNEXTLINE(readability-function-size) */
int fk_engine_token_fits(forker_server *server, const char *name, const char *cookie, size_t len, const char *token,
                         size_t token_len)
{
    return goTokenFits(server, (char *)name, (uintptr_t)cookie, len, (uintptr_t)token, token_len);
}
