/* The keys of session tickets. */
#include "setup/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/path.h"
#include "setup/certificate.h"
#include "setup/inherited.h"

#define ROTATE_NS (UINT64_C(12) * 3600 * 1000000000)

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* Waits for randomness where the system has none yet. */
static void make_key(uint8_t *key)
{
    for (size_t len = 0; len < FK_TICKET_KEY_SIZE;) {
        ssize_t got = getrandom(key + len, FK_TICKET_KEY_SIZE - len, 0);
        len += got > 0 ? (size_t)got : 0;
    }
}

/* Only the spawner writes, so that it need not be atomic but for whoever reads meanwhile. */
static void begin_write(fk_tickets *tickets)
{
    __atomic_store_n(&tickets->version, tickets->version | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end_write(fk_tickets *tickets)
{
    __atomic_store_n(&tickets->version, tickets->version + 1, __ATOMIC_RELEASE);
}

static void fill(fk_tickets *tickets, uint64_t now_ns)
{
    begin_write(tickets);
    for (int i = 0; i < FK_TICKET_KEYS; i++) {
        make_key(tickets->keys[i]);
    }
    tickets->since_ns = now_ns;
    end_write(tickets);
}

/* A descriptor of a page of its own; -1 with errno. */
static int make_page(void)
{
    int fd = fk_descriptor_raise(memfd_create("forker-tickets", MFD_CLOEXEC));
    if (fd >= 0 && ftruncate(fd, (off_t)page_size()) != 0) {
        fk_descriptor_close(&fd);
    }
    return fd;
}

static int map_page(forker_server *server)
{
    int fd = fk_inherited_tickets();
    bool inherited = fd >= 0;
    if (!inherited) {
        fd = make_page();
    }
    void *page = fd >= 0 ? mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (page == MAP_FAILED) {
        int code = fk_server_fail(server, FORKER_E_SYSTEM, "%s: keys of session tickets: %s", server->run.verb,
                                  strerror(errno));
        fk_descriptor_close(&fd);
        return code;
    }
    (void)madvise(page, page_size(), MADV_DONTDUMP);
    server->tls.tickets = page;
    server->tls.tickets_fd = fd;
    uint64_t now = fk_clock();
    if (!inherited) {
        fill(server->tls.tickets, now);
    }
    uint64_t since = fk_load_long(&server->tls.tickets->since_ns);
    server->tls.tickets_since_ns = since < now ? since : now;
    return FORKER_OK;
}

int fk_tickets_open(forker_server *server)
{
    if (!fk_certificates_are_used(server)) {
        return FORKER_OK;
    }
    fk_ticket_file file;
    int code = server->tls.tickets == NULL ? map_page(server) : FORKER_OK;
    if (code == FORKER_OK && !fk_tickets_load(server, &file)) {
        return FORKER_E_CERTIFICATE;
    }
    if (code == FORKER_OK) {
        fk_tickets_take(server, &file);
    }
    return code;
}

bool fk_tickets_load(forker_server *server, fk_ticket_file *file_out)
{
    char whole[FK_PATH_ROOM];
    const char *path = fk_path_of(server, FK_OPTION_TLS_TICKET_KEYS, whole);
    fk_pem content = {.text = NULL};
    file_out->count = 0;
    if (path[0] == '\0' || server->tls.tickets == NULL) {
        return true;
    }
    const char *wrong = fk_pem_read(&content, path);
    size_t count = content.len / FK_TICKET_KEY_SIZE;
    if (wrong == NULL && (content.len % FK_TICKET_KEY_SIZE != 0 || count < 1 || count > FK_TICKET_KEYS)) {
        wrong = "it has to have one to three keys of 32 bytes each";
    }
    if (wrong == NULL) {
        file_out->count = (uint32_t)count;
        memcpy(file_out->keys, content.text, content.len);
    } else {
        (void)fk_server_fail(server, FORKER_E_CERTIFICATE, "keys of session tickets %s (option tls_ticket_keys): %s",
                             path, wrong);
    }
    fk_pem_free(&content);
    return wrong == NULL;
}

void fk_tickets_take(forker_server *server, fk_ticket_file *file)
{
    fk_tickets *tickets = server->tls.tickets;
    server->tls.tickets_given = file->count > 0;
    if (file->count > 0) {
        begin_write(tickets);
        for (uint32_t i = 0; i < FK_TICKET_KEYS; i++) {
            memcpy(tickets->keys[i], file->keys[i < file->count ? i : 0], FK_TICKET_KEY_SIZE);
        }
        end_write(tickets);
    }
    explicit_bzero(file, sizeof *file);
}

uint64_t fk_tickets_follow(forker_server *server, uint64_t now_ns)
{
    fk_tickets *tickets = server->tls.tickets;
    if (tickets == NULL || server->tls.tickets_given) {
        return UINT64_MAX;
    }
    if (now_ns >= server->tls.tickets_since_ns + ROTATE_NS) {
        begin_write(tickets);
        memcpy(tickets->keys[1], tickets->keys[0], FK_TICKET_KEY_SIZE);
        memcpy(tickets->keys[0], tickets->keys[2], FK_TICKET_KEY_SIZE);
        make_key(tickets->keys[2]);
        server->tls.tickets_since_ns = tickets->since_ns = now_ns;
        end_write(tickets);
    }
    return server->tls.tickets_since_ns + ROTATE_NS;
}

/* Maps the page by a description of it that is open for reading only. false: there is none. */
static bool map_for_reading(const forker_server *server)
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", server->tls.tickets_fd);
    int fd = fk_descriptor_raise(open(path, O_RDONLY | O_CLOEXEC));
    void *at = server->tls.tickets;
    bool mapped = fd >= 0 && mmap(at, page_size(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return mapped && madvise(at, page_size(), MADV_DONTDUMP) == 0;
}

void fk_tickets_protect(forker_server *server)
{
    if (server->tls.tickets != NULL && !map_for_reading(server)) {
        (void)mprotect(server->tls.tickets, page_size(), PROT_READ);
    }
    fk_tickets_forget(server);
}

bool fk_tickets_read(const forker_server *server, uint32_t *version,
                     uint8_t keys_out[FK_TICKET_KEYS][FK_TICKET_KEY_SIZE])
{
    const fk_tickets *tickets = server->tls.tickets;
    uint32_t before = tickets != NULL ? __atomic_load_n(&tickets->version, __ATOMIC_ACQUIRE) : *version;
    if (before == *version || (before & 1) != 0) {
        return false; /* the next time, if it is being written */
    }
    memcpy(keys_out, tickets->keys, sizeof tickets->keys);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&tickets->version, __ATOMIC_RELAXED) != before) {
        return false;
    }
    *version = before;
    return true;
}

void fk_tickets_forget(forker_server *server)
{
    fk_descriptor_close(&server->tls.tickets_fd);
}

void fk_tickets_close(forker_server *server)
{
    fk_tickets_forget(server);
    if (server->tls.tickets != NULL) {
        (void)munmap(server->tls.tickets, page_size());
        server->tls.tickets = NULL;
    }
}
