/*
 * Request accessors. Pieces of the head are handed out where they lie: the delimiter behind each is overwritten by NUL
 * when it is asked for. What would overlap (the path inside the target) or needs decoding is copied, until the request
 * ends.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ascii.h"
#include "base/process.h"
#include "exchange/block.h"
#include "exchange/exchange.h"
#include "exchange/failure.h"

static const char *give(const char *text, size_t len, size_t *len_out)
{
    if (len_out != NULL) {
        *len_out = text != NULL ? len : 0;
    }
    return text;
}

static const char *copy_text(forker_request *req, const char *bytes, size_t len, size_t *len_out)
{
    char *text = fk_text_new(req, len + 1);
    if (text != NULL) {
        memcpy(text, bytes, len);
        text[len] = '\0';
    }
    return give(text, len, len_out);
}

/* Of the authority in a target the delimiter is the first byte of the path, which must stay. */
static const char *span_text(forker_request *req, fk_span span, size_t *len_out)
{
    uint32_t end = span.off + span.len, target = req->head.target.off;
    if (end - target < req->head.target.len) {
        return copy_text(req, req->base + span.off, span.len, len_out);
    }
    req->base[end] = '\0';
    return give(req->base + span.off, span.len, len_out);
}

const char *forker_request_method(forker_request *req, size_t *len_out)
{
    return req != NULL ? span_text(req, req->head.method, len_out) : give(NULL, 0, len_out);
}

const char *forker_request_target(forker_request *req, size_t *len_out)
{
    return req != NULL ? span_text(req, req->head.target, len_out) : give(NULL, 0, len_out);
}

const char *forker_request_host(forker_request *req, size_t *len_out)
{
    if (req == NULL) {
        return give(NULL, 0, len_out);
    }
    if (req->host.len > 0) { /* a piece of a field's value, which stays as it is */
        return copy_text(req, req->base + req->host.off, req->host.len, len_out);
    }
    return span_text(req, req->head.host, len_out);
}

const char *forker_request_path(forker_request *req, size_t *len_out)
{
    if (req == NULL) {
        return give(NULL, 0, len_out);
    }
    if (!req->path_decoded) {
        const char *copy = copy_text(req, req->path, req->path_len, len_out);
        if (copy == NULL) {
            return NULL;
        }
        req->path = (char *)copy;
        req->path_decoded = 1;
    }
    return give(req->path, req->path_len, len_out);
}

const char *forker_request_query(forker_request *req, size_t *len_out)
{
    if (req == NULL || !req->head.has_query) {
        return give(req != NULL ? "" : NULL, 0, len_out);
    }
    return span_text(req, req->head.query, len_out);
}

const char *forker_request_param(forker_request *req, const char *name, size_t *len_out)
{
    if (req != NULL && name != NULL) {
        const fk_route *route = &req->server->routing.routes[req->route];
        for (uint32_t i = 0; i < req->param_count; i++) {
            if (strcmp(route->param_names[i], name) == 0) {
                return copy_text(req, req->path + req->params[i].off, req->params[i].len, len_out);
            }
        }
    }
    return give(NULL, 0, len_out);
}

/* The value of the first of `count` fields that has this name. */
static const char *named_field(forker_request *req, const fk_field *fields, size_t count, const char *name,
                               size_t *len_out)
{
    size_t len = name != NULL ? strlen(name) : 0;
    for (size_t i = 0; len > 0 && i < count; i++) {
        if (fields[i].name.len == len && fk_ascii_same(req->base + fields[i].name.off, name, len)) {
            return span_text(req, fields[i].value, len_out);
        }
    }
    return give(NULL, 0, len_out);
}

static int refuse_index(forker_request *req, const char *verb, size_t index, size_t count)
{
    return fk_fail(&req->failure, FORKER_E_INVALID, "%s %zu: there are %zu fields", verb, index, count);
}

static int field_at(forker_request *req, const fk_field *field, const char **name_out, const char **value_out)
{
    if (name_out != NULL) {
        *name_out = span_text(req, field->name, NULL);
    }
    if (value_out != NULL) {
        *value_out = span_text(req, field->value, NULL);
    }
    return FORKER_OK;
}

const char *forker_request_header(forker_request *req, const char *name, size_t *len_out)
{
    return req != NULL ? named_field(req, req->head.fields, req->head.field_count, name, len_out)
                       : give(NULL, 0, len_out);
}

size_t forker_request_header_count(forker_request *req)
{
    return req != NULL ? req->head.field_count : 0;
}

int forker_request_header_at(forker_request *req, size_t index, const char **name_out, const char **value_out)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (index >= req->head.field_count) {
        return refuse_index(req, "header_at", index, req->head.field_count);
    }
    return field_at(req, &req->head.fields[index], name_out, value_out);
}

static const fk_field *trailers(const forker_request *req)
{
    return req->head.fields + req->head.field_count;
}

const char *forker_request_trailer(forker_request *req, const char *name, size_t *len_out)
{
    return req != NULL ? named_field(req, trailers(req), req->head.trailer_count, name, len_out)
                       : give(NULL, 0, len_out);
}

size_t forker_request_trailer_count(forker_request *req)
{
    return req != NULL ? req->head.trailer_count : 0;
}

int forker_request_trailer_at(forker_request *req, size_t index, const char **name_out, const char **value_out)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (index >= req->head.trailer_count) {
        return refuse_index(req, "trailer_at", index, req->head.trailer_count);
    }
    return field_at(req, &trailers(req)[index], name_out, value_out);
}

