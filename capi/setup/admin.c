/*
 * The admin listener. The spawner opens it, so that it outlives every master: while one is replaced, whoever asks waits
 * in the socket's queue.
 */
#include "setup/admin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/ascii.h"
#include "log/log.h"
#include "setup/listener.h"

#define UNIX_PREFIX "unix:"
#define PRIVATE_MODE "?mode=0600"

/* Whether `host` is 127.0.0.0/8 or [::1], as a literal: what a name leads to can change. */
static bool is_loopback(const char *host)
{
    struct in_addr ipv4;
    if (inet_pton(AF_INET, host, &ipv4) == 1) {
        return ntohl(ipv4.s_addr) >> 24 == 127;
    }
    return strcmp(host, "[::1]") == 0;
}

bool fk_admin_is_address(const char *text)
{
    char host[INET6_ADDRSTRLEN + 2];
    if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        size_t len = strlen(text) - strlen(UNIX_PREFIX);
        return len > 0 && len < sizeof((struct sockaddr_un *)0)->sun_path && strchr(text, '?') == NULL;
    }
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        return false;
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    uint64_t port;
    return is_loopback(host) && fk_ascii_number(colon + 1, 65535, &port);
}

int fk_admin_open(forker_server *server)
{
    const char *wanted = server->options[FK_OPTION_ADMIN].text;
    char address[FK_OPTION_TEXT_MAX + sizeof PRIVATE_MODE];
    if (wanted[0] == '\0' || fk_server_option(server, FK_OPTION_WORKERS) == 0) {
        return FORKER_OK;
    }
    bool is_unix = strncmp(wanted, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
    (void)snprintf(address, sizeof address, "%s%s", wanted, is_unix ? PRIVATE_MODE : "");
    int code = fk_listener_open(server, address, &server->tree.admin);
    if (code != FORKER_OK) {
        char sentence[FK_SENTENCE_MAX];
        memcpy(sentence, server->error, sizeof sentence);
        return fk_server_fail(server, code, "%s (the address of option admin)", sentence);
    }
    fk_log(server, FORKER_LOG_INFO, "admin listener: %s", server->tree.admin.address);
    return code;
}

bool fk_admin_is_open(const forker_server *server)
{
    return server->tree.admin.address[0] != '\0' && server->tree.admin.fd >= 0;
}

void fk_admin_close(forker_server *server)
{
    if (fk_admin_is_open(server)) {
        fk_listener_close(&server->tree.admin);
        server->tree.admin = (fk_listener){.fd = -1, .borrowed = -1};
    }
}

void fk_admin_forget(forker_server *server)
{
    if (fk_admin_is_open(server)) {
        fk_listener_forget(&server->tree.admin);
    }
}
