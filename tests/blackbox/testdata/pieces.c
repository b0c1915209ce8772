/* Bodies of several pieces, files, interim responses, connections taken over: pieces <address> <directory> */
#define _GNU_SOURCE

#include "program.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>

static const char *directory;
static char large[256 * 1024];

static void released(void *user)
{
    char line[64];
    snprintf(line, sizeof line, "released %s\n", (const char *)user);
    tell(line);
}

/* Written, lent, written, lent, written. */
static int mixed(forker_request *req, void *user)
{
    (void)user;
    forker_response_write(req, "<", 1);
    forker_response_lend(req, "lent", 4, released, "first");
    forker_response_write(req, "-", 1);
    forker_response_lend(req, large, sizeof large, released, "second");
    return forker_response_write(req, ">", 1);
}

static int lend_and_fail(forker_request *req, void *user)
{
    (void)user;
    forker_response_lend(req, "lent", 4, released, "unsent");
    return FORKER_E_INVALID;
}

/* What was written and lent before is dropped. */
static int give_up(forker_request *req, void *user)
{
    (void)user;
    forker_response_write(req, "written", 7);
    forker_response_lend(req, "lent", 4, released, "dropped");
    return forker_respond_error(req, 503, "gave up");
}

static const char *path_of(forker_request *req, char *path)
{
    snprintf(path, PATH_MAX, "%s/%s", directory, forker_request_param(req, "path", NULL));
    return path;
}

static int file(forker_request *req, void *user)
{
    char path[PATH_MAX];
    (void)user;
    return forker_respond_file(req, 200, "application/octet-stream", path_of(req, path));
}

/* Bytes 5 to 9 of the file, between brackets. */
static int range(forker_request *req, void *user)
{
    char path[PATH_MAX];
    (void)user;
    int fd = open(path_of(req, path), O_RDONLY | O_CLOEXEC);
    forker_response_status(req, 206);
    forker_response_write(req, "[", 1);
    int code = forker_response_file(req, fd, 5, 5);
    close(fd);
    forker_response_write(req, "]", 1);
    return code;
}

static int beyond(forker_request *req, void *user)
{
    char path[PATH_MAX], text[32];
    (void)user;
    int fd = open(path_of(req, path), O_RDONLY | O_CLOEXEC);
    snprintf(text, sizeof text, "%d %d %d", forker_response_file(req, fd, 5, 1 << 20),
             forker_response_file(req, fd, 1 << 20, -1), forker_response_file(req, -1, 0, -1));
    close(fd);
    return response_text(req, text);
}

static int hints(forker_request *req, void *user)
{
    (void)user;
    forker_respond_interim(req, 103, "Link", "</style.css>; rel=preload");
    int code = forker_respond_interim(req, 103, "Link", "bad\r\nvalue");
    if (code != FORKER_E_INVALID || forker_respond_interim(req, 200, "Link", "x") != FORKER_E_INVALID) {
        return FORKER_E_INTERNAL;
    }
    return response_text(req, "hinted");
}

/* Takes the connection over, and echoes what comes, first what has come already, until the client ends. */
static int hijack(forker_request *req, void *user)
{
    char bytes[256];
    const char *early;
    size_t len;
    ssize_t got;
    int fd;
    (void)user;
    int code = forker_request_hijack(req, &fd, &early, &len);
    if (code != FORKER_OK) {
        return code;
    }
    if (response_text(req, "x") != FORKER_E_STATE) {
        tell("a response after hijack works\n");
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    dprintf(fd, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    if (write(fd, early, len) >= 0) {
        while ((got = read(fd, bytes, sizeof bytes)) > 0 && write(fd, bytes, (size_t)got) > 0) {
        }
    }
    close(fd);
    return FORKER_OK;
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello");
}

static int busy(forker_request *req, void *user)
{
    (void)user;
    tell("busy\n");
    while (forker_request_cancelled(req) == 0) {
        usleep(1000);
    }
    tell("cancelled\n");
    return response_text(req, "too late");
}

static int misuse(forker_request *req, void *user)
{
    char text[128];
    (void)user;
    snprintf(text, sizeof text, "%d %d %d %d %d %d %d %d", forker_response_lend(NULL, "x", 1, NULL, NULL),
             forker_response_lend(req, NULL, 1, NULL, NULL), forker_respond_file(req, 200, NULL, NULL),
             forker_request_hijack(req, NULL, NULL, NULL), forker_request_defer(req, NULL),
             forker_respond_interim(req, 103, NULL, "x"),
             forker_respond_interim(req, 103, "Transfer-Encoding", "chunked"),
             forker_respond_file(req, 199, NULL, directory));
    return response_text(req, text);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    memset(large, 'l', sizeof large);
    directory = argc > 2 ? argv[2] : ".";
    forker_server_handle(server, "GET", "/", hello, NULL);
    forker_server_handle(server, "GET", "/mixed", mixed, NULL);
    forker_server_handle(server, "GET", "/lend-and-fail", lend_and_fail, NULL);
    forker_server_handle(server, "GET", "/give-up", give_up, NULL);
    forker_server_handle(server, "GET", "/file/*path", file, NULL);
    forker_server_handle(server, "GET", "/range/*path", range, NULL);
    forker_server_handle(server, "GET", "/beyond/*path", beyond, NULL);
    forker_server_handle(server, "GET", "/hints", hints, NULL);
    forker_server_handle(server, "GET", "/hijack", hijack, NULL);
    forker_server_handle(server, "GET", "/busy", busy, NULL);
    forker_server_handle(server, "GET", "/misuse", misuse, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
