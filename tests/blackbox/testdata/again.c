/*
 * Serves twice, on the same addresses: again <address> ... In between, the signals and the addresses are the program's
 * again.
 */
#define _GNU_SOURCE

#include "check.h"

#include <signal.h>
#include <stdlib.h>

static volatile sig_atomic_t own_signals;

static void own_handler(int number)
{
    (void)number;
    own_signals++;
}

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

int main(int argc, char **argv)
{
    static const int numbers[] = {SIGTERM, SIGQUIT, SIGINT};
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    tell_addresses(server);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        signal(numbers[i], own_handler);
    }
    for (int round = 0; round < 2; round++) {
        CHECK_CODE(run_and_tell(server), 0);
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            own_signals = 0;
            raise(numbers[i]);
            CHECK(own_signals == 1);
        }
    }
    forker_server_free(server);
    return check_exit_status();
}
