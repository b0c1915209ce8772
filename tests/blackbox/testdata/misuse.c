/*
 * Calls at the wrong time and in the wrong process: misuse <address>. It serves three times: in forked workers, with
 * workers=0, and again with workers=0. Each handler and the main program checks what it gets; a failed check is a 500,
 * or the exit status.
 */
#define _GNU_SOURCE

#include "check.h"

#include <stdlib.h>
#include <sys/wait.h>

static forker_server *server;
static int forks; /* the server has workers */

static int handler(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

/* Every call that sets something up or runs gives this code. */
static void check_all_refused(int code)
{
    CHECK_CODE(forker_server_handle(server, "GET", "/more", handler, NULL), code);
    CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), code);
    CHECK_CODE(forker_server_set(server, "workers", "1"), code);
    CHECK_CODE(forker_server_on_post_fork(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_init(server, NULL, NULL), code);
    CHECK_CODE(forker_server_on_worker_exit(server, NULL, NULL), code);
    CHECK_CODE(forker_server_set_fork(server, NULL, NULL), code);
    CHECK_CODE(forker_server_set_log(server, NULL, NULL), code);
    CHECK_CODE(forker_server_run(server), code);
    CHECK_CODE(forker_server_start(server), code);
    CHECK_CODE(forker_server_open(server), code == FORKER_E_STATE && forks ? FORKER_E_OPTION : code);
    CHECK_CODE(forker_server_wait(server, -1), code);
    CHECK_CODE(forker_server_poll(server, -1), code);
    CHECK_CODE(forker_server_poll_fd(server), code);
    CHECK(strlen(forker_server_error(server)) > 10);
    forker_server_free(server); /* a no-op */
    CHECK(forker_server_address(server, 0) != NULL);
}

/* A server that is made in a worker or in a forked child works no better. */
static void check_own_server_refused(void)
{
    forker_server *own = forker_server_new();
    CHECK_CODE(forker_server_handle(own, "GET", "/", handler, NULL), FORKER_OK);
    CHECK_CODE(forker_server_listen(own, "127.0.0.1:0"), FORKER_OK);
    CHECK_CODE(forker_server_run(own), FORKER_E_PROCESS);
    CHECK_CODE(forker_server_start(own), FORKER_E_PROCESS);
    CHECK_CODE(forker_server_set(own, "workers", "0"), FORKER_OK);
    CHECK_CODE(forker_server_run(own), FORKER_E_PROCESS);
    CHECK_CODE(forker_server_start(own), FORKER_E_PROCESS);
    CHECK_CODE(forker_server_open(own), FORKER_E_PROCESS);
    forker_server_free(own);
}

