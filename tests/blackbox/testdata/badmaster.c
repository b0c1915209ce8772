/*
 * A first master that was taken over: badmaster <address>. It is what the program's fork function does in the first
 * child, instead of returning there: it says HELLO, then what MODE asks for, and leaves. A number: orders of all kinds,
 * which follow from it; "give up 3": a GIVE_UP of so many bytes. The masters after it are what they should be.
 */
#define _GNU_SOURCE

#include "program.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../../../capi/base/slot.h"
#include "../../../capi/supervisor/control.h"

enum { ORDERS = 400 };

typedef struct {
    fk_msg head;
    uint8_t payload[FK_CONTROL_MAX + 1];
} packet;

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % below;
}

/* The master's end of the channel: of the pair that is open here it was made last. */
static int find_channel(void)
{
    int found = -1;
    for (int fd = 3; fd < 1024; fd++) {
        int type = 0;
        socklen_t size = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
            found = fd;
        }
    }
    return found;
}

/* Waits while the spawner does not read, and ends with it. */
static void say(int channel, const packet *what, size_t length)
{
    while (send(channel, what, sizeof what->head + length, MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN) {
            _exit(1);
        }
        usleep(1000);
    }
}

static packet make(uint16_t type, uint32_t slot, uint32_t generation, uint32_t length)
{
    packet what;
    memset(&what, 0, sizeof what);
    what.head = (fk_msg){FK_CONTROL_MAGIC, FK_CONTROL_VERSION, type, slot, generation, length};
    return what;
}

/* Something that a master may say, with slots, generations and signals that it may not mean; never that it gives up. */
static void order(int channel)
{
    static const uint16_t types[] = {FK_MSG_SPAWN, FK_MSG_KILL, FK_MSG_PUBLISHED, FK_MSG_DONE, FK_MSG_ADOPT, 200};
    static const uint32_t slots[] = {0, 1, 2, FK_SLOTS_MAX, FK_SLOTS_MAX + 1, 0x7fffffff, 0xffffffff};
    static const int32_t signals[] = {SIGSTOP, SIGTSTP, SIGSEGV, SIGHUP, SIGUSR2, 0, -1, 64, 65, SIGABRT};
    uint16_t type = types[next_random(6)];
    packet what = make(type, slots[next_random(7)], next_random(6), 0);
    if (type == FK_MSG_KILL) {
        int32_t thread = next_random(2) == 0 ? 0 : (int32_t)next_random(100000);
        fk_msg_kill kill = {signals[next_random(10)], thread};
        what.head.length = sizeof kill;
        memcpy(what.payload, &kill, sizeof kill);
    }
    say(channel, &what, what.head.length);
}

static void give_up(int channel, uint32_t length)
{
    packet what = make(FK_MSG_GIVE_UP, 0, 0, length);
    memset(what.payload + (length < sizeof(int32_t) ? 0 : sizeof(int32_t)), 0x1b,
           length < sizeof(int32_t) ? length : length - sizeof(int32_t));
    say(channel, &what, length);
}

static _Noreturn void be_master(void)
{
    const char *mode = getenv("MODE");
    int channel = find_channel();
    packet hello = make(FK_MSG_HELLO, 0, 0, 0);
    uint32_t length;
    say(channel, &hello, 0);
    if (sscanf(mode, "give up %u", &length) == 1) {
        give_up(channel, length);
    } else {
        random_state = 0x9e3779b97f4a7c15U * (strtoull(mode, NULL, 10) + 1);
        for (int i = 0; i < ORDERS; i++) {
            order(channel);
        }
    }
    _exit(0);
}

static pid_t fork_as_told(void *user)
{
    bool *has_forked = user;
    bool first = !*has_forked;
    *has_forked = true;
    pid_t pid = fork();
    if (pid == 0 && first) {
        be_master();
    }
    return pid;
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello");
}

int main(int argc, char **argv)
{
    static bool has_forked;
    forker_server *server = forker_server_new();
    forker_server_set_fork(server, fork_as_told, &has_forked);
    forker_server_handle(server, "GET", "/", hello, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
