/* Bodies of requests: in memory and in files: upload <address> */
#define _GNU_SOURCE

#include "program.h"

#include <stdlib.h>
#include <sys/stat.h>

/* FNV-1a. */
static uint64_t hash_add(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3u;
    }
    return hash;
}

#define HASH_START 0xcbf29ce484222325u

/* What the file of the body is: "none", "same" or what is wrong with it. */
static const char *describe_file(forker_request *req, const char *body, size_t len)
{
    struct stat stat;
    int fd = forker_request_body_fd(req);
    if (fd < 0) {
        return fd == FORKER_E_STATE ? "none" : "another code";
    }
    if (fstat(fd, &stat) != 0 || stat.st_size != (off_t)len || stat.st_nlink > 0) {
        return "of another size, or with a name";
    }
    char *copy = malloc(len);
    const char *verdict = copy == NULL || pread(fd, copy, len, 0) != (ssize_t)len || memcmp(copy, body, len) != 0
                              ? "with other bytes"
                              : "same";
    free(copy);
    return verdict;
}

/* "<length> <hash> file <what>, NUL <is there>" */
static int whole(forker_request *req, void *user)
{
    char text[128];
    size_t len;
    (void)user;
    const char *body = forker_request_body(req, &len);
    snprintf(text, sizeof text, "%zu %016llx file %s, NUL %d", len, (unsigned long long)hash_add(HASH_START, body, len),
             describe_file(req, body, len), body[len] == '\0');
    return answer_text(req, text);
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    return answer_text(req, "hello");
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    forker_server_handle(server, "POST", "/whole", whole, NULL);
    forker_server_handle(server, "GET", "/*rest", hello, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
