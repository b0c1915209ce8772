/* What every function of the API makes of NULL. */
#include "check.h"

static int handler(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_OK;
}

static int check_key(forker_request *req, const char *key, size_t len, void *user)
{
    (void)req;
    (void)key;
    (void)len;
    (void)user;
    return FORKER_NEXT;
}

static int check_password(forker_request *req, const char *name, const char *password, void *user)
{
    (void)req;
    (void)name;
    (void)password;
    (void)user;
    return FORKER_NEXT;
}

static int may_read(forker_request *req, const char *origin, void *user)
{
    (void)req;
    (void)origin;
    (void)user;
    return 0;
}

static void post(forker_server *server, void *user)
{
    (void)server;
    (void)user;
}

static void tick(forker_server *server, int64_t timer, void *user)
{
    (void)server;
    (void)timer;
    (void)user;
}

/* What registers a function takes NULL for none, and gives this code. */
static void check_registration(forker_server *server, int code)
{
    CHECK_CODE(forker_server_on_before_fork(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_post_fork(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_init(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_ready(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_loop(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_drain(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_exit(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_died(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_thread_start(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_thread_exit(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_master_tick(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_reload(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_reopen(server, NULL, NULL), code);
    CHECK_CODE(forker_server_set_fork(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_error(server, NULL, NULL), code);
    CHECK_CODE(forker_server_set_log(server, NULL, NULL), code);
    CHECK_CODE(forker_server_set_access_log(server, NULL, NULL), code);
}

static void check_servers(void)
{
    forker_stats stats = {.size = sizeof stats};
    forker_worker_stats worker_stats = {.size = sizeof worker_stats};
    char sentence[64];
    forker_server_free(NULL);
    CHECK_CODE(forker_server_handle(NULL, "GET", "/", handler, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_rewrite(NULL, "/a", "/b"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_listen(NULL, "127.0.0.1:0"), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_address(NULL, 0), NULL);
    CHECK_CODE(forker_server_certificate(NULL, "chain", "key"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_certificate_pem(NULL, "name", "", 0, "", 0), FORKER_E_INVALID);
    CHECK_CODE(forker_server_certificate_ocsp(NULL, "name", "file"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_client_ca(NULL, "file"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_load(NULL, "options"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_run(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_start(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_wait(NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_server_open(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_poll(NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_server_poll_fd(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_stop(NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_server_reload(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_scale(NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_server_drain(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_reopen(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_upgrade(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_post(NULL, post, NULL), FORKER_E_INVALID);
    CHECK(forker_server_timer(NULL, 1, 0, tick, NULL) == FORKER_E_INVALID);
    CHECK_CODE(forker_server_timer_cancel(NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_url(NULL, "name", NULL, NULL, 0, sentence, sizeof sentence), FORKER_E_INVALID);
    CHECK_TEXT(sentence, "");
    CHECK_CODE(forker_route_at(NULL, 0, &(forker_route_info){.size = sizeof(forker_route_info)}), FORKER_E_INVALID);
    CHECK_CODE(forker_server_stats(NULL, &stats), FORKER_E_INVALID);
    CHECK_CODE(forker_server_worker_stats(NULL, 0, &worker_stats), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_error(NULL), NULL);
    CHECK_CODE(forker_server_clear_error(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_set(NULL, "workers", "1"), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_get(NULL, "workers"), NULL);
    CHECK_CODE(forker_route_set(NULL, "body", "stream"), FORKER_E_INVALID);
    CHECK(forker_server_group(NULL, "/a") == NULL);
    CHECK(forker_group_group(NULL, "/a") == NULL);
    CHECK(forker_server_host(NULL, "a") == NULL);
    CHECK_CODE(forker_group_handle(NULL, "GET", "/", handler, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_route(NULL, "GET", "/", handler, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_set(NULL, "body", "stream"), FORKER_E_INVALID);
    CHECK_CODE(forker_group_use(NULL, handler, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_key_auth(NULL, "query:key", check_key, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_basic_auth(NULL, check_password, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_on_origin(NULL, may_read, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_same_secret(NULL, 1, "a"), 0);
    CHECK_CODE(forker_same_secret("a", 1, NULL), 0);
    CHECK_CODE(forker_server_slot(NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_static(NULL, "/a", "/", NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_static(NULL, "/a", "/", NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_cookie_sign(NULL, "name", "value", sentence, sizeof sentence), FORKER_E_INVALID);
    CHECK_CODE(forker_cookie_verify(NULL, "name", "value", sentence, sizeof sentence), FORKER_E_INVALID);
    CHECK_TEXT(sentence, "");
    check_registration(NULL, FORKER_E_INVALID);
    CHECK_CODE(forker_server_log(NULL, FORKER_LOG_ERROR, "text"), FORKER_E_INVALID);
}

static void check_answers(void)
{
    forker_answer *answer;
    CHECK_CODE(forker_server_test(NULL, "x", 1, 0, &answer), FORKER_E_INVALID);
    CHECK_CODE(forker_answer_status(NULL), 0);
    CHECK_TEXT(forker_answer_header(NULL, "x", 0), NULL);
    CHECK_TEXT(forker_answer_trailer(NULL, "x", 0), NULL);
    CHECK_TEXT(forker_answer_body(NULL, NULL), NULL);
    CHECK_TEXT(forker_answer_text(NULL, NULL), NULL);
    forker_answer_free(NULL);
}

static void check_options(void)
{
    CHECK_TEXT(forker_option_name(NULL), NULL);
    CHECK_TEXT(forker_option_type(NULL), NULL);
    CHECK_TEXT(forker_option_default(NULL), NULL);
    CHECK_TEXT(forker_option_bounds(NULL), NULL);
    CHECK_TEXT(forker_option_description(NULL), NULL);
    CHECK_CODE(forker_option_reloadable(NULL), 0);
    CHECK(forker_option_at(SIZE_MAX) == NULL);
}

static const char *(*const texts[])(forker_request *, size_t *) = {
    forker_request_method, forker_request_target, forker_request_path,   forker_request_query,
    forker_request_body,   forker_request_peer,   forker_request_scheme, forker_request_host,
    forker_request_client, forker_request_id,     forker_request_local,  forker_request_user,
};

static const char *(*const named_texts[])(forker_request *, const char *, size_t *) = {
    forker_request_query_param, forker_request_cookie,  forker_request_param,
    forker_request_header,      forker_request_trailer,
};

static void check_requests(void)
{
    int64_t number = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t len = 7;
        CHECK_TEXT(texts[i](NULL, &len), NULL);
        CHECK(len == 0);
        CHECK_TEXT(texts[i](NULL, NULL), NULL);
    }
    for (size_t i = 0; i < sizeof named_texts / sizeof *named_texts; i++) {
        size_t len = 7;
        CHECK_TEXT(named_texts[i](NULL, "name", &len), NULL);
        CHECK(len == 0);
        CHECK_TEXT(named_texts[i](NULL, NULL, NULL), NULL);
    }
    CHECK(forker_request_header_count(NULL) == 0);
    CHECK_TEXT(forker_request_csrf_token(NULL), NULL);
    CHECK_CODE(forker_request_header_at(NULL, 0, NULL, NULL), FORKER_E_INVALID);
    CHECK(forker_request_trailer_count(NULL) == 0);
    CHECK_CODE(forker_request_trailer_at(NULL, 0, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_query_at(NULL, 0, NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_set(NULL, 0, NULL), FORKER_E_INVALID);
    CHECK(forker_request_get(NULL, 0) == NULL);
    CHECK_CODE(forker_arg_int(NULL, FORKER_FROM_QUERY, "n", 0, 1, 0, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_arg_double(NULL, FORKER_FROM_QUERY, "n", 0, 1, 0, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_arg_time(NULL, FORKER_FROM_QUERY, "n", 0, 1, 0, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_arg_bool(NULL, FORKER_FROM_QUERY, "n", 0, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_arg_choice(NULL, FORKER_FROM_QUERY, "n", "a|b", 0, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_arg_int(NULL, FORKER_FROM_QUERY, "n", 0, 9, 7, &number), FORKER_E_INVALID);
    CHECK(number == 7);
    CHECK_CODE(forker_request_body_fd(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_on_body(NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_pause(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_form(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_on_part(NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_form_at(NULL, 0, NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_form_file(NULL, "name", 0, NULL), FORKER_E_INVALID);
    CHECK_TEXT(forker_form_value(NULL, "name", 0, NULL), NULL);
    CHECK_TEXT(forker_form_value(NULL, NULL, 0, NULL), NULL);
    CHECK_TEXT(forker_basename(NULL), NULL);
    CHECK_CODE(forker_request_cancelled(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_draining(NULL), 0);
    CHECK_CODE((int)forker_request_pack(NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_TEXT(forker_request_tls(NULL, FORKER_TLS_VERSION, NULL), NULL);
    CHECK_CODE(forker_request_version(NULL), 0);
    CHECK_CODE(forker_request_worker(NULL), -1);
    CHECK(forker_request_server(NULL) == NULL);
}

static void check_responses(void)
{
    CHECK_CODE(forker_respond(NULL, 200, NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(NULL, 200, NULL, 0, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_error(NULL, 404, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_status(NULL, 200), FORKER_E_INVALID);
    CHECK_CODE(forker_response_header_set(NULL, "Name", "value"), FORKER_E_INVALID);
    CHECK_CODE(forker_response_header_add(NULL, "Name", "value"), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(NULL, "", 0), FORKER_E_INVALID);
    CHECK_CODE(forker_response_reset(NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_length(NULL, 1), FORKER_E_INVALID);
    CHECK(forker_request_error(NULL) == NULL);
    CHECK_CODE(forker_response_lend(NULL, "", 0, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_file(NULL, 0, 0, -1), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_file(NULL, 200, NULL, "/"), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_redirect(NULL, 303, "/"), FORKER_E_INVALID);
    CHECK_CODE(forker_response_attachment(NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_response_cookie(NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_request_on_head(NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_interim(NULL, 103, NULL, NULL), FORKER_E_INVALID);
}

static void check_deferred(void)
{
    int fd = 7;
    char sentence[8];
    forker_deferred handle = 7;
    CHECK_CODE(forker_request_defer(NULL, &handle), FORKER_E_INVALID);
    CHECK_CODE(forker_request_hijack(NULL, &fd, NULL, NULL), FORKER_E_INVALID);
    CHECK(forker_deferred_request(0) == NULL);
    CHECK_CODE(forker_deferred_respond(0, 200, NULL, NULL, 0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_send(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_drop(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_next(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_cancelled(0), 1);
    CHECK_CODE(forker_deferred_error(0, NULL, 8), FORKER_E_INVALID);
    CHECK_CODE(forker_deferred_error(0, sentence, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_deferred_error(0, sentence, sizeof sentence), FORKER_E_ABORTED);
    CHECK_TEXT(sentence, "");
    CHECK_CODE(forker_deferred_resume(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_enter(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_leave(), FORKER_E_STATE);
    CHECK_CODE(forker_deferred_on_close(0, NULL, NULL), FORKER_E_ABORTED);
    CHECK_CODE(forker_stream_begin(0, -1), FORKER_E_ABORTED);
    CHECK_CODE(forker_stream_begin(0, -2), FORKER_E_INVALID);
    CHECK_CODE(forker_stream_write_wait(0, NULL, 1, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_stream_write_wait(0, "", 0, 0), FORKER_E_ABORTED);
    CHECK_CODE(forker_stream_write(0, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_stream_write(0, "", 0), FORKER_E_ABORTED);
    CHECK_CODE(forker_stream_trailer(0, "Name", "value"), FORKER_E_ABORTED);
    CHECK_CODE(forker_stream_end(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_stream_on_drain(0, NULL, NULL), FORKER_E_ABORTED);
    CHECK_CODE(forker_sse_begin(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_sse_send(0, NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_sse_send(0, NULL, NULL, ""), FORKER_E_ABORTED);
}

static void check_calls(void)
{
    size_t len = 7;
    forker_route *route;
    CHECK_CODE(forker_server_grpc_route(NULL, "/a.B/C", FORKER_GRPC_UNARY, handler, NULL, &route), FORKER_E_INVALID);
    CHECK(route == NULL);
    CHECK_CODE(forker_group_grpc(NULL, "/a.B/C", FORKER_GRPC_UNARY, handler, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_grpc(NULL, "/a.B/C", FORKER_GRPC_UNARY, handler, NULL), FORKER_E_INVALID);
    CHECK(forker_grpc_message(NULL, &len) == NULL && len == 0);
    CHECK(forker_grpc_message(NULL, NULL) == NULL);
    CHECK_CODE(forker_grpc_reply(NULL, "", 0), FORKER_E_INVALID);
    CHECK(forker_grpc_reserve(NULL, 1) == NULL);
    CHECK_CODE(forker_grpc_commit(NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_fail(NULL, 1, ""), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_details(NULL, "", 0), FORKER_E_INVALID);
    CHECK(forker_grpc_metadata(NULL, "name", &len) == NULL && len == 0);
    CHECK(forker_grpc_metadata(NULL, NULL, NULL) == NULL);
    CHECK_CODE(forker_grpc_compress(NULL, 1), FORKER_E_INVALID);
    CHECK(forker_grpc_compressed(NULL) == 0);
    CHECK_CODE(forker_grpc_metadata_add(NULL, "name", "", 0), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_trailer_add(NULL, "name", "", 0), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_on_message(NULL, NULL, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_begin(0), FORKER_E_ABORTED);
    CHECK_CODE(forker_grpc_send(0, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_send(0, "", 0), FORKER_E_ABORTED);
    CHECK_CODE(forker_grpc_finish(0, 17, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_grpc_finish(0, 0, NULL), FORKER_E_ABORTED);
    CHECK_CODE(forker_grpc_health(NULL, "", FORKER_HEALTH_SERVING), FORKER_E_INVALID);
    CHECK_CODE(forker_server_grpc_descriptors(NULL, NULL, 0), FORKER_E_INVALID);
    CHECK(forker_grpc_remaining(NULL) == 0);
}

/* Only a setup call that fails is remembered, so each needs a server of its own to be sure that it is. */
static int refused(int (*call)(forker_server *server))
{
    forker_server *server = forker_server_new();
    int code = call(server);
    CHECK_CODE(forker_server_run(server), FORKER_E_SETUP);
    forker_server_free(server);
    return code;
}

static int no_methods(forker_server *server)
{
    return forker_server_handle(server, NULL, "/", handler, NULL);
}

static int no_pattern(forker_server *server)
{
    return forker_server_handle(server, "GET", NULL, handler, NULL);
}

static int no_handler(forker_server *server)
{
    return forker_server_handle(server, "GET", "/", NULL, NULL);
}

static int no_address(forker_server *server)
{
    return forker_server_listen(server, NULL);
}

static int no_option(forker_server *server)
{
    return forker_server_set(server, NULL, "1");
}

static int no_route(forker_server *server)
{
    return forker_server_route(server, "GET", "/", handler, NULL, NULL);
}

static int no_route_option(forker_server *server)
{
    forker_route *route;
    CHECK_CODE(forker_server_route(server, "GET", "/", handler, NULL, &route), FORKER_OK);
    return forker_route_set(route, NULL, "1");
}

static int no_route_value(forker_server *server)
{
    forker_route *route;
    CHECK_CODE(forker_server_route(server, "GET", "/", handler, NULL, &route), FORKER_OK);
    return forker_route_set(route, "body", NULL);
}

static int no_grpc_method(forker_server *server)
{
    return forker_server_grpc(server, NULL, FORKER_GRPC_UNARY, handler, NULL);
}

static int no_grpc_handler(forker_server *server)
{
    return forker_server_grpc(server, "/a.B/C", FORKER_GRPC_UNARY, NULL, NULL);
}

static int no_grpc_route(forker_server *server)
{
    return forker_server_grpc_route(server, "/a.B/C", FORKER_GRPC_UNARY, handler, NULL, NULL);
}

static int no_value(forker_server *server)
{
    return forker_server_set(server, "workers", NULL);
}

static int no_path(forker_server *server)
{
    return forker_server_load(server, NULL);
}

static void check_arguments(void)
{
    forker_server *server = forker_server_new();
    CHECK_CODE(refused(no_methods), FORKER_E_INVALID);
    CHECK_CODE(refused(no_pattern), FORKER_E_INVALID);
    CHECK_CODE(refused(no_handler), FORKER_E_INVALID);
    CHECK_CODE(refused(no_address), FORKER_E_INVALID);
    CHECK_CODE(refused(no_option), FORKER_E_INVALID);
    CHECK_CODE(refused(no_value), FORKER_E_INVALID);
    CHECK_CODE(refused(no_route), FORKER_E_INVALID);
    CHECK_CODE(refused(no_route_option), FORKER_E_INVALID);
    CHECK_CODE(refused(no_route_value), FORKER_E_INVALID);
    CHECK_CODE(refused(no_path), FORKER_E_INVALID);
    CHECK_CODE(refused(no_grpc_method), FORKER_E_INVALID);
    CHECK_CODE(refused(no_grpc_handler), FORKER_E_INVALID);
    CHECK_CODE(refused(no_grpc_route), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_get(server, NULL), NULL);
    CHECK_CODE(forker_server_log(server, FORKER_LOG_ERROR, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_server_log(server, FORKER_LOG_ERROR - 1, "text"), FORKER_E_INVALID);
    CHECK_CODE(forker_server_log(server, FORKER_LOG_DEBUG + 1, "text"), FORKER_E_INVALID);
    check_registration(server, FORKER_OK);
    forker_server_free(server);
}

int main(void)
{
    check_servers();
    check_answers();
    check_options();
    check_requests();
    check_responses();
    check_deferred();
    check_calls();
    check_arguments();
    return check_exit_status();
}
