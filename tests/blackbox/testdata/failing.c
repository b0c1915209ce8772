/*
 * Attempts of serving in the program's own process that fail: failing <directory>. An attempt that fails must leave
 * nothing open, and the next one must be possible. Everything is checked here.
 */
#define _GNU_SOURCE

#include "check.h"
#include "ways.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

static const char *const ways[] = {"run", "start", "open", NULL};
static int served; /* how often a server was ready */

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

static int stop_at_once(forker_server *server, int32_t worker, void *user)
{
    (void)worker;
    (void)user;
    served++;
    return forker_server_stop(server, 0);
}

static int count_fds(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static forker_server *make_server(void)
{
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_set(server, "workers", "0"), FORKER_OK);
    CHECK_CODE(forker_server_set(server, "log_level", "error"), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/", hello, NULL), FORKER_OK);
    CHECK_CODE(forker_server_on_worker_ready(server, stop_at_once, NULL), FORKER_OK);
    return server;
}

static void limit_fds(rlim_t most)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = most;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static int first_free_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

/* With room for one descriptor more each time, until it is enough. Returns how many attempts have failed. */
static int fail_for_want_of_fds(const char *dir, const char *way)
{
    char path[256], address[300];
    int failed = 0;
    snprintf(path, sizeof path, "%s/socket", dir);
    snprintf(address, sizeof address, "unix:%s", path);
    int before = count_fds();
    for (int room = 0, code = FORKER_E_SYSTEM; code != FORKER_OK; room++) {
        int wanted = served + 1;
        forker_server *server = make_server();
        CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), FORKER_OK);
        CHECK_CODE(forker_server_listen(server, address), FORKER_OK);
        limit_fds((rlim_t)(first_free_fd() + room));
        code = serve_by(server, way);
        limit_fds(256);
        if (code != FORKER_OK) {
            failed++;
            CHECK(strlen(forker_server_error(server)) > 10);
            CHECK_CODE(serve_by(server, way), FORKER_OK); /* the same server, with descriptors enough */
        }
        CHECK_CODE(served, wanted);
        CHECK(access(path, F_OK) != 0);
        forker_server_free(server);
        CHECK_CODE(count_fds(), before);
    }
    return failed;
}

/* The second address is somebody else's when the server is started the second time. */
static void fail_for_an_address(const char *way)
{
    int before = count_fds();
    char address[64];
    forker_server *server = make_server();
    CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), FORKER_OK);
    CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), FORKER_OK);
    CHECK_CODE(serve_by(server, way), FORKER_OK);
    int idle = count_fds();
    snprintf(address, sizeof address, "%s", forker_server_address(server, 1));
    forker_server *other = make_server();
    CHECK_CODE(forker_server_listen(other, address), FORKER_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_CODE(serve_by(server, way), FORKER_E_ADDRESS);
        CHECK(strstr(forker_server_error(server), address) != NULL);
        CHECK_CODE(count_fds(), idle + 2); /* the first listener, and the other server's */
    }
    forker_server_free(other);
    CHECK_CODE(serve_by(server, way), FORKER_OK);
    CHECK_CODE(count_fds(), idle);
    forker_server_free(server);
    CHECK_CODE(count_fds(), before);
}

int main(int argc, char **argv)
{
    char line[64];
    for (int i = 0; ways[i] != NULL && argc > 1; i++) {
        const char *way = ways[i];
        forker_server *server = make_server(); /* what is made once in a process is made now */
        CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), FORKER_OK);
        CHECK_CODE(serve_by(server, way), FORKER_OK);
        forker_server_free(server);
        snprintf(line, sizeof line, "failed %d times\n", fail_for_want_of_fds(argv[1], way));
        tell(line);
        fail_for_an_address(way);
    }
    return check_exit_status();
}
