/* The process that looks at certificates and files of users before they are used. */
#include "supervisor/inspection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "setup/certificate.h"
#include "setup/secretfile.h"
#include "supervisor/child.h"

/*
 * The first byte of what it says: all is well, and the validity of each certificate follows; or a sentence does, about
 * certificates or about files of users.
 */
enum { SAYS_GOOD = '+', SAYS_SECRET = '!' };

/* Room for either. */
enum { SAID_MAX = 1 + FK_CERTIFICATES_MAX * sizeof(fk_validity) + FK_SENTENCE_MAX };

/* How often it is looked whether the server is to stop, which a signal says that may come just before poll(2). */
enum { LOOK_MS = 50 };

static bool is_to_stop(const forker_server *server)
{
    return __atomic_load_n(&server->tree.shared->stop_timeout_ms, __ATOMIC_ACQUIRE) != FK_NO_STOP;
}

/*
 * Reads to the end of the pipe, but not for longer than a worker may take to boot, nor when the server is to stop: others
 * could hold that process up. Returns how many bytes came.
 */
static size_t hear(const fk_spawner *spawner, int fd, char *text, size_t room)
{
    uint64_t end_ns = fk_clock() + (uint64_t)fk_server_option(spawner->server, FK_OPTION_BOOT_TIMEOUT);
    size_t len = 0;
    while (fk_clock() < end_ns && len < room && !is_to_stop(spawner->server)) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        if (poll(&polled, 1, LOOK_MS) <= 0) {
            continue;
        }
        ssize_t got = read(fd, text + len, room - len);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    return len;
}

static void end(pid_t pid)
{
    (void)kill(pid, SIGKILL); /* it has said what it had to say, or will not */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

/* Takes in what it says of good certificates. false: it is not that. */
static bool take_validities(fk_certificates *certificates, const char *said, size_t len)
{
    uint32_t count = certificates != NULL ? certificates->count : 0;
    if (len != 1 + count * sizeof(fk_validity) || said[0] != SAYS_GOOD) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&certificates->items[i].validity, said + 1 + i * sizeof(fk_validity), sizeof(fk_validity));
    }
    return true;
}

int fk_inspection_run(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    int ends[2];
    char said[SAID_MAX];
    if (!fk_certificates_are_used(server) && server->secretfiles == NULL) {
        return FORKER_OK;
    }
    if (!fk_descriptor_raise_pair(pipe2(ends, O_CLOEXEC) == 0, ends)) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "pipe: %s", strerror(errno));
    }
    pid_t pid = fk_child_fork_inspector(spawner, ends);
    int reason = errno;
    (void)close(ends[1]);
    size_t len = pid > 0 ? hear(spawner, ends[0], said, sizeof said - 1) : 0;
    (void)close(ends[0]);
    said[len] = '\0';
    if (pid < 0) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "fork: %s", strerror(reason));
    }
    end(pid);
    if (take_validities(server->tls.certificates, said, len)) {
        return FORKER_OK;
    }
    bool tells = len > 0 && said[0] != SAYS_GOOD;
    return fk_server_fail(server, tells && said[0] == SAYS_SECRET ? FORKER_E_OPTION : FORKER_E_CERTIFICATE, "%s",
                          tells ? said + 1
                                : "the process that looks at certificates and files of users has failed, see the log");
}
