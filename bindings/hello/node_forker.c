/*
 * An addon for Node.js: serve(address, f) serves GET / with what f returns, on the event loop, and returns an object with
 * a function stop.
 *
 *     $ gcc -shared -fPIC -I/usr/include/node -o node_forker.node node_forker.c -lforker
 */
#include <forker.h>
#include <node_api.h>
#include <uv.h>

static struct {
    napi_env env;
    napi_ref handler;
    forker_server *server;
    uv_poll_t poll;
} service;

static int hello(forker_request *req, void *user)
{
    napi_value undefined, handler, result;
    char body[1024];
    size_t len = 0;
    (void)user;
    napi_get_undefined(service.env, &undefined);
    napi_get_reference_value(service.env, service.handler, &handler);
    if (napi_call_function(service.env, undefined, handler, 0, NULL, &result) != napi_ok ||
        napi_get_value_string_utf8(service.env, result, body, sizeof body, &len) != napi_ok) {
        return FORKER_E_INTERNAL;
    }
    return forker_respond(req, 200, "text/plain", body, len);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    napi_handle_scope scope;
    (void)status;
    (void)events;
    napi_open_handle_scope(service.env, &scope);
    int code = forker_server_poll(service.server, 0);
    napi_close_handle_scope(service.env, scope);
    if (code <= 0) { /* it is over: the loop has nothing to wait for any more */
        uv_close((uv_handle_t *)poll, NULL);
        forker_server_free(service.server);
    }
}

static napi_value stop(napi_env env, napi_callback_info info)
{
    (void)env;
    (void)info;
    forker_server_stop(service.server, 1000);
    return NULL;
}

static napi_value serve(napi_env env, napi_callback_info info)
{
    napi_value arguments[2], result, function;
    size_t count = 2;
    char address[128];
    uv_loop_t *loop;
    napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
    napi_get_value_string_utf8(env, arguments[0], address, sizeof address, NULL);
    napi_create_reference(env, arguments[1], 1, &service.handler);
    service.env = env;
    service.server = forker_server_new();
    forker_server_set(service.server, "workers", "0");
    forker_server_handle(service.server, "GET", "/", hello, NULL);
    forker_server_listen(service.server, address);
    if (forker_server_open(service.server) != FORKER_OK) {
        napi_throw_error(env, NULL, forker_server_error(service.server));
        return NULL;
    }
    napi_get_uv_event_loop(env, &loop);
    uv_poll_init(loop, &service.poll, forker_server_poll_fd(service.server));
    uv_poll_start(&service.poll, UV_READABLE, on_readable);
    napi_create_object(env, &result);
    napi_create_function(env, "stop", NAPI_AUTO_LENGTH, stop, NULL, &function);
    napi_set_named_property(env, result, "stop", function);
    return result;
}

NAPI_MODULE_INIT()
{
    napi_value function;
    napi_create_function(env, "serve", NAPI_AUTO_LENGTH, serve, NULL, &function);
    napi_set_named_property(env, exports, "serve", function);
    return exports;
}