const char *forker_request_body(forker_request *req, size_t *len_out)
{
    return req != NULL ? give(req->body, req->body_len, len_out) : give(NULL, 0, len_out);
}

int forker_request_body_fd(forker_request *req)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    return req->body_fd >= 0 ? req->body_fd
                             : fk_fail(&req->failure, FORKER_E_STATE, "body_fd: the body is in memory only");
}

/* Writes a number in decimal digits; returns the end. */
static char *put_number(char *to, unsigned number)
{
    char digits[sizeof "65535"];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        *to++ = digits[--count];
    }
    return to;
}

/* Writes an address; returns the end, where no NUL is. inet_ntop(3) formats the four numbers of IPv4 by sprintf(3), at 0.2 us. */
static char *put_address(char *to, int family, const void *addr)
{
    if (family == AF_INET6) {
        (void)inet_ntop(family, addr, to, INET6_ADDRSTRLEN);
        return to + strlen(to);
    }
    const uint8_t *bytes = addr;
    for (int i = 0; i < 4; i++) {
        to = put_number(to, bytes[i]);
        *to++ = '.';
    }
    return to - 1;
}

/* An end of a connection, with its port. */
static const char *give_end(forker_request *req, int family, const void *addr, unsigned port, size_t *len_out)
{
    enum { END_MAX = INET6_ADDRSTRLEN + sizeof "[]:65535" };
    if (family != AF_INET && family != AF_INET6) {
        return give("unix:", 5, len_out);
    }
    char *text = fk_text_new(req, END_MAX);
    if (text == NULL) {
        return give(NULL, 0, len_out);
    }
    char *end = text;
    if (family == AF_INET6) {
        *end++ = '[';
    }
    end = put_address(end, family, addr);
    if (family == AF_INET6) {
        *end++ = ']';
    }
    *end++ = ':';
    end = put_number(end, port);
    *end = '\0';
    return give(text, (size_t)(end - text), len_out);
}

const char *forker_request_peer(forker_request *req, size_t *len_out)
{
    return req != NULL ? give_end(req, req->peer.family, req->peer.addr, req->peer.port, len_out)
                       : give(NULL, 0, len_out);
}

/* The loop notes that a client has left before it closes the connection: if it has not, the descriptor was that one's. */
static bool has_left(const forker_request *req)
{
    return __atomic_load_n(&req->cancelled, __ATOMIC_SEQ_CST) != 0;
}

const char *forker_request_local(forker_request *req, size_t *len_out)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
        struct sockaddr_storage room;
    } name = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t size = sizeof name;
    if (req == NULL || has_left(req) || getsockname(req->fd, &name.any, &size) != 0 || has_left(req)) {
        return give(NULL, 0, len_out);
    }
    if (name.any.sa_family != AF_INET6) {
        return give_end(req, name.any.sa_family, &name.four.sin_addr, ntohs(name.four.sin_port), len_out);
    }
    const uint8_t *addr = name.six.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&name.six.sin6_addr)) { /* as the peer's is shown */
        return give_end(req, AF_INET, addr + 12, ntohs(name.six.sin6_port), len_out);
    }
    return give_end(req, AF_INET6, addr, ntohs(name.six.sin6_port), len_out);
}

const char *forker_request_client(forker_request *req, size_t *len_out)
{
    if (req == NULL) {
        return give(NULL, 0, len_out);
    }
    const fk_peer *client = req->traced ? &req->client : &req->peer;
    if (client->family != AF_INET && client->family != AF_INET6) {
        return give("unix:", 5, len_out);
    }
    char *text = fk_text_new(req, INET6_ADDRSTRLEN);
    if (text == NULL) {
        return give(NULL, 0, len_out);
    }
    char *end = put_address(text, client->family, client->addr);
    *end = '\0';
    return give(text, (size_t)(end - text), len_out);
}

const char *forker_request_id(forker_request *req, size_t *len_out)
{
    return req != NULL && req->id_len > 0 ? give(req->id, req->id_len, len_out) : give(NULL, 0, len_out);
}

const char *forker_request_user(forker_request *req, size_t *len_out)
{
    return req != NULL && req->user_len > 0 ? give(req->user, req->user_len, len_out) : give(NULL, 0, len_out);
}

const char *forker_request_scheme(forker_request *req, size_t *len_out)
{
    if (req == NULL) {
        return give(NULL, 0, len_out);
    }
    bool secure = req->scheme == FK_SCHEME_OF_CONNECTION ? req->tls != NULL : req->scheme == FK_SCHEME_HTTPS;
    return secure ? give("https", 5, len_out) : give("http", 4, len_out);
}

const char *forker_request_tls(forker_request *req, int what, size_t *len_out)
{
    if (req == NULL || req->tls == NULL || what < 0 || what >= FK_TLS_ITEMS || req->tls->items[what].off == 0) {
        return give(NULL, 0, len_out);
    }
    fk_span item = req->tls->items[what];
    return give((const char *)req->tls + item.off, item.len, len_out);
}

const char *forker_request_error(forker_request *req)
{
    return req != NULL ? fk_failure_text(&req->failure) : NULL;
}

int forker_request_version(forker_request *req)
{
    return req != NULL ? req->head.version : 0;
}

forker_server *forker_request_server(forker_request *req)
{
    return req != NULL ? req->server : NULL;
}

int32_t forker_request_worker(forker_request *req)
{
    return req != NULL ? fk_process.worker : -1;
}

int forker_request_draining(forker_request *req)
{
    return req != NULL && fk_process_draining(req->server) ? 1 : 0;
}
