/* Many streams that are written to at once: batch <address>. Descriptor 3 is a pipe; a handler waits for its end. */
#include "program.h"

enum { STREAMS = 200 };

static forker_deferred streams[STREAMS];
static int count;

static int open_stream(forker_request *req, void *user)
{
    (void)user;
    if (count == STREAMS) {
        return FORKER_E_LIMIT;
    }
    int code = forker_request_defer(req, &streams[count]);
    if (code != FORKER_OK) {
        return code;
    }
    forker_stream_begin(streams[count++], -1);
    return FORKER_DEFERRED;
}

/* Writes to all streams when the pipe ends. Meanwhile the loop sees nothing of what the clients do. */
static int write_to_all(forker_request *req, void *user)
{
    char byte;
    (void)user;
    tell("waiting\n");
    while (read(3, &byte, 1) > 0) {
    }
    for (int i = 0; i < count; i++) {
        forker_stream_write(streams[i], "data", 4);
    }
    return response_text(req, "written");
}

static int end_all(forker_request *req, void *user)
{
    char text[64];
    int aborted = 0;
    (void)user;
    for (int i = 0; i < count; i++) {
        aborted += forker_stream_end(streams[i]) == FORKER_E_ABORTED;
    }
    snprintf(text, sizeof text, "%d of %d", aborted, count);
    count = 0;
    return response_text(req, text);
}

/* Answers through its handle, so that the loop has to look at what was done to handles. */
static int later(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    int code = forker_request_defer(req, &handle);
    if (code == FORKER_OK) {
        code = forker_deferred_respond(handle, 200, "text/plain", "later", 5);
    }
    return code == FORKER_OK ? FORKER_DEFERRED : code;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    forker_server_handle(server, "GET", "/stream", open_stream, NULL);
    forker_server_handle(server, "GET", "/write", write_to_all, NULL);
    forker_server_handle(server, "GET", "/end", end_all, NULL);
    forker_server_handle(server, "GET", "/later", later, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
