/*
 * Every length, count, offset and index of the API beyond what there is: lengths <address>. Each row calls one function
 * and knows its code; a row that is wrong is a line on stderr, and a 500 or the exit status.
 */
#define _GNU_SOURCE

#include "check.h"

#include <stdlib.h>
#include <sys/mman.h>

static forker_server *server;
static const char bytes[16];
static int file; /* of INT64_MAX bytes, none of which takes space */

static int report(forker_request *req)
{
    int failed = check_exit_status();
    check_failures = 0;
    return failed ? FORKER_E_INTERNAL : forker_respond_error(req, 418, "as it should be");
}

static void on_time(forker_server *timed, int64_t timer, void *user)
{
    (void)timed, (void)timer, (void)user;
}

static int written(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_write(req, bytes, SIZE_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(req, bytes, (size_t)-4), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(req, bytes, (size_t)PTRDIFF_MAX + 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(req, (const char *)UINTPTR_MAX - 3, 5), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(req, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(req, NULL, 0), FORKER_OK);
    CHECK_CODE(forker_response_reset(req), FORKER_OK);
    CHECK_CODE(forker_respond(req, 200, NULL, bytes, SIZE_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_respond(req, 200, NULL, bytes, (size_t)PTRDIFF_MAX + 1), FORKER_E_INVALID);
    CHECK_CODE(forker_respond(req, INT32_MAX, NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond(req, INT32_MIN, NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond(req, 65536 + 200, NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_error(req, 65536 + 400, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_status(req, 65536 + 200), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_file(req, 65536 + 200, NULL, "/etc/passwd"), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_interim(req, 65536 + 103, "Link", "x"), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_interim(req, -103, "Link", "x"), FORKER_E_INVALID);
    return report(req);
}

static int lent(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_lend(req, bytes, SIZE_MAX, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_lend(req, bytes, (size_t)PTRDIFF_MAX + 1, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_lend(req, (const char *)UINTPTR_MAX - 3, 5, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_lend(req, NULL, 1, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_lend(req, NULL, 0, NULL, NULL), FORKER_OK);
    CHECK_CODE(forker_response_write(req, bytes, 2), FORKER_OK);
    CHECK_CODE(forker_response_lend(req, bytes, (size_t)PTRDIFF_MAX - 1, NULL, NULL), FORKER_E_LIMIT);
    CHECK_CODE(forker_response_lend(req, bytes, (size_t)PTRDIFF_MAX - 2, NULL, NULL), FORKER_OK);
    CHECK_CODE(forker_response_lend(req, bytes, (size_t)PTRDIFF_MAX, NULL, NULL), FORKER_E_LIMIT);
    CHECK_CODE(forker_response_lend(req, bytes, 1, NULL, NULL), FORKER_E_LIMIT);
    CHECK_CODE(forker_response_write(req, bytes, 1), FORKER_E_LIMIT);
    CHECK_CODE(forker_response_file(req, file, 0, 1), FORKER_E_LIMIT);
    return report(req);
}

static int from_file(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_file(req, file, 0, -2), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, file, 0, INT64_MIN), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, file, -1, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, file, INT64_MIN, -1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, file, 1, INT64_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, file, INT64_MAX, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, INT32_MIN, 0, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, INT32_MAX, 0, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(req, file, INT64_MAX, -1), FORKER_OK);
    CHECK_CODE(forker_response_file(req, file, 1, -1), FORKER_OK);
    CHECK_CODE(forker_response_file(req, file, 0, 1), FORKER_OK);
    CHECK_CODE(forker_response_file(req, file, 0, 1), FORKER_E_LIMIT);
    CHECK_CODE(forker_response_file(req, file, 0, -1), FORKER_E_LIMIT);
    return report(req);
}

static int asked(forker_request *req, void *user)
{
    const char *name, *value;
    (void)user;
    size_t count = forker_request_header_count(req);
    CHECK_CODE(forker_request_header_at(req, count - 1, &name, &value), FORKER_OK);
    CHECK_CODE(forker_request_header_at(req, count, &name, &value), FORKER_E_INVALID);
    CHECK_CODE(forker_request_header_at(req, SIZE_MAX, &name, &value), FORKER_E_INVALID);
    CHECK_CODE(forker_request_header_at(req, SIZE_MAX / sizeof(uint64_t) + 2, &name, &value), FORKER_E_INVALID);
    CHECK_CODE(forker_request_trailer_at(req, 0, &name, &value), FORKER_E_INVALID);
    CHECK_CODE(forker_request_trailer_at(req, SIZE_MAX, &name, &value), FORKER_E_INVALID);
    return report(req);
}

static int packed(forker_request *req, void *user)
{
    (void)user;
    CHECK(forker_request_pack(req, (void *)(uintptr_t)bytes, SIZE_MAX) == FORKER_E_INVALID);
    CHECK(forker_request_pack(req, (void *)(UINTPTR_MAX - 3), 5) == FORKER_E_INVALID);
    CHECK(forker_request_pack(req, NULL, 1) == FORKER_E_INVALID);
    CHECK(forker_request_pack(req, NULL, 0) > 0);
    CHECK_CODE(forker_respond_packed(req, 200, bytes, SIZE_MAX, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(req, 200, (const char *)UINTPTR_MAX - 3, 5, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(req, 200, NULL, 0, bytes, SIZE_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(req, 65536 + 200, NULL, 0, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_response_length(req, -1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_length(req, INT64_MIN), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_redirect(req, 65536 + 302, "/"), FORKER_E_INVALID);
    return report(req);
}

/* A list of texts behind which nothing can be read. */
static const char **endless_names(void)
{
    enum { PAGE = 4096 };
    const char **names = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (names == MAP_FAILED || mprotect((char *)names + PAGE, PAGE, PROT_NONE) != 0) {
        abort();
    }
    for (size_t i = 0; i < PAGE / sizeof *names; i++) {
        names[i] = "id";
    }
    return names;
}

static int named(forker_request *req, void *user)
{
    const char **names = endless_names(), **values = names;
    char text[32], cookie[1];
    forker_route_info info = {.size = UINT32_MAX};
    (void)user;
    CHECK_CODE(forker_url(server, "named", names, values, SIZE_MAX, text, sizeof text), FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, "named", names, values, SIZE_MAX / sizeof *names, text, sizeof text),
               FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, "named", NULL, NULL, (size_t)1 << 61, text, sizeof text), FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, "named", names, values, 1, text, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, "named", names, values, 1, text, 2), FORKER_E_LIMIT);
    CHECK_CODE(forker_cookie_sign(server, "a", "b", cookie, 0), FORKER_E_LIMIT);
    CHECK_CODE(forker_same_secret(bytes, SIZE_MAX, ""), 0);
    CHECK_CODE(forker_same_secret((const char *)UINTPTR_MAX - 3, 5, ""), 0);
    CHECK_CODE(forker_same_secret(bytes, 0, ""), 1);
    CHECK_CODE(forker_route_at(server, 0, &info), FORKER_E_INVALID);
    info.size = sizeof info;
    CHECK_CODE(forker_route_at(server, 0, &info), FORKER_OK);
    CHECK_CODE(forker_route_at(server, SIZE_MAX, &info), FORKER_E_INVALID);
    return report(req);
}

/* Numbers of what a request and its process have. */
static int numbered(forker_request *req, void *user)
{
    const char *name, *value;
    size_t len;
    (void)user;
    CHECK_CODE(forker_request_query_at(req, SIZE_MAX, &name, &value, &len), FORKER_E_INVALID);
    CHECK_CODE(forker_request_set(req, INT32_MAX, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_set(req, INT32_MIN, NULL), FORKER_E_INVALID);
    CHECK(forker_request_get(req, INT32_MAX) == NULL && forker_request_get(req, -1) == NULL);
    CHECK(forker_form_value(req, "a", SIZE_MAX, &len) == NULL);
    CHECK(forker_form_at(req, SIZE_MAX, &name, &value, &len) != FORKER_OK);
    CHECK(forker_server_timer(server, INT64_MAX, 0, on_time, NULL) == FORKER_E_INVALID);
    CHECK(forker_server_timer(server, INT64_MIN, 0, on_time, NULL) == FORKER_E_INVALID);
    CHECK(forker_server_timer(server, 0, INT64_MAX, on_time, NULL) == FORKER_E_INVALID);
    CHECK(forker_server_timer(server, 0, -1, on_time, NULL) == FORKER_E_INVALID);
    CHECK_CODE(forker_server_timer_cancel(server, INT64_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_server_timer_cancel(server, INT64_MIN), FORKER_E_INVALID);
    return report(req);
}

static void check_stats(void)
{
    forker_stats stats = {.size = 3};
    forker_worker_stats worker = {.size = 3};
    CHECK_CODE(forker_server_stats(server, &stats), FORKER_E_INVALID);
    CHECK_CODE(forker_server_worker_stats(server, 0, &worker), FORKER_E_INVALID);
    stats.size = worker.size = UINT32_MAX;
    CHECK_CODE(forker_server_stats(server, &stats), FORKER_E_INVALID);
    CHECK_CODE(forker_server_worker_stats(server, 0, &worker), FORKER_E_INVALID);
    worker.size = sizeof worker;
    CHECK_CODE(forker_server_worker_stats(server, 0, &worker), FORKER_OK);
    CHECK_CODE(forker_server_worker_stats(server, 1024, &worker), FORKER_E_INVALID);
    CHECK_CODE(forker_server_worker_stats(server, (size_t)1 << 32, &worker), FORKER_E_INVALID);
    CHECK_CODE(forker_server_worker_stats(server, SIZE_MAX, &worker), FORKER_E_INVALID);
}

static int of_server(forker_request *req, void *user)
{
    (void)user;
    check_stats();
    CHECK(forker_server_address(server, 1) == NULL);
    CHECK(forker_server_address(server, (size_t)1 << 32) == NULL);
    CHECK(forker_server_address(server, SIZE_MAX) == NULL);
    CHECK(forker_option_at(SIZE_MAX) == NULL);
    CHECK(forker_option_at((size_t)1 << 32) == NULL);
    CHECK_CODE(forker_server_scale(server, INT32_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_server_scale(server, INT32_MIN), FORKER_E_INVALID);
    CHECK_CODE(forker_server_log(server, INT32_MAX, "x"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_log(server, -1, "x"), FORKER_E_INVALID);
    CHECK(strcmp(forker_strerror(INT32_MIN), forker_strerror(INT32_MAX)) == 0);
    return report(req);
}

static void check_handle(forker_deferred handle)
{
    CHECK_CODE(forker_deferred_respond(handle, 200, NULL, bytes, SIZE_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_deferred_respond(handle, 65536 + 200, NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_stream_begin(handle, -2), FORKER_E_INVALID);
    CHECK_CODE(forker_stream_begin(handle, INT64_MIN), FORKER_E_INVALID);
    CHECK_CODE(forker_deferred_drop(handle ^ (uint64_t)1 << 63), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_drop(handle | 0xffffffff), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_drop(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_drop(UINT64_MAX), FORKER_E_ABORTED);
}

static int deferred(forker_request *req, void *user)
{
    forker_deferred handle = 0;
    (void)user;
    CHECK_CODE(forker_request_defer(req, &handle), FORKER_OK);
    check_handle(handle);
    CHECK_CODE(report(req), FORKER_OK);
    CHECK_CODE(forker_deferred_send(handle), FORKER_OK);
    return FORKER_DEFERRED;
}

static int streamed(forker_request *req, void *user)
{
    forker_deferred handle = 0;
    (void)user;
    CHECK_CODE(forker_request_defer(req, &handle), FORKER_OK);
    CHECK_CODE(forker_stream_begin(handle, 5), FORKER_OK);
    CHECK_CODE(forker_stream_write(handle, bytes, SIZE_MAX), FORKER_E_LIMIT);
    CHECK_CODE(forker_stream_write(handle, bytes, (size_t)PTRDIFF_MAX + 1), FORKER_E_LIMIT);
    CHECK_CODE(forker_stream_write(handle, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_send(handle, bytes, SIZE_MAX), FORKER_E_STATE);
    CHECK_CODE(forker_stream_write(handle, bytes, 6), FORKER_E_LIMIT);
    CHECK_CODE(forker_stream_write(handle, "whole", 5), FORKER_OK);
    CHECK_CODE(forker_stream_write(handle, bytes, 1), FORKER_E_LIMIT);
    CHECK_CODE(forker_stream_write(handle, bytes, SIZE_MAX - 4), FORKER_E_LIMIT);
    if (check_exit_status() == 0) {
        CHECK_CODE(forker_stream_end(handle), FORKER_OK);
    } else {
        forker_deferred_drop(handle);
    }
    return FORKER_DEFERRED;
}

/* What a handler does that does not look at codes. */
static int careless(forker_request *req, void *user)
{
    (void)user;
    forker_response_lend(req, bytes, SIZE_MAX / 2 + 1, NULL, NULL);
    return forker_response_lend(req, bytes, SIZE_MAX / 2 + 6, NULL, NULL);
}

static int stop(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_server_stop(server, INT32_MIN), FORKER_OK);
    return report(req);
}

static void check_before_run(void)
{
    forker_server *other = forker_server_new();
    CHECK_CODE(forker_server_certificate_pem(other, "a", bytes, SIZE_MAX, bytes, 1), FORKER_E_CERTIFICATE);
    CHECK_CODE(forker_server_certificate_pem(other, "a", bytes, 1, bytes, (size_t)PTRDIFF_MAX + 1),
               FORKER_E_CERTIFICATE);
    CHECK_CODE(forker_server_grpc_descriptors(other, bytes, SIZE_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_server_grpc_descriptors(other, bytes, (size_t)PTRDIFF_MAX - 100), FORKER_E_LIMIT);
    CHECK_CODE(forker_server_grpc_descriptors(other, bytes, (64 << 20) + 1), FORKER_E_LIMIT);
    CHECK_CODE(forker_server_grpc(other, "/a.B/C", INT32_MAX, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_health(other, "a", INT32_MAX), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_health(other, "a", INT32_MIN), FORKER_E_INVALID);
    forker_server_free(other);
    CHECK_CODE(forker_server_wait(server, INT32_MIN), FORKER_E_STATE);
    CHECK_CODE(forker_server_poll(server, INT32_MIN), FORKER_E_STATE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *pattern;
        forker_handler handler;
    } routes[] = {{"/written", written},  {"/lent", lent},         {"/file", from_file},    {"/asked", asked},
                  {"/server", of_server}, {"/deferred", deferred}, {"/streamed", streamed}, {"/careless", careless},
                  {"/stop", stop},        {"/packed", packed},     {"/named", named},       {"/numbered", numbered}};
    file = memfd_create("lengths", MFD_CLOEXEC);
    if (argc != 2 || file < 0 || ftruncate(file, INT64_MAX) != 0) {
        return 2;
    }
    server = forker_server_new();
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        forker_server_handle(server, "GET", routes[i].pattern, routes[i].handler, NULL);
    }
    forker_route *route;
    forker_server_route(server, "GET", "/named/:id", named, NULL, &route);
    forker_route_set(route, "name", "named");
    forker_server_set(server, "cookie_keys", "a key of thirty-two bytes or more");
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    check_before_run();
    tell_addresses(server);
    CHECK_CODE(run_and_tell(server), 0);
    forker_server_free(server);
    close(file);
    return check_exit_status();
}
