/*
 * Workers that were taken over: hostile <address>. They know where everything is, and do with shared memory and control
 * channel whatever the kernel lets them do. Options come from the environment.
 */
#define _GNU_SOURCE

#include "program.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "../../../capi/base/slot.h"
#include "../../../capi/supervisor/control.h"

enum { AREAS_MAX = 16, WRITES = 40000, PACKETS = 200, ASKED_RELOAD = 4, ASKED_REOPEN = 8, ASKED_UPGRADE = 16 };

typedef struct {
    char *from, *to;
} area;

static forker_server *server;

/* What of the shared memory is mapped: from its beginning on, in order. */
static int find_memory(area *areas)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512], mode[8];
    unsigned long from, to;
    int count = 0;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL && count < AREAS_MAX) {
        if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[3] != 's' ||
            (strstr(line, "memfd:libforker") == NULL && strstr(line, "/dev/zero") == NULL)) {
            continue;
        }
        bool follows = count > 0 && areas[count - 1].to == (char *)from;
        if (count == 0 && to - from == FK_PAGE_SIZE) {
            continue; /* it is not that large */
        }
        if (count == 0 || follows) {
            areas[count++] = (area){(char *)from, (char *)to};
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return count;
}

/* Makes writable what the kernel lets us. Returns how many bytes. */
static size_t open_up(const area *areas, int count, bool *writable)
{
    size_t bytes = 0;
    for (int i = 0; i < count; i++) {
        size_t size = (size_t)(areas[i].to - areas[i].from);
        writable[i] = mprotect(areas[i].from, size, PROT_READ | PROT_WRITE) == 0;
        bytes += writable[i] ? size : 0;
    }
    return bytes;
}

/* The kernel writes to memory of ours that we may not write to, if it is ours alone (proc_pid_mem(5)). */
static bool writes_by_file(char *at)
{
    int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    bool written = pwrite(fd, at, 1, (off_t)(uintptr_t)at) == 1;
    close(fd);
    return written;
}

/* GET /reach: how much of it a worker can write. */
static int reach(forker_request *req, void *user)
{
    area areas[AREAS_MAX];
    bool writable[AREAS_MAX];
    char text[128];
    int count = find_memory(areas);
    size_t bytes = open_up(areas, count, writable);
    (void)user;
    bool header = count > 0 && (writable[0] || writes_by_file(areas[0].from));
    snprintf(text, sizeof text, "%zu bytes, header %s", bytes, header ? "yes" : "no");
    return response_text(req, text);
}

static uint64_t random_state;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint32_t next_word(void)
{
    static const uint32_t words[] = {0, 1, 2, 255, 256, 257, 1025, 0x7fffffff, 0x80000000, 0xffff, 0xffffffff};
    uint64_t chosen = next_random();
    return chosen % 3 == 0 ? (uint32_t)(chosen >> 32) : words[(chosen >> 8) % (sizeof words / sizeof *words)];
}

/* What of the header says how many workers there should be, or that the server stops. */
static bool is_desired(size_t place)
{
    return place == offsetof(fk_shared, stop_timeout_ms) || place == offsetof(fk_shared, held) ||
           place == offsetof(fk_shared, wanted) || place == offsetof(fk_shared, scale);
}

/*
 * Where to write next, as an offset: mostly into what is looked at, the header, the first slots and their first boxes.
 * What a worker may ask for is left alone: a stop, a drain, a reload.
 */
static size_t next_place(void)
{
    size_t boxes = (size_t)FK_SLOT_SIZE * (1 + FK_SLOTS_MAX), slot = next_random() % 3;
    size_t place;
    switch (next_random() % 4) {
    case 0:
        place = next_random() % sizeof(fk_shared);
        break;
    case 1:
        place = boxes + slot * FK_BOXES * FK_BOX_SIZE + next_random() % (4 * FK_BOX_SIZE);
        break;
    default:
        place = FK_SLOT_SIZE * (1 + slot) + FK_PAGE_SIZE + next_random() % (sizeof(fk_slot) - FK_PAGE_SIZE);
        break;
    }
    place -= place % sizeof(uint32_t);
    size_t in_slot = place % FK_SLOT_SIZE;
    bool kept = place < sizeof(fk_shared) ? is_desired(place)
                                          : place < boxes && (in_slot == offsetof(fk_slot, asked) ||
                                                              in_slot == offsetof(fk_slot, asked_stop));
    return kept ? 0 : place;
}

static void garble_memory(void)
{
    area areas[AREAS_MAX];
    bool writable[AREAS_MAX];
    int count = find_memory(areas);
    (void)open_up(areas, count, writable);
    for (int i = 0; i < WRITES; i++) {
        char *at = areas[0].from + next_place();
        uint32_t word = next_word();
        for (int k = 0; k < count; k++) {
            if (writable[k] && at >= areas[k].from && at < areas[k].to) {
                __atomic_store_n((uint32_t *)(void *)at, word, __ATOMIC_RELAXED);
            }
        }
    }
}

/* The channel to the master, or -1. */
static int find_channel(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        int type = 0;
        socklen_t size = sizeof type;
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
            return fd;
        }
    }
    return -1;
}

