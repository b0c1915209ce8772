/* Tells of every hook that is called, and where: hooks <address> ... The first fork of worker 1 is refused. */
#define _GNU_SOURCE

#include "program.h"

#include <signal.h>

static int refusals = 1;

static int tell_hook(forker_server *server, int32_t worker, void *user)
{
    char line[96];
    (void)server;
    snprintf(line, sizeof line, "%s %d %ld\n", (const char *)user, (int)worker, (long)getpid());
    tell(line);
    return FORKER_OK;
}

static int before_fork(forker_server *server, int32_t worker, void *user)
{
    tell_hook(server, worker, user);
    return worker == 1 && refusals-- > 0 ? -1 : 0;
}

static int master_tick(forker_server *server, void *user)
{
    return tell_hook(server, -1, user);
}

static void worker_died(forker_server *server, int32_t worker, int32_t pid, int32_t status, const char *request,
                        void *user)
{
    char line[256];
    (void)server;
    snprintf(line, sizeof line, "%s %d %d %x \"%s\" in %ld\n", (const char *)user, (int)worker, (int)pid,
             (unsigned)status, request, (long)getpid());
    tell(line);
}

static int crash(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    raise(SIGKILL);
    return FORKER_OK;
}

static int greet(forker_request *req, void *user)
{
    return response_text(req, user);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_handle(server, "GET", "/", greet, (void *)"hello\n");
    forker_server_handle(server, "GET", "/crash", crash, NULL);
    forker_server_on_before_fork(server, before_fork, (void *)"before_fork");
    forker_server_on_post_fork(server, tell_hook, (void *)"post_fork");
    forker_server_on_worker_init(server, tell_hook, (void *)"worker");
    forker_server_on_worker_ready(server, tell_hook, (void *)"worker_ready");
    forker_server_on_worker_drain(server, tell_hook, (void *)"worker_drain");
    forker_server_on_worker_exit(server, tell_hook, (void *)"worker_exit");
    forker_server_on_worker_died(server, worker_died, (void *)"worker_died");
    forker_server_on_master_tick(server, master_tick, (void *)"master_tick");
    return serve_to_end(server);
}