/* Forks, as a program may that needs a helper, and checks in the child. */
static void check_in_child(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10); /* a hang is a failure */
        check_failures = 0;
        check_all_refused(FORKER_E_PROCESS);
        check_own_server_refused();
        _exit(check_exit_status());
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* A server that has not run is the child's too; daemon(3) forks in between. */
static void check_child_owns(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        check_failures = 0;
        CHECK_CODE(forker_server_handle(server, "GET", "/more", handler, NULL), FORKER_OK);
        CHECK_CODE(forker_server_set(server, "workers", "1"), FORKER_OK);
        CHECK_CODE(forker_server_wait(server, -1), FORKER_E_STATE);
        CHECK_CODE(forker_server_poll(server, -1), FORKER_E_STATE);
        forker_server_free(server);
        _exit(check_exit_status());
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static int response_checked(forker_request *req)
{
    int failed = check_exit_status();
    check_failures = 0;
    return failed ? FORKER_E_INTERNAL : response_text(req, "as it should be\n");
}

static int in_worker(forker_request *req, void *user)
{
    (void)user;
    check_all_refused(FORKER_E_PROCESS);
    check_own_server_refused();
    check_in_child();
    return response_checked(req);
}

/* With workers=0 the handler runs in the process that made the server and runs it. */
static int in_process(forker_request *req, void *user)
{
    (void)user;
    check_all_refused(FORKER_E_STATE);
    check_in_child();
    return response_checked(req);
}

static void check_handle_refused(forker_deferred handle)
{
    CHECK(forker_deferred_request(handle) == NULL);
    CHECK_CODE(forker_deferred_respond(handle, 200, NULL, "", 0), FORKER_E_PROCESS);
    CHECK_CODE(forker_deferred_send(handle), FORKER_E_PROCESS);
    CHECK_CODE(forker_deferred_drop(handle), FORKER_E_PROCESS);
    CHECK_CODE(forker_deferred_cancelled(handle), 1);
    CHECK_CODE(forker_deferred_on_close(handle, NULL, NULL), FORKER_E_PROCESS);
    CHECK_CODE(forker_deferred_resume(handle), FORKER_E_PROCESS);
    CHECK_CODE(forker_stream_begin(handle, -1), FORKER_E_PROCESS);
    CHECK_CODE(forker_stream_write(handle, "", 0), FORKER_E_PROCESS);
    CHECK_CODE(forker_stream_trailer(handle, "A", "b"), FORKER_E_PROCESS);
    CHECK_CODE(forker_stream_end(handle), FORKER_E_PROCESS);
    CHECK_CODE(forker_stream_on_drain(handle, NULL, NULL), FORKER_E_PROCESS);
    CHECK_CODE(forker_sse_begin(handle), FORKER_E_PROCESS);
    CHECK_CODE(forker_sse_send(handle, NULL, NULL, ""), FORKER_E_PROCESS);
}

/* The child of a process that serves can do nothing with its handles. */
static int in_child_deferred(forker_request *req, void *user)
{
    forker_deferred handle = 0;
    int status = 0, fd = -1;
    (void)user;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        check_failures = 0;
        CHECK_CODE(forker_request_defer(req, &handle), FORKER_E_PROCESS);
        CHECK_CODE(forker_respond_interim(req, 103, "Link", "x"), FORKER_E_PROCESS);
        CHECK_CODE(forker_request_hijack(req, &fd, NULL, NULL), FORKER_E_PROCESS);
        CHECK_CODE(forker_request_cancelled(req), 0);
        _exit(check_exit_status());
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK_CODE(forker_request_defer(req, &handle), FORKER_OK);
    pid = fork();
    if (pid == 0) {
        alarm(10);
        check_failures = 0;
        check_handle_refused(handle);
        _exit(check_exit_status());
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    const char *text = check_exit_status() == 0 ? "as it should be\n" : "not as it should be\n";
    check_failures = 0;
    forker_deferred_respond(handle, 200, "text/plain", text, strlen(text));
    return FORKER_DEFERRED;
}

static int fork_and_return(forker_request *req, void *user)
{
    int status = 0;
    (void)user;
    pid_t pid = fork();
    if (pid > 0) {
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 70);
        return response_checked(req);
    }
    return response_text(req, "two responses\n");
}

static int stop(forker_request *req, void *user)
{
    (void)user;
    forker_server_stop(server, 1000);
    return response_text(req, "stopping\n");
}

/* The spawner is in run. */
static int32_t fork_checked(void *user)
{
    (void)user;
    check_all_refused(FORKER_E_STATE);
    return (int32_t)fork();
}

static void set_up(const char *address, const char *workers)
{
    server = forker_server_new();
    forks = workers[0] != '0';
    CHECK_CODE(forker_server_set(server, "workers", workers), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/", handler, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/worker", in_worker, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/process", in_process, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/fork", fork_and_return, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/deferred", in_child_deferred, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/stop", stop, NULL), FORKER_OK);
    CHECK_CODE(forker_server_listen(server, address), FORKER_OK);
    CHECK_CODE(forker_server_on_worker_init(server, tell_worker, NULL), FORKER_OK);
    tell_addresses(server);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    set_up(argv[1], "1");
    CHECK_CODE(forker_server_set_fork(server, fork_checked, NULL), FORKER_OK);
    check_child_owns();
    CHECK_CODE(run_and_tell(server), 0);
    forker_server_free(server);

    set_up(argv[1], "0");
    CHECK_CODE(run_and_tell(server), 0);
    check_in_child(); /* Go still runs in the parent, and is lost in the child */
    CHECK_CODE(run_and_tell(server), 0);
    forker_server_free(server);

    set_up(argv[1], "1");
    CHECK_CODE(forker_server_run(server), FORKER_E_PROCESS);
    CHECK(strstr(forker_server_error(server), "workers=0 was used") != NULL);
    forker_server_free(server);
    return check_exit_status();
}
