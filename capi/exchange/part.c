/* Pieces of a response's body that are not copied: the program's own bytes, and files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/inventory.h"
#include "exchange/block.h"
#include "exchange/exchange.h"
#include "exchange/response.h"

/* Appends a piece, in front of which come the bytes that were written since the last one. */
static int append_part(forker_request *req, const char *verb, const fk_part *part)
{
    fk_response *response = &req->response;
    int code = fk_response_room(req, verb, part->len);
    if (code != FORKER_OK) {
        return code;
    }
    fk_part written = {
        .kind = FK_PART_BODY, .fd = -1, .off = response->parted, .len = response->body.len - response->parted};
    if (!fk_block_reserve(&response->parts, 2 * sizeof written)) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "%s: no memory", verb);
    }
    if (written.len > 0) {
        (void)fk_block_append(&response->parts, &written, sizeof written);
    }
    (void)fk_block_append(&response->parts, part, sizeof *part);
    response->parted = response->body.len;
    response->extra += part->len;
    response->state = FK_RESPONSE_STARTED;
    return FORKER_OK;
}

int forker_response_lend(forker_request *req, const void *data, size_t len, forker_release_fn release, void *user)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!fk_is_object(data, len)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "lend: there are no %zu bytes at %p", len, data);
    }
    int code = fk_response_open(req, &req->failure, "lend");
    return code == FORKER_OK ? append_part(req, "lend", &(fk_part){FK_PART_LENT, -1, data, 0, len, release, user})
                             : code;
}

static void close_file(void *user)
{
    fk_inventory_close((int)(intptr_t)user);
}

/* Whether a file has the range; *len -1 is up to its end. */
static bool has_range(const struct stat *file, int64_t offset, int64_t *len)
{
    if (offset < 0 || offset > file->st_size || *len < -1) {
        return false;
    }
    if (*len == -1) {
        *len = file->st_size - offset;
    }
    return *len <= file->st_size - offset;
}

int forker_response_file(forker_request *req, int fd, int64_t offset, int64_t len)
{
    struct stat file;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (fd < 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "file: descriptor %d is no regular file", fd);
    }
    if (!has_range(&file, offset, &len)) {
        return fk_fail(&req->failure, FORKER_E_INVALID,
                       "file: there are no %" PRId64 " bytes at %" PRId64 ", the file has %" PRId64, len, offset,
                       (int64_t)file.st_size);
    }
    int code = fk_response_open(req, &req->failure, "file");
    if (code != FORKER_OK) {
        return code;
    }
    int copy = fk_inventory_add(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (copy < 0) {
        return fk_fail(&req->failure, FORKER_E_SYSTEM, "file: dup: %s", strerror(errno));
    }
    fk_part part = {FK_PART_FILE, copy, NULL, (uint64_t)offset, (uint64_t)len, close_file, (void *)(intptr_t)copy};
    code = append_part(req, "file", &part);
    if (code != FORKER_OK) {
        fk_inventory_close(copy);
    }
    return code;
}

static int refuse_path(forker_request *req, const char *path, int reason)
{
    switch (reason) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case ENXIO: /* a socket, or a device that is not there */
    case ENODEV:
        return forker_respond_error(req, 404, NULL);
    case EACCES:
    case EPERM:
        return forker_respond_error(req, 403, NULL);
    default:
        return fk_fail(&req->failure, FORKER_E_SYSTEM, "respond_file %s: %s", path, strerror(reason));
    }
}

/* Tells the engine that the response is this file, of which it sends what the client wants. */
static void note_file(fk_response *response, const struct stat *file)
{
    response->file = 1;
    response->modified = file->st_mtim.tv_sec;
    response->modified_ns = (uint32_t)file->st_mtim.tv_nsec;
    response->inode = file->st_ino;
}

int forker_respond_file(forker_request *req, int status, const char *content_type, const char *path)
{
    struct stat file;
    static const char verb[] = "respond_file";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (path == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: the path is NULL", verb);
    }
    int code = fk_response_unwritten(req, &req->failure, verb);
    if (code == FORKER_OK) {
        code = fk_response_status(req, verb, status);
    }
    if (code == FORKER_OK && content_type != NULL) {
        code = fk_response_set(req, &req->failure, verb, "Content-Type", content_type);
    }
    if (code != FORKER_OK) {
        return code;
    }
    int fd = fk_inventory_add(fk_descriptor_raise(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)));
    if (fd < 0) {
        return refuse_path(req, path, errno);
    }
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
        fk_inventory_close(fd);
        return forker_respond_error(req, 404, NULL);
    }
    code = append_part(req, verb,
                       &(fk_part){FK_PART_FILE, fd, NULL, 0, (uint64_t)file.st_size, close_file, (void *)(intptr_t)fd});
    if (code != FORKER_OK) {
        fk_inventory_close(fd);
        return code;
    }
    note_file(&req->response, &file);
    return FORKER_OK;
}