/* A packet of any kind, with descriptors or without. Returns whether the channel takes more. */
static bool send_packet(int channel, int null)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(16 * sizeof(int))];
    } rights;
    struct {
        fk_msg head;
        uint32_t words[16];
    } packet;
    size_t fds = next_random() % 17, length = sizeof packet.words[0] * (next_random() % 17);
    for (size_t i = 0; i < 16; i++) {
        packet.words[i] = next_word();
    }
    packet.head = (fk_msg){next_random() % 8 != 0 ? FK_CONTROL_MAGIC : next_word(),
                           FK_CONTROL_VERSION,
                           (uint16_t)(next_random() % 56),
                           next_word() % 3,
                           next_word() % 4,
                           next_random() % 8 != 0 ? (uint32_t)length : next_word()};
    memset(&rights, 0, sizeof rights);
    struct iovec part = {&packet, sizeof packet.head + length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fds > 0) {
        rights.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        rights.head.cmsg_len = CMSG_LEN(fds * sizeof(int));
        for (size_t i = 0; i < fds; i++) {
            memcpy(CMSG_DATA(&rights.head) + i * sizeof null, &null, sizeof null);
        }
        message.msg_control = &rights;
        message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
    }
    return sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* GET /garble?1: writes everywhere, and says anything; the number begins a series of random ones. */
static int garble(forker_request *req, void *user)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), channel = find_channel();
    random_state = 0x9e3779b97f4a7c15U * (strtoull(forker_request_query(req, NULL), NULL, 10) + 1);
    (void)user;
    garble_memory();
    for (int i = 0; i < PACKETS && send_packet(channel, null); i++) {
    }
    garble_memory();
    close(null);
    return response_text(req, "done");
}

/* GET /figures: they are asked for, whatever they are. */
static int figures(forker_request *req, void *user)
{
    forker_stats stats = {.size = sizeof stats};
    forker_worker_stats worker = {.size = sizeof worker};
    int code = forker_server_stats(server, &stats);
    (void)user;
    for (size_t i = 0; i < FK_SLOTS_MAX + 1; i++) {
        (void)forker_server_worker_stats(server, i, &worker);
    }
    return code == FORKER_OK && stats.slots <= FK_SLOTS_MAX && strlen(worker.method) <= FK_METHOD_KEPT &&
                   strlen(worker.target) <= FK_TARGET_KEPT
               ? response_text(req, "done")
               : FORKER_E_SYSTEM;
}

/* The text of the codes. */
static int response_codes(forker_request *req, int reload, int reopen, int upgrade)
{
    char text[64];
    snprintf(text, sizeof text, "%d %d %d", reload, reopen, upgrade);
    return response_text(req, text);
}

/* Where the page of ticket keys is. NULL: there is none. */
static uint32_t *find_tickets(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    unsigned long from;
    uint32_t *found = NULL;
    while (maps != NULL && found == NULL && fgets(line, sizeof line, maps) != NULL) {
        if (strstr(line, "memfd:forker-tickets") != NULL && sscanf(line, "%lx", &from) == 1) {
            found = (uint32_t *)from;
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return found;
}

/* GET /tickets: whether a worker can write there, and which version of the keys there is. */
static int tickets(forker_request *req, void *user)
{
    uint32_t *page = find_tickets();
    char text[64];
    (void)user;
    if (page == NULL) {
        return response_text(req, "none");
    }
    bool writable = mprotect(page, FK_PAGE_SIZE, PROT_READ | PROT_WRITE) == 0 || writes_by_file((char *)page);
    snprintf(text, sizeof text, "%s, version %u", writable ? "writable" : "readable", *page);
    return response_text(req, text);
}

/* GET /age-tickets: writes into their page by way of the spawner, whose user we are, that the time of the keys is over. */
static int age_tickets(forker_request *req, void *user)
{
    char path[64];
    uint64_t long_ago = 0 - UINT64_C(12) * 3600 * 1000000000; /* whatever the clock says */
    const uint32_t *page = find_tickets();
    int fd = -1;
    (void)user;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
    if (page != NULL) {
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    bool written = pwrite(fd, &long_ago, sizeof long_ago, (off_t)(uintptr_t)page + 8) == sizeof long_ago;
    close(fd);
    return response_text(req, written && forker_server_scale(server, 0) == FORKER_OK ? "done" : "not done");
}

/* GET /ask: for what has the spawner read, write and execute files. */
static int ask(forker_request *req, void *user)
{
    int reload = forker_server_reload(server), reopen = forker_server_reopen(server);
    (void)user;
    return response_codes(req, reload, reopen, forker_server_upgrade(server));
}

/* GET /forge: the same without the library's leave. */
static int forge(forker_request *req, void *user)
{
    area areas[AREAS_MAX];
    bool writable[AREAS_MAX];
    int count = find_memory(areas);
    (void)user;
    if (count == 0 || open_up(areas, count, writable) == 0) {
        return FORKER_E_SYSTEM;
    }
    size_t place = (size_t)FK_SLOT_SIZE * (1 + (size_t)forker_request_worker(req));
    fk_slot *slot = (fk_slot *)(void *)(areas[0].from + place);
    __atomic_store_n(&slot->asked, ASKED_RELOAD | ASKED_REOPEN | ASKED_UPGRADE, __ATOMIC_RELEASE);
    return response_codes(req, forker_server_scale(server, 0), 0, 0); /* which has the spawner look */
}

static int leave(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    _exit(3);
}

int main(int argc, char **argv)
{
    server = forker_server_new();
    forker_server_handle(server, "GET", "/reach", reach, NULL);
    forker_server_handle(server, "GET", "/garble", garble, NULL);
    forker_server_handle(server, "GET", "/figures", figures, NULL);
    forker_server_handle(server, "GET", "/ask", ask, NULL);
    forker_server_handle(server, "GET", "/forge", forge, NULL);
    forker_server_handle(server, "GET", "/leave", leave, NULL);
    forker_server_handle(server, "GET", "/tickets", tickets, NULL);
    forker_server_handle(server, "GET", "/age-tickets", age_tickets, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    if (getenv("TEST_CERTIFICATE") != NULL) {
        forker_server_certificate(server, getenv("TEST_CERTIFICATE"), getenv("TEST_KEY"));
        forker_server_listen(server, "127.0.0.1:0?tls=on");
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
