/* Methods of gRPC, as the program enters them: each is a route. */
#include <string.h>

#include "base/ascii.h"
#include "base/server.h"
#include "setup/setup.h"

static bool is_name_byte(char c)
{
    return fk_ascii_is_letter(c) || fk_ascii_is_digit(c) || c == '_';
}

/* A name, or names joined by dots; none is empty. Returns what is behind it, NULL if there is no such name. */
static const char *skip_name(const char *p, bool dotted)
{
    for (;;) {
        const char *start = p;
        while (is_name_byte(*p)) {
            p++;
        }
        if (p == start) {
            return NULL;
        }
        if (!dotted || *p != '.') {
            return p;
        }
        p++;
    }
}

/* "/package.Service/Method" */
static bool is_method(const char *text)
{
    const char *p = *text == '/' ? skip_name(text + 1, true) : NULL;
    p = p != NULL && *p == '/' ? skip_name(p + 1, false) : NULL;
    return p != NULL && *p == '\0';
}

int forker_server_grpc(forker_server *server, const char *method, int kind, forker_handler handler, void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (method == NULL || handler == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "grpc: method or handler is NULL");
    }
    if (!is_method(method)) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "grpc %s: a method is written \"/package.Service/Method\"",
                             method);
    }
    if (kind < FORKER_GRPC_UNARY || kind > FORKER_GRPC_BIDI) {
        return fk_setup_fail(server, FORKER_E_INVALID, "grpc %s: kind %d is none of FORKER_GRPC_*", method, kind);
    }
    int code = forker_server_handle(server, "POST", method, handler, user);
    if (code == FORKER_OK) {
        fk_route *route = &server->routes[server->route_count - 1];
        route->grpc = (uint8_t)(kind + 1);
        route->streamed = kind == FORKER_GRPC_CLIENT_STREAM || kind == FORKER_GRPC_BIDI;
    }
    return code;
}
